"""The command's frame: help, exit codes, and errors that show no data.

Put here: what all commands share. Never here: a command.
"""

from __future__ import annotations

import time
import traceback
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from spine.cli.terminal import err
from spine.errors import SpineError, UsageError
from spine.files import machine_fault

#: When the command began, as near as its own code can know: before anything slow is imported.
STARTED = time.monotonic()

_EXIT_CODES = """
Exit codes: 0 done · 1 internal error · 2 wrong arguments · 3 a contract or agreement is not valid ·
4 done, but a delivery was refused or not recognised · 5 rows do not add up · 6 refused by governance ·
7 another run holds the home · 8 a step of the pipeline failed.
"""


class SafeGroup(TyperGroup):
    """Ends every command with one clear error and its exit code; a library's message is never shown."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SpineError as error:
            err.print(f"[bold red]Refused[/]: {_escaped(str(error))}", highlight=False)
            raise typer.Exit(error.exit_code) from None
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise  # a reader that has seen enough, such as `head`, is no error of ours
        except Exception as error:
            if getattr(error, "title", "") == "Settings":  # of pydantic; its message would show the value
                err.print(f"[bold red]Refused[/]: {_escaped(_wrong_settings(error))}", highlight=False)
                raise typer.Exit(UsageError.exit_code) from None
            if fault := machine_fault(error):
                err.print(f"[bold red]Refused[/]: {fault}", highlight=False)
                raise typer.Exit(fault.exit_code) from None
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.name}, line {place.lineno}"
            err.print(f"[bold red]Internal error[/]: {type(error).__name__} in {where}.", highlight=False)
            err.print("The message is withheld because it may quote data. Please report it with this line.")
            raise typer.Exit(SpineError.exit_code) from None


app = typer.Typer(
    cls=SafeGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Connected Spine: partner extracts in, a governed spine out.",
    epilog=_EXIT_CODES.replace("\n", " "),
)


@app.callback()
def _commands() -> None:
    """Keeps `app` a group of commands where only one of them is loaded."""


def pipeline(name: str) -> Any:
    """A function of the pipeline, by its entry point.

    Raises:
        UsageError: no pipeline is installed beside the library.
    """
    from importlib.metadata import entry_points

    found = entry_points(group="spine.pipeline", name=name)
    if not found:
        raise UsageError("No pipeline is installed. Install the project as a whole: `make demo` does it.")
    return next(iter(found)).load()


def _wrong_settings(error: Any) -> str:
    """Which variables of the environment cannot be used, and why; never what they hold."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"SPINE_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in faults)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
