"""What is withdrawn whatever state the files of the project are in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from spine.errors import ContractError, GovernanceError
from spine.release import withdraw_lapsed, withdraw_over
from spine.release.shelf import Shelf, Terms
from spine.release.withdraw import refuse_suspended
from spine.settings import PROJECT_ROOT
from tests.fixtures.agreements import AS_OF, RISK_OWNER, Partnership, build_partnership, contracts

OVER = date(2028, 5, 1)
"""The day after the last of the 30 that the agreement gives."""
EXPIRED = date(2029, 1, 2)


def put(
    here: Partnership, version: int = 1, as_of: date = AS_OF, *, known: bool = True, agreement: str = "plan"
) -> Path:
    """A version on the shelf, with its terms where they are `known`."""
    shelf = Shelf(here.settings.releases / "plan")
    shelf.folder.mkdir(exist_ok=True)
    build = shelf.build_path(version)
    with duckdb.connect(str(build)) as connection:
        connection.execute(
            f"CREATE TABLE _release AS SELECT '{agreement}' AS agreement_id, DATE '{as_of}' AS as_of, false AS is_demo"
        )
    agreed = here.agreement
    terms = Terms(agreement=agreement, ends_on=agreed.ends_on, keep_until=agreed.kept_until(as_of))
    path = shelf.put(build, version, is_demo=False, terms=terms)
    if not known:
        shelf._note(terms={})
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Partnership:
    """Signed by all, with a release and its output contract; tests copy it."""
    found = build_partnership(tmp_path_factory.mktemp("partnership"))
    name = "contracts/spine/care_planning__residents.odcs.yaml"
    promised = yaml.safe_load((PROJECT_ROOT / "expectations" / name).read_text(encoding="utf-8"))
    promised["id"] = "plan__people"
    table = promised["schema"][0]
    table |= {"name": "people", "quality": [], "properties": table["properties"][:1]}
    spine = found.settings.expectations / "contracts" / "spine"
    spine.mkdir()
    (spine / "plan__people.odcs.yaml").write_text(yaml.safe_dump(promised), encoding="utf-8")
    found.sign_all()
    put(found)
    return found


@pytest.fixture
def here(published: Partnership, tmp_path: Path) -> Partnership:
    return published.copied_to(tmp_path / "whole")


def a_folder(here: Partnership) -> None:
    (here.file.parent / "zz.yaml").mkdir()


def a_dangling_link(here: Partnership) -> None:
    (here.file.parent / "zz.yaml").symlink_to("/nonexistent")


def a_loop(here: Partnership) -> None:
    (here.file.parent / "zz.yaml").write_text("&a [*a]\n")


def brackets(here: Partnership) -> None:
    (here.file.parent / "zz.yaml").write_text("[" * 100_000)


def odd_statements(here: Partnership) -> None:
    (here.statements / "x.yaml").mkdir()
    (here.statements / "y.yaml").symlink_to("/nonexistent")
    (here.statements / "z.yaml").write_bytes(b"\xff")
    (here.settings.expectations / "contracts" / "signed" / "zz.json").mkdir()
    (here.settings.expectations / "contracts" / "signed" / "yy.json").write_text("[" * 100_000)


def a_fault_of_its_own(here: Partnership) -> None:
    here.file.write_text(here.file.read_text() + "colour: blue\n")


def gone_and_another_faulty(here: Partnership) -> None:
    a_loop(here)
    here.file.unlink()


def a_malformed_matrix(here: Partnership) -> None:
    (here.settings.expectations / "decision_rights.yaml").write_text("roles: 3\n")


def a_swapped_trust_file(here: Partnership) -> None:
    assert here.settings.trust_file is not None
    here.settings.trust_file.write_text("keys: []\n")


def unreadable_contracts(here: Partnership) -> None:
    (here.settings.expectations / "partners.yaml").mkdir()
    (here.settings.expectations / "contracts" / "zz__x.odcs.yaml").write_bytes(b"\xff")


HARMLESS = [a_folder, a_dangling_link, a_loop, brackets, odd_statements]
WAITING = [a_fault_of_its_own, a_malformed_matrix, a_swapped_trust_file]
DAMAGES = [*HARMLESS, *WAITING, gone_and_another_faulty]


def withdrawn(here: Partnership, day: date) -> bool:
    """Whether a run of that day takes the release away, be there faults or not."""
    with suppress(ContractError):
        withdraw_lapsed(here.settings, day, contracts())
    return not Shelf(here.settings.releases / "plan").versions


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("day", [OVER, EXPIRED])
def test_a_damaged_project_keeps_up_nothing_that_is_over(
    here: Partnership, damage: Callable[[Partnership], None], day: date
) -> None:
    damage(here)
    assert withdrawn(here, day)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_project_keeps_up_nothing_that_was_seen_to_be_suspended(
    here: Partnership, damage: Callable[[Partnership], None]
) -> None:
    here.sign("west", RISK_OWNER, "suspend", reason="a breach")
    with pytest.raises(GovernanceError):
        here.judge()
    damage(here)
    here.path_of("west", "suspension").unlink()
    sentences, faults = withdraw_over(here.settings, AS_OF)
    assert "west suspended it on 2028-01-05" in sentences[0]
    assert faults == []


@pytest.mark.parametrize("damage", [a_fault_of_its_own, unreadable_contracts])
def test_a_suspension_in_the_files_counts_where_the_agreement_cannot_be_judged(
    here: Partnership, damage: Callable[[Partnership], None]
) -> None:
    damage(here)
    contract_list = None if damage is unreadable_contracts else contracts()
    with pytest.raises(ContractError):
        withdraw_lapsed(here.settings, AS_OF, contract_list)
    assert Shelf(here.settings.releases / "plan").versions, "a slip of the pen withdraws nothing"
    text = here.file.read_text()
    here.write()
    here.sign("west", RISK_OWNER, "suspend", reason="a breach")
    here.file.write_text(text)
    with pytest.raises(ContractError, match=r"west suspended it .* has been withdrawn"):
        withdraw_lapsed(here.settings, AS_OF, contract_list)
    assert not Shelf(here.settings.releases / "plan").versions


def test_an_agreement_taken_away_withdraws_though_another_file_has_a_fault(here: Partnership) -> None:
    gone_and_another_faulty(here)
    assert withdrawn(here, AS_OF)


def test_a_trust_file_that_is_not_pinned_says_until_when_a_release_may_stand(here: Partnership) -> None:
    a_swapped_trust_file(here)
    with pytest.raises(ContractError, match="release of plan does not stand past 2028-04-30"):
        withdraw_lapsed(here.settings, AS_OF, contracts())


def test_a_suspension_that_came_while_a_release_was_built_stops_it(here: Partnership) -> None:
    refuse_suspended("plan", "plan", here.settings, AS_OF)
    here.sign("west", RISK_OWNER, "suspend", reason="a breach")
    with pytest.raises(GovernanceError):
        here.judge()
    with pytest.raises(GovernanceError, match=r"west suspended it .* has been withdrawn"):
        refuse_suspended("plan", "plan", here.settings, AS_OF)
    assert not Shelf(here.settings.releases / "plan").versions


def test_an_older_version_that_is_over_or_that_nothing_is_known_of_is_deleted(here: Partnership) -> None:
    put(here, 2, date(2028, 2, 28))
    put(here, 3, known=False, agreement="renamed")
    put(here, 4, known=False).write_bytes(b"no database")
    put(here, 5)
    assert withdraw_lapsed(here.settings, AS_OF, contracts()) == []
    assert list(Shelf(here.settings.releases / "plan").versions) == [1, 5]


def test_a_release_of_an_agreement_that_was_renamed_is_not_kept_for_ever(here: Partnership) -> None:
    put(here, 2, known=False, agreement="renamed")
    (sentence,) = withdraw_lapsed(here.settings, AS_OF, contracts())
    assert "nothing tells how long its release may be kept" in sentence


def test_a_term_of_very_many_days_is_a_fault_and_no_crash(here: Partnership) -> None:
    here.write(retention_days=3650)
    assert here.agreement.kept_until(date(9999, 1, 1)) == date.max
    here.write(retention_days=10**7)
    with pytest.raises(ContractError, match="retention_days: Input should be less than or equal to 3650"):
        _ = here.agreement
