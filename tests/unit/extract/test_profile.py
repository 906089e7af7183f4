"""Profiles: what is counted of a delivery as it comes through the door, and what is not."""

from __future__ import annotations

from dataclasses import replace

from spine.contracts import Rule, Threshold
from spine.contracts.profile import A_FEW, MOST_CODES
from spine.extract import LedgerEntry, profiles_before
from tests.unit.extract.conftest import PEOPLE, Home, column, contract

WIDE = replace(
    PEOPLE,
    columns=(*PEOPLE.columns, replace(column("born", "Born"), logical_type="date"), column("kind", "Kind")),
)


def coded(values: list[str]) -> Rule:
    arguments = {"validValues": values}
    return Rule(
        "people__flat", "people", "kind", "kind__mapped", "It is.", "conformity", "warning", "invalidValues", arguments,
        Threshold("mustBe", 0),
    )  # fmt: skip


def deliver(home: Home, rows: list[tuple[str, ...]], day: str, codes: list[str] | None = None) -> LedgerEntry:
    rules = (coded(codes if codes is not None else ["A", "B"]),)
    home.contracts = (contract("people__flat", WIDE, rules=rules),)
    text = "Person ID,Surname,LAD25CD,Born,Kind\n" + "".join(",".join(row) + "\n" for row in rows)
    return home.deliver("people", {"a.csv": text}, day)


def people(count: int = 30, born: str = "03/04/1980") -> list[tuple[str, ...]]:
    return [(str(n), "N/A" if n < 12 else "Name", "E07", born, "A" if n % 2 else " ") for n in range(1, count + 1)]


def test_blanks_codes_and_dates_are_counted(home: Home) -> None:
    profile = deliver(home, [*people(), ("99", "X", "", "25/12/1990", "B"), ("98", "X", "-", "no", "Zyx")],
                      "2028-03-01").profile["people"]  # fmt: skip
    assert profile.rows == 32
    assert profile.nulls == {"person_id": 0, "surname": 11, "area": 2, "born": 0, "kind": 15}, "not of absent columns"
    assert profile.codes == {"kind": {"A": 15, "B": A_FEW}}, "few are coarse; a code that nobody agreed on is not told"
    born = profile.dates["born"]
    assert (born.dates, born.late_days) == (31, 1)
    assert (born.days[2], born.days[24], born.months[3], born.months[11]) == (30, A_FEW, 30, A_FEW)


def test_a_column_of_very_many_codes_is_no_coded_column(home: Home) -> None:
    assert deliver(home, people(), "2028-03-01", [f"{n}" for n in range(MOST_CODES + 1)]).profile["people"].codes == {}


def test_dates_are_compared_by_key_with_the_delivery_before(home: Home) -> None:
    first = deliver(home, people(), "2028-01-01").profile["people"].dates["born"]
    assert (first.compared, first.swapped) == (0, 0)
    deliver(home, people(), "2028-02-01")
    mixed = [*people(20, "1980-03-04"), *people(40, "03/04/1980")[20:30], ("77", "X", "", "01/01/1990", "A")]
    later = deliver(home, mixed, "2028-03-01").profile["people"].dates["born"]
    assert (later.compared, later.swapped) == (30, 20)


def test_values_that_kept_rows_lost_are_counted_by_key(home: Home) -> None:
    assert deliver(home, people(), "2028-01-01").profile["people"].kept is None, "nothing to compare with"
    rows = [
        *((str(n), " ", "E07", "03/04/1980", "A") for n in range(10, 16)),  # 12 to 15 had a name
        *((str(n), "Name", "", "03/04/1980", "A") for n in range(16, 26)),  # all had an area
        *(("26", "-", "E07", "", "A"), ("26", "-", "E07", "", "A")),  # which of the two was it?
        ("99", "", "", "", ""),  # new
    ]
    kept = deliver(home, rows, "2028-02-01").profile["people"].kept
    assert kept is not None
    assert (kept.rows, kept.lost) == (16, {"surname": 4, "area": 10, "born": 0, "kind": 0})


def test_a_delivery_before_that_cannot_be_read_is_not_compared_with(home: Home) -> None:
    first = deliver(home, people(), "2028-01-01")
    (home.root / "lake" / first.folder / "people.parquet").write_bytes(b"PAR1")
    assert deliver(home, people(), "2028-02-01").profile["people"].kept is None


def test_a_profile_is_no_result(home: Home) -> None:
    entry = deliver(home, people(), "2028-03-01")
    assert entry.has_result_of(entry.model_copy(update={"profile": {}}))


def test_what_came_before_is_of_the_same_layout_accepted_and_the_newest_revision(home: Home) -> None:
    entries = [deliver(home, people(20 + n), f"2028-01-0{n}") for n in range(1, 5)]
    again = entries[1].model_copy(update={"revision": 2, "profile": entries[0].profile})
    others = [
        entries[0],
        again,
        entries[1],
        entries[2].model_copy(update={"verdict": "refused"}),
        entries[2].model_copy(update={"contract_id": "people__other", "date": entries[0].date.replace(day=2)}),
        entries[3],
    ]
    assert profiles_before(entries[3], others) == [entries[0].profile, entries[0].profile]
