"""A waived rule lets a delivery in until the waiver ends, and no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from spine.contracts import Rule, Threshold, Waiver
from spine.contracts.waivers import Decider
from spine.extract import InUse, LedgerEntry, find_deliveries, in_use, judge_delivery
from tests.unit.extract.conftest import PEOPLE, Home, contract

RULE = Rule("people__flat", "people", None, "table__unique", "It is.", "uniqueness", "error", "sql", {"query": ""},
            Threshold("mustBe", 0))  # fmt: skip
ROWS = "Person ID,Surname,LAD25CD\n1,A,E07\n"
MARCH = date(2028, 3, 31)


def waiver(rule: str = "table__unique", end: date = MARCH, partner: str = "north") -> Waiver:
    by = (Decider(role="data_steward", organisation=partner),)
    return Waiver(partner=partner, dataset="people", rule=rule, reason="It is known.", decided_by=by,
                  start=date(2028, 3, 1), end=end)  # fmt: skip


@pytest.fixture
def home(tmp_path: object, home: Home) -> Home:
    home.contracts = (contract("people__flat", PEOPLE, rules=(RULE,)),)
    home.outcome = "failed"
    home.put("people", {"a.csv": ROWS})
    home.lake.mkdir(parents=True)
    return home


def judged(home: Home, as_of: date, *waivers: Waiver) -> LedgerEntry:
    """The newest record once the delivery was judged on a day."""
    [delivery] = find_deliveries(home.root / "landing", home.contracts, as_of).deliveries
    judge_delivery(delivery, home.contracts[0], lake=home.lake, ledger=home.ledger, as_of=as_of,
                   evaluate=home.evaluate, waivers=waivers)  # fmt: skip
    return home.ledger.entries()[-1]


def used(home: Home, as_of: date) -> InUse:
    [state] = in_use(home.ledger.entries(), home.contracts, as_of)
    return state


def test_it_is_accepted_while_the_waiver_holds_and_refused_once_it_has_ended(home: Home) -> None:
    assert not judged(home, date(2028, 3, 2)).accepted
    entry = judged(home, date(2028, 3, 3), waiver())
    assert (entry.accepted, entry.revision, entry.waived) == (True, 2, {"table__unique": MARCH})
    assert entry.results[0].outcome == "failed", "the verdict on the rule is as it was"
    assert judged(home, MARCH, waiver()) == entry, "nothing new while the waiver holds"
    assert used(home, MARCH).latest == entry
    ended = judged(home, date(2028, 4, 1), waiver())
    assert (ended.accepted, ended.revision, ended.waived) == (False, 3, {})
    assert used(home, date(2028, 4, 1)).latest is None
    assert used(home, date(2028, 4, 1)).is_stale


def test_it_is_used_no_longer_even_where_landing_was_emptied(home: Home) -> None:
    judged(home, MARCH, waiver())
    assert used(home, MARCH).latest is not None
    assert used(home, date(2028, 4, 1)).latest is None


def test_a_waiver_that_is_withdrawn_or_prolonged_is_a_new_revision(home: Home) -> None:
    judged(home, date(2028, 3, 3), waiver())
    longer = judged(home, date(2028, 3, 4), waiver(end=date(2028, 4, 30)))
    assert (longer.revision, longer.waived) == (2, {"table__unique": date(2028, 4, 30)})
    withdrawn = judged(home, date(2028, 3, 5))
    assert (withdrawn.revision, withdrawn.accepted) == (3, False)
    assert used(home, date(2028, 3, 5)).latest is None, "what the waiver let in goes with it"


def test_a_waiver_of_another_rule_or_partner_lets_nothing_in(home: Home) -> None:
    assert not judged(home, MARCH, waiver("table__other"), waiver(partner="south")).accepted


def test_a_rule_that_could_not_run_is_never_waived(home: Home) -> None:
    home.outcome = "error"
    entry = judged(home, MARCH, waiver())
    assert (entry.accepted, entry.waived) == (False, {})


def test_a_passed_rule_is_not_marked_as_waived(home: Home) -> None:
    home.outcome = "passed"
    assert judged(home, MARCH, waiver()).waived == {}


def test_one_waiver_of_two_broken_rules_is_not_enough(home: Home) -> None:
    other = replace(RULE, name="table__second")
    home.contracts = (contract("people__flat", PEOPLE, rules=(RULE, other)),)
    entry = judged(home, MARCH, waiver())
    assert not entry.accepted
    assert len(entry.reasons) == 1
    assert "table__second" in entry.reasons[0]
