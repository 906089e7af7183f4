"""Replay: a delivery judged again from landing, and a lake folder that is put right."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from spine.contracts import Rule, Threshold
from spine.errors import PipelineError
from spine.extract import Judgement, LedgerEntry, contract_for, find_deliveries, judge_delivery, land

HEADER = "Person ID,Surname,LAD25CD\n"
RULE = Rule(
    "people__flat", "people", None, "table__ok", "It is.", "validity", "error", "sql", {}, Threshold("mustBe", 0)
)
IDS = "SELECT person_id FROM raw.people__flat__people ORDER BY ALL"


def again(home, threads: int = 0) -> list[Judgement]:
    found = []
    for delivery in find_deliveries(home.root / "landing", home.contracts, home.as_of).deliveries:
        layout = contract_for(home.contracts, delivery.partner, delivery.dataset, delivery.date)
        assert layout is not None
        found.append(
            judge_delivery(
                delivery, layout, lake=home.lake, ledger=home.ledger, as_of=home.as_of,
                evaluate=home.evaluate, threads=threads, again=True,
            )
        )  # fmt: skip
    return found


def state(home) -> dict[str, bytes]:
    return {
        path.relative_to(home.root).as_posix(): path.read_bytes()
        for folder in ("lake", "ledger")
        for path in (home.root / folder).rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_the_same_result_leaves_ledger_and_lake_as_they_are(home):
    home.deliver("people", {"a.csv": HEADER + "1,A,E07\n,B,E07\n"})
    home.deliver("people", {"a.csv": HEADER + "2,A,E07\n"})
    before = state(home)
    for threads in (1, 2):
        [judgement] = again(home, threads)
        assert (judgement.outcome, judgement.entry.revision) == ("same", 2)
        assert state(home) == before


@pytest.mark.parametrize("text", ["", "nonsense\n1\n"])
def test_the_same_refusal_is_recorded_once(home, text):
    home.deliver("people", {"a.csv": text})
    before = state(home)
    assert [(j.outcome, j.entry.revision) for j in again(home)] == [("same", 1)]
    assert state(home) == before


def test_a_delivery_refused_by_a_rule_has_a_result_too(home):
    home.with_contract("people__flat", rules=(RULE,))
    home.outcome = "failed"
    home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    assert again(home)[0].outcome == "same"


def test_another_result_of_the_same_bytes_is_a_new_revision(home):
    home.with_contract("people__flat", rules=(RULE,))
    home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    home.outcome = "failed"
    [judgement] = again(home)
    assert (judgement.outcome, judgement.entry.revision, judgement.entry.verdict) == ("new", 2, "refused")
    assert [e.verdict for e in home.ledger.entries()] == ["accepted", "refused"]
    assert home.rows("SELECT DISTINCT _revision FROM raw.people__flat__people") == [(1,)]
    assert land.is_whole(home.ledger.entries()[1], home.lake)
    assert list(home.lake.glob(".tmp-*")) == []


def test_other_rows_of_the_same_bytes_are_a_new_revision(home, monkeypatch):
    """As when the reader's code changes: counts and verdict may be as before."""
    home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    read = land.read_delivery

    def shout(connection, *rest):
        reads = read(connection, *rest)
        [people] = reads.tables["people"]
        other = replace(people, rows=f"SELECT * REPLACE ('Z' AS surname) FROM ({people.rows})")
        return replace(reads, tables={"people": [other]})

    monkeypatch.setattr(land, "read_delivery", shout)
    [judgement] = again(home)
    assert (judgement.outcome, judgement.entry.revision) == ("new", 2)
    assert home.rows("SELECT surname, _revision FROM raw.people__flat__people") == [("Z", 2)]


def damage_cut(folder):
    path = folder / "people.parquet"
    path.write_bytes(path.read_bytes()[:40])


def damage_flip(folder):
    path = folder / "people.parquet"
    data = bytearray(path.read_bytes())
    data[20] ^= 0xFF
    path.write_bytes(data)


def damage_manifest(folder):
    (folder / "manifest.json").write_text("{")


def damage_both_alike(folder):
    """The manifest vouches for the damaged file; the ledger does not."""
    damage_flip(folder)
    noted = json.loads((folder / "manifest.json").read_text())
    noted["files"] = land._manifest(folder)
    (folder / "manifest.json").write_text(json.dumps(noted))


@pytest.mark.parametrize("damage", [shutil.rmtree, damage_cut, damage_flip, damage_manifest, damage_both_alike])
@pytest.mark.parametrize("is_old", [False, True])
def test_a_damaged_or_lost_folder_is_restored(home, damage, is_old):
    entry = home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    if is_old:
        forget_hashes(home, entry)
    before = state(home)
    if is_old and damage is damage_both_alike:
        pytest.skip("records of earlier versions know no hash of the lake")
    damage(home.lake / entry.folder)
    assert [(j.outcome, j.entry.revision) for j in again(home)] == [("restored", 1)]
    assert state(home) == before
    assert home.rows(IDS) == [("1",)]


def forget_hashes(home, entry: LedgerEntry) -> None:
    """Make the record one of an earlier version."""
    path = home.root / "ledger" / entry.delivery / "r001.json"
    record = json.loads(path.read_text())
    for name in ("files_sha256", "control_sha256", "lake_sha256"):
        del record[name]
    for table in record["tables"].values():
        del table["columns_dropped_names"]
    path.write_text(json.dumps(record))


def test_a_record_of_an_earlier_version_is_still_the_same_result(home):
    forget_hashes(home, home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"}))
    assert home.run() == [None]
    assert again(home)[0].outcome == "same"


def test_a_lost_folder_is_restored_by_the_next_run_under_its_own_number(home):
    entry = home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    before = state(home)
    shutil.rmtree(home.lake / entry.folder)
    assert home.run() == [None]
    assert state(home) == before


def test_a_crash_between_the_damaged_folder_and_the_whole_one_is_recovered(home, monkeypatch):
    entry = home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    before = state(home)
    damage_cut(home.lake / entry.folder)
    monkeypatch.setattr(land, "_place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        again(home)
    monkeypatch.undo()
    assert not (home.lake / entry.folder).exists()
    assert again(home)[0].outcome == "restored"
    assert state(home) == before


def test_a_damaged_delivery_of_changed_code_is_read_as_a_new_revision(home, monkeypatch):
    entry = home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    shutil.rmtree(home.lake / entry.folder)
    home.with_contract("people__flat", version="2.0.0")
    assert [(j.outcome, j.entry.revision) for j in again(home)] == [("new", 2)]
    assert home.rows(IDS) == [("1",)]


def test_without_its_files_the_error_names_the_command(home):
    entry = home.deliver("people", {"a.csv": HEADER + "1,A,E07\n"})
    shutil.rmtree(home.lake / entry.folder)
    with pytest.raises(PipelineError, match="spine replay --partner north --dataset people --date 2028-03-01"):
        home.rows(IDS)
