"""What drifts and what does not, on histories of a few deliveries."""

from __future__ import annotations

import pytest

from benchmarks.drift import FAULTS, simulate
from spine.contracts.profile import DateProfile, KeptRows, TableProfile
from spine.quality.drift import DELIVERIES, FIRST, KINDS, drift

CODES = {"A": 700, "B": 260, "C": 40}
#: A year of ordinary deliveries: rows, and rows without a surname.
YEAR = [(1000, 20), (1008, 23), (995, 18), (1012, 21), (1003, 25), (1015, 19), (1009, 22), (1020, 20)]


Profile = dict[str, TableProfile]


def profile(rows: int = 1000, nulls: int = 20, late: int | None = None, swapped: int = 0, **codes: int) -> Profile:
    counts = {code: n for code, n in (codes or CODES).items() if n}
    after_12th = round(0.61 * rows) if late is None else late
    dates = DateProfile(dates=rows, late_days=after_12th, compared=rows, swapped=swapped)
    nulls_by_column = {"surname": nulls, "kind": 0}
    return {"people": TableProfile(rows=rows, nulls=nulls_by_column, codes={"kind": counts}, dates={"born": dates})}


HISTORY = [profile(rows, nulls) for rows, nulls in YEAR]


def told(
    now: dict[str, TableProfile], earlier: list[dict[str, TableProfile]] = HISTORY
) -> set[tuple[str, str, str | None]]:
    return {(f.kind, f.how, f.code) for found in drift(now, earlier).values() for f in found.findings}


def test_an_ordinary_delivery_is_as_usual() -> None:
    assert told(profile(1017, 24)) == set()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (profile(860, 18), ("volume", "down", None)),
        (profile(1200, 22), ("volume", "up", None)),
        (profile(1010, 21 + 50), ("missing_values", "up", None)),
        (profile(A=740, B=260), ("codes", "vanished", "C")),
        (profile(A=700, B=220, C=40, D=40), ("codes", "appeared", "D")),
        (profile(A=500, B=460, C=40), ("codes", "up", "B")),
        (profile(late=0), ("dates", "down", None)),
        (profile(swapped=360), ("dates", "swapped", None)),
    ],
)  # fmt: skip
def test_what_is_found(now: Profile, expected: tuple[str, str, str | None]) -> None:
    assert expected in told(now)


def test_values_that_kept_rows_lost_are_told_where_chance_hides_them() -> None:
    """In 300 rows of which half lack a value, five points more are within chance; 15 rows that lost theirs are not."""

    def month(nulls: int, lost: int) -> Profile:
        kept = KeptRows(rows=290, lost={"surname": lost}) if lost >= 0 else None
        return {"people": profile(300, nulls, A=300)["people"].model_copy(update={"kept": kept})}

    history = [month(nulls, lost) for nulls, lost in [(150, 0), (141, 2), (157, 1), (149, 0), (160, 1), (146, 2)]]
    assert told(month(151, 3), history) == set()
    assert told(month(166, 15), history) == {("missing_values", "lost", None)}
    assert told(month(290, 140), history) == {("missing_values", "up", None)}, "a column is told of once"
    assert told(month(151, 15), [month(150, -1)] * 6) == set(), "nothing is usual of it yet"


def test_fewer_missing_values_are_no_alarm() -> None:
    history = [profile(nulls=300 + n) for n in range(8)]
    assert told(profile(nulls=0), history) == set()


def test_with_few_earlier_deliveries_only_swapped_dates_are_told() -> None:
    assert told(profile(100, 90, A=9), HISTORY[: FIRST - 1]) == set()
    assert told(profile(swapped=360), HISTORY[:1]) == {("dates", "swapped", None)}
    assert told(profile(500), HISTORY[:FIRST]) >= {("volume", "down", None)}


def test_one_odd_delivery_in_the_past_blinds_nobody() -> None:
    odd = [*HISTORY[:-2], profile(300, 280), HISTORY[-1]]
    assert told(profile(1010, 21), odd) == set()
    assert ("volume", "down", None) in told(profile(850), odd)


def test_a_lasting_change_is_usual_after_some_deliveries() -> None:
    later = [*HISTORY, *[profile(700 + n, 14) for n in range(6)]]
    assert told(profile(704, 15), later) == set()


def test_a_rare_code_may_stay_away() -> None:
    history = [profile(A=700, B=290, C=n) for n in (10, 12, 5, 11, 10)]
    assert told(profile(A=700, B=290), history) == set()


def test_an_empty_table_and_a_new_column_are_compared_as_far_as_can_be() -> None:
    assert ("volume", "down", None) in told(profile(0, 0, A=0))
    new = profile()["people"].model_copy(update={"nulls": {"surname": 20, "kind": 0, "new": 900}})
    assert told({"people": new}) == set()


def test_only_the_last_deliveries_count() -> None:
    long = [profile(5000)] * 5 + HISTORY + [profile(1010)] * 4
    assert len(long) > DELIVERIES
    found = drift(profile(1011), long)
    assert all(found[kind].earlier == DELIVERIES and not found[kind].findings for kind in KINDS)


def test_quiet_and_sharp_over_two_years() -> None:
    """A small run of the benchmark: at most one false alarm a dataset a year, and faults are found."""
    tally = simulate(3, (200, 20_000), seed=7, is_register=True)
    assert sum(tally.false.values()) <= tally.years
    assert all(tally.planted[fault] == 3 for fault in FAULTS)
    assert all(tally.found[fault] >= 2 for fault in FAULTS)
