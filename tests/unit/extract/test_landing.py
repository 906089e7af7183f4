"""Deliveries, revisions, the ledger, what is in use, crashes and privacy."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from spine.contracts import Rule, RuleResult, Supply, Threshold
from spine.errors import DeliveryError, PipelineError, ReconciliationError
from spine.extract import Ledger, create_raw_views, deliveries, find_deliveries, in_use, judge, land, read
from tests.fixtures.judging import process

HIDDEN = "(a name that is not shown)"
HEADER = "Person ID,Surname,LAD25CD\n"
RULE = Rule(
    "people__flat", "people", None, "table__ok", "It is.", "validity", "error", "sql", {}, Threshold("mustBe", 0)
)
IDS = "SELECT person_id FROM raw.people__flat__people ORDER BY ALL"
DELIVERIES = (
    "SELECT delivery_date, revision, rows_kept, rows_replaced, rows_in_use, is_stale FROM raw.deliveries ORDER BY ALL"
)


def people(*ids: str) -> dict[str, str]:
    return {"a.csv": HEADER + "".join(f"{n},A,E07\n" for n in ids)}


def test_what_lies_in_landing(home):
    home.put("people", people("1"), "2028-03-01")
    home.put("people", people("1"), "2028-04-01")
    home.put("people", {".hidden": "x", "a.csv.part": "x"}, "2028-02-01")
    home.put("people", people("1"), "march")
    home.put("people", people("1"), "2028-02-30")
    home.put("unknown", people("1"))
    home.put("people", people("1"), partner="south")
    landing = home.root / "landing"
    (landing / "north" / "loose.csv").write_text("x")
    (landing / "north" / "codes").mkdir()
    (landing / "north" / "codes" / "2028-01-01").symlink_to(home.root)
    found = find_deliveries(landing, home.contracts, home.as_of)
    assert [d.key for d in found.deliveries] == ["north/people/2028-03-01"]
    assert [d.key for d in found.future] == ["north/people/2028-04-01"]
    reasons = dict(found.unrecognised)
    assert reasons == {
        "north": "a file lies where the folder of a dataset should be",
        "north/codes/2028-01-01": "a link that leaves the landing folder",
        "north/people/2028-02-01": "the folder holds no file yet",
        f"north/people/{HIDDEN}": "the date folder's name is no date: expected YYYY-MM-DD",
        f"north/{HIDDEN}/2028-03-01": (
            "no contract is named after this dataset folder: expected one of: codes, events, patients, people; "
            "see docs/add-a-partner-extract.md"
        ),
        f"{HIDDEN}/people/2028-03-01": (
            "no server entry of a contract names this partner folder: expected one of: north; "
            "see docs/add-a-partner-extract.md"
        ),
    }


@pytest.mark.parametrize("name", ["John_Smith", "999-555-1212", "smith_1-high-street_wx11aa", "2028-02-30", "North"])
@pytest.mark.parametrize("place", ["{}/people/2028-03-01", "north/{}/2028-03-01", "north/people/{}"])
def test_a_folder_that_no_contract_knows_is_not_named(home, place, name):
    folder = home.root / "landing" / place.format(name)
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(HEADER)
    found = find_deliveries(home.root / "landing", home.contracts, home.as_of)
    ((shown, reason),) = found.unrecognised
    assert shown == place.format(HIDDEN)
    assert name not in reason
    assert "expected" in reason


def test_a_known_partner_that_does_not_send_the_dataset_is_named(home):
    home.with_contract("people__flat", supplies=(Supply("south"),))
    home.put("people", people("1"))
    found = find_deliveries(home.root / "landing", home.contracts, home.as_of)
    assert found.unrecognised == (
        (
            "north/people/2028-03-01",
            "no server entry of the dataset's contracts names this partner: expected one of: south; "
            "see docs/add-a-partner-extract.md",
        ),
    )


def test_the_servers_dates_say_which_layout_is_sent(home):
    old, new = Supply("north", valid_to=date(2027, 12, 31)), Supply("north", valid_from=date(2028, 1, 1))
    home.with_contract("people__flat", supplies=(old,))
    home.contracts += (replace(home.contracts[0], id="people__new", supplies=(new,)),)
    home.put("people", people("1"), "2027-12-31")
    home.put("people", people("2"), "2028-01-01")
    assert [entry.contract_id for entry in home.run()] == ["people__flat", "people__new"]
    assert home.rows(IDS) == []
    assert home.rows("SELECT person_id FROM raw.people__new__people") == [("2",)]


def test_the_same_bytes_again_are_nothing_to_do(home):
    home.put("people", people("1"))
    assert home.run()[0].accepted
    assert home.run() == [None]
    home.put("people", {"a.csv": "broken"}, "2028-03-02")
    assert home.run()[1].verdict == "refused"
    assert home.run() == [None, None]


def test_other_bytes_are_a_new_revision_and_both_are_kept(home):
    first = home.deliver("people", people("1"))
    second = home.deliver("people", people("1", "2"))
    assert (first.revision, second.revision) == (1, 2)
    assert (home.lake / first.folder).exists()
    assert (home.lake / second.folder).exists()
    assert home.rows(IDS) == [("1",), ("2",)]


def test_a_changed_contract_judges_again(home):
    home.deliver("people", people("1"))
    home.with_contract("people__flat", version="1.1.0")
    assert home.run()[0].revision == 2


def test_a_lost_lake_folder_is_read_again(home):
    entry = home.deliver("people", people("1"))
    land.shutil.rmtree(home.lake / entry.folder)
    with pytest.raises(PipelineError, match="not in the lake"):
        home.rows(IDS)
    home.run()
    assert home.rows(IDS) == [("1",)]


@pytest.mark.parametrize("bytes_left", [0, 3, 200])
def test_a_damaged_lake_file_is_named_and_not_quoted(home, bytes_left):
    home.deliver("codes", {"a.dat": "1\n"}, "2028-01-01")
    entry = home.deliver("codes", {"a.dat": "9990000018\n"}, "2028-02-01")
    path = home.lake / entry.folder / "codes.parquet"
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(PipelineError) as caught:
        home.rows("SELECT number FROM raw.codes__list__codes")
    assert not isinstance(caught.value, DeliveryError)
    assert "the lake file of north/codes/2028-02-01 r001, table 'codes', cannot be read" in str(caught.value)
    assert "spine replay --partner north --dataset codes --date 2028-02-01" in str(caught.value)
    assert str(home.root) not in str(caught.value)


def test_a_damaged_lake_file_of_a_replaced_snapshot_is_named_too(home):
    entry = home.deliver("people", people("1"), "2028-01-01")
    home.deliver("people", people("1"), "2028-02-01")
    (home.lake / entry.folder / "people.parquet").write_bytes(b"PAR1")
    with pytest.raises(PipelineError, match="the lake file of north/people/2028-01-01 r001"):
        home.rows(IDS)


def test_a_delivery_that_could_not_be_opened_is_judged_when_it_can(home, monkeypatch):
    home.put("people", people("1"))
    assert home.run()[0].accepted

    def closed(path: Path) -> str:
        raise PermissionError

    monkeypatch.setattr(deliveries, "sha256_of", closed)
    refused = home.run()[0]
    assert refused.reasons == (
        "north/people/2028-03-01: file 1 of 1 cannot be opened (PermissionError). Check its permissions",
    )
    assert home.run() == [None]
    monkeypatch.undo()
    entry = home.run()[0]
    assert (entry.revision, entry.verdict) == (3, "accepted")
    assert home.rows(IDS) == [("1",)]


def test_a_closed_folder_inside_a_delivery_is_not_named(home, monkeypatch):
    folder = home.put("people", {**people("1"), "smith_john/b.csv": HEADER})
    entries = deliveries._entries
    monkeypatch.setattr(deliveries, "_entries", lambda f: (None,) if f == folder / "smith_john" else entries(f))
    (entry,) = home.run()
    assert entry.reasons == ("north/people/2028-03-01: a folder of the delivery cannot be read. Check its permissions",)


def test_a_refused_delivery_leaves_the_older_in_use_and_marks_it_stale(home):
    home.with_contract("people__flat", rules=(RULE,))
    home.deliver("people", people("1"), "2028-02-01")
    home.outcome = "failed"
    entry = home.deliver("people", people("2"), "2028-03-01")
    assert entry.reasons == ("expected: It is. Against it: 1 of 2 rows (rule table__ok). Ask the partner to resend",)
    assert home.rows(IDS) == [("1",)]
    assert home.rows(DELIVERIES) == [(date(2028, 2, 1), 1, 1, 0, 1, True)]


@pytest.mark.parametrize("outcome", ["error", "failed"])
def test_a_rule_that_fails_or_cannot_run_refuses(home, outcome):
    home.with_contract("people__flat", rules=(RULE,))
    home.outcome = outcome
    assert home.deliver("people", people("1")).verdict == "refused"


def test_a_rule_without_result_refuses(home):
    home.with_contract("people__flat", rules=(RULE,))
    home.put("people", people("1"))
    home.lake.mkdir()
    delivery = find_deliveries(home.root / "landing", home.contracts, home.as_of).deliveries[0]
    entry = process(
        delivery, home.contracts[0], lake=home.lake, ledger=home.ledger, as_of=home.as_of, evaluate=lambda t, r, d: []
    )
    assert entry is not None
    assert entry.reasons == ("rule table__ok gave no result: It is.",)


def test_rules_that_one_cause_keeps_from_a_verdict_are_told_in_one_line(home):
    rules = tuple(replace(RULE, name=f"table__{n}") for n in range(3))
    home.with_contract("people__flat", rules=(*rules, RULE))
    home.put("people", people("1"))
    home.lake.mkdir()
    delivery = find_deliveries(home.root / "landing", home.contracts, home.as_of).deliveries[0]
    results = [RuleResult(name=rule.name, outcome="error", problem="IOException") for rule in rules]
    entry = process(
        delivery, home.contracts[0], lake=home.lake, ledger=home.ledger, as_of=home.as_of,
        evaluate=lambda t, r, d: results,
    )  # fmt: skip
    assert entry is not None
    assert entry.reasons == (
        "3 rules could not be measured (IOException): table__0, table__1, table__2",
        "rule table__ok gave no result: It is.",
    )


def test_append_unites_every_date(home):
    home.deliver("codes", {"a.dat": "1\n"}, "2028-01-01")
    home.deliver("codes", {"a.dat": "1\n2\n"}, "2028-02-01")
    query = "SELECT number, _delivery_date, _first_delivered FROM raw.codes__list__codes ORDER BY ALL"
    january, february = date(2028, 1, 1), date(2028, 2, 1)
    assert home.rows(query) == [("1", january, january), ("1", february, january), ("2", february, february)]


def test_first_delivered_of_a_snapshot(home):
    home.deliver("people", people("1"), "2028-01-01")
    home.deliver("people", people("1", "2"), "2028-02-01")
    query = "SELECT person_id, _first_delivered FROM raw.people__flat__people ORDER BY ALL"
    assert home.rows(query) == [("1", date(2028, 1, 1)), ("2", date(2028, 2, 1))]


def test_later_deliveries_and_former_partners_are_not_in_use(home):
    home.deliver("people", people("1"), "2028-01-01")
    home.deliver("people", people("2"), "2028-02-01")
    entries = home.ledger.entries()
    (source,) = [s for s in in_use(entries, home.contracts, date(2028, 1, 15)) if s.dataset == "people"]
    assert source.latest is not None
    assert source.latest.date == date(2028, 1, 1)
    home.with_contract("people__flat", supplies=())
    assert home.rows(IDS) == []


def test_an_empty_view_has_the_contracts_types(home):
    types = {row[0]: row[1] for row in home.rows("DESCRIBE raw.patients__fhir__patients")}
    assert str(types["name"]).replace('"', "") == "STRUCT(family VARCHAR, given VARCHAR[])[]"
    assert types["_delivery_date"] == types["_first_delivered"] == "DATE"
    assert types["_row_no"] == "BIGINT"


def test_views_survive_reopening_and_a_changed_folder(home, monkeypatch):
    home.deliver("people", people("1"))
    monkeypatch.chdir(home.root)
    with duckdb.connect("w.duckdb") as connection:
        create_raw_views(connection, home.ledger.entries(), home.contracts, Path("lake"), home.as_of)
    monkeypatch.chdir("/")
    with duckdb.connect(str(home.root / "w.duckdb"), read_only=True) as connection:
        assert connection.execute(IDS).fetchall() == [("1",)]


def test_a_layout_without_a_contract_has_no_view_any_more(home, tmp_path):
    home.deliver("people", people("1"))
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        create_raw_views(connection, home.ledger.entries(), home.contracts, home.lake, home.as_of)
        views = "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'raw'"
        before = connection.execute(views).fetchone()
        others = tuple(contract for contract in home.contracts if contract.id != "people__flat")
        create_raw_views(connection, home.ledger.entries(), others, home.lake, home.as_of)
        assert (before, connection.execute(views).fetchone()) == ((len(home.contracts),), (len(others),))
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM raw.people__flat__people")


def test_a_column_that_a_newer_contract_adds_is_null_in_older_parquet(home):
    home.deliver("people", people("1"))
    table = home.contracts[0].tables[0]
    more = replace(table.columns[3], name="extra", source_name="Extra")
    home.with_contract("people__flat", tables=(replace(table, columns=(*table.columns, more)),))
    assert home.rows("SELECT person_id, extra FROM raw.people__flat__people") == [("1", None)]


def test_what_a_crash_leaves_is_swept_and_judged_again(home, monkeypatch):
    home.put("people", people("1"))
    monkeypatch.setattr("spine.extract.ledger.Ledger.add", lambda self, entry: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        home.run()
    monkeypatch.undo()
    leftover = home.lake / ".tmp-1-north-people-2028-03-01"
    leftover.mkdir()
    entry = home.run()[0]
    assert entry.revision == 1
    assert not leftover.exists()
    assert [path.name for path in home.lake.glob("*/north/2028-03-01/*")] == ["r001"]
    assert home.rows(IDS) == [("1",)]


def test_a_second_run_waits_and_finds_nothing_to_do(home):
    home.put("people", people("1"))
    judging, go_on = threading.Event(), threading.Event()
    evaluate, calls = home.evaluate, []

    def slow(*arguments):
        calls.append(arguments)
        judging.set()
        assert go_on.wait(10)
        return evaluate(*arguments)

    home.evaluate = slow
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(home.run)
        assert judging.wait(10)
        second = pool.submit(home.run)
        assert not wait([second], 0.3).done
        go_on.set()
        assert first.result(20)[0].accepted
        assert second.result(20) == [None]
    assert len(calls) == 1
    assert [entry.revision for entry in home.ledger.entries()] == [1]
    assert (home.ledger.folder / "north" / "people" / ".lock").exists()


def test_a_revision_that_a_record_names_is_never_removed(home, monkeypatch):
    first = home.deliver("people", people("1"))
    before = (home.lake / first.folder / "manifest.json").read_bytes()
    home.put("people", people("2"))
    monkeypatch.setattr(Ledger, "of_delivery", lambda self, key: ())
    monkeypatch.setattr(judge, "sweep", lambda *_: 0)
    with pytest.raises(PipelineError, match="r001: its folder in the lake is there already"):
        home.run()
    monkeypatch.undo()
    assert (home.lake / first.folder / "manifest.json").read_bytes() == before
    assert home.ledger.entries() == (first,)
    assert list(home.lake.glob(".tmp-*")) == []
    assert home.run()[0].revision == 2
    assert (home.lake / first.folder).exists()


def test_a_failing_evaluation_leaves_nothing_behind(home, monkeypatch):
    home.put("people", people("1"))
    monkeypatch.setattr(home, "evaluate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        home.run()
    assert list(home.lake.iterdir()) == []
    assert home.ledger.entries() == ()


def test_rows_that_do_not_add_up_stop_the_run(home, monkeypatch):
    home.put("people", people("1", "2"))
    original = read.read_csv
    monkeypatch.setattr(read, "read_csv", lambda *a: replace(original(*a), rows_read=3))
    with pytest.raises(ReconciliationError, match="3 rows read, but 2 kept"):
        home.run()
    assert home.ledger.entries() == ()


def test_a_link_out_of_landing_is_refused(home):
    folder = home.put("people", people("1"))
    (home.root / "outside.csv").write_text(HEADER)
    (folder / "b.csv").symlink_to(home.root / "outside.csv")
    assert "a link that leaves the landing folder" in home.run()[0].reasons[0]
    assert home.run() == [None]


def test_every_fault_is_named_at_once(home):
    entry = home.deliver("people", {"a.csv": "", "b.csv": "Person ID\n1\n"})
    assert len(entry.reasons) == 3


def test_folders_in_the_lake_are_private(home):
    entry = home.deliver("people", people("1"))
    assert os.stat(home.lake / entry.folder).st_mode & 0o077 == 0


def test_no_value_and_no_file_name_leaves_the_lake(home):
    name = "CANARY_9990000018"
    home.deliver("people", {f"{name}.csv": HEADER + f'{name},{name},"{name}\n{name}\n'}, "2028-03-01")
    home.deliver("people", {f"{name}.csv": f"{name},{name},{name}\n"}, "2028-03-02")
    home.put("people", people("1"), name)
    found = find_deliveries(home.root / "landing", home.contracts, home.as_of)
    assert name not in str(found.unrecognised)
    assert len(home.ledger.entries()) == 2
    for path in (home.root / "ledger").rglob("*.json"):
        assert "CANARY" not in path.read_text()
