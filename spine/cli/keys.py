"""`spine keys`: which pseudonym keys there are, and replacing one.

Put here: the arguments and what a person reads. Never here: a key.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from spine.cli.app import app, err, out
from spine.locks import home_lock
from spine.runs import as_of_from
from spine.settings import Settings

keys_app = typer.Typer(no_args_is_help=True, help="List the pseudonym keys, or replace one.")
app.add_typer(keys_app, name="keys")


@keys_app.command("list", epilog="Example: spine keys list")
def list_keys() -> None:
    """Show every version of every purpose's key: its fingerprint, which tells keys apart, age and mode."""
    from spine.governance import key_files

    settings = Settings()
    today = as_of_from(None, settings)
    table = Table("purpose", "version", "fingerprint", "age in days", "mode", "", box=box.SIMPLE_HEAD)
    for key in key_files(settings.keys):
        state = key.problem or ("in use from the next release" if key.is_current else "kept for older releases")
        age = str(max(0, (today - key.made_on).days))
        table.add_row(key.purpose, str(key.version), key.fingerprint or "none", age, key.mode, Text(state))
    out.print(table)


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
