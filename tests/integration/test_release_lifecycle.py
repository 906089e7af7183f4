"""What becomes of a published release: replaced, withdrawn, interrupted, restored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spine.errors import ContractError, GovernanceError, UsageError
from spine.release import known_purposes, published, withdraw, withdraw_lapsed
from spine.release.people import attach_warehouse
from spine.release.shelf import CURRENT, Shelf
from spine.warehouse import open_warehouse
from tests.fixtures.release_warehouse import (
    AS_OF,
    NHS_CANARY,
    PURPOSE,
    Home,
    build_home,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return build_home(tmp_path)


def test_not_yet_in_force_refuses(home: Home) -> None:
    with pytest.raises(GovernanceError, match="not in force before 2027-04-01"):
        home.publish(as_of=date(2026, 11, 22))
    assert published(home.settings.releases) == []
    with pytest.raises(UsageError, match="nothing is published yet"):
        home.query("SELECT 1")


def test_an_expired_agreement_withdraws_the_release(home: Home) -> None:
    home.publish()
    with pytest.raises(GovernanceError, match=r"must renew it\. The release that was published has been withdrawn"):
        home.publish(as_of=date(2029, 4, 1))
    assert home.files() == ["version.json"]
    assert home.decisions() == ["published", "withdrawn", "refused"]
    with pytest.raises(UsageError, match="it was withdrawn"):
        home.query("SELECT 1")


def test_a_release_is_kept_as_long_as_its_agreement_says(home: Home) -> None:
    home.change_agreement(retention_days=4)
    home.publish()
    home.sql("UPDATE care_planning.residents SET age_band = '45-54'")
    home.publish(as_of=AS_OF + timedelta(days=3))
    assert home.files() == [CURRENT, "v000001-demo.duckdb", "v000002-demo.duckdb", "version.json"]
    assert withdraw_lapsed(home.settings, AS_OF + timedelta(days=4), home.contracts) == []
    assert withdraw_lapsed(home.settings, AS_OF + timedelta(days=5), home.contracts) == []
    assert home.files() == [CURRENT, "v000002-demo.duckdb", "version.json"], "the older one is over"
    assert '"retention_delete"' in home.settings.audit_log.read_text().splitlines()[-1]
    (sentence,) = withdraw_lapsed(home.settings, AS_OF + timedelta(days=8), home.contracts)
    assert "could be kept until 2028-04-07. The release that was published has been withdrawn" in sentence
    assert home.publish(as_of=AS_OF + timedelta(days=8)).version == 3, "a newer one may follow at once"


def test_an_agreement_taken_away_withdraws_the_release(home: Home) -> None:
    home.publish()
    (home.settings.expectations / "agreements" / "care_planning.yaml").unlink()
    with pytest.raises(GovernanceError, match="no agreement permits it"):
        home.publish()
    assert home.files() == ["version.json"]


def test_a_run_of_an_earlier_day_does_not_withdraw_what_is_in_force_now(home: Home) -> None:
    home.publish()
    with pytest.raises(GovernanceError, match="not in force before"):
        home.publish(as_of=date(2026, 11, 22))
    assert home.query("SELECT count(*) FROM residents") == [(3,)]


def test_a_withdrawn_number_is_not_used_again_and_the_ids_stay(home: Home) -> None:
    home.publish()
    ids = home.query("SELECT resident_id FROM residents")
    assert withdraw(PURPOSE, home.settings, "asked by the county") == [1]
    assert known_purposes(home.settings) == [PURPOSE]
    assert home.publish().version == 2
    assert home.query("SELECT resident_id FROM residents") == ids


def test_a_missing_key_is_not_replaced(home: Home) -> None:
    home.publish()
    (home.settings.keys / "care_planning.v1.key").unlink()
    with pytest.raises(GovernanceError, match="Restore the key file from its backup"):
        home.publish()
    assert list(home.settings.keys.iterdir()) == []
    withdraw(PURPOSE, home.settings, "test")
    with pytest.raises(GovernanceError, match="Restore the key file"):
        home.publish()


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_kill_before_any_rename_leaves_the_old_version(
    home: Home, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    home.publish()
    home.opt_out(NHS_CANARY)
    calls: Iterator[int] = iter(range(10))
    replace = os.replace

    def killed(source: Any, target: Any) -> None:
        if next(calls) == step:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            home.publish()
    assert os.readlink(home.shelf / "current.duckdb") == "v000001-demo.duckdb"
    assert home.query("SELECT count(*) FROM residents") == [(3,)]
    result = home.publish()
    assert result.changed
    assert home.files() == ["current.duckdb", f"v{result.version:06d}-demo.duckdb", "version.json"]
    assert home.query("SELECT count(*) FROM residents") == [(2,)]


def test_leftovers_are_swept(home: Home) -> None:
    home.publish()
    (home.shelf / ".build-000002.duckdb").write_bytes(b"half")
    (home.shelf / ".build-000002.duckdb.wal").write_bytes(b"half")
    (home.shelf / "v000009-demo.duckdb").write_bytes(b"never became current")
    home.publish()
    assert home.files() == ["current.duckdb", "v000001-demo.duckdb", "version.json"]


def test_an_open_reader_keeps_its_version(home: Home) -> None:
    home.publish()
    with duckdb.connect(str(home.shelf / "current.duckdb"), read_only=True) as reader:
        home.opt_out(NHS_CANARY)
        assert home.publish().removed == (1,)
        assert reader.execute("SELECT count(*) FROM residents").fetchall() == [(3,)]
        assert home.query("SELECT count(*) FROM residents") == [(2,)]


EXPIRED = date(2029, 4, 1)


def change_nothing(home: Home) -> None:
    pass


def end_before_the_release(home: Home) -> None:
    home.change_agreement(valid_to=date(2028, 3, 30), review_date=date(2028, 3, 30))


def take_the_agreement_away(home: Home) -> None:
    (home.settings.expectations / "agreements" / "care_planning.yaml").unlink()


@pytest.mark.parametrize(
    ("change", "as_of", "why"),
    [
        (change_nothing, EXPIRED, "must renew it"),
        (end_before_the_release, date(2027, 5, 1), "ended on 2028-03-30"),
        (take_the_agreement_away, AS_OF, "no agreement permits it"),
        (Home.remove_output_contracts, AS_OF, "no output contract says what it may hold"),
        (change_nothing, AS_OF, None),
        (change_nothing, date(2026, 11, 22), None),
    ],
)
def test_what_nothing_permits_is_withdrawn_without_a_warehouse(
    home: Home, change: Any, as_of: date, why: str | None
) -> None:
    home.publish()
    change(home)
    home.settings.warehouse.unlink()
    sentences = withdraw_lapsed(home.settings, as_of)
    if why is None:
        assert sentences == []
        assert home.query("SELECT count(*) FROM residents") == [(3,)]
        return
    [sentence] = sentences
    assert why in sentence
    assert sentence.endswith(". The release that was published has been withdrawn")
    assert (home.files(), home.decisions()) == (["version.json"], ["published", "withdrawn"])
    assert withdraw_lapsed(home.settings, as_of) == [], "once is enough"


def test_an_unsigned_edit_of_the_agreement_withdraws_and_a_swapped_trust_file_does_not(home: Home) -> None:
    home.publish()
    trust = home.settings.demonstration / "trust.yaml"
    whole = trust.read_text(encoding="utf-8")
    trust.write_text(whole.replace("demonstration: true", "demonstration: false"), encoding="utf-8")
    with pytest.raises(ContractError, match="does not say that it is a demonstration's"):
        withdraw_lapsed(home.settings, AS_OF, home.contracts)
    assert home.query("SELECT count(*) FROM residents") == [(3,)]
    trust.write_text(whole, encoding="utf-8")
    path = home.settings.expectations / "agreements" / "care_planning.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("retention_days: 365", "retention_days: 366"))
    with pytest.raises(GovernanceError, match=r"must approve it as it stands.*has been withdrawn"):
        home.publish()
    assert home.files() == ["version.json"]


def test_a_purpose_whose_contracts_were_removed_is_no_purpose(home: Home) -> None:
    home.publish()
    home.remove_output_contracts()
    assert known_purposes(home.settings) == []


@pytest.mark.parametrize("broken", ["another", "care_planning"])
@pytest.mark.parametrize(("as_of", "withdrawn"), [(AS_OF, False), (EXPIRED, True)])
def test_a_faulty_agreement_withdraws_nothing_and_hides_nothing_that_has_ended(
    home: Home, broken: str, as_of: date, withdrawn: bool
) -> None:
    home.publish()
    (home.settings.expectations / "agreements" / f"{broken}.yaml").write_text("id: [", encoding="utf-8")
    with pytest.raises(ContractError, match=rf"{broken}\.yaml: is not valid YAML") as error:
        withdraw_lapsed(home.settings, as_of)
    assert ("has been withdrawn" in str(error.value)) == withdrawn
    assert home.decisions() == ["published", "withdrawn"][: 1 + withdrawn]


@pytest.mark.parametrize("restored_as", ["file", "nothing", "dangling link"])
def test_a_lost_link_is_set_again(home: Home, restored_as: str) -> None:
    first, second = home.publish(), home.publish(as_of=AS_OF + timedelta(days=1))
    link = home.shelf / "current.duckdb"
    link.unlink()
    if restored_as == "file":
        link.write_bytes(second.path.read_bytes())
    if restored_as == "dangling link":
        link.symlink_to("v000007-demo.duckdb")
    (home.shelf / "v000009-demo.duckdb").write_bytes(b"never became current")
    result = home.publish(as_of=AS_OF + timedelta(days=1))
    assert (result.version, result.changed) == (2, False)
    assert os.readlink(link) == "v000002-demo.duckdb"
    assert home.files() == ["current.duckdb", first.path.name, second.path.name, "version.json"]


def test_a_lost_link_does_not_hide_what_lapsed(home: Home) -> None:
    home.publish()
    (home.shelf / "current.duckdb").unlink()
    assert len(withdraw_lapsed(home.settings, EXPIRED)) == 1
    assert home.files() == ["version.json"]


def test_a_withdrawal_that_was_killed_is_not_undone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.publish()

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            Shelf(home.shelf).withdraw()
    Shelf(home.shelf).sweep()
    assert home.files() == ["version.json"]
    assert home.publish().version == 2


def test_what_a_killed_run_spilled_is_removed_and_the_spill_is_closed(home: Home) -> None:
    spill = home.settings.lake / ".spill"
    with open_warehouse(home.settings.warehouse) as connection:
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [(str(spill),)]
        assert spill.stat().st_mode & 0o777 == 0o700
    (spill / "duckdb_temp_storage-0.tmp").write_bytes(b"left by a killed run")
    with attach_warehouse(home.settings.warehouse, 1) as connection:
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [(str(spill),)]
        assert list(spill.iterdir()) == []
        connection.execute("SET memory_limit = '40MB'")
        connection.execute("CREATE TEMP TABLE much AS SELECT i, repeat('x', 50) || i AS t FROM range(1000000) r(i)")
        assert list(spill.iterdir()), "positive control: this much is spilled"
    beside = {path.name for path in home.settings.root.iterdir()}
    assert not {name for name in beside if name.endswith(".tmp")}
