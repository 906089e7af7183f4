"""The review list: which records of a resident contradict each other, and which residents nearly were one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from spine.identity.conflicts import CONFLICTS, KINDS, find_conflicts
from spine.linkage.compare import VETOES

LINK_BITS = 3.0
SCHEMA = {
    "record_id": pl.String(),
    "nhs_number": pl.String(),
    "nhs_number_status": pl.String(),
    "superseded_nhs_numbers": pl.List(pl.String()),
    "date_of_birth": pl.Date(),
    "sex": pl.String(),
    "date_of_death": pl.Date(),
    "address_from": pl.Date(),
}
ONE, TWO = "9990000018", "9990000026"


def record(name: str, **known: Any) -> dict[str, Any]:
    return dict.fromkeys(SCHEMA) | {"record_id": name, "superseded_nhs_numbers": []} | known


def born(*dates: str) -> list[dict[str, Any]]:
    return [record(f"a{n}", date_of_birth=date.fromisoformat(day)) for n, day in enumerate(dates)]


def verified(name: str, number: str, *replaced: str, status: str = "01") -> dict[str, Any]:
    return record(name, nhs_number=number, nhs_number_status=status, superseded_nhs_numbers=list(replaced))


def found(
    records: Sequence[dict[str, Any]],
    residents: Sequence[str] | None = None,
    pairs: Sequence[tuple[int, int, float, str]] = (),
    decided: Sequence[tuple[str, str]] = (),
) -> pl.DataFrame:
    """Conflicts of records that are one resident unless `residents` says otherwise.

    Pairs are (left, right, bits, veto).
    """
    frame = pl.DataFrame(list(records), schema=SCHEMA)
    crosswalk = frame.select("record_id").with_columns(resident_id=pl.Series(residents or ["R1"] * frame.height))
    left, right, bits, veto = zip(*pairs, strict=True) if pairs else ((), (), (), ())
    links = pl.DataFrame(
        [(*sorted(pair), "manual") for pair in decided],
        schema={"left_record_id": pl.String(), "right_record_id": pl.String(), "method": pl.Enum(["exact", "manual"])},
        orient="row",
    )
    result: Any = SimpleNamespace(
        clusters=crosswalk.select("record_id"),
        links=links,
        scored=SimpleNamespace(
            left=np.array(left, dtype=np.int64),
            right=np.array(right, dtype=np.int64),
            bits=np.array(bits, dtype=np.float64),
            veto=np.array([VETOES.index(name) for name in veto], dtype=np.uint8),
        ),
    )
    return find_conflicts(frame, crosswalk, result, LINK_BITS)


def kinds(records: Sequence[dict[str, Any]]) -> list[str]:
    return found(records)["kind"].to_list()


def test_nothing_in_nothing_out() -> None:
    assert found([]).is_empty()
    assert dict(found([record("a")]).schema) == CONFLICTS


@pytest.mark.parametrize(
    ("one", "other", "is_slip"),
    [
        ("1961-04-17", "1961-04-17", True),
        ("1961-04-17", "1961-04-18", True),  # one digit
        ("1961-04-17", "1961-04-27", True),
        ("1961-04-17", "1951-04-17", True),  # one digit of the year
        ("1961-04-17", "1916-04-17", True),  # two neighbours turned round
        ("1961-04-07", "1961-07-04", True),  # day and month
        ("1961-04-17", "1961-01-01", True),  # only the year was known
        ("1961-04-17", "1961-04-25", True),  # only the day differs
        ("1961-04-17", "1961-11-17", True),  # only the month differs
        ("1961-04-17", "1989-04-17", False),
        ("1961-04-17", "1961-09-25", False),
        ("1961-04-17", "1962-05-17", False),
        ("1961-04-17", "1962-01-01", False),
        ("1961-04-17", "1987-11-02", False),
        ("1961-04-07", "1962-07-04", False),
    ],
)
def test_dates_of_birth(one: str, other: str, is_slip: bool) -> None:
    assert kinds(born(one, other)) == kinds(born(other, one)) == ([] if is_slip else ["dates_of_birth_differ"])


def test_only_the_records_that_contradict_each_other_are_named() -> None:
    [row] = found(born("1961-04-17", "1987-11-02", "1961-04-18", "1987-11-02")).iter_rows(named=True)
    assert row["record_ids"] == ["a0", "a1", "a2", "a3"]
    [row] = found([*born("1961-04-17", "1987-11-02"), record("b")]).iter_rows(named=True)
    assert row == {
        "resident_id": "R1",
        "kind": "dates_of_birth_differ",
        "other_resident_id": None,
        "record_ids": ["a0", "a1"],
        "is_reviewed": False,
    }


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([verified("a", ONE), verified("b", TWO)], ["two_verified_nhs_numbers"]),
        ([verified("a", ONE), verified("b", ONE)], []),
        ([verified("a", ONE), verified("b", TWO, status="02")], []),
        ([verified("a", ONE), verified("b", TWO, ONE)], []),
        ([record("a", sex="male"), record("b", sex="female")], ["sex_differs"]),
        ([record("a", sex="male"), record("b", sex="unknown"), record("c", sex="other")], []),
    ],
)
def test_numbers_and_sex(records: list[dict[str, Any]], expected: list[str]) -> None:
    assert kinds(records) == expected


@pytest.mark.parametrize(
    ("died", "other_died", "moved", "expected"),
    [
        (date(2027, 1, 10), None, date(2027, 3, 1), []),
        (date(2027, 1, 10), None, date(2027, 9, 1), ["event_after_death"]),
        (date(2027, 1, 10), date(2027, 1, 15), None, []),
        (date(2027, 1, 10), date(2026, 5, 15), None, ["dates_of_death_differ"]),
        (date(2027, 1, 10), date(2027, 8, 20), date(2027, 9, 1), ["dates_of_death_differ"]),
        (None, None, date(2027, 9, 1), []),
    ],
)
def test_deaths(died: date | None, other_died: date | None, moved: date | None, expected: list[str]) -> None:
    one, other = record("a", date_of_death=died), record("b", date_of_death=other_died, address_from=moved)
    assert kinds([one, other]) == expected


def test_two_residents_never_contradict_each_other() -> None:
    records = [*born("1961-04-17", "1987-11-02"), verified("b", ONE), verified("c", TWO)]
    assert found(records, ["R1", "R2", "R3", "R4"]).is_empty()


@pytest.mark.parametrize(
    ("bits", "veto", "is_listed"),
    [
        (3.0, "none", True),
        (2.9, "none", False),
        (9.0, "dates_of_death_differ", True),
        (9.0, "verified_nhs_numbers_differ", False),
        (9.0, "cannot_link", False),
    ],
)
def test_kept_apart_though_above_the_threshold(bits: float, veto: str, is_listed: bool) -> None:
    listed = found(
        [record("a"), record("b"), record("c")], ["R1", "R2", "R2"], [(0, 2, bits, veto), (1, 2, 20, "none")]
    )
    rows = listed.select("resident_id", "kind", "other_resident_id", "record_ids").rows()
    both = [("R1", "kept_apart", "R2", ["a", "c"]), ("R2", "kept_apart", "R1", ["a", "c"])]
    assert rows == (both if is_listed else [])


def test_a_decision_by_a_person_closes_a_conflict() -> None:
    records = born("1961-04-17", "1987-11-02")
    assert found(records, decided=[("a0", "a1")])["is_reviewed"].to_list() == [True]
    others = [*records, record("b"), record("c")]
    assert found(others, decided=[("b", "c"), ("a0", "b")])["is_reviewed"].to_list() == [False]


def test_a_decision_for_one_of_two_residents_settles_what_stays_between_them() -> None:
    """b fits a and c, which have two verified numbers. Once a person has linked b to c, a and b are settled."""
    records, pairs = [record("a"), record("b"), record("c")], [(0, 1, 9.0, "none"), (1, 2, 9.0, "none")]
    rule = (0, 2, 9.0, "verified_nhs_numbers_differ")
    residents = ["R1", "R2", "R2"]

    def reviewed(*given: tuple[int, int, float, str], decided: Sequence[tuple[str, str]] = (("c", "b"),)) -> list[bool]:
        return found(records, residents, given, decided)["is_reviewed"].to_list()

    assert reviewed(*pairs, rule) == [True, True]
    assert reviewed(*pairs, rule, decided=()) == [False, False]
    assert reviewed(*pairs) == [False, False]


def test_order_of_records_does_not_matter() -> None:
    records = [*born("1961-04-17", "1987-11-02"), verified("b", ONE), verified("c", TWO)]
    assert found(records).equals(found(records[::-1]))


def test_every_kind_has_words() -> None:
    assert all(words and words[0].islower() for words in KINDS.values())
