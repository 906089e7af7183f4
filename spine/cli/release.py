"""`spine release`: what is published, why its numbers moved, and taking it back.

Put here: the arguments and what a person reads. Never here: a rule of a release (spine.release).
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from spine.cli.app import app
from spine.cli.terminal import err, listing, out
from spine.locks import home_lock
from spine.settings import Settings

release_app = typer.Typer(no_args_is_help=True, help="List releases, compare two of them, withdraw or restore one.")
app.add_typer(release_app, name="release")

Purpose = Annotated[str, typer.Argument(help="The purpose, such as care_planning.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence that names no resident; kept in the audit log.")]


@release_app.command("list", epilog="Example: spine release list")
def list_releases() -> None:
    """Show every version of every purpose, also those that are gone."""
    from spine.release import versions  # slow to import

    headings = ("purpose", "version", "as of", "agreement", "residents", "key", "")
    table = listing(*headings, right=("version", "residents"), dates=("as of",), close=True)
    table.columns[0].no_wrap = True
    for entry in versions(Settings()):
        record, state = entry.record, Text(entry.state + (", demo" if entry.record.is_demo else ""))
        size = "1 to 7" if record.residents is None else f"{record.residents:,}"
        agreement = f"{record.agreement_id} {record.agreement_version}"
        row = (entry.purpose, str(record.version), str(record.as_of), agreement, size, f"v{record.key_version}", state)
        table.add_row(*row)
    out.print(table)
    out.print("Residents are rounded to the nearest 5.")


@release_app.command(epilog="Example: spine release diff care_planning · spine release diff care_planning 1 2")
def diff(
    purpose: Purpose,
    before: Annotated[int, typer.Argument(help="The older version; left out: the one before the newest.")] = 0,
    after: Annotated[int, typer.Argument(help="The newer version; left out: the newest.")] = 0,
    board: Annotated[bool, typer.Option("--board", help="Only the sentences, without the tables.")] = False,
) -> None:
    """Say why the numbers moved between two versions. Counts of 1 to 7 are not shown, others are rounded."""
    from spine.release import compare_versions  # slow to import

    difference = compare_versions(Settings(), purpose, before or None, after or None)
    for sentence in difference.sentences:
        out.print(Text(sentence))
    if board:
        return
    for title, heading, rows in difference.tables:
        table = listing(*heading, title=title)
        for row in rows:
            table.add_row(*map(Text, row))
        out.print(table)


@release_app.command(epilog='Example: spine release withdraw care_planning --reason "wrong areas"')
def withdraw(purpose: Purpose, reason: Reason) -> None:
    """Take a purpose's release away at once. It stays away until `spine release restore`."""
    from spine.anchors import set_anchors
    from spine.release import withdraw_by_hand

    settings = Settings().prepare()
    with home_lock(settings, "spine release withdraw"):
        versions = withdraw_by_hand(purpose, settings, reason)
        _warn(set_anchors(settings))
    gone = f"versions {', '.join(map(str, versions))} are gone" if versions else "nothing was published"
    out.print(
        f"{purpose} is withdrawn: {gone}, and no run publishes it again before `spine release restore {purpose}`. "
        "Whoever has a file open keeps it until they close it; copies that were taken are not reached.",
        highlight=False,
    )


@release_app.command(epilog='Example: spine release restore care_planning --reason "areas corrected"')
def restore(purpose: Purpose, reason: Reason) -> None:
    """Let the next run publish a purpose that was withdrawn by hand, if everything else permits it."""
    from spine.anchors import set_anchors
    from spine.release import restore as restore_purpose

    settings = Settings().prepare()
    with home_lock(settings, "spine release restore"):
        restore_purpose(purpose, settings, reason)
        _warn(set_anchors(settings))
    out.print(f"{purpose} may be published again: the next `spine run` decides.", highlight=False)


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        err.print(Text(f"Warning: {warning}", style="yellow"))
