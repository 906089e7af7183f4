"""Judging a finished release file from outside, as whoever receives it would find it.

Put here: checks that open the file read only. Never here: mending what they find; a file that
fails one is not published.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from spine.errors import GovernanceError, PipelineError, SpineError
from spine.governance.pseudonymise import PSEUDONYM_PATTERN
from spine.release.output_contracts import FORMER, PSEUDONYM, OutputTable
from spine.release.people import People
from spine.release.plan import Plan
from spine.release.sql import counted, quoted

#: The file's own tables beside those of the purpose: their columns, and what a cell must look like where
#: it comes from the ledger.
OWN = {
    "_dictionary": dict.fromkeys(
        ("table_name", "column_name", "type", "classification", "description", "source_fields"), "VARCHAR"
    ),
    "_inputs": {"delivery": "VARCHAR", "content_sha256": "VARCHAR"},
    "_release": {
        "purpose": "VARCHAR", "as_of": "DATE", "agreement_id": "VARCHAR", "agreement_version": "VARCHAR",
        "agreement_sha256": "VARCHAR", "inputs_sha256": "VARCHAR", "key_version": "INTEGER",
        "opted_out_fingerprint": "VARCHAR", "is_demo": "BOOLEAN", "version": "INTEGER",
        "table_rows": "VARCHAR", "content_sha256": "VARCHAR",
    },
}  # fmt: skip
_INPUT = {"delivery": r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*/\d{4}-\d{2}-\d{2}", "content_sha256": "[0-9a-f]{64}"}

# Everything by which a resident could be found outside the release. Names are not among them: a
# surname can be a word that a code list uses too; names are kept out by the column allow-list.
_IDENTIFIERS = """
    CREATE TEMP TABLE direct_identifiers AS
    SELECT DISTINCT value FROM (
        SELECT resident_id AS value FROM warehouse.core.dim_resident
        UNION ALL SELECT uprn FROM warehouse.core.dim_resident
        UNION ALL SELECT postcode FROM warehouse.core.dim_resident
        UNION ALL SELECT nhs_number FROM warehouse.core.bridge_resident_nhs_number
        UNION ALL SELECT record_id FROM warehouse.core.bridge_resident_record
    ) WHERE value IS NOT NULL
"""


def check_release(connection: duckdb.DuckDBPyConnection, plan: Plan, people: People, path: Path) -> dict[str, int]:
    """Check everything that a release promises; returns the rows of each table.

    Args:
        connection: from `attach_warehouse`; the file is attached to it read only.

    Raises:
        GovernanceError: the file holds a person, a column or a value that it must not hold.
        PipelineError: the file breaks an output contract.
    """
    connection.execute(f"ATTACH {quoted(str(path))} AS built (READ_ONLY)")
    _check_shape(connection, plan)
    for name, pattern in _INPUT.items():
        others = f"FROM built.main._inputs WHERE NOT regexp_full_match({name}, {quoted(pattern)})"
        _none(connection, others, GovernanceError, f"_inputs.{name}: values that are no delivery or no hash")
    connection.execute(_IDENTIFIERS)
    connection.register("former_ids", people.formers.select("former_id").to_arrow())
    connection.execute("INSERT INTO direct_identifiers SELECT former_id FROM former_ids")
    untold = people.formers.filter(pl.col("former_reason").is_not_null()).select(pseudonym="former_pseudonym")
    connection.register("untold", untold.to_arrow())
    connection.register("absent", people.frame.filter(pl.col("reason").is_not_null()).select("pseudonym").to_arrow())
    connection.register("restricted", people.frame.filter(pl.col("is_restricted")).select("pseudonym").to_arrow())
    for table in plan.tables:
        _check_people(connection, table)
        _check_identifiers(connection, table)
        _check_promises(connection, table)
    rows = {t.name: counted(connection, f'SELECT count(*) FROM built.main."{t.name}"')[0] for t in plan.tables}
    connection.execute("DETACH built")
    return rows


def _check_shape(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Exactly the planned tables, columns and types, and nothing else: no view, schema, macro or type."""
    found = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = 'built' AND NOT internal ORDER BY table_name, column_index"
    ).fetchall()
    permitted = OWN | {table.name: {column.name: column.type for column in table.columns} for table in plan.tables}
    expected = [("main", table, *column) for table in sorted(permitted) for column in permitted[table].items()]
    (others,) = counted(
        connection,
        "SELECT (SELECT count(*) FROM duckdb_views() WHERE database_name = 'built' AND NOT internal)"
        " + (SELECT count(*) FROM duckdb_schemas() WHERE database_name = 'built' AND NOT internal"
        " AND schema_name <> 'main')"
        " + (SELECT count(*) FROM duckdb_functions() WHERE database_name = 'built' AND NOT internal)"
        " + (SELECT count(*) FROM duckdb_sequences() WHERE database_name = 'built')",
    )
    if found != expected or others:
        wrong = sorted({f"{row[1]}.{row[2]} {row[3]}" for row in set(found) ^ set(expected)})
        raise GovernanceError(
            f"release check failed: the columns of '{plan.purpose}' are not exactly the permitted ones "
            f"({', '.join(wrong) or 'in another order, or with views or macros beside them'})"
        )


def _check_people(connection: duckdb.DuckDBPyConnection, table: OutputTable) -> None:
    """Nobody who is excluded, nobody under another id than a pseudonym, nowhere for the restricted."""
    rows = f'FROM built.main."{table.name}"'
    for name, hidden in {PSEUDONYM: ("absent",), FORMER: ("absent", "untold")}.items():
        if name == FORMER and not table.has_former:
            continue
        where = f"{table.name}.{name}"
        for people in hidden:
            excluded = f"{rows} SEMI JOIN {people} ON {name} = pseudonym"
            _none(connection, excluded, GovernanceError, f"{where}: residents who are excluded")
        others = f"{rows} WHERE NOT regexp_full_match({name}, {quoted(PSEUDONYM_PATTERN)})"
        _none(connection, others, GovernanceError, f"{where}: values that are no pseudonym")
    for column in (c for c in table.columns if c.null_where_restricted):
        shown = f'{rows} SEMI JOIN restricted ON {PSEUDONYM} = pseudonym WHERE "{column.name}" IS NOT NULL'
        _none(connection, shown, GovernanceError, f"{table.name}.{column.name}: values for restricted residents")


def _check_identifiers(connection: duckdb.DuckDBPyConnection, table: OutputTable) -> None:
    """No cell is a direct identifier; numbers are compared with NHS numbers only, since a count can equal a UPRN."""
    for column in table.columns:
        if column.logical_type not in ("string", "integer", "number"):
            continue
        text = column.logical_type == "string"
        cell = f'"{column.name}"' if text else f'CAST(try_cast("{column.name}" AS BIGINT) AS VARCHAR)'
        identifiers = "direct_identifiers" if text else "(FROM direct_identifiers WHERE length(value) = 10)"
        found = f'FROM built.main."{table.name}" SEMI JOIN {identifiers} AS d ON d.value = {cell}'
        _none(connection, found, GovernanceError, f"{table.name}.{column.name}: values that are direct identifiers")


def _check_promises(connection: duckdb.DuckDBPyConnection, table: OutputTable) -> None:
    """Required columns are filled and the key is unique, as the output contract says."""
    rows = f'FROM built.main."{table.name}"'
    for column in (c for c in table.columns if c.required):
        what = f"{table.name}.{column.name}: nulls where the output contract requires a value"
        _none(connection, f'{rows} WHERE "{column.name}" IS NULL', PipelineError, what)
    keys = ", ".join(f'"{key}"' for key in table.keys)
    repeated = f"FROM (SELECT {keys} {rows} GROUP BY {keys} HAVING count(*) > 1)"
    _none(connection, repeated, PipelineError, f"{table.name}: keys ({', '.join(table.keys)}) that are not unique")


def _none(connection: duckdb.DuckDBPyConnection, rows: str, error: type[SpineError], what: str) -> None:
    (count,) = counted(connection, f"SELECT count(*) {rows}")
    if count:
        raise error(f"release check failed: {what}: expected none, found {count}. Nothing is published; mend the mart")
