"""`spine query`, `spine status` and `spine contracts`: commands that look, and one that derives.

Put here: commands that leave a home as it is. Never here: a run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from spine.cli.app import app
from spine.cli.contract_sign import contracts_app, refuse_broken
from spine.cli.rights import stale_page, write_page
from spine.cli.terminal import listing, out
from spine.contracts import Contract, load_contracts, load_partners, load_waivers
from spine.contracts.derive import stale_suites, write_suites
from spine.contracts.layouts import stale_layouts, write_layouts
from spine.errors import ContractError
from spine.runs import RunRecord, as_of_from
from spine.settings import Settings

if TYPE_CHECKING:  # slow to import: only where it is needed
    from spine.extract import InUse, LedgerEntry


class Format(StrEnum):
    """How `spine query` prints its result."""

    table = "table"
    csv = "csv"
    json = "json"


@app.command(epilog='Example: spine query --purpose care_planning "SELECT sex, count(*) FROM residents GROUP BY ALL"')
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the release's tables.")],
    purpose: Annotated[str, typer.Option(help="Which release.")],
    output: Annotated[Format, typer.Option("--format", help="table, csv or json.")] = Format.table,
) -> None:
    """Query the published release of a purpose in SQL."""
    from spine.release import query as ask

    frame = ask(Settings().releases, purpose, sql)
    if output is Format.csv:
        typer.echo(frame.write_csv(), nl=False)
    elif output is Format.json:
        typer.echo(json.dumps(frame.to_dicts(), default=str, ensure_ascii=False, indent=2))
    else:
        numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
        table = listing(*frame.columns, right=numbers)
        for row in frame.iter_rows():
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        out.print(table)


@app.command(epilog="Example: spine status")
def status(
    dropped: Annotated[bool, typer.Option("--dropped", help="Name the columns that were dropped at the door.")] = False,
) -> None:
    """Show each source's deliveries, what is in use, and what is released."""
    from spine.extract import Ledger, find_deliveries, in_use
    from spine.release import published

    settings = Settings()
    partners = load_partners(settings.expectations / "partners.yaml")
    contracts = load_contracts(settings.expectations / "contracts", partners)
    as_of = RunRecord(settings).last_as_of or as_of_from(None, settings)
    entries = [entry for entry in Ledger(settings.ledger).entries() if entry.date <= as_of]
    states = in_use(entries, contracts, as_of)
    if not settings.root.is_dir():
        out.print(
            Text(f"There is no home at {settings.root} yet: `spine demo` or `spine run` makes one."), soft_wrap=True
        )
    sources, newest = _sources(states, entries, as_of)
    out.print(sources)
    tell_dropped(newest, named=dropped)
    for place, reason in find_deliveries(settings.landing, contracts, as_of).unrecognised:
        out.print(Text(f"Not recognised: {place}: {reason}", style="yellow"))
    there = published(settings.releases)
    if not there:
        out.print("Nothing is released.")
        return
    releases = listing("purpose", "version", "as of", "rows", title="Released", dates=("as of",))
    for release in there:
        rows = ", ".join(f"{name} {count:,}" for name, count in release.rows.items())
        releases.add_row(release.purpose, str(release.version), str(release.as_of), rows)
    out.print(releases)


def tell_dropped(newest: Sequence[LedgerEntry], *, named: bool) -> None:
    """Print how many columns of these deliveries no contract names, or which."""
    lines = [line for entry in newest for line in dropped_columns(entry)]
    if named:
        for line in lines:
            out.print(Text(line))
    elif lines:
        columns = sum(counts.columns_dropped for entry in newest for counts in entry.tables.values())
        tables = f"{len(lines)} table{'' if len(lines) == 1 else 's'}"
        out.print(f"{columns:,} columns of {tables} are in no contract and were dropped: `spine status --dropped`.")


def _sources(states: Sequence[InUse], entries: Sequence[LedgerEntry], as_of: date) -> tuple[Table, list[LedgerEntry]]:
    """One row for each source, and the newest delivery of each."""
    used = {part.entry.delivery for source in states for part in source.parts}
    headings = ("source", "newest", "verdict", "rows", "in use")
    sources = listing(*headings, title=f"As of {as_of}", right=("rows",), dates=("newest", "in use"), close=True)
    found: list[LedgerEntry] = []
    for source in states:
        mine = [e for e in entries if (e.partner, e.dataset) == (source.partner, source.dataset)]
        newest = max(mine, key=lambda e: (e.date, e.revision), default=None)
        label = f"{source.partner} / {source.dataset}"
        if newest is None:
            sources.add_row(label, "none", "", "", "")
            continue
        kept = sum(t.kept for t in newest.tables.values())
        days = sorted({str(e.date) for e in mine if e.delivery in used})
        verdict = newest.verdict + (", stale" if source.is_stale else "")
        in_use_now = "yes" if days == [str(newest.date)] else ", ".join(days)
        sources.add_row(label, str(newest.date), verdict, f"{kept:,}", in_use_now)
        found.append(newest)
    return sources, found


def dropped_columns(entry: LedgerEntry) -> list[str]:
    """A line for each table with columns that its contract does not name: another table's contract may name them."""
    lines = []
    for table, counts in sorted(entry.tables.items()):
        if not counts.columns_dropped:
            continue
        names = list(counts.columns_dropped_names)
        if nameless := max(0, counts.columns_dropped - len(names)):
            names.append(f"{nameless} more whose header is not shown because it may be data")
        lines.append(f"Dropped from {entry.delivery}, table '{table}', as not contracted: {', '.join(names)}")
    return lines


@contracts_app.command(epilog="Example: spine contracts validate")
def validate() -> None:
    """Check every contract and every file derived from them; all errors at once."""
    from spine.release import known_purposes, load_output_contracts  # slow to import

    settings = Settings()
    contracts = _contracts(settings)
    _refuse_unrunnable(contracts)
    refuse_broken(contracts, settings)
    for purpose in known_purposes(settings):
        load_output_contracts(settings.expectations / "contracts" / "spine", purpose)
    stale = stale_suites(contracts, settings.expectations / "suites") + stale_layouts(contracts, settings.dbt_project)
    stale += stale_page(settings)
    if stale:
        raise ContractError(
            "these files are no longer what follows from the contracts:\n"
            + "\n".join(f"  {name}" for name in stale)
            + "\nRun `spine contracts derive` and commit what it writes."
        )
    load_waivers(settings.expectations, contracts)
    out.print(f"{len(contracts)} contracts are valid and what follows from them is current.")


@contracts_app.command(epilog="Example: spine contracts derive")
def derive() -> None:
    """Write what follows from the contracts: suites, dbt's sources and layouts; and the page on decision rights."""
    settings = Settings()
    contracts = _contracts(settings)
    _refuse_unrunnable(contracts)
    write_layouts(contracts, settings.dbt_project)  # first, because it checks that every table is staged
    write_suites(contracts, settings.expectations / "suites")
    write_page(settings)
    out.print("Suites, sources, layouts and the page on decision rights are written.")


def _contracts(settings: Settings) -> tuple[Contract, ...]:
    partners = load_partners(settings.expectations / "partners.yaml")
    return load_contracts(settings.expectations / "contracts", partners)


def _refuse_unrunnable(contracts: tuple[Contract, ...]) -> None:
    from spine.extract.rehearse import unrunnable_rules  # slow to import

    if faults := unrunnable_rules(contracts):
        raise ContractError("\n".join(faults))
