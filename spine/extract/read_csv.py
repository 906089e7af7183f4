"""Delimited text into the rows of one contracted table.

Put here: dialect, header, ragged rows. Never here: encodings (text), or a rule about values
(contracts, spine.quality).
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rapidfuzz import fuzz, process

from spine.contracts.model import Table, header_key
from spine.errors import DeliveryError
from spine.extract.deliveries import SourceFile
from spine.extract.text import Text, to_plain_text
from spine.extract.workspace import FileRead, identifier, literal, missing_rule, rows_of, scalar, scrubbed, shifts

DELIMITERS = (",", ";", "|", "\t")
#: A record may be this long in bytes; a longer one is put aside.
MAX_RECORD = 4_000_000
_HEADER_LIKE = re.compile(r"[A-Za-z][A-Za-z0-9_ /-]{0,59}")
_SIMILAR = 75
_RULES = {
    "MISSING COLUMNS": "too_few_cells",
    "TOO MANY COLUMNS": "too_many_cells",
    "UNQUOTED VALUE": "unclosed_quote",
    "INVALID ENCODING": "not_utf8",
    "LINE SIZE OVER MAXIMUM": "row_too_long",
}


@dataclass(frozen=True)
class Layout:
    """How a file is laid out: delimiter, lines before the data, and the contract's columns by place."""

    delimiter: str
    skip: int
    width: int
    places: dict[str, int]
    header_lines: int


def read_csv(
    connection: duckdb.DuckDBPyConnection, table: Table, file: SourceFile, scratch: Path, where: str, version: str
) -> FileRead:
    """Append one file to the workspace's rows of `table`; faulty rows go to `quarantine`.

    Args:
        connection: a workspace (spine.extract.workspace).
        scratch: folder for the decoded copy, which is deleted again.
        where: what a message calls this file.
        version: the contract's version, for messages.

    Returns:
        Counts in rows of the source. Row numbers count data rows from 1; a quoted line break
        does not start a new row, and empty lines are not counted.

    Raises:
        DeliveryError: empty file, missing column, changed while being read.
    """
    target = scratch / f"file_{file.number}.txt"
    try:
        text = to_plain_text(file.path, target)
        if text.sha256 != file.sha256:
            raise DeliveryError(f"{where}: changed while it was read. It is tried again on the next run")
        if not text.lines:
            raise DeliveryError(f"{where}: the file is empty. Ask the partner to resend it")
        layout = find_layout(text, table, where, version)
        with scrubbed(where, "cannot be read as delimited text; ask the partner to resend it"):
            return _load(connection, table, file, text, layout)
    finally:
        target.unlink(missing_ok=True)


def find_layout(text: Text, table: Table, where: str, version: str) -> Layout:
    """Find delimiter and header: the delimiter under which the first line names most contracted columns.

    Raises:
        DeliveryError: a contracted column is missing.
    """
    best: tuple[int, int, list[str], int, str, int] | None = None
    for delimiter in DELIMITERS:
        skip, header, lines = _first_record(text.path, delimiter, where)
        score = sum(column.find_in(header) is not None for column in table.columns)
        if best is None or (score, len(header)) > best[:2]:
            best = (score, len(header), header, lines, delimiter, skip)
    assert best is not None
    score, width, header, lines, delimiter, skip = best
    if score == 0 and table.headerless and _fits_headerless(header, len(table.columns)):
        places = {column.name: n for n, column in enumerate(table.columns)}
        return Layout(delimiter, skip - 1, width, places, skip - 1)
    places, faults = {}, []
    for column in table.columns:
        found = column.find_in(header)
        if found is not None:
            places[column.name] = header.index(found)
        elif not column.optional_header:
            near = _near(column.source_name, header, table)
            faults.append(f"column '{column.source_name}' is missing (contract {version}){near}")
    if faults:
        if score == 0:
            fault = f"the first line names no column of table '{table.name}' (contract {version}): "
            faults = [fault + "no header, or another table"]
        advice = "Ask the partner to resend, or change the contract; see docs/add-a-partner-extract.md"
        raise DeliveryError("\n".join(f"{where}: {fault}. {advice}" for fault in faults))
    return Layout(delimiter, skip, width, places, lines)


def _first_record(path: Path, delimiter: str, where: str) -> tuple[int, list[str], int]:
    """Records to skip, cells of the header and its lines; a spreadsheet's `sep=;` line is passed over."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        first = file.readline(1000)
        skip = 2 if re.fullmatch(r'"?sep=.{1,2}"?\n', first, re.IGNORECASE) else 1
        file.seek(0)
        reader = csv.reader(itertools.islice(file, 200), delimiter=delimiter)
        try:
            records = list(itertools.islice(reader, skip))
        except csv.Error:
            raise DeliveryError(
                f"{where}: its first line is no header of delimited text. Ask the partner to resend it"
            ) from None
    return skip, [cell.strip() for cell in records[-1]], reader.line_num


def _fits_headerless(cells: Sequence[str], columns: int) -> bool:
    """Data and not an unknown header: as many cells as the contract has columns, and digits in one of them."""
    return len(cells) >= columns and not any(cells[columns:]) and any(re.search(r"\d", cell) for cell in cells)


def _near(name: str, header: Sequence[str], table: Table) -> str:
    """A suggestion from the file's own headers; nothing where these may be data.

    One cell of data may happen to read like a column ("Band"). A header names half of the columns that must come.
    """
    due = [column.find_in(header) for column in table.columns if not column.optional_header]
    named = sum(found is not None for found in due)
    if named < max(2, len(due) / 2):
        return ""
    taken = {column.find_in(header) for column in table.columns}
    free = {h: header_key(h) for h in header if h not in taken and _HEADER_LIKE.fullmatch(h)}
    match = process.extractOne(header_key(name), free, scorer=fuzz.WRatio, score_cutoff=_SIMILAR)
    return f"; the file has '{match[2]}', which is close" if match else ""


def _load(
    connection: duckdb.DuckDBPyConnection, table: Table, file: SourceFile, text: Text, layout: Layout
) -> FileRead:
    _parse(connection, table, text, layout)
    good = scalar(connection, "SELECT count(*) FROM parsed")
    blank_lines = scalar(connection, "SELECT count(*) FROM rejected WHERE rule IS NULL")
    rejects = scalar(connection, "SELECT count(*) FROM rejected WHERE rule IS NOT NULL")
    breaks = scalar(connection, "SELECT sum(_breaks) FROM parsed") if text.has_quotes else 0
    # Counted from the bytes, not by the parser. What no row and no reject accounts for was swallowed by a
    # quote that is opened and never closed: the parser drops such rows without a word.
    rows_read = text.lines - layout.header_lines - breaks - blank_lines
    swallowed = rows_read - good - rejects
    _judge(connection, table, layout, has_rejects=rejects + blank_lines > 0)
    columns = ", ".join(identifier(c.name) for c in table.columns)
    connection.execute(f"""
        INSERT INTO {rows_of(table)} SELECT {columns}, {literal(file.sha256)}, {file.number}, _row_no, 0
        FROM judged WHERE NOT _blank AND _rule IS NULL""")
    connection.execute(f"""
        INSERT INTO quarantine SELECT {literal(table.name)}, {file.number}, row_no, rule FROM (
            SELECT _row_no AS row_no, _rule AS rule FROM judged WHERE NOT _blank AND _rule IS NOT NULL
            UNION ALL SELECT line, rule FROM rejected WHERE rule IS NOT NULL
            UNION ALL SELECT (SELECT min(line) FROM rejected WHERE rule = 'unclosed_quote'), 'unclosed_quote'
            FROM range({swallowed})
        ) ORDER BY row_no, rule""")
    blank = scalar(connection, "SELECT count(*) FROM judged WHERE _blank")
    connection.execute("DROP TABLE judged; DROP TABLE parsed; DROP TABLE rejected")
    return FileRead(
        rows_read=rows_read,
        ignored=blank,
        columns_dropped=layout.width - len(set(layout.places.values())),
        columns_absent=tuple(c.name for c in table.columns if c.name not in layout.places),
    )


def _parse(connection: duckdb.DuckDBPyConnection, table: Table, text: Text, layout: Layout) -> None:
    """Cut the file into `parsed` and `rejected`.

    `parsed`: well-formed rows in order, with the number of line breaks in their cells. `rejected`:
    place among all rows from 1, and the rule, which is NULL for a line of blanks.
    """
    cells = [f"c{n}" for n in range(layout.width)]
    names = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells)
    columns = [
        f"{f'c{layout.places[c.name]}' if c.name in layout.places else 'NULL::VARCHAR'} AS {identifier(c.name)}"
        for c in table.columns
    ]
    if text.has_quotes:
        whole = f"concat({', '.join(cells)})"
        columns.append(f"length({whole}) - length(replace({whole}, chr(10), '')) AS _breaks")
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    # parallel=false: two threads sometimes finish their halves in the wrong order (seen under load with
    # DuckDB 1.5.5), and every row's number hangs on the order.
    connection.execute(f"""
        CREATE OR REPLACE TABLE parsed AS SELECT {", ".join(columns)} FROM read_csv(
            {literal(text.path)}, columns={{{names}}}, auto_detect=false, header=false, skip={layout.skip},
            delim={literal(layout.delimiter)}, quote='"', escape='"', strict_mode=true, store_rejects=true,
            rejects_limit=0, max_line_size={MAX_RECORD}, buffer_size={8 * MAX_RECORD}, parallel=false)""")
    cases = " ".join(f"WHEN {literal(kind)} THEN {literal(rule)}" for kind, rule in _RULES.items())
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE rejected AS
        SELECT (line - {layout.skip})::BIGINT AS line,
               CASE WHEN NOT bool_and(trim(csv_line) = '')
                    THEN arg_min(CASE error_type::VARCHAR {cases} ELSE 'cannot_be_read' END, column_idx) END AS rule
        FROM reject_errors GROUP BY 1""")


def _judge(connection: duckdb.DuckDBPyConnection, table: Table, layout: Layout, *, has_rejects: bool) -> None:
    """Fill `judged`: parsed rows with their number among all rows, the rule they break, and whether they are blank."""
    join = f"ASOF LEFT JOIN ({shifts('rejected')}) ON rowid >= before" if has_rejects else ""
    number = "rowid + 1 + coalesce(shift, 0)" if has_rejects else "rowid + 1"
    held = ", ".join(f"nullif(trim({identifier(name)}), '')" for name in layout.places)
    connection.execute(f"""
        CREATE OR REPLACE TABLE judged AS
        SELECT parsed.*, {number} AS _row_no, {missing_rule(table.columns)} AS _rule, coalesce({held}) IS NULL AS _blank
        FROM parsed {join}""")
