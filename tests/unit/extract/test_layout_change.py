"""A partner that sends one layout until a date and another one after it (`validFrom`, `validTo` of a server)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import duckdb
import pytest

from spine.contracts import Supply
from spine.contracts.model import Window
from spine.extract import create_raw_views, in_use
from tests.unit.extract.conftest import PEOPLE, Home, column, contract

HEADER = "Person ID,Surname,LAD25CD\n"
OLD = "SELECT person_id, _first_delivered FROM raw.people__flat__people ORDER BY ALL"
NEW = "SELECT person_id, _first_delivered FROM raw.people__wide__persons ORDER BY ALL"
PERSONS = replace(PEOPLE, name="persons", columns=(*PEOPLE.columns, column("born", "Born")))
UNTIL, SINCE = Supply("north", valid_to=date(2028, 1, 31)), Supply("north", valid_from=date(2028, 2, 1))


@pytest.fixture
def home(home: Home) -> Home:
    home.with_contract("people__flat", supplies=(UNTIL,))
    home.contracts += (contract("people__wide", PERSONS, supplies=(SINCE, Supply("south"))),)
    return home


def old(*ids: str) -> dict[str, str]:
    return {"a.csv": HEADER + "".join(f"{n},A,E07\n" for n in ids)}


def new(*ids: str) -> dict[str, str]:
    return {"a.csv": HEADER.replace("\n", ",Born\n") + "".join(f"{n},A,E07,1990\n" for n in ids)}


def source(home: Home, as_of: date | None = None):
    sources = in_use(home.ledger.entries(), home.contracts, as_of or home.as_of)
    return next(s for s in sources if (s.partner, s.dataset) == ("north", "people"))


def test_each_delivery_is_judged_by_the_layout_of_its_date(home):
    home.put("people", old("1"), "2028-01-31")
    home.put("people", new("1"), "2028-02-01")
    assert [(e.contract_id, e.verdict) for e in home.run()] == [
        ("people__flat", "accepted"),
        ("people__wide", "accepted"),
    ]
    entry = home.deliver("people", old("1"), "2028-02-15")
    assert entry.reasons[0].startswith("north/people/2028-02-15: file 1 of 1 (.csv): column 'Born' is missing")


def test_of_a_snapshot_the_newest_accepted_of_either_layout_counts(home):
    home.deliver("people", old("1", "2"), "2028-01-01")
    assert (len(home.rows(OLD)), home.rows(NEW)) == (2, [])
    home.deliver("people", new("2", "3"), "2028-03-01")
    january, march = date(2028, 1, 1), date(2028, 3, 1)
    assert home.rows(OLD) == []
    assert home.rows(NEW) == [("2", january), ("3", march)], "a key is known since its first delivery, in any layout"
    assert [part.entry.contract_id for part in source(home).parts] == ["people__wide"]
    assert [part.entry.contract_id for part in source(home, date(2028, 2, 1)).parts] == ["people__flat"]


def test_the_old_layout_stays_in_use_while_the_new_one_is_refused(home):
    home.deliver("people", old("1"), "2028-01-01")
    home.deliver("people", old("2"), "2028-02-01")
    assert home.rows("SELECT layout, is_stale FROM raw.deliveries") == [("flat", True)]
    assert [row[0] for row in home.rows(OLD)] == ["1"]
    assert home.rows(NEW) == []


def test_a_late_correction_of_the_old_layout_does_not_come_back_into_use(home):
    home.deliver("people", old("1"), "2028-01-01")
    home.deliver("people", new("2"), "2028-02-01")
    home.put("people", old("1", "9"), "2028-01-01")
    assert [e and (e.contract_id, e.revision) for e in home.run()] == [("people__flat", 2), None]
    assert home.rows(OLD) == []
    assert [row[0] for row in home.rows(NEW)] == ["2"]


def test_other_partners_are_not_touched(home):
    home.put("people", new("7"), "2028-01-01", partner="south")
    home.put("people", old("1"), "2028-01-01")
    home.put("people", new("1"), "2028-02-01")
    assert [entry.verdict for entry in home.run()] == ["accepted"] * 3
    rows = home.rows("SELECT person_id, _partner FROM raw.people__wide__persons ORDER BY ALL")
    assert rows == [("1", "north"), ("7", "south")]


def test_a_date_that_no_layout_covers_is_said_to_be_so(home):
    home.with_contract("people__wide", supplies=(Supply("north", valid_from=date(2028, 3, 1)),))
    home.put("people", new("1"), "2028-02-15")
    assert home.run() == []


def test_with_other_key_columns_a_key_is_known_since_the_change(home):
    keys = tuple(replace(c, key=c.name == "surname") for c in PERSONS.columns)
    home.with_contract("people__wide", tables=(replace(PERSONS, columns=keys),))
    home.deliver("people", old("1"), "2028-01-01")
    home.deliver("people", new("1"), "2028-02-01")
    assert home.rows(NEW) == [("1", date(2028, 2, 1))]


@pytest.mark.parametrize("identity", [("ref",), ("ref", "es")])
def test_rolling_replaces_its_window_across_layouts(home, identity):
    log = next(c for c in home.contracts if c.id == "events__log")
    home.with_contract("events__log", supplies=(UNTIL,))
    events = replace(log.tables[0], name="happenings")
    window = Window("happenings", "ps", "pe", "es", "ee", identity)
    home.contracts += (contract("events__journal", events, mode="rolling", window=window, supplies=(SINCE,)),)
    header, first, second = "ref,ps,pe,es,ee\n", "01/10/2027,31/12/2027", "01/12/2027,29/02/2028"
    rows = [f"ended,{first},01/10/2027,30/11/2027", f"known,{first},01/10/2027,", f"gone,{first},01/10/2027,"]
    home.deliver("events", {"a.csv": header + "\n".join(rows)}, "2028-01-10")
    home.deliver("events", {"a.csv": header + f"known,{second},01/10/2027,\n"}, "2028-02-20")
    left = dict(home.rows("SELECT ref, ee FROM raw.events__log__events"))
    assert home.rows("SELECT ref, ee FROM raw.events__journal__happenings") == [("known", None)]
    same_identity = identity == ("ref",)
    assert left == {"ended": "30/11/2027", "gone": "2027-12-31"} | ({} if same_identity else {"known": "2027-12-31"})
    replaced = home.rows("SELECT delivery_date, rows_kept, rows_in_use FROM raw.deliveries ORDER BY ALL")
    assert replaced == [(date(2028, 1, 10), 3, len(left)), (date(2028, 2, 20), 1, 1)]


def test_a_view_of_two_layouts_survives_a_column_of_another_type(home):
    """The other layout's Parquet is read for its keys only."""
    nested = tuple(replace(c, nested=["VARCHAR"]) if c.name == "surname" else c for c in PERSONS.columns)
    home.deliver("people", old("1"), "2028-01-01")
    home.with_contract("people__wide", tables=(replace(PERSONS, columns=nested),))
    with duckdb.connect() as connection:
        create_raw_views(connection, home.ledger.entries(), home.contracts, home.lake, home.as_of)
        assert connection.execute("SELECT count(*) FROM raw.people__wide__persons").fetchall() == [(0,)]
