"""How a result of `spine link` looks on a terminal.

Put here: tables for people, 80 columns wide. Never here: a figure that is not in the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from spine.cli.terminal import listing, out
from spine.linkage.explain import Explanation, signed

_WIDTH = 80


def show_result(report: Mapping[str, Any], folder: Path) -> None:
    """Print what a run found, and where it lies."""
    links = f"joined by {report['links']:,} links"
    out.print(Text(f"{report['records']:,} records are {report['clusters']:,} residents, {links}."))
    numbers = ("records", "residents", "linked")
    table = listing("source", *numbers, right=numbers)
    for source, row in report["sources"].items():
        share = f"{row['linked'] / row['records']:.1%}"
        table.add_row(Text(source or "not named"), f"{row['records']:,}", f"{row['residents']:,}", share)
    out.print(table, width=_WIDTH)
    if found := report.get("evaluation"):
        low, high = found["intervals"]["f1"]
        out.print(
            Text(
                f"Against the truth: precision {found['precision']:.4f}, recall {found['recall']:.4f}, F1 "
                f"{found['f1']:.4f} ({low:.4f} to {high:.4f})."
            )
        )
    if ignored := report["input"]["ignored_columns"]:
        out.print(Text(f"Columns not used: {', '.join(ignored)}", style="dim"))
    out.print(Text(f"Result: {folder}   Report: {folder / 'report.html'}"), soft_wrap=True)


def show_waterfall(told: Explanation, page: Path) -> None:
    """Print a pair's weights, what became of it, and where the page lies."""
    waterfall(told)
    out.print(Text(f"As a page: {page}"), soft_wrap=True)


def waterfall(told: Explanation) -> None:
    """Print a pair's weights, one row for each, and what became of it."""
    table = listing("what", "how it fell out", "bits", "sum", right=("bits", "sum"), close=True)
    for column in table.columns:
        column.no_wrap = column.header != "how it fell out"
    table.columns[1].ratio = 1
    for step in told.steps:
        table.add_row(Text(step.subject), Text(step.words), signed(step.bits), signed(step.total))
    out.print(table, width=_WIDTH)
    if told.not_known:
        out.print(Text(f"Not known of both: {', '.join(told.not_known)}.", style="dim"), width=_WIDTH)
    out.print(Text(told.reason, style="bold"), width=_WIDTH)
