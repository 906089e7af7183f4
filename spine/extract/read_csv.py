"""Delimited text into the rows of one contracted table.

Put here: rows and ragged rows. Never here: encodings (text), delimiter, quote and header (dialect),
or a rule about values (contracts, spine.quality).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.dialect import Dialect, find_dialect
from spine.extract.load_rows import TRAILER, TRAILER_ROWS, Part, create_parsed, load, rows_parsed
from spine.extract.text import Text, find_encoding, head_of, to_plain_text
from spine.extract.workspace import SPILL, FileRead, literal, scalar, scrubbed

#: A record may be this long in bytes; a longer one is put aside.
MAX_RECORD = 4_000_000
_RULES = {
    "MISSING COLUMNS": "too_few_cells",
    "TOO MANY COLUMNS": "too_many_cells",
    "UNQUOTED VALUE": "unclosed_quote",
    "INVALID ENCODING": "not_utf8",
    "LINE SIZE OVER MAXIMUM": "row_too_long",
}


def read_csv(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, scratch: Path, version: str) -> FileRead:
    """Append one delimited text to the workspace's rows of `table`; faulty rows go to `quarantine`.

    Args:
        connection: a workspace (spine.extract.workspace).
        scratch: folder whose SPILL takes the decoded copy, out of which the rows are written; the caller deletes it.
        version: the contract's version, for messages.

    Returns:
        Counts in rows of the source. Row numbers count data rows from 1; a quoted line break
        does not start a new row, and empty lines are not counted.

    Raises:
        DeliveryError: empty file, missing column, changed while being read.
    """
    target = scratch / SPILL / f"part_{part.order}.txt"
    target.parent.mkdir(exist_ok=True, mode=0o700)
    try:
        return _read(connection, table, part, target, version)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _read(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, target: Path, version: str) -> FileRead:
    encoding = find_encoding(part.path)
    head = head_of(part.path, encoding)
    if not head:
        raise DeliveryError(f"{part.where}: the file is empty. Ask the partner to resend it")
    dialect = find_dialect(head, table, part.where, version)
    text = to_plain_text(part.path, target, encoding, dialect.skip, dialect.quote)
    part.check_unchanged(text.sha256)
    if text.nul_line:
        raise DeliveryError(
            f"{part.where}: row {text.nul_line + part.base} holds a NUL, which is no character of any text: the file "
            "is damaged, or written by a faulty export. Ask the partner to resend it"
        )
    with scrubbed(part.where, "cannot be read as delimited text; ask the partner to resend it"):
        cut = _parse(connection, table, part, text, dialect)
    if cut.truncated:
        raise DeliveryError(
            f"{part.where}: the file ends in the middle of row {cut.truncated + part.base}: it is cut off, or a "
            "quotation mark is opened there and never closed. Ask the partner to resend it"
        )
    with scrubbed(part.where, "cannot be read as delimited text; ask the partner to resend it"):
        read = load(connection, table, part, cut.rows_read, dialect.matched, cut.parsed)
        connection.execute(f"""
            INSERT INTO quarantine SELECT {literal(table.name)}, {part.source.number},
                {cut.opened + part.base}, 'unclosed_quote' FROM range({cut.swallowed})""")
        return read


@dataclass(frozen=True)
class _Cut:
    """A file as rows.

    Attributes:
        parsed: from create_parsed.
        rows_read: blank lines left out, counted from the bytes and not by the parser.
        swallowed: rows that the parser lost: it drops without a word what stands after a quote that is opened and
            never closed.
        opened: the row in which that quote stands.
        truncated: the row in which the file breaks off; 0 where it ends with a whole one.
    """

    parsed: str
    rows_read: int
    swallowed: int
    opened: int
    truncated: int


def _parse(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, text: Text, dialect: Dialect) -> _Cut:
    """Cut the file into rows, `marks` and `rejected`."""
    source = _scan(text, dialect, "store_rejects=true, rejects_limit=0")
    cells = {name: f"c{place}" for name, place in dialect.matched.places.items()}
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    parsed = create_parsed(connection, table, part, cells, source, _scan(text, dialect, "ignore_errors=true"))
    cases = " ".join(f"WHEN {literal(kind)} THEN {literal(rule)}" for kind, rule in _RULES.items())
    connection.execute(f"""
        INSERT INTO rejected
        SELECT line::BIGINT, CASE
            WHEN bool_and(trim(csv_line) = '') THEN NULL
            WHEN line > {text.lines - TRAILER_ROWS} AND bool_and(regexp_full_match(trim(csv_line), {literal(TRAILER)}))
            THEN 'trailer'
            ELSE arg_min(CASE error_type::VARCHAR {cases} ELSE 'cannot_be_read' END, column_idx) END
        FROM reject_errors GROUP BY line""")
    good = rows_parsed(connection)
    blank = scalar(connection, "SELECT count(*) FROM rejected WHERE rule IS NULL")
    rejects = scalar(connection, "SELECT count(*) FROM rejected WHERE rule IS NOT NULL")
    rows_read = text.lines - blank
    if text.has_quotes and good + rejects < rows_read:
        rows_read -= _breaks(connection, source, dialect.matched.width)
    opened = scalar(connection, "SELECT min(line) FROM rejected WHERE rule = 'unclosed_quote'")
    swallowed, seen = rows_read - good - rejects, good + rejects + blank
    return _Cut(parsed, rows_read, swallowed, opened or seen + 1, _truncated(connection, text, swallowed, seen))


def _truncated(connection: duckdb.DuckDBPyConnection, text: Text, swallowed: int, seen: int) -> int:
    """The row in which the file breaks off, or 0: its last row opens a quote, or has too few cells and no line break.

    Args:
        seen: rows that the parser saw, faulty and blank ones included.
    """
    last = connection.execute("SELECT line, rule FROM rejected ORDER BY line DESC LIMIT 1").fetchone()
    if last is not None and last[0] == seen:
        is_open = last[1] == "unclosed_quote" or (last[1] == "too_few_cells" and not text.is_ended)
        return seen if is_open else 0
    return seen + 1 if swallowed else 0


def _scan(text: Text, dialect: Dialect, faults: str) -> str:
    """SQL: the file's cells by place.

    Args:
        faults: options that say what becomes of rows that cannot be cut.
    """
    names = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(dialect.matched.width))
    quote = dialect.quote if text.has_quotes else ""
    escape = "\\" if quote and text.has_escapes else quote
    # parallel=false: two threads sometimes finish their halves in the wrong order (seen under load with
    # DuckDB 1.5.5), and every row's number hangs on the order.
    return f"""read_csv(
        {literal(text.path)}, columns={{{names}}}, auto_detect=false, header=false,
        delim={literal(dialect.delimiter)}, quote={literal(quote)}, escape={literal(escape)}, comment='',
        strict_mode=true, {faults}, max_line_size={MAX_RECORD},
        buffer_size={8 * MAX_RECORD}, parallel=false)"""


def _breaks(connection: duckdb.DuckDBPyConnection, source: str, width: int) -> int:
    """Line breaks inside cells, of rejected rows too: the file is read again, which few files need."""
    found = " + ".join(f"length(c{n}) - length(replace(c{n}, chr(10), ''))" for n in range(width))
    per_reject = "max(length(csv_line) - length(replace(csv_line, chr(10), '')))"
    rejected = scalar(connection, f"SELECT sum(n) FROM (SELECT {per_reject} AS n FROM reject_errors GROUP BY line)")
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    return rejected + scalar(connection, f"SELECT sum({found}) FROM {source}")
