"""`spine audit`: whether the log is whole, and what it says.

Put here: commands that read the audit log. Never here: writing to it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, get_args

import typer
from rich.text import Text

from spine import audit
from spine.cli.app import app
from spine.cli.terminal import listing, out
from spine.errors import GovernanceError, UsageError
from spine.settings import Settings

audit_app = typer.Typer(no_args_is_help=True, help="Check the audit log against its chain and its anchors, or read it.")
app.add_typer(audit_app, name="audit")


@audit_app.command(epilog="Example: spine audit verify")
def verify() -> None:
    """Check that no line of the log was altered, removed or moved; exit code 6 where one was."""
    from spine.release import audit_standing  # slow to import

    settings = Settings()
    standing = audit_standing(settings)
    if standing.faults:
        raise GovernanceError(
            "the audit log is not what was written:\n" + "\n".join(standing.faults) + "\nKeep it as it is, restore "
            "runs/audit.log from a backup beside it, and tell the controllers: what lies between the two is in doubt"
        )
    later = standing.lines - standing.covered
    out.print(f"{standing.lines:,} lines, each in its place. {standing.anchors:,} anchors fit.", highlight=False)
    if later:
        out.print(
            f"The last {later:,} lines came after the last anchor: if they were cut off, nothing would show it until "
            "then. The next release, or the next run where an anchor file is set, covers them.",
            highlight=False,
        )


@audit_app.command(epilog="Example: spine audit show --kind withdrawal --since 2028-03-01")
def show(
    kind: Annotated[str, typer.Option(help="Only lines of this kind, such as output_release.")] = "",
    since: Annotated[str, typer.Option(help="YYYY-MM-DD; only lines written on that day or later.")] = "",
    purpose: Annotated[str, typer.Option(help="Only lines about this purpose.")] = "",
) -> None:
    """Show what was decided, by whom and when. The log holds ids, hashes and counts, and nothing about a person."""
    if kind and kind not in get_args(audit.Kind):
        raise UsageError(f"--kind: expected one of {', '.join(get_args(audit.Kind))}")
    try:
        first = date.fromisoformat(since).isoformat() if since else ""
    except ValueError:
        raise UsageError("--since: expected a day of the calendar as YYYY-MM-DD") from None
    table = listing("line", "at", "actor", "kind", "facts", right=("line",), dates=("at",), close=True)
    for entry in audit.entries(Settings().audit_log):
        wanted = not kind or entry.kind == kind
        if wanted and entry.at >= first and (not purpose or entry.facts.get("purpose") == purpose):
            facts = Text(", ".join(f"{name} {_short(value)}" for name, value in entry.facts.items()))
            table.add_row(str(entry.line), entry.at[:19].replace("T", " "), entry.actor, entry.kind, facts)
    out.print(table)


def _short(value: Any) -> str:
    """A value in one line; a hash by its first twelve characters."""
    text = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
    return text[:12] if len(text) == 64 and " " not in text else text
