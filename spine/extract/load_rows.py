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
from spine.extract.workspace import FileRead, identifier, literal, missing_rule, rows_of, scalar, shifts
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
    """

    source: SourceFile
    name: str
    path: Path
    where: str
    sheet: int = 0
    base: int = 0

    def check_unchanged(self, sha256: str = "") -> None:
        """Compare the bytes that were read with those that were listed.

        Args:
            sha256: of the bytes that were read; taken anew where it is not given.

        Raises:
            DeliveryError: the file changed in between.
        """
        if self.path == self.source.path and (sha256 or sha256_of(self.path)) != self.source.sha256:
            raise DeliveryError(f"{self.where}: changed while it was read. It is tried again on the next run")


def create_parsed(connection: duckdb.DuckDBPyConnection, table: Table, cells: Mapping[str, str], source: str) -> None:
    """Fill the table `parsed`: the well-formed rows of a part, in order, numbered from 1 by `_n`.

    Each row knows whether it is blank (`_blank`) and which rule it breaks (`_rule`). The table
    `rejected` (place among all rows from 1, rule or NULL for a blank line) starts empty.

    Args:
        cells: SQL of each contracted column that the part has, as text.
        source: what stands after FROM. Its order is the part's order.
    """
    columns = ", ".join(
        f"nullif(({cells.get(c.name, 'NULL')})::VARCHAR, '') AS {identifier(c.name)}" for c in table.columns
    )
    held = ", ".join(f"nullif(trim({identifier(name)}), '')" for name in cells)
    longest = ", ".join(f"strlen({identifier(name)})" for name in cells)
    connection.execute(f"""
        CREATE OR REPLACE TABLE parsed AS
        SELECT *, row_number() OVER () AS _n, coalesce({held}) IS NULL AS _blank,
               CASE WHEN greatest({longest}) > {MAX_CELL} THEN 'cell_too_long'
                    ELSE {missing_rule(table.columns)} END AS _rule
        FROM (SELECT {columns} FROM {source})""")
    connection.execute("CREATE OR REPLACE TABLE rejected (line BIGINT, rule VARCHAR)")


def load(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, rows_read: int, matched: Matched) -> FileRead:
    """Take the rows of `parsed` and `rejected` into the workspace: rows, quarantine, or ignored.

    Args:
        rows_read: rows that the part's source has, blank lines left out, counted by the reader.

    Returns:
        Counts in rows of the source. Row numbers count data rows from 1.
    """
    _mark_trailer(connection, table, rows_read)
    rejects = scalar(connection, "SELECT count(*) FROM rejected")
    numbered = "SELECT *, _n AS _row_no FROM parsed"
    if rejects:
        # Only the numbers go through the join, which sorts; the rows beside them keep their place.
        connection.execute(f"""
            CREATE OR REPLACE TABLE numbers AS SELECT _n + coalesce(shift, 0) AS _row_no
            FROM (SELECT _n FROM parsed) ASOF LEFT JOIN ({shifts("rejected")}) ON _n > before ORDER BY _n""")
        numbered = "SELECT parsed.*, numbers._row_no FROM parsed POSITIONAL JOIN numbers"
    columns = ", ".join(identifier(c.name) for c in table.columns)
    number = part.source.number
    connection.execute(f"""
        INSERT INTO {rows_of(table)}
        SELECT {columns}, {literal(part.source.sha256)}, {number}, _row_no + {part.base}, 0
        FROM ({numbered}) WHERE NOT _blank AND _rule IS NULL""")
    connection.execute(f"""
        INSERT INTO quarantine SELECT {literal(table.name)}, {number}, row_no + {part.base}, rule FROM (
            SELECT _row_no AS row_no, _rule AS rule FROM ({numbered}) WHERE NOT _blank AND _rule IS NOT NULL
            UNION ALL SELECT line, rule FROM rejected WHERE rule <> 'trailer'
        ) ORDER BY row_no, rule""")
    ignored = scalar(connection, "SELECT count(*) FROM parsed WHERE _blank")
    ignored += scalar(connection, "SELECT count(*) FROM rejected WHERE rule = 'trailer'")
    connection.execute("DROP TABLE parsed; DROP TABLE rejected; DROP TABLE IF EXISTS numbers")
    return FileRead(
        rows_read=rows_read,
        ignored=ignored,
        columns_dropped=matched.columns_dropped,
        columns_absent=tuple(c.name for c in table.columns if c.name not in matched.places),
        columns_dropped_names=matched.dropped,
    )


def _mark_trailer(connection: duckdb.DuckDBPyConnection, table: Table, rows_read: int) -> None:
    """Take a trailer among the last rows for blank: one or two cells of words that close a report."""
    names = [identifier(column.name) for column in table.columns]
    held = " + ".join(f"(coalesce(trim({name}), '') <> '')::INTEGER" for name in names)
    words = f"regexp_full_match(trim(concat_ws(' ', {', '.join(names)})), {literal(TRAILER)})"
    few = f"{held} <= {min(2, max(1, len(names) - 1))}"
    connection.execute(f"""
        UPDATE parsed SET _blank = true
        WHERE _n > (SELECT max(_n) FROM parsed) - {TRAILER_ROWS} AND {few} AND {words}""")
