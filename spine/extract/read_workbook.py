"""Workbooks (.xlsx) into the rows of one contracted table, as text.

Put here: sheets, their header, and cells as text. Never here: what kind of office file it is (sniff).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import fastexcel
import pyarrow as pa

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.archive import check
from spine.extract.headers import HEADER_LINES, Names, match
from spine.extract.load_rows import Part, create_parsed, load
from spine.extract.workspace import FileRead, scrubbed

#: A workbook is held in memory as a whole, so it may unpack to no more bytes than this.
MAX_WORKBOOK = 500_000_000
_RESEND = "Ask the partner to resend it"


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook, as far as its header."""

    place: int
    name: str
    rows: int
    top: tuple[tuple[str, ...], ...]


def read_sheets(path: Path, where: str) -> list[Sheet]:
    """The sheets of a workbook with their first rows, after it was unpacked once to see that it is whole.

    Raises:
        DeliveryError: damaged, larger than MAX_WORKBOOK, or no workbook.
    """
    check(path, MAX_WORKBOOK, where)
    with _told(where):
        reader = fastexcel.read_excel(path)
        sheets = []
        for place, name in enumerate(reader.sheet_names):
            top = reader.load_sheet(place, header_row=None, skip_rows=0, n_rows=HEADER_LINES, dtypes="string")
            cells = _rows(pa.table(top)) if top.width else ()
            sheets.append(Sheet(place, name, top.total_height, cells))
        return sheets


def fitting(sheets: Sequence[Sheet], table: Table) -> list[Sheet]:
    """The sheets of a table: each whose header names every column that must come, else the one that names most."""
    names = Names(table)
    scores = [names.score(sheet.top[names.find(sheet.top)[0]]) if sheet.top else (0, 0) for sheet in sheets]
    whole = [sheet for sheet, (due, _) in zip(sheets, scores, strict=True) if due == names.due and sheet.top]
    if whole or not sheets:
        return whole
    return [sheets[max(range(len(sheets)), key=lambda n: (scores[n][1], -n))]]


def read_workbook(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, version: str) -> FileRead:
    """Append the rows of one sheet to the workspace's rows of `table`.

    Returns:
        Counts; row numbers count the rows below the header from 1, blank ones too.

    Raises:
        DeliveryError: an empty sheet, or a missing column.
    """
    with _told(part.where):
        sheet = fastexcel.read_excel(part.path).load_sheet(
            part.sheet, header_row=None, skip_rows=0, dtypes="string", skip_whitespace_tail_rows=True
        )
        cells = pa.table(sheet) if sheet.width else pa.table({})
    part.check_unchanged()
    if not cells.num_rows:
        raise DeliveryError(f"{part.where}: the sheet is empty. {_RESEND}")
    top = _rows(cells.slice(0, HEADER_LINES))
    header, _ = Names(table).find(top)
    matched = match(top[header], table, part.where, version)
    body = cells.slice(header + 1).rename_columns([f"c{n}" for n in range(cells.num_columns)])
    with scrubbed(part.where, "cannot be read as a workbook; ask the partner to resend it"):
        connection.register("sheet", body)
        try:
            wanted = {name: _as_text(f"c{place}") for name, place in matched.places.items()}
            parsed = create_parsed(connection, table, part, wanted, "sheet")
        finally:
            connection.unregister("sheet")
        return load(connection, table, part, body.num_rows, matched, parsed)


def _rows(cells: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple((cell or "").strip() for cell in row.values()) for row in cells.to_pylist())


def _as_text(cell: str) -> str:
    """SQL: a cell as text. The reader writes dates with a time, times with a date and booleans in small letters."""
    return f"""CASE WHEN {cell} IN ('true', 'false') THEN upper({cell})
        ELSE regexp_replace(regexp_replace({cell}, '^(\\d{{4}}-\\d\\d-\\d\\d) 00:00:00$', '\\1'),
                            '^1899-12-3[01] (\\d\\d:\\d\\d:\\d\\d)$', '\\1') END"""


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Turn the reader's errors, whose messages may quote a cell, into ours.

    Raises:
        DeliveryError: the workbook is damaged.
    """
    try:
        yield
    except BaseException as error:
        # A panic of the Rust library is no Exception.
        if not isinstance(error, fastexcel.FastExcelError) and type(error).__name__ != "PanicException":
            raise
        raise DeliveryError(f"{where}: is a damaged workbook. {_RESEND}") from None
