"""What commands print on: whole lines in a pipe, whole cells on a narrow terminal, a bar that goes on being seen."""

from __future__ import annotations

import io
import os

import pytest
from rich.progress import TextColumn
from rich.text import Text

from spine.cli.terminal import Lines, listing, progress_bar

SOURCE = "harcombe_district__housing_tenancies"


def printed(monkeypatch: pytest.MonkeyPatch, columns: int | None) -> str:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", str(columns))
    console = Lines(file=io.StringIO(), force_terminal=False)
    table = listing("source", "newest", "rows", right=("rows",), dates=("newest",))
    table.add_row(SOURCE, "2028-03-31", "1,204")
    console.print(Text(f"Refused {SOURCE} " + "because of its columns " * 8))
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_no_line_is_broken_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, None).splitlines()
    assert len(lines[0]) > 200
    assert any(SOURCE in line and "1,204" in line for line in lines[1:])


def test_a_narrow_terminal_cuts_no_cell_short_and_breaks_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, 40)
    assert max(map(len, text.splitlines())) <= 40
    assert "…" not in text
    assert "2028-03-31" in text
    table = text[text.index("─") :]
    assert "".join(table.replace("2028-03-31", "").replace("1,204", "").split()).strip("─") == SOURCE


def test_the_bar_is_seen_while_standard_error_is_led_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with open(theirs, "w") as terminal, open(os.devnull, "w") as elsewhere:
        monkeypatch.setattr("sys.stderr", terminal)
        with progress_bar(TextColumn("{task.description}")) as bar:
            task = bar.add_task("Starting Dagster")
            os.dup2(elsewhere.fileno(), theirs)  # as Dagster does for the time of a step
            bar.update(task, description="conform")
            bar.refresh()
        seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "conform" in seen
