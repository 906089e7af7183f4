"""`spine quality`: how rules have fared, and what another threshold would have said.

Put here: the two commands and their tables. Never here: how the history is kept (spine.quality.history), or a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from spine.cli.app import app
from spine.cli.terminal import listing, out
from spine.contracts import Contract, Rule, Threshold, load_contracts, load_partners
from spine.errors import UsageError
from spine.settings import Settings

if TYPE_CHECKING:  # slow to import: only where it is needed
    import polars as pl

quality_app = typer.Typer(no_args_is_help=True, help="The quality history: every verdict with its counts.")
app.add_typer(quality_app, name="quality")

PartnerOption = Annotated[str, typer.Option("--partner", help="Only this partner's deliveries.")]
DatasetOption = Annotated[str, typer.Option("--dataset", help="Only this dataset.")]
RuleOption = Annotated[str, typer.Option("--rule", help="Only this rule, by its check's name.")]


@quality_app.command(epilog="Example: spine quality history --partner saltmarsh_district --all")
def history(
    partner: PartnerOption = "",
    dataset: DatasetOption = "",
    rule: RuleOption = "",
    everything: Annotated[bool, typer.Option("--all", help="Passed verdicts and earlier revisions too.")] = False,
    last: Annotated[int, typer.Option(min=1, help="At most so many lines, the newest.")] = 100,
) -> None:
    """List the verdicts of all deliveries and runs, oldest first; without --all those that are no pass."""
    import polars as pl

    from spine.quality.history import newest_revisions, read_history

    known = read_history(Settings().quality)
    if known.is_empty():
        raise UsageError("There is no quality history in this home yet. `spine run` writes it")
    found = _narrowed(known, partner, dataset, rule)
    if not everything:
        found = newest_revisions(found).filter(pl.col("outcome") != "passed")
    shown = found.sort("date", "source", "rule", "revision").tail(last)
    headings = ("date", "source", "rule", "verdict", "rows", "of", "waived until")
    table = listing(*headings, right=("rows", "of"), dates=("date",), close=True)
    for row in shown.iter_rows(named=True):
        place = row["source"].replace("__", " / ") if row["source"] != "spine" else row["asset"]
        counts = (f"{row[name]:,}" if row[name] is not None else "" for name in ("numerator", "denominator"))
        cells = (row["date"], place, row["rule"], row["outcome"], *counts, row["waived_until"] or "")
        table.add_row(*(Text(str(cell)) for cell in cells))
    out.print(table)
    more = "" if everything else " Passes are left out; --all lists them too."
    out.print(f"{shown.height:,} of {found.height:,} verdicts.{more}")


@quality_app.command(
    epilog="Example: spine quality rejudge · spine quality rejudge --rule table__unique_key --at-most-percent 0.5"
)
def rejudge(
    partner: PartnerOption = "",
    dataset: DatasetOption = "",
    rule: RuleOption = "",
    at_most_percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="Try this threshold instead of the contract's.")
    ] = None,
) -> None:
    """Judge every past delivery by today's thresholds, or by one to try; nothing is run again and nothing changes."""
    from spine.quality.history import newest_revisions, read_history

    if at_most_percent is not None and not rule:
        raise UsageError("--at-most-percent: expected --rule with it, since it is tried on one rule")
    settings = Settings()
    contracts = load_contracts(
        settings.expectations / "contracts", load_partners(settings.expectations / "partners.yaml")
    )
    tried = Threshold("mustBeLessOrEqualTo", at_most_percent, "percent") if at_most_percent is not None else None
    found = newest_revisions(_narrowed(read_history(settings.quality), partner, dataset, rule))
    counts = ("deliveries", "failed then", "would fail now")
    table = listing("source", "rule", "threshold", *counts, right=counts, close=True)
    lines = _rejudged(found, contracts, tried)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    out.print(table)
    out.print(f"{len(lines):,} rules. Without --rule, only those are listed that fail in a delivery, then or now.")


def _narrowed(verdicts: pl.DataFrame, partner: str, dataset: str, rule: str) -> pl.DataFrame:
    import polars as pl

    source = pl.col("source").str.split_exact("__", 1)
    if partner:
        verdicts = verdicts.filter(source.struct.field("field_0") == partner)
    if dataset:
        verdicts = verdicts.filter(source.struct.field("field_1") == dataset)
    return verdicts.filter(pl.col("rule") == rule) if rule else verdicts


def _rejudged(
    verdicts: pl.DataFrame, contracts: tuple[Contract, ...], tried: Threshold | None
) -> list[tuple[str, ...]]:
    """A line for each source and rule of today's contracts that the history knows."""
    from spine.quality.trend import is_broken

    rules = _rules(contracts)
    lines: list[tuple[str, ...]] = []
    for (source, name), group in verdicts.group_by("source", "rule", maintain_order=True):
        rule = rules.get((str(source), str(name)))
        if rule is None:
            continue
        bound = tried or rule.threshold
        counts = group.select("numerator", "denominator").iter_rows()
        now = sum(is_broken(bound, numerator, denominator) for numerator, denominator in counts)
        then = group.height - group["outcome"].eq("passed").sum()
        if now or then or tried:
            shown = (str(source).replace("__", " / "), str(name), str(bound))
            lines.append((*shown, f"{group.height:,}", f"{then:,}", f"{now:,}"))
    return lines


def _rules(contracts: tuple[Contract, ...]) -> dict[tuple[str, str], Rule]:
    """Today's rules by source and name; of two layouts with a rule of one name the later one's."""
    return {
        (f"{supply.partner}__{contract.dataset}", rule.name): rule
        for contract in contracts
        for supply in sorted(contract.supplies, key=lambda s: s.valid_from)
        for rule in contract.rules
        if rule.metric != "text"
    }
