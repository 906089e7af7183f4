"""A source's quality history, told from the ledger: every verdict on every revision of every delivery.

Put here: how ledger records become rows of the history, and a rule's past for its check. Never here: the history's
files (spine.quality.history), or how a verdict is shown (assets).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import polars as pl

from spine.contracts import Contract, RuleResult
from spine.contracts.waivers import DRIFT
from spine.extract import LedgerEntry, arrivals, profiles_before
from spine.quality.drift import KINDS, Drift, Kind, drift
from spine.quality.history import SCHEMA, read_file, write_file
from spine.settings import Settings

#: Names of the drift checks.
DRIFT_CHECKS: Final[Mapping[Kind, str]] = dict(zip(KINDS, DRIFT, strict=True))
ACCEPTED: Final = "_delivery__accepted"
COUNTED: Final = "_delivery__nothing_lost"
ON_TIME: Final = "_delivery__arrives_on_time"


def drift_of(entry: LedgerEntry, contract: Contract, known: Iterable[LedgerEntry]) -> dict[Kind, Drift]:
    """What drifted in a delivery, by kind; empty where it has no profile.

    Args:
        known: records of the source, among which the earlier deliveries are.
    """
    if not entry.profile:
        return {}
    per_year = 366 / contract.frequency_days if contract.frequency_days else 12.0
    return drift(entry.profile, profiles_before(entry, known), per_year)


def keep_history(settings: Settings, entries: Sequence[LedgerEntry], contracts: Sequence[Contract]) -> None:
    """Bring the history of one source up to date.

    Verdicts on drift are kept as they were given: they depend on what had come before.

    Args:
        entries: all ledger records of the source.

    Raises:
        PipelineError: the history is damaged, or cannot be written.
    """
    if not entries:
        return
    name = f"{entries[0].partner}__{entries[0].dataset}"
    folder = settings.quality
    drifts = list(DRIFT_CHECKS.values())
    known = read_file(folder, name).filter(pl.col("rule").is_in(drifts))
    told = {(day, revision) for day, revision in known.select("date", "revision").iter_rows()}
    present = {(entry.date, entry.revision) for entry in entries}
    rows = [row for entry in entries for row in _of_rules(entry)]
    rows += [row for e in entries if (e.date, e.revision) not in told for row in _of_drift(e, contracts, entries)]
    rows += [
        _row(a.entry, ON_TIME, "warned" if a.days_late else "passed", a.days_late, a.days_since)
        for a in arrivals(entries, contracts)
    ]
    new = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    keys = pl.DataFrame(sorted(present), schema={"date": pl.Date, "revision": pl.Int32}, orient="row")
    write_file(folder, name, pl.concat([new, known.join(keys, on=["date", "revision"], how="semi")]))


def measured(entries: Iterable[LedgerEntry], until: date) -> dict[str, list[tuple[date, RuleResult]]]:
    """Each rule's results by delivery date, oldest first: of each date those of the newest revision.

    Args:
        entries: ledger records of one source.
        until: later deliveries are left out.
    """
    newest = {e.date: e for e in sorted(entries, key=lambda e: (e.date, e.revision)) if e.date <= until}
    found: dict[str, list[tuple[date, RuleResult]]] = defaultdict(list)
    for day, entry in newest.items():
        for result in entry.results:
            found[result.name].append((day, result))
    return dict(found)


def _of_rules(entry: LedgerEntry) -> Iterator[tuple[Any, ...]]:
    yield _row(entry, ACCEPTED, "passed" if entry.accepted else "failed", int(not entry.accepted), 1)
    tables = entry.tables.values()
    if tables:
        lost, read = sum(t.quarantined for t in tables), sum(t.rows_read for t in tables)
        yield _row(entry, COUNTED, "warned" if lost else "passed", lost, read)
    for result in entry.results:
        yield _row(entry, result.name, result.outcome, result.numerator, result.denominator)


def _of_drift(
    entry: LedgerEntry, contracts: Sequence[Contract], known: Sequence[LedgerEntry]
) -> Iterator[tuple[Any, ...]]:
    contract = next((c for c in contracts if c.id == entry.contract_id), None)
    for kind, found in (drift_of(entry, contract, known) if contract else {}).items():
        outcome = "warned" if found.findings else "passed"
        yield _row(entry, DRIFT_CHECKS[kind], outcome, len(found.findings), found.compared)


def _row(
    entry: LedgerEntry, rule: str, outcome: str, numerator: int | None, denominator: int | None
) -> tuple[Any, ...]:
    source = f"{entry.partner}__{entry.dataset}"
    return (
        source, f"raw/{source}", entry.date, entry.revision, rule, outcome, numerator, denominator,
        entry.waived.get(rule), entry.contract_version, entry.judged_as_of,
    )  # fmt: skip
