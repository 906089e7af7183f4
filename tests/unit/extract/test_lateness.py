"""When a delivery is due and how late it is, as a table."""

from __future__ import annotations

from datetime import date

import pytest

from spine.contracts import Contract, Partner, Supply
from spine.extract import Ledger, LedgerEntry, arrivals, in_use, layout_periods, punctuality
from spine.extract.lateness import grace_days
from tests.unit.extract.conftest import PEOPLE, contract

NORTH = Partner("north", "North Council", "district", "North data steward")
DAY = date(2028, 3, 31)


def accepted(layout: str, day: str, verdict: str = "accepted") -> LedgerEntry:
    return LedgerEntry(
        delivery=f"north/people/{day}", partner="north", dataset="people", date=date.fromisoformat(day), revision=1,
        contract_id=layout, contract_version="1", contract_fingerprint="x", content_sha256="x", verdict=verdict,
        judged_as_of=DAY,
    )  # fmt: skip


def reckon(contracts: list[Contract], *entries: LedgerEntry, as_of: date = DAY):
    (state,) = in_use(entries, contracts, as_of)
    return punctuality(contracts, NORTH, state, as_of)


@pytest.mark.parametrize(
    ("frequency", "latency", "newest", "days_since", "days_late"),
    [
        (31, None, "2028-03-31", 0, 0),
        (31, None, "2028-02-21", 39, 0),  # 31 days and a quarter of them, 8
        (31, None, "2028-02-20", 40, 1),
        (31, 0, "2028-02-20", 40, 9),
        (31, 30, "2028-01-31", 60, 0),
        (7, None, "2028-03-22", 9, 0),
        (7, None, "2028-03-21", 10, 1),
        (1, None, "2028-03-27", 4, 1),  # two days of grace at least
        (366, None, "2027-03-31", 366, 0),
        (366, None, "2026-12-29", 458, 0),
        (366, None, "2026-12-28", 459, 1),
    ],
)
def test_days_late(frequency, latency, newest, days_since, days_late):
    layout = contract("people__flat", PEOPLE, frequency_days=frequency, latency_days=latency)
    found = reckon([layout], accepted("people__flat", newest))
    assert (found.days["days_since"], found.days["days_late"]) == (days_since, days_late)
    assert found.is_on_time is (days_late == 0)
    assert found.sentence.startswith("North data steward must send it" if days_late else "The newest accepted")
    assert f"{frequency} days, with {grace_days(layout)} of grace" in found.sentence


def test_a_refused_delivery_does_not_make_a_source_punctual():
    layout = contract("people__flat", PEOPLE, frequency_days=31)
    found = reckon([layout], accepted("people__flat", "2028-01-01"), accepted("people__flat", "2028-03-30", "refused"))
    assert found.days["days_late"] == 90 - 31 - 8


@pytest.mark.parametrize(
    ("supply", "is_on_time", "words"),
    [
        (Supply("north"), False, "nothing was ever accepted"),
        (Supply("north", valid_from=date(2028, 3, 1)), True, "Nothing was accepted since 2028-03-01"),
        (Supply("north", valid_from=date(2028, 1, 1)), False, "so it is 51 days late"),
        (Supply("north", valid_from=date(2028, 4, 1)), True, "Nothing is due"),
        (Supply("north", valid_to=date(2028, 3, 1)), True, "Nothing is due"),
    ],
)
def test_a_source_that_never_delivered(supply, is_on_time, words):
    found = reckon([contract("people__flat", PEOPLE, frequency_days=31, supplies=(supply,))])
    assert found.is_on_time is is_on_time
    assert words in found.sentence


def test_without_a_frequency_nothing_is_due():
    found = reckon([contract("people__flat", PEOPLE)], accepted("people__flat", "2020-01-01"))
    assert found.is_on_time
    assert "names no frequency" in found.sentence


def test_after_a_change_of_layout_the_new_one_says_what_is_due():
    old = contract("people__flat", PEOPLE, frequency_days=366, supplies=(Supply("north", valid_to=date(2028, 1, 31)),))
    new = contract("people__a", PEOPLE, frequency_days=7, supplies=(Supply("north", valid_from=date(2028, 2, 1)),))
    layouts = [new, old]
    assert [c.id for c, _ in layout_periods(layouts, "north")] == ["people__flat", "people__a"]
    found = reckon(layouts, accepted("people__flat", "2028-01-31"))
    assert found.days == {"expected_every_days": 7, "grace_days": 2, "days_since": 60, "days_late": 51}
    assert reckon(layouts, accepted("people__flat", "2028-01-31"), as_of=date(2028, 1, 31)).is_on_time


def test_a_ledger_that_is_empty_is_no_error(tmp_path):
    assert Ledger(tmp_path).entries() == ()


def test_how_late_each_delivery_was_is_reckoned_by_the_layout_that_it_came_in() -> None:
    weekly, monthly = (
        contract("people__flat", PEOPLE, frequency_days=7), contract("people__new", PEOPLE, frequency_days=31),
    )  # fmt: skip
    entries = [
        accepted("people__flat", "2028-01-01"),
        accepted("people__flat", "2028-01-10"),  # two days of grace
        accepted("people__flat", "2028-01-12", "refused"),
        accepted("people__flat", "2028-01-22"),
        accepted("people__new", "2028-02-24"),
        accepted("people__gone", "2028-12-24"),
    ]
    found = arrivals(entries[::-1], [weekly, monthly])
    assert [(str(a.entry.date), a.days_since, a.days_late) for a in found] == [
        ("2028-01-10", 9, 0), ("2028-01-22", 12, 3), ("2028-02-24", 33, 0),
    ]  # fmt: skip
