"""How a run's summary looks on a terminal.

Put here: tables for people. Never here: a figure that is not in the summary.
"""

from __future__ import annotations

import shlex

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from spine.cli.terminal import listing, out
from spine.errors import GovernanceError
from spine.runs import RunSummary
from spine.settings import Settings


def show_summary(summary: RunSummary, settings: Settings) -> None:
    """Print what happened: deliveries, records, links, checks, releases, whose approvals count, what went wrong."""
    parts: list[RenderableType] = [_figures(summary), Text(), _links(summary)]
    parts += [Text(), _releases(summary)] if summary.releases else [Text("Nothing is released.")]
    title = _title(summary)
    style = "green" if summary.succeeded and not summary.exit_code else "yellow" if summary.succeeded else "red"
    heading = f"{title} · as of {summary.as_of} · {summary.seconds:.0f} s"
    out.print(Text(heading, style=f"bold {style}"))
    out.print(Panel(Group(*parts), border_style=style, box=box.ROUNDED, expand=False))
    if not (summary.accepted or summary.refused or summary.waiting):
        out.print(
            Text(f"No delivery was found in {settings.landing}: docs/deliveries.md says what may arrive, and where.")
        )
    if summary.trust:
        out.print(Text(summary.trust), soft_wrap=True)
    if summary.because:
        scope = f"all {summary.assets}" if summary.assets_built == summary.assets else str(summary.assets_built)
        of = "" if summary.assets_built == summary.assets else f" of {summary.assets}"
        verb = "Rebuilt" if summary.succeeded else "Was to rebuild"
        out.print(Text(f"{verb} {scope}{of} assets because {summary.because}."))
    if summary.linking:
        out.print(Text(summary.linking))
    for delivery, reasons in summary.refused.items():
        out.print(f"[bold red]Refused[/] {delivery}", highlight=False)
        for reason in reasons:
            out.print(Text(f"  {reason}"))
        if (page := settings.reports / f"{delivery}.html").exists():
            out.print(Text(f"  Report to send to the partner: {page}"), soft_wrap=True)
    for delivery in summary.waiting:
        out.print(Text(f"Waiting: {delivery} is still being sent. The next run takes it.", style="yellow"))
    for folder in summary.unrecognised:
        out.print(Text(f"Not recognised: {folder}", style="yellow"))
    for failure in summary.failures:
        out.print(Text(failure, style="red"))


def _title(summary: RunSummary) -> str:
    """The run in one sentence: a source that is left behind is said first."""
    if not summary.succeeded:
        if summary.exit_code == GovernanceError.exit_code:  # which may have taken away what was published
            return "Refused by governance; below stands who must act"
        return "The run failed; what was published before stands"
    refused, unrecognised = len(summary.refused), len(summary.unrecognised)
    behind = [f"{refused:,} {'delivery' if refused == 1 else 'deliveries'} refused"] if refused else []
    if unrecognised:
        behind.append(f"{unrecognised:,} {'folder' if unrecognised == 1 else 'folders'} not recognised")
    return f"The run is done, {' and '.join(behind)}" if behind else "The spine is up to date"


def show_next_steps(settings: Settings) -> None:
    """Print the commands to try after a demonstration."""
    sql = "SELECT age_band, count(*) AS residents FROM residents GROUP BY ALL ORDER BY 1"
    home = (
        ""
        if settings.home == Settings.model_fields["home"].default
        else f"SPINE_HOME={shlex.quote(str(settings.home))} "
    )
    steps = {
        "query it": f'{home}.venv/bin/spine query --purpose care_planning "{sql}"',
        "see what warned": f"{home}.venv/bin/spine quality history",
        "see who has agreed": f"{home}.venv/bin/spine agreement list",
        "open the UI": f"{home}make dev   (then http://localhost:3000)",
        "add your own extract": "see docs/add-a-partner-extract.md",
    }
    out.print("[bold]Try next[/]")
    for label, command in steps.items():
        out.print(Text(f"  {label:<22}{command}"), soft_wrap=True)  # never wrapped, so that it can be copied


def _figures(summary: RunSummary) -> Table:
    table = Table.grid(padding=(0, 2))
    ignored = f", {summary.future} dated later and ignored" if summary.future else ""
    earlier = f" (and {summary.superseded:,} that a later accepted one replaces)" if summary.superseded else ""
    rows = [
        ("deliveries", f"{summary.accepted:,} accepted, {len(summary.refused):,} refused{earlier}{ignored}"),
        ("rows in", f"{summary.rows_in:,}, of which {summary.quarantined:,} quarantined, {summary.ignored:,} ignored"),
        ("files ignored", f"{summary.files_ignored:,}"),
        ("person records", f"{summary.person_records:,}"),
        ("residents", f"{summary.residents:,}"),
        (
            "checks",
            f"{summary.checks_passed:,} passed, {summary.checks_warned:,} warned, {summary.checks_failed:,} failed"
            + (f", {summary.checks_skipped:,} skipped" if summary.checks_skipped else ""),
        ),
    ]
    for label, text in rows:
        table.add_row(Text(label, style="dim"), text)
    return table


def _links(summary: RunSummary) -> Table:
    numbers = ("person records", "linked")
    table = listing("source", *numbers, right=numbers, title="Linked to another record")
    for source in summary.links:
        rate = source.linked / source.records if source.records else 0.0
        table.add_row(source.source.replace("__", " / "), f"{source.records:,}", f"{rate:.1%}")
    return table


def _releases(summary: RunSummary) -> Table:
    table = listing("purpose", "version", "rows", "left out", title="Released")
    for release in summary.releases:
        rows = "\n".join(f"{name} {count:,}" for name, count in sorted(release.rows.items()))
        left_out = "\n".join(f"{why.replace('_', ' ')} {count:,}" for why, count in sorted(release.excluded.items()))
        version = f"{release.version} (new)" if release.is_new else str(release.version)
        table.add_row(release.purpose, version, rows, left_out or "nobody")
    return table
