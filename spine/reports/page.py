"""The report as one page: HTML that needs nothing else, for a screen, a phone or paper.

Put here: the page's parts and their order. Never here: what is wrong (findings) or what to do
(advice). Everything that is not written here goes through `html.escape`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

import polars as pl

from spine.reports.advice import AGAIN
from spine.reports.findings import LIMIT, Finding, SupplierReport
from spine.reports.parts import document, table

#: Ranges of rows that are shown for one file, and files that are shown for one rule; the list holds more.
_RANGES, _FILES = 30, 20
_BASIS = re.compile(r'<meta name="spine-basis" content="([0-9a-f]+)">')


def page(report: SupplierReport, basis: str) -> str:
    """The report as HTML: verdict, what to do first, then each finding with its counts and rows.

    Args:
        basis: what the report was made from, as a hash; it is read back by `basis_of`.
    """
    title = f"{report.contract.title}, {report.entry.date}: {_verdict(report)}"
    body = [_head(report), _to_do(report), _details(report), _rows_read(report), _foot(report)]
    return document(
        title,
        body,
        first="first",
        skip="Skip to what to do first",
        meta=f'<meta name="spine-basis" content="{escape(basis)}">',
    )


def basis_of(path: Path) -> str | None:
    """What a report that was written before was made from; None where there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            found = _BASIS.search(file.read(2000))
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def _verdict(report: SupplierReport) -> str:
    return "accepted, with something to correct" if report.entry.accepted else "refused"


def _head(report: SupplierReport) -> str:
    entry = report.entry
    kind = "accepted" if entry.accepted else "refused"
    facts = {
        "From": report.partner.name,
        "Data": report.contract.title,
        "Delivery": f"{entry.date}, revision {entry.revision}",
        "Agreed in": f"contract {entry.contract_id} {entry.contract_version}",
        "Checked as of": str(entry.judged_as_of),
        "Who must act": report.partner.steward,
    }
    listed = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    return (
        f'<header><p class="about">Report on a delivery to Connected Spine</p><h1>{escape(report.contract.title)}, '
        f'{entry.date}</h1><p class="verdict {kind}"><strong>{_verdict(report).capitalize()}.</strong> '
        f"{escape(report.state)}</p><dl>{listed}</dl></header>"
    )


def _to_do(report: SupplierReport) -> str:
    """What to do, most urgent first, each once."""
    rows = [f for f in report.findings if f.severity == "error"] or list(report.findings)
    items = []
    for (severity, first), group in groupby(_once(rows), key=lambda f: (f.severity, f.first)):
        why = "".join(f"<li>{_place(f)}{escape(_found(f))}</li>" for f in group)
        tag = '<span class="tag">refused for this</span> ' if severity == "error" else ""
        items.append(f"<li>{tag}<strong>{escape(first)}</strong><ul>{why}</ul></li>")
    if any(f.needs_resend for f in rows) and not any(AGAIN in f.first for f in rows):
        items.append(f"<li><strong>{escape(AGAIN)}</strong></li>")
    return f'<section id="first"><h2>What to do first</h2><ol class="first">{"".join(items)}</ol></section>'


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that ask for the same stand together, where the first of them stands."""
    places: dict[str, int] = {}
    listed = list(findings)
    for finding in listed:
        places.setdefault(finding.first, len(places))
    return sorted(listed, key=lambda f: places[f.first])


def _place(finding: Finding) -> str:
    words = [f"table {finding.table}" if finding.table else "", finding.file]
    shown = ", ".join(word for word in words if word)
    return f"{escape(shown[0].upper() + shown[1:])}: " if shown and finding.kind != "structure" else ""


def _found(finding: Finding) -> str:
    if finding.count is None:
        return finding.expected
    return f"{finding.expected} {_of(finding)}"


def _of(finding: Finding) -> str:
    if finding.of is None or finding.rule.endswith("__has_rows"):
        return f"Found: {finding.count:,}."
    if not finding.of:
        return "Against it: the table has no row."
    return f"Against it: {finding.count:,} of {finding.of:,} rows ({_percent(finding)})."


def _percent(finding: Finding) -> str:
    percent = 100 * finding.share
    return "less than 0.01 %" if 0 < percent < 0.01 else f"{percent:.2f} %"


def _details(report: SupplierReport) -> str:
    """One section for each finding about rows."""
    told = [f for f in report.findings if f.kind in ("rule", "quarantine")]
    if not told:
        return ""
    sections = "".join(_detail(report, finding) for finding in told)
    note = (
        "Rows are numbered in each file from 1: row 1 is the first below the header, or the first line or record of a "
        "JSON file. In an archive or a workbook they count on from part to part. Files are numbered in the order of "
        "their names. We show no values."
    )
    return f"<section><h2>Which rows</h2><p>{note}</p>{sections}</section>"


def _detail(report: SupplierReport, finding: Finding) -> str:
    aside = "Rows put aside. " if finding.kind == "quarantine" else ""
    facts = {
        "Table": finding.table,
        "Column": finding.column,
        "Rows": f"{finding.count:,} of {finding.of:,}" if finding.of is not None else f"{finding.count:,}",
        "Percent": _percent(finding),
        "Allowed": finding.allowed,
        "Effect": "the delivery is refused" if finding.severity == "error" else "a warning",
        "Rule": finding.rule,
    }
    cells = "".join(f'<tr><th scope="row">{k}</th><td>{escape(v)}</td></tr>' for k, v in facts.items() if v)
    return (
        f'<article class="{finding.severity}"><h3>{escape(aside + finding.expected)}</h3>'
        f"<p>{escape(finding.first)}</p>{table('Counts', (), cells)}{_places(report, finding)}</article>"
    )


def _places(report: SupplierReport, finding: Finding) -> str:
    rows = finding.rows
    if rows is None:
        return "<p>This is about the whole table, or its rows cannot be told one by one.</p>"
    files = rows["file_no"].unique(maintain_order=True).to_list()
    cells = "".join(
        f'<tr><th scope="row">{escape(report.labels.get(number, f"file {number}"))}</th>'
        f"<td>{escape(_ranges(rows.filter(pl.col('file_no').eq_missing(number))['row_no'].drop_nulls().to_list()))}"
        "</td></tr>"
        for number in files[:_FILES]
    )
    more = []
    if len(files) > _FILES:
        more.append(f"{len(files) - _FILES} more files are in the list beside this page.")
    if (finding.count or 0) > rows.height >= LIMIT:
        more.append(f"These are the first {LIMIT:,} of {finding.count:,} rows.")
    return table("Rows by file", ("File", "Rows"), cells) + (f"<p>{' '.join(more)}</p>" if more else "")


def _ranges(numbers: Sequence[int]) -> str:
    """`12, 40 to 57`; the first `_RANGES` of them."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    shown = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in found[:_RANGES])
    return f"{shown}, and more" if len(found) > _RANGES else shown or "not known"


def _rows_read(report: SupplierReport) -> str:
    entry = report.entry
    if not entry.tables:
        return "<section><h2>What we read</h2><p>Nothing: the files could not be read to the end.</p></section>"
    head = ("Table", "Rows read", "Kept", "Put aside", "Not used")
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{n:,}</td>" for n in (t.rows_read, t.kept, t.quarantined, t.ignored))
        + "</tr>"
        for name, t in sorted(entry.tables.items())
    )
    ignored = f" Files that belong to no table of the contract: {entry.files_ignored}." if entry.files_ignored else ""
    return (
        f"<section><h2>What we read</h2><p>Files read: {entry.files}.{ignored}</p>"
        f"{table('Rows read', head, cells)}</section>"
    )


def _foot(report: SupplierReport) -> str:
    name = f"{report.entry.date}.csv"
    return (
        f"<footer><p>Every row that is listed here, and up to {LIMIT:,} for each rule, is in the file {escape(name)} "
        "beside this page. This page and that file hold no value from your delivery.</p></footer>"
    )
