"""`spine keys`: which pseudonym keys there are, and replacing one.

Put here: the arguments and what a person reads. Never here: a key.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from spine.cli.app import app
from spine.cli.terminal import err, listing, out
from spine.locks import home_lock
from spine.settings import Settings

keys_app = typer.Typer(no_args_is_help=True, help="List the pseudonym keys, or replace one.")
app.add_typer(keys_app, name="keys")


@keys_app.command("list", epilog="Example: spine keys list")
def list_keys() -> None:
    """Show every version of every purpose's key: its fingerprint, which tells keys apart, its day, mode and use."""
    from spine.governance import key_files
    from spine.release import versions

    settings = Settings()
    in_use = {(entry.purpose, entry.record.key_version) for entry in versions(settings) if entry.state == "current"}
    table = listing("purpose", "version", "fingerprint", "made on", "mode", "", dates=("made on",))
    for key in key_files(settings.keys):
        state = key.problem or _use(key.is_current, (key.purpose, key.version) in in_use)
        made_on = str(key.made_on)
        table.add_row(key.purpose, str(key.version), key.fingerprint or "none", made_on, key.mode, Text(state))
    out.print(table)


def _use(is_newest: bool, is_published: bool) -> str:
    if is_published:
        return "in use" if is_newest else "in use until the next release"
    return "in use from the next release" if is_newest else "kept for older releases"


@keys_app.command(epilog='Example: spine keys rotate care_planning --reason "a file was sent astray"')
def rotate(
    purpose: Annotated[str, typer.Argument(help="The purpose, such as care_planning.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence that names no resident; kept in the audit log.")],
) -> None:
    """Replace a purpose's pseudonym key: from its next release on every resident has another id."""
    from spine.anchors import set_anchors
    from spine.release import replace_key

    settings = Settings().prepare()
    with home_lock(settings, "spine keys rotate"):
        key = replace_key(purpose, settings, reason)
        for warning in set_anchors(settings):
            err.print(Text(f"Warning: {warning}", style="yellow"))
    out.print(
        f"{purpose} has key version {key.version}, fingerprint {key.fingerprint}. The next run publishes under it and "
        "removes what was published under the key before. Back up the keys folder now, away from the releases.",
        highlight=False,
    )
