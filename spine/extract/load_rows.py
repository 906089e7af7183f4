"""The one path by which every tabular format becomes rows: numbers, blank rows, quarantine, counts.

Put here: what holds whatever the format. Never here: how a format is cut into cells (read_csv,
read_json, read_workbook, read_parquet, read_xml), or which cell is which column (headers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.deliveries import SourceFile
from spine.extract.headers import Matched
from spine.extract.workspace import FileRead, identifier, literal, missing_rule, scalar, shifts
from spine.files import sha256_of

#: A cell may have so many bytes.
MAX_CELL = 1_000_000
#: The last line of a report that is no row: "Total rows: 500", "END", "*** End of report ***".
TRAILER = (
    r"(?i)[^\w,;|\t]*((grand |sub)?(total|end|eof|trailer|footer|count|(number of |no\.? of )?(rows|records|lines))\b"
    r"|\d+ (rows?|records?|lines?)\b)"
    r"([ _-]*\b(of|the|rows?|records?|lines?|count|file|report|data|extract|exported|returned|selected|affected)\b)*"
    r"[\W\d]*"
)
#: So many rows at the end may be a trailer.
TRAILER_ROWS = 3
#: So many columns tell of most rows that they hold more than a trailer does.
_FIRST = 8


@dataclass(frozen=True)
class Part:
    """One table-like piece of a delivery: a file, a file of an archive, or a sheet of a workbook.

    Attributes:
        source: the delivered file that it came in; it is the provenance of the rows.
        name: as the partner calls it. Never shown.
        path: the bytes: the delivered file itself, or a scratch copy out of an archive.
        where: what a message calls it.
        sheet: place in a workbook, from 0.
        base: rows of the same table that the same delivered file gave before.
        order: place among all parts of the delivery that are read, from 1.
    """

    source: SourceFile
    name: str
    path: Path
    where: str
    sheet: int = 0
    base: int = 0
    order: int = 0

    def check_unchanged(self, sha256: str = "") -> None:
        """Compare the bytes that were read with those that were listed.

        Args:
            sha256: of the bytes that were read; taken anew where it is not given.

        Raises:
            DeliveryError: the file changed in between.
        """
        if self.path == self.source.path and (sha256 or sha256_of(self.path)) != self.source.sha256:
            raise DeliveryError(f"{self.where}: changed while it was read. It is tried again on the next run")


def create_parsed(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    part: Part,
    cells: Mapping[str, str],
    source: str,
    again: str = "",
) -> str:
    """Number the well-formed rows of a part from 1, as `_n`, and note in `marks` which of them are not to be kept.

    The table `rejected` (place among all rows from 1, rule or NULL for a blank line) starts empty.

    Args:
        cells: SQL of each contracted column that the part has, as text.
        source: what stands after FROM. Its order is the part's order.
        again: the same for a source that is there until the delivery is written and gives the same rows in the
            same order each time. It is read a second time, where any other is copied.

    Returns:
        What stands after FROM to get the rows, in order.
    """
    columns = ", ".join(
        f"nullif(({cells.get(c.name, 'NULL')})::VARCHAR, '') AS {identifier(c.name)}" for c in table.columns
    )
    first, parsed = _numbered(columns, source), _numbered(columns, again)
    if not again:
        first = parsed = f"parsed_{part.order}"
        connection.execute(f"CREATE TABLE {parsed} AS SELECT * FROM {_numbered(columns, source)}")
    _mark(connection, table, cells, first)
    connection.execute("CREATE OR REPLACE TABLE rejected (line BIGINT, rule VARCHAR)")
    return parsed


def _mark(connection: duckdb.DuckDBPyConnection, table: Table, cells: Mapping[str, str], rows: str) -> None:
    """Note in `marks` what is blank, a trailer or against a rule.

    One row for all that is well, one for each row that is not: what is held in memory is what is wrong.
    """
    held = ", ".join(f"nullif(trim({identifier(name)}), '')" for name in cells)
    longest = ", ".join(f"strlen({identifier(name)})" for name in cells)
    connection.execute(f"""
        CREATE OR REPLACE TABLE marks AS
        SELECT CASE WHEN is_blank OR is_trailer OR rule IS NOT NULL THEN _n END AS n, is_blank, is_trailer, rule,
               count(*) AS how_many
        FROM (SELECT _n, CASE WHEN {_surely_held(table)} > 0 THEN false ELSE coalesce({held}) IS NULL END AS is_blank,
                     {_like_trailer(table)} AS is_trailer,
                     CASE WHEN greatest({longest}) > {MAX_CELL} THEN 'cell_too_long'
                          ELSE {missing_rule(table.columns)} END AS rule
              FROM {rows})
        GROUP BY ALL""")


def rows_parsed(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows of the part are well-formed."""
    return scalar(connection, "SELECT sum(how_many) FROM marks")


def load(
    connection: duckdb.DuckDBPyConnection, table: Table, part: Part, rows_read: int, matched: Matched, parsed: str
) -> FileRead:
    """Sort the rows of a part: kept, quarantine, or ignored. The kept ones are not copied.

    Args:
        rows_read: rows that the part's source has, blank lines left out, counted by the reader.
        parsed: from create_parsed; `marks` and `rejected` tell about it.

    Returns:
        Counts in rows of the source. Row numbers count data rows from 1.
    """
    good = rows_parsed(connection)
    # A trailer is one only at the end: words that close a report may be a cell of any row.
    last = f"is_trailer AND n > {good - TRAILER_ROWS}"
    connection.execute(f"""
        CREATE OR REPLACE TABLE aside AS SELECT n, CASE WHEN NOT (is_blank OR {last}) THEN rule END AS rule
        FROM marks WHERE is_blank OR {last} OR rule IS NOT NULL""")
    number = part.source.number
    connection.execute(f"""
        INSERT INTO quarantine SELECT {literal(table.name)}, {number}, row_no + {part.base}, rule FROM (
            SELECT n + coalesce(shift, 0) AS row_no, rule
            FROM aside ASOF LEFT JOIN ({shifts("rejected")}) ON n > before WHERE rule IS NOT NULL
            UNION ALL SELECT line, rule FROM rejected WHERE rule <> 'trailer'
        ) ORDER BY row_no, rule""")
    ignored = scalar(connection, "SELECT count(*) FROM aside WHERE rule IS NULL")
    ignored += scalar(connection, "SELECT count(*) FROM rejected WHERE rule = 'trailer'")
    kept = good - scalar(connection, "SELECT count(*) FROM aside")
    rows = _kept(connection, table, part, good, parsed)
    connection.execute("DROP TABLE marks; DROP TABLE aside; DROP TABLE rejected")
    return FileRead(
        rows_read=rows_read,
        ignored=ignored,
        columns_dropped=matched.columns_dropped,
        columns_absent=tuple(c.name for c in table.columns if c.name not in matched.places),
        columns_dropped_names=matched.dropped,
        kept=kept,
        rows=rows,
    )


def _numbered(columns: str, source: str) -> str:
    return f"(SELECT *, row_number() OVER () AS _n FROM (SELECT {columns} FROM {source}))"


def _kept(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, good: int, parsed: str) -> str:
    """SQL: the rows that are kept, in order, with the numbers that they have among all rows of the source."""
    columns = ", ".join(identifier(c.name) for c in table.columns)
    numbered = f"SELECT *, _n AS _row_no FROM {parsed}"
    if scalar(connection, "SELECT (SELECT count(*) FROM aside) + (SELECT count(*) FROM rejected)"):
        # Only numbers go through joins, which do not keep an order; the rows beside them stay where they are.
        numbers = f"numbers_{part.order}"
        connection.execute(f"""
            CREATE TABLE {numbers} AS SELECT CASE WHEN aside.n IS NULL THEN _n + coalesce(shift, 0) END AS _row_no
            FROM (SELECT i AS _n FROM range(1, {good + 1}) t(i)) ASOF LEFT JOIN ({shifts("rejected")}) ON _n > before
            LEFT JOIN aside ON aside.n = _n ORDER BY _n""")
        numbered = f"SELECT p.*, {numbers}._row_no FROM {parsed} p POSITIONAL JOIN {numbers}"
    return f"""
        SELECT {columns}, {literal(part.source.sha256)} AS _file_sha256, {part.source.number} AS _file_no,
               _row_no + {part.base} AS _row_no
        FROM ({numbered}) WHERE _row_no IS NOT NULL"""


def _like_trailer(table: Table) -> str:
    """SQL: one or two cells of words that close a report."""
    names = [identifier(column.name) for column in table.columns]
    held = " + ".join(f"(coalesce(trim({name}), '') <> '')::INTEGER" for name in names)
    words = f"regexp_full_match(trim(concat_ws(' ', {', '.join(names)})), {literal(TRAILER)})"
    limit = min(2, max(1, len(names) - 1))
    return f"""CASE WHEN {_surely_held(table)} > {limit} THEN false
                    WHEN {held} > {limit} THEN false ELSE coalesce({words}, false) END"""


def _surely_held(table: Table) -> str:
    """SQL: how many of the first cells start with a letter, a digit or a sign. Cheap, and most rows are settled."""
    names = [identifier(column.name) for column in table.columns[:_FIRST]]
    return " + ".join(f"coalesce(({name} >= '!')::INTEGER, 0)" for name in names)
