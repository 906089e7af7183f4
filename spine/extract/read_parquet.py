"""Parquet into the rows of one contracted table, as text.

Put here: typed values as the text of a cell. Never here: the lake's own Parquet (land).
"""

from __future__ import annotations

import duckdb

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.headers import match
from spine.extract.load_rows import Part, create_parsed, load
from spine.extract.workspace import FileRead, identifier, literal, scalar, scrubbed

_RESEND = "Ask the partner to resend it"


def read_parquet(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, version: str) -> FileRead:
    """Append the rows of one Parquet file to the workspace's rows of `table`.

    Only contracted columns are read; damaged data in them is noticed here, since every row is copied.

    Raises:
        DeliveryError: damaged, a missing column, or a contracted column that holds lists or objects.
    """
    source = f"read_parquet({literal(part.path)}, binary_as_string=true, hive_partitioning=false)"
    with scrubbed(part.where, "is damaged or cut-off Parquet; ask the partner to resend it"):
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        header, types = [str(row[0]) for row in described], [str(row[1]) for row in described]
        matched = match(header, table, part.where, version)
        sources = {column.name: column.source_name for column in table.columns}
        nested = [
            f"{part.where}: column '{sources[name]}' holds lists or objects; expected one plain value. {_RESEND}, "
            "one row for each value"
            for name, place in matched.places.items()
            if types[place].endswith("]") or types[place].startswith(("STRUCT", "MAP", "UNION"))
        ]
        if nested:
            raise DeliveryError("\n".join(nested))
        cells = {n: _as_text(identifier(header[place]), types[place]) for n, place in matched.places.items()}
        parsed = create_parsed(connection, table, part, cells, source)
        rows_read = scalar(connection, f"SELECT count(*) FROM {source}")
        part.check_unchanged()
        return load(connection, table, part, rows_read, matched, parsed)


def _as_text(column: str, kind: str) -> str:
    """SQL: a value as the text of a cell: whole numbers without `.0`, booleans as TRUE and FALSE, dates as ISO text."""
    if kind == "BOOLEAN":
        return f"upper({column}::VARCHAR)"
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{column} = trunc({column}) AND abs({column}) < 1e15"
        return f"""CASE WHEN NOT isfinite({column}) THEN NULL
            WHEN {whole} THEN {column}::BIGINT::VARCHAR ELSE {column}::VARCHAR END"""
    if kind.startswith("TIMESTAMP"):
        return f"regexp_replace({column}::VARCHAR, ' 00:00:00$', '')"
    return f"{column}::VARCHAR"
