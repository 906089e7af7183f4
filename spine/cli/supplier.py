"""`spine report`: where the report for a partner lies, made anew where it is missing or out of date.

Put here: which delivery is meant, and what a person reads. Never here: what a report says (spine.reports).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from spine.cli.app import app
from spine.cli.terminal import out
from spine.contracts import load_contracts, load_partners
from spine.errors import UsageError
from spine.runs import RunRecord, as_of_from
from spine.settings import Settings


@app.command(epilog="Example: spine report --partner harcombe_district --dataset council_tax")
def report(
    partner: Annotated[str, typer.Option(help="The partner's id, as its folder in landing.")],
    dataset: Annotated[str, typer.Option(help="The dataset, as its folder in landing.")],
    day: Annotated[str, typer.Option("--date", help="The delivery's date, YYYY-MM-DD; the newest if left out.")] = "",
) -> None:
    """Show where the report on a refused or warned delivery lies, to be sent to the partner."""
    from spine.extract import Ledger, in_use
    from spine.reports import write_reports
    from spine.reports.feedback import newest_feedback

    settings = Settings()
    partners = load_partners(settings.expectations / "partners.yaml")
    contracts = load_contracts(settings.expectations / "contracts", partners)
    sources = sorted({(supply.partner, contract.dataset) for contract in contracts for supply in contract.supplies})
    if (partner, dataset) not in sources:
        known = ", ".join(f"{p} {d}" for p, d in sources)
        raise UsageError(f"report: no contract has this partner and dataset; expected one of: {known}")
    judged = Ledger(settings.ledger).for_source(partner, dataset)
    last = RunRecord(settings).last_as_of or as_of_from(None, settings)
    as_of = max([last, *(entry.judged_as_of for entry in judged)])  # a run that failed may have judged more
    entries = [entry for entry in judged if entry.date <= as_of]
    wanted = _date(day) if day else max((entry.date for entry in entries), default=as_of)
    newest = max((entry for entry in entries if entry.date == wanted), key=lambda e: e.revision, default=None)
    if newest is None:
        days = ", ".join(sorted({str(entry.date) for entry in entries})) or "none yet"
        raise UsageError(f"report: nothing dated {wanted} was judged up to {as_of}; expected one of: {days}")
    state = next(s for s in in_use(entries, contracts, as_of) if (s.partner, s.dataset) == (partner, dataset))
    page = write_reports(settings, partners[partner], contracts, entries, state, as_of).get(newest.delivery)
    out.print(Text(f"{newest.delivery}: {newest.verdict}, revision {newest.revision}"))
    if page is None:
        out.print(Text("  There is nothing to correct, so it has no report."))
    else:
        _list(page)
    feedback = newest_feedback(settings, partner)
    if feedback is not None:
        out.print(Text("What other sources say of the partner's records:"))
        _list(feedback)


def _list(page: Path) -> None:
    for path in (page, page.with_suffix(".csv")):
        out.print(Text(f"  {path}"), soft_wrap=True)  # never wrapped, so that it can be copied


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("report: --date is no date; expected YYYY-MM-DD") from None
