"""What a partner is told of quality across sources: its own rows, and what to do with them.

Put here: the list and the page of one partner, and writing them. Never here: what is found (spine.quality.cross), a
value of a record, or the name of another partner.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from pathlib import Path

import polars as pl

from spine.contracts import Partner
from spine.files import make_folder, replacing
from spine.quality.cross import CrossFindings, CrossResult
from spine.quality.cross_limits import COVERAGE, KINDS, CrossLimits
from spine.reports.parts import document, percent, plain, section, table
from spine.reports.parts import rows as table_rows
from spine.settings import Settings

COLUMNS = (
    "dataset", "delivery", "table", "file", "row", "column", "record_key", "check", "what_to_do", "residents_affected",
)  # fmt: skip
#: Rows of one check that are shown on the page; the list holds all.
SHOWN = 50
#: A cell that begins with one of these would be a formula in a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def feedback_path(settings: Settings, partner: str, as_of: date) -> Path:
    """`reports/<partner>/feedback-<as_of>.html`; the list stands beside it as `.csv`."""
    return settings.reports / partner / f"feedback-{as_of.isoformat()}.html"


def newest_feedback(settings: Settings, partner: str) -> Path | None:
    """The page of the newest as-of date that has one."""
    return max((settings.reports / partner).glob("feedback-*.html"), default=None)


def write_feedback(
    settings: Settings, partners: Iterable[Partner], findings: CrossFindings, limits: CrossLimits, as_of: date
) -> dict[str, Path]:
    """Write each partner's feedback of this as-of date; a partner without a row to look at has none.

    Returns:
        The page of every partner that has one, by its id. Same findings, same bytes.

    Raises:
        PipelineError: the reports folder cannot be written to.
    """
    written = {}
    for partner in partners:
        path = feedback_path(settings, partner.id, as_of)
        results = [r for r in findings.results if r.source.partition("__")[0] == partner.id]
        mine = findings.rows.filter(pl.col("source").is_in([r.source for r in results]))
        if mine.is_empty():
            path.unlink(missing_ok=True)
            path.with_suffix(".csv").unlink(missing_ok=True)
            continue
        _write(path.with_suffix(".csv"), feedback_list(results, mine))
        _write(path, feedback_page(partner, results, mine, limits, as_of))
        written[partner.id] = path
    return written


def feedback_list(results: Sequence[CrossResult], rows: pl.DataFrame) -> str:
    """The list as CSV: one line for each place to look at.

    Args:
        rows: of this partner, as `CrossFindings.rows`. `row` counts data rows of the file from 1.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    residents = {(r.source, r.kind): r.residents for r in results}
    for row in rows.iter_rows(named=True):
        writer.writerow((
            row["source"].partition("__")[2], row["delivery"], row["table_name"], f"file {row['file_no']}",
            row["row_no"], row["column_name"], _cell(row["record_key"] or ""), row["kind"],
            KINDS[row["kind"]].advice, residents[(row["source"], row["kind"])],
        ))  # fmt: skip
    return text.getvalue()


def feedback_page(
    partner: Partner, results: Sequence[CrossResult], rows: pl.DataFrame, limits: CrossLimits, as_of: date
) -> str:
    """The page: what was found in each dataset, what to do, and the first rows of each check."""
    title = f"{partner.name}: what other sources say of your records, {as_of}"
    found = [r for r in results if r.numerator and r.kind != COVERAGE]
    body = [
        f'<header><p class="about">Feedback from Connected Spine</p><h1>{escape(title)}</h1><p>Who must act: '
        f"<strong>{escape(partner.steward)}</strong>. Your records were held against those of other sources about "
        "the same residents. We show no values, and do not say which source differs. The list beside this page holds "
        "all rows; what is above its limit stands first.</p></header>",
        section("What was found", table("By dataset and check", _HEAD, _overview(results, limits)), "first"),
        *(_rows_of(result, rows) for result in found),
    ]
    return document(title, body, first="first", skip="Skip to what was found")


_HEAD = ("Dataset", "Check", "Found", "Of", "Percent", "At most", "Residents affected")


def _overview(results: Sequence[CrossResult], limits: CrossLimits) -> str:
    """What is above its limit first, then what was found at all; what no limit holds to anything is left out."""

    def most(result: CrossResult) -> float:
        return limits.kinds[result.kind].most(result.source.partition("__")[2])

    held = [r for r in results if most(r) < 100]
    return table_rows(
        (
            r.source.partition("__")[2].replace("_", " "),
            KINDS[r.kind].sentence,
            f"{r.numerator:,}",
            f"{r.denominator:,} {KINDS[r.kind].unit}",
            percent(r.numerator, r.denominator),
            f"{most(r):g}%",
            f"{r.residents:,}",
        )
        for r in sorted(held, key=lambda r: (r.percentage <= most(r), not r.numerator))
    )


def _rows_of(result: CrossResult, rows: pl.DataFrame) -> str:
    kind, dataset = KINDS[result.kind], result.source.partition("__")[2]
    mine = rows.filter((pl.col("source") == result.source) & (pl.col("kind") == result.kind))
    cells = (
        (row["delivery"], row["table_name"], f"file {row['file_no']}", f"{row['row_no']}", row["column_name"] or "–")
        for row in mine.head(SHOWN).iter_rows(named=True)
    )
    more = f" The first {SHOWN} of {mine.height:,} are shown." if mine.height > SHOWN else ""
    listed = table("Rows", ("Delivery", "Table", "File", "Row", "Column"), table_rows(cells))
    heading = f"{plain(dataset).capitalize()}: {plain(result.kind)}"
    return section(heading, f"<p><strong>{escape(kind.advice)}</strong>{more}</p>{listed}")


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    with replacing(path, point="report.feedback") as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(text, encoding="utf-8", newline="")
