"""`spine replay` and `spine backfill`: deliveries that are judged once more from landing.

Put here: which deliveries are meant, and what a person reads of the outcome. Never here: how a delivery is
judged (spine.extract), or what a run does after it (run).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from spine.changes import look_at_results
from spine.cli.app import app
from spine.cli.report import show_summary
from spine.cli.run import run_home
from spine.cli.terminal import err, out
from spine.contracts import Contract, load_contracts, load_partners, load_waivers
from spine.errors import DeliveryError, UsageError
from spine.locks import home_lock
from spine.runs import RunRecord, as_of_from
from spine.settings import Settings

if TYPE_CHECKING:  # slow to import: only when there is something to judge
    from spine.extract import Delivery, Found, Judgement, Ledger

#: Seconds in which a delivery that was written just now must not change.
_SETTLING = 0.5
_PUT_BACK = "To judge it again, put the partner's files back into its folder in landing, or ask the partner to resend"

PartnerOption = Annotated[str, typer.Option("--partner", help="The partner's id, as its folder in landing.")]
DatasetOption = Annotated[str, typer.Option("--dataset", help="The dataset, as its folder in landing.")]
AsOf = Annotated[str, typer.Option("--as-of", help="YYYY-MM-DD, the run's date, as for `spine run`.")]


@dataclass(frozen=True)
class _Scope:
    """Deliveries that are meant; None means any."""

    partner: str | None
    dataset: str | None
    first: date
    last: date

    def holds(self, partner: str, dataset: str, day: date) -> bool:
        """True where the delivery is meant."""
        return self.partner in (None, partner) and self.dataset in (None, dataset) and self.first <= day <= self.last

    @property
    def text(self) -> str:
        """The deliveries in words."""
        place = f"{self.partner or 'any partner'}/{self.dataset or 'any dataset'}"
        return f"{place}/{self.first}" if self.first == self.last else f"{place}, {self.first} to {self.last}"


@app.command(
    epilog="Example: spine replay --partner saltmarsh_district --dataset council_tax --date 2028-03-28. "
    "Use it when a lake folder is damaged, or when the code of a rule has changed."
)
def replay(
    partner: PartnerOption,
    dataset: DatasetOption,
    dated: Annotated[str, typer.Option("--date", help="YYYY-MM-DD, the delivery's date.")],
    as_of: AsOf = "",
) -> None:
    """Judge one delivery again from landing, and run the pipeline if that changed anything.

    The same bytes, contract and result leave ledger and lake as they are. Another result is a new
    revision. A damaged or lost folder in the lake is restored.
    """
    day = _day(dated, "--date")
    _again(partner, dataset, day, day, as_of)


@app.command(
    epilog="Example: spine backfill --from 2028-01-01 --to 2028-03-31 · "
    "spine backfill --from 2028-01-01 --to 2028-03-31 --partner wexmoor_county --dataset social_care"
)
def backfill(
    start: Annotated[str, typer.Option("--from", help="YYYY-MM-DD, the first date.")],
    end: Annotated[str, typer.Option("--to", help="YYYY-MM-DD, the last date, itself included.")],
    partner: PartnerOption = "",
    dataset: DatasetOption = "",
    as_of: AsOf = "",
) -> None:
    """Judge all deliveries of a range of dates again, oldest first, as `spine replay` does one."""
    first, last = _day(start, "--from"), _day(end, "--to")
    if first > last:
        raise UsageError("--from is later than --to: expected the first date and then the last")
    _again(partner or None, dataset or None, first, last, as_of)


def _again(partner: str | None, dataset: str | None, first: date, last: date, as_of_text: str) -> None:
    from spine.extract import Ledger, find_deliveries

    settings = Settings().prepare()
    as_of = as_of_from(as_of_text, settings)
    partners = load_partners(settings.expectations / "partners.yaml")
    contracts = load_contracts(settings.expectations / "contracts", partners)
    _require_known(contracts, partner, dataset)
    scope = _Scope(partner, dataset, first, last)
    ledger = Ledger(settings.ledger)
    with home_lock(settings, "spine replay"):
        found = find_deliveries(settings.landing, contracts, as_of)
        meant = [d for d in found.deliveries if scope.holds(d.partner, d.dataset, d.date)]
        gone = _gone(ledger, scope, found, as_of)
        if not meant:
            raise UsageError(_nothing(scope, gone, found, as_of))
        judged = _judge(settings, contracts, sorted(meant, key=lambda d: (d.date, d.key)), ledger, as_of)
    for key in gone:
        out.print(Text(f"{key} is not in landing any more and stays as it is. {_PUT_BACK}", style="yellow"))
    refused = any(judgement.entry is None or not judgement.entry.accepted for judgement in judged)
    code = DeliveryError.exit_code if refused else 0
    done = RunRecord(settings).last()
    if done is not None and done.made == look_at_results(settings):
        out.print("Nothing has changed; warehouse and releases stand.")
        raise typer.Exit(code)
    summary = run_home(settings, as_of)
    show_summary(summary, settings)
    raise typer.Exit(summary.exit_code or code)


def _judge(
    settings: Settings, contracts: Sequence[Contract], deliveries: Sequence[Delivery], ledger: Ledger, as_of: date
) -> list[Judgement]:
    columns = (SpinnerColumn(), TextColumn("{task.description:<60}"), BarColumn(), MofNCompleteColumn())
    judged = []
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as progress:
        task = progress.add_task("Judging", total=len(deliveries))
        from spine.extract import contract_for, judge_delivery
        from spine.quality import evaluate

        waivers = load_waivers(settings.expectations, contracts)
        for delivery in deliveries:
            progress.update(task, description=f"Judging {delivery.key}")
            contract = contract_for(contracts, delivery.partner, delivery.dataset, delivery.date)
            assert contract is not None  # find_deliveries leaves out what no contract covers
            judgement = judge_delivery(
                delivery,
                contract,
                lake=settings.lake,
                ledger=ledger,
                as_of=as_of,
                evaluate=partial(evaluate, threads=settings.threads),
                threads=settings.threads,
                again=True,
                settling=_SETTLING,
                waivers=waivers,
            )
            judged.append(judgement)
            progress.console.print(Text(_sentence(delivery, judgement)), soft_wrap=True)
            progress.advance(task)
    return judged


def _sentence(delivery: Delivery, judgement: Judgement) -> str:
    entry = judgement.entry
    if judgement.outcome == "waiting" or entry is None:
        return (
            f"{delivery.key}: it changed while it was read, so it is still being sent. Try again when it is complete."
        )
    if judgement.outcome == "new":
        reasons = "".join(f"\n  {reason}" for reason in entry.reasons)
        return f"{delivery.key}: {entry.verdict} as revision {entry.revision}.{reasons}"
    same = f"{delivery.key}: same result as revision {entry.revision} ({entry.verdict})"
    if judgement.outcome == "restored":
        return f"{same}; its folder in the lake was damaged or lost, and is whole again."
    return f"{same}."


def _require_known(contracts: Sequence[Contract], partner: str | None, dataset: str | None) -> None:
    """Refuse a source that no contract names; what was typed is not repeated."""
    pairs = {(supply.partner, contract.dataset) for contract in contracts for supply in contract.supplies}
    if partner is not None and partner not in {p for p, _ in pairs}:
        raise UsageError(f"--partner: expected one of {_listed(p for p, _ in pairs)}")
    if dataset is not None and not any(d == dataset and partner in (None, p) for p, d in pairs):
        sent = _listed(d for p, d in pairs if partner in (None, p))
        raise UsageError(f"--dataset: expected one of {sent}{f', which {partner} sends' if partner else ''}")


def _gone(ledger: Ledger, scope: _Scope, found: Found, as_of: date) -> list[str]:
    """Deliveries that were judged once and are not in landing any more."""
    there = {delivery.key for delivery in found.deliveries}
    meant = {e.delivery for e in ledger.entries() if scope.holds(e.partner, e.dataset, e.date) and e.date <= as_of}
    return sorted(meant - there)


def _nothing(scope: _Scope, gone: Sequence[str], found: Found, as_of: date) -> str:
    """Why there is nothing to judge, and what to do."""
    if gone:
        count = f"{len(gone)} deliveries were" if len(gone) > 1 else f"{gone[0]} was"
        return f"{count} judged before and cannot be read again: landing no longer has the files. {_PUT_BACK}"
    if any(scope.holds(d.partner, d.dataset, d.date) for d in found.future):
        return f"{scope.text} is dated after {as_of}, and later deliveries are ignored: give --as-of a later date"
    faults = [reason for place, reason in found.unrecognised if place == scope.text]
    why = f": {faults[0]}" if faults else ""
    return f"landing has no delivery of {scope.text} that can be judged{why}. `spine status` shows what is there"


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: expected a day of the calendar as YYYY-MM-DD, such as 2028-03-31") from None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))
