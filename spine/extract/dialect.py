"""How a delimited text is written: delimiter, quote, and the line of its header. Found, never assumed.

Put here: evidence from the first lines of a file. Never here: its rows (read_csv).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spine.contracts.model import Table
from spine.extract.headers import HEADER_LINES, Matched, Names, match

DELIMITERS = (",", ";", "|", "\t")
#: Taken only where they name more columns than any of the usual ones: they occur in ordinary text.
RARE_DELIMITERS = ("~", "^", ":")
#: So many lines of data show how cells are quoted.
_EVIDENCE_LINES = 20_000


@dataclass(frozen=True)
class Dialect:
    """How a file is laid out.

    Attributes:
        quote: double quote, apostrophe, or empty where nothing is quoted.
        skip: lines above the first row of data, the header with them.
        matched: the contract's columns by place.
    """

    delimiter: str
    quote: str
    skip: int
    matched: Matched


@dataclass(frozen=True)
class _Header:
    named: int
    cells: list[str]
    first: int
    after: int
    delimiter: str


def find_dialect(lines: Sequence[str], table: Table, where: str, version: str) -> Dialect:
    """Find the delimiter under which a line at the top names most contracted columns, and the quote.

    Args:
        lines: the first lines of the file (text.head_of); at least one.

    Raises:
        DeliveryError: a contracted column is missing.
    """
    separator = re.fullmatch(r'"?sep=(.)"?', lines[0], re.IGNORECASE)
    top = lines[1:] if separator and len(lines) > 1 else lines
    above = len(lines) - len(top)
    names = Names(table)
    declared = [_header(top, separator[1], names)] if separator and above else []
    usual = declared + [_header(top, delimiter, names) for delimiter in DELIMITERS]
    rare = [_header(top, delimiter, names) for delimiter in RARE_DELIMITERS]
    best = max(usual, key=lambda h: (h.named, len(h.cells)))
    best = max([best, *rare], key=lambda h: h.named)
    if not best.named and table.headerless:
        delimiter = _headerless_delimiter(top, len(table.columns))
        if delimiter:
            places = {column.name: n for n, column in enumerate(table.columns)}
            width = len(_cells(top, delimiter)[0])
            return Dialect(delimiter, find_quote(top, delimiter), above, Matched(places, width))
    quote = find_quote(top[best.first :], best.delimiter)
    cells = best.cells
    if quote == "'":
        cells, after = _record(top[best.first : best.first + 200], best.delimiter, quote)
        best = _Header(best.named, cells, best.first, best.first + after, best.delimiter)
    return Dialect(best.delimiter, quote, above + best.after, match(cells, table, where, version))


def find_quote(lines: Sequence[str], delimiter: str) -> str:
    """The quote character, from a header and the rows after it.

    An apostrophe is one only where every cell that opens with it closes with it, and where it was
    needed: around a delimiter, a line break or a doubled apostrophe, or around the whole header.
    """
    text = "\n".join(lines[:_EVIDENCE_LINES])
    opened, closed, _ = _quoting(text, delimiter, '"')
    single_opened, single_closed, needed = _quoting(text, delimiter, "'")
    wrapped = all(re.fullmatch(r"\s*'.*'\s*", cell) for cell in lines[0].split(delimiter)) if lines else False
    if single_opened == single_closed > closed and (needed or wrapped):
        return "'"
    if opened and not closed and len(lines) > 1:
        faulty = sum(bool(re.search(rf'(^|{re.escape(delimiter)}) ?"', line)) for line in lines)
        if faulty > 1 and len({line.count(delimiter) for line in lines}) == 1:
            return ""
    return '"'


def _quoting(text: str, delimiter: str, quote: str) -> tuple[int, int, bool]:
    """Cells that open with a quote, cells that close it too, and whether one of these had to be quoted."""
    if quote not in text:
        return 0, 0, False
    d = re.escape(delimiter)
    # A backslash escapes the next character, but for a quote that ends the cell.
    escaped = rf"\\(?!{quote} *(?:{d}|$)).|\\"
    inside = rf"(?:[^{quote}\\]|{quote}{quote}|{escaped})*+"
    closed = re.compile(rf"(?:^|(?<={d})) ?{quote}({inside}){quote}(?= *(?:{d}|$))", re.M | re.S)
    cells = [cell[1] for cell in closed.finditer(text)]
    # What stands inside a closed cell opens nothing.
    opened = len(re.findall(rf"(?:^|(?<={d})) ?{quote}", closed.sub("", text), re.M)) + len(cells)
    needed = any(delimiter in cell or "\n" in cell or quote * 2 in cell for cell in cells)
    return opened, len(cells), needed


def _header(lines: Sequence[str], delimiter: str, names: Names) -> _Header:
    records = [_record(lines[n : n + 200], delimiter, '"') for n in range(min(HEADER_LINES, len(lines)))]
    first, named = names.find([cells for cells, _ in records])
    cells, count = records[first]
    return _Header(named, cells, first, first + count, delimiter)


def _record(lines: Sequence[str], delimiter: str, quote: str) -> tuple[list[str], int]:
    """Cells of the record that starts with the first line, and how many lines it takes."""
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, quotechar=quote)
    try:
        cells = next(iter(reader))
    except (csv.Error, StopIteration):
        return [], 1
    return [cell.strip() for cell in cells], reader.line_num


def _cells(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Cells of the first records."""
    records, n = [], 0
    while n < min(HEADER_LINES, len(lines)):
        cells, taken = _record(lines[n : n + 200], delimiter, '"')
        records.append(cells)
        n += taken
    return records


def _headerless_delimiter(lines: Sequence[str], columns: int) -> str | None:
    """The delimiter that cuts most of the first lines into as many cells as the contract has columns, if any does."""
    fits = {}
    for delimiter in (*DELIMITERS, *RARE_DELIMITERS):
        records = _cells(lines, delimiter)
        if _is_data(records[0], columns):
            fits[delimiter] = sum(len(cells) >= columns and not any(cells[columns:]) for cells in records)
    return max(fits, key=lambda delimiter: fits[delimiter]) if fits else None


def _is_data(cells: Sequence[str], columns: int) -> bool:
    """Data and not an unknown header: as many cells as the contract has columns, and digits in one of them."""
    return len(cells) >= columns and not any(cells[columns:]) and any(re.search(r"\d", cell) for cell in cells)
