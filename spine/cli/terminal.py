"""What commands print on: two consoles, tables that show every cell whole, and the bar of a run.

Put here: how anything looks on a terminal or in a pipe. Never here: what is printed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterator
from contextlib import ExitStack, contextmanager, suppress

from rich import box
from rich.console import Console, ConsoleDimensions
from rich.progress import Progress, ProgressColumn
from rich.table import Table

#: Of a file or a pipe: no line is broken there, so that it can be searched.
_UNBROKEN = 1_000
_DATE = len("2028-03-31")


class Lines(Console):
    """A console that breaks lines for a terminal, or where COLUMNS says how long they may be, and nowhere else."""

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and rows."""
        found = super().size
        return found if self.is_terminal or "COLUMNS" in os.environ else ConsoleDimensions(_UNBROKEN, found.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


out = Lines()
err = Lines(stderr=True)


def listing(
    *headings: str, title: str = "", right: Container[str] = (), dates: Container[str] = (), close: bool = False
) -> Table:
    """A table in which no cell is cut short: what is too long for its column goes on in the next line.

    Args:
        right: headings of columns of numbers.
        dates: headings of columns in which a date is never broken.
        close: columns stand as close as they can.
    """
    padding = (0, 1, 0, 0) if close else (0, 1)
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", padding=padding)
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            min_width=_DATE if heading in dates else None,
            overflow="fold",
        )
    return table


@contextmanager
def progress_bar(*columns: ProgressColumn) -> Iterator[Progress]:
    """A bar on the terminal that is gone afterwards; none in a file or a pipe.

    It writes to standard error as it was before: Dagster leads the process's own into a file while steps run.
    """
    with ExitStack() as stack:
        console: Console = err
        with suppress(OSError):  # a stand-in for standard error may have no descriptor
            file = stack.enter_context(os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8"))
            console = Console(file=file)
        bar = Progress(
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        yield stack.enter_context(bar)
