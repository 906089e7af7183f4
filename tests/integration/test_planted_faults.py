"""Faults planted in the region's files: each must be found by the named check, with the right partner and count.

The region has its ordinary errors. What the contracts' rules find of them without the plant is counted row by row
(`row_finder`), what they find with it by the verdicts of the door: the difference must be the plant, and nothing else.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from spine.contracts import RuleResult, load_contracts, load_partners
from spine.extract import Ledger, LedgerEntry, contract_for, find_deliveries, judge_delivery
from spine.quality import evaluate
from spine.quality.rows import row_finder
from spine.settings import PROJECT_ROOT, Settings
from spine.synthetic import write_region
from tests.fixtures import planted, planted_across
from tests.fixtures.bad_deliveries import AS_OF
from tests.fixtures.planted_expected import ACROSS, AT_THE_DOOR, QUARANTINED, REFUSED

CONTRACTS = load_contracts(
    PROJECT_ROOT / "expectations/contracts", load_partners(PROJECT_ROOT / "expectations/partners.yaml")
)


@dataclass
class Judged:
    """The newest delivery of each source, with its plant."""

    entries: dict[str, LedgerEntry]
    ordinary: Counter[tuple[str, str]]
    planted: dict[str, int]

    def more(self) -> dict[tuple[str, str], int]:
        """By source and rule, how many more rows are found than the region's ordinary errors."""
        counted = {
            (source, result.name): (result.numerator or 0) - self.ordinary[(source, result.name)]
            for source, entry in self.entries.items()
            for result in entry.results
            if not result.name.endswith("__has_rows")  # it counts rows, not faults
        }
        put_aside = {
            (source, QUARANTINED): sum(table.quarantined for table in entry.tables.values())
            for source, entry in self.entries.items()
        }
        return {place: count for place, count in (counted | put_aside).items() if count}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    root = tmp_path_factory.mktemp("planted")
    write_region(root, 4000, 11, AS_OF, None, root / "truth")
    for source in (root / "landing").glob("*/*"):
        for older in sorted(source.iterdir())[:-1]:
            shutil.rmtree(older)
    ordinary = _ordinary(root)
    counts = planted.plant(root / "landing")
    settings = Settings(home=root / "home").prepare()
    entries = _judge(root / "landing", settings, partial(evaluate, threads=1))
    return Judged(entries, ordinary, counts)


def _judge(landing: Path, settings: Settings, measure: object) -> dict[str, LedgerEntry]:
    entries = {}
    for delivery in find_deliveries(landing, CONTRACTS, AS_OF).deliveries:
        contract = contract_for(CONTRACTS, delivery.partner, delivery.dataset, delivery.date)
        assert contract is not None
        places = {"lake": settings.lake, "ledger": Ledger(settings.ledger), "as_of": AS_OF, "evaluate": measure}
        entry = judge_delivery(delivery, contract, **places).entry  # type: ignore[arg-type]
        assert entry is not None
        entries[f"{delivery.partner}/{delivery.dataset}"] = entry
    return entries


def _ordinary(root: Path) -> Counter[tuple[str, str]]:
    """By source and rule, the rows that break it without the plant."""
    settings = Settings(home=root / "ordinary").prepare()
    found: Counter[tuple[str, str]] = Counter()
    for source, entry in _judge(root / "landing", settings, _unmeasured).items():
        contract = next(c for c in CONTRACTS if c.id == entry.contract_id)
        tables = {table.name: settings.lake / entry.folder / f"{table.name}.parquet" for table in contract.tables}
        with row_finder(tables, AS_OF, threads=1) as finder:
            for rule in contract.rules:
                rows = finder.find(rule)
                found[(source, rule.name)] = rows.height if rows is not None else 0
    return found


def _unmeasured(tables: object, rules: object, as_of: object) -> list[RuleResult]:
    return []


def test_there_are_forty_kinds_in_all_layouts(judged: Judged) -> None:
    assert len(AT_THE_DOOR) + len(ACROSS) == 40
    assert set(AT_THE_DOOR) == set(judged.planted) == {kind.name for kind in planted.AT_THE_DOOR}
    layouts = {judged.entries[kind.source].contract_id for kind in planted.AT_THE_DOOR}
    assert layouts == {entry.contract_id for entry in judged.entries.values()}
    assert len(layouts) >= 9


@pytest.mark.parametrize("kind", AT_THE_DOOR)
def test_each_kind_is_found_by_its_check_with_its_partner_and_count(judged: Judged, kind: str) -> None:
    expected = AT_THE_DOOR[kind]
    assert judged.more()[(expected.source, expected.check)] == judged.planted[kind]


def test_nothing_is_found_that_was_not_planted(judged: Judged) -> None:
    planted_at = {(f.source, check) for f in AT_THE_DOOR.values() for check in (f.check, f.also) if check}
    assert set(judged.more()) == planted_at


def test_every_rule_ran_and_only_what_a_contract_does_not_bear_is_refused(judged: Judged) -> None:
    assert all(result.outcome != "error" for entry in judged.entries.values() for result in entry.results)
    assert {source for source, entry in judged.entries.items() if not entry.accepted} == {REFUSED}


def test_the_plants_know_nothing_of_the_rules() -> None:
    for module in (planted, planted_across):
        text = Path(str(module.__file__)).read_text(encoding="utf-8")
        imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
        assert not [line for line in imports if "spine" in line or "expectations" in line]
