"""Deliveries that are judged ahead of their steps: the same records, and nothing that is lost or half done."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from spine import door
from spine.contracts import Rule, RuleResult
from spine.door import judged, judging_ahead
from spine.errors import PipelineError
from spine.extract import Ledger
from spine.settings import Settings
from tests.unit.extract.conftest import AS_OF, Home

PEOPLE = "Person ID,Surname,LAD25CD\n1,A,E07\n"
CODES = "12\n13\n"
SOURCES = [("north", "codes"), ("north", "people")]


class Rules:
    """A measurement that says how many are under way, and fails for a dataset that it is told of."""

    def __init__(self) -> None:
        self.under_way, self.most, self.fails, self.lock = 0, 0, "", threading.Lock()

    def evaluate(self, tables: Mapping[str, Path], rules: Sequence[Rule], *_: object, **__: object) -> list[RuleResult]:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            if self.fails in tables:
                raise PipelineError("the machine failed")
            return [RuleResult(name=rule.name, outcome="passed", numerator=0, denominator=1) for rule in rules]
        finally:
            with self.lock:
                self.under_way -= 1


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Rules:
    found = Rules()
    monkeypatch.setattr(door, "evaluate", found.evaluate)
    monkeypatch.setattr(door, "SETTLING", 0.0)
    return found


def landed(root: Path) -> tuple[Home, Settings]:
    home = Home(root)
    for day in ("2028-02-01", "2028-03-01"):
        home.put("people", {"a.csv": PEOPLE + f"2,{day},E07\n"}, day)
        home.put("codes", {"a.csv": CODES + day[-4:-3] + "\n"}, day)
    return home, Settings(home=home.root).prepare()


def records(settings: Settings) -> dict[str, bytes]:
    return {str(p.relative_to(settings.ledger)): p.read_bytes() for p in settings.ledger.rglob("r*.json")}


def test_the_same_is_recorded_ahead_as_in_the_step(tmp_path: Path, rules: Rules) -> None:
    home, ahead = landed(tmp_path / "ahead")
    _, later = landed(tmp_path / "later")
    with judging_ahead(ahead, home.contracts, AS_OF, None):
        found = [judged(ahead, home.contracts, source, AS_OF) for source in SOURCES]
    assert found == [judged(later, home.contracts, source, AS_OF) for source in SOURCES]
    assert [[entry.date for entry in one.new] for one in found] == [[date(2028, 2, 1), date(2028, 3, 1)]] * 2
    assert records(ahead) == records(later) != {}
    assert rules.most == 1


def test_what_was_judged_is_handed_over_once_and_only_for_that_home_and_day(tmp_path: Path, rules: Rules) -> None:
    home, settings = landed(tmp_path / "one")
    _, other = landed(tmp_path / "other")
    with judging_ahead(settings, home.contracts, AS_OF, SOURCES):
        assert len(judged(other, home.contracts, SOURCES[0], AS_OF).new) == 2
        assert len(judged(settings, home.contracts, SOURCES[0], AS_OF).new) == 2
        assert judged(settings, home.contracts, SOURCES[0], AS_OF).new == ()


def test_a_fault_ends_its_own_source_only(tmp_path: Path, rules: Rules) -> None:
    home, settings = landed(tmp_path)
    rules.fails = "people"
    with judging_ahead(settings, home.contracts, AS_OF, None):
        with pytest.raises(PipelineError, match="the machine failed"):
            judged(settings, home.contracts, ("north", "people"), AS_OF)
        assert len(judged(settings, home.contracts, ("north", "codes"), AS_OF).new) == 2
    assert Ledger(settings.ledger).for_source("north", "people") == ()


def test_only_the_named_sources_are_judged_and_nothing_is_under_way_afterwards(tmp_path: Path, rules: Rules) -> None:
    home, settings = landed(tmp_path)
    with judging_ahead(settings, home.contracts, AS_OF, [("north", "codes"), ("nobody", "nothing")]):
        pass
    assert not Ledger(settings.ledger).for_source("north", "people")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("door")]
