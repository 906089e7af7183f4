"""The summary of a run, gathered from what the steps left on disk and from the checks of the run.

Put here: gathering. Never here: how it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

import dagster as dg

from spine.contracts import Contract
from spine.extract import InUse, Ledger, LedgerEntry, find_deliveries, in_use
from spine.release import published
from spine.runs import PublishedRelease, RunSummary, SourceLinks
from spine.settings import Settings


def summarise(
    settings: Settings,
    contracts: Sequence[Contract],
    as_of: date,
    run_id: str,
    checks: Sequence[dg.AssetCheckEvaluation],
) -> RunSummary:
    """Everything but the run's own outcome."""
    found = find_deliveries(settings.landing, contracts, as_of)
    entries = [entry for entry in Ledger(settings.ledger).entries() if entry.date <= as_of]
    newest = _newest_of_each_date(entries)
    accepted = [entry for entry in newest if entry.verdict == "accepted"]
    tables = [table for entry in newest for table in entry.tables.values()]
    used = in_use(entries, contracts, as_of)
    broken = [check for check in checks if not check.passed]
    warned = sum(check.severity == dg.AssetCheckSeverity.WARN for check in broken)
    summary = RunSummary(
        as_of=as_of,
        run_id=run_id,
        accepted=len(accepted),
        refused={entry.delivery: [*entry.reasons, _meanwhile(entry, used)] for entry in _refused(newest)},
        superseded=sum(entry.verdict == "refused" for entry in newest) - len(_refused(newest)),
        future=len(found.future),
        unrecognised=[f"{place}: {reason}" for place, reason in found.unrecognised],
        rows_in=sum(table.rows_read for table in tables),
        quarantined=sum(table.quarantined for table in tables),
        ignored=sum(table.ignored for table in tables),
        files_ignored=sum(entry.files_ignored for entry in newest if entry.tables),
        checks_passed=len(checks) - len(broken),
        checks_warned=warned,
        checks_failed=len(broken) - warned,
        releases=[
            PublishedRelease(purpose=r.purpose, version=r.version, rows=dict(r.rows))
            for r in published(settings.releases)
        ],
    )
    return _with_links(settings, summary)


def _meanwhile(entry: LedgerEntry, used: Sequence[InUse]) -> str:
    """What stands in for a refused delivery."""
    source = next((s for s in used if (s.partner, s.dataset) == (entry.partner, entry.dataset)), None)
    if source is None or source.latest is None:
        return "Nothing of this source is in use: no delivery of it has been accepted yet."
    return f"Meanwhile the delivery of {source.latest.date} (revision {source.latest.revision}) stays in use."


def _newest_of_each_date(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    newest: dict[str, LedgerEntry] = {}
    for entry in sorted(entries, key=lambda e: e.revision):
        newest[entry.delivery] = entry
    return list(newest.values())


def _refused(newest: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Refusals that still matter: nothing newer from that source has been accepted."""
    last_accepted: dict[tuple[str, str], date] = {}
    for entry in newest:
        if entry.verdict == "accepted":
            source = (entry.partner, entry.dataset)
            last_accepted[source] = max(last_accepted.get(source, date.min), entry.date)
    return [
        entry
        for entry in newest
        if entry.verdict == "refused" and entry.date >= last_accepted.get((entry.partner, entry.dataset), date.min)
    ]


def _with_links(settings: Settings, summary: RunSummary) -> RunSummary:
    path = settings.linkage / "report.json"
    if not path.exists():
        return summary
    report = json.loads(path.read_text(encoding="utf-8"))
    links = [SourceLinks(**source) for source in report["link_rates"]]
    return summary.model_copy(
        update={
            "links": links,
            "person_records": report["person_records"],
            "residents": report["residents"],
            "linking": report.get("linking", {}).get("sentence", ""),
        }
    )
