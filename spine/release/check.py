"""Judging a finished release file from outside, as whoever receives it would find it.

Put here: checks that open the file read only. Never here: mending what they find; a file that
fails one is not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from spine.contracts import RuleResult
from spine.errors import GovernanceError, PipelineError, SpineError
from spine.governance import PLACES
from spine.governance.pseudonymise import PSEUDONYM_PATTERN
from spine.release.output_contracts import FORMER, PSEUDONYM, OutputTable
from spine.release.people import People, warehouse_tables
from spine.release.plan import Plan
from spine.release.promises import keep_promises
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
        "table_rows": "VARCHAR", "content_sha256": "VARCHAR", "audit_head": "VARCHAR", "rules": "VARCHAR",
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


@dataclass(frozen=True)
class Checked:
    """What the checks found: rows by table, and the verdict on each rule of the output contracts."""

    rows: Mapping[str, int]
    rules: tuple[RuleResult, ...]


def check_release(connection: duckdb.DuckDBPyConnection, plan: Plan, people: People, path: Path) -> Checked:
    """Check everything that a release promises.

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
    has_birth_dates = "date_of_birth" in warehouse_tables(connection, "core").get("dim_resident", {})
    for table in plan.tables:
        _check_people(connection, table)
        _check_identifiers(connection, table)
        _check_bounds(connection, table)
        if has_birth_dates:
            _check_birth_dates(connection, table)
        _check_promises(connection, table)
    rows = {t.name: counted(connection, f'SELECT count(*) FROM built.main."{t.name}"')[0] for t in plan.tables}
    (threads,) = counted(connection, "SELECT current_setting('threads')")
    connection.execute("DETACH built")
    delivered = {entry.delivery.partition("/")[0] for entry in plan.inputs}
    rules = keep_promises(path, plan.tables, plan.partners & delivered, threads)
    return Checked(rows, rules)


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
    for column in (c for c in table.columns if c.null_where_restricted or c.name in PLACES):
        shown = f'{rows} SEMI JOIN restricted ON {PSEUDONYM} = pseudonym WHERE "{column.name}" IS NOT NULL'
        _none(connection, shown, GovernanceError, f"{table.name}.{column.name}: values for restricted residents")


def _check_bounds(connection: duckdb.DuckDBPyConnection, table: OutputTable) -> None:
    """No number beyond the bounds of its output contract, which leave no room for an identifier."""
    for column in (c for c in table.columns if c.bounds is not None):
        least, most = column.bounds or (0, 0)
        beyond = f'FROM built.main."{table.name}" WHERE NOT coalesce("{column.name}" BETWEEN {least} AND {most}, true)'
        _none(connection, beyond, GovernanceError, f"{table.name}.{column.name}: numbers beyond {least} to {most}")


def _check_identifiers(connection: duckdb.DuckDBPyConnection, table: OutputTable) -> None:
    """No cell is a direct identifier; numbers are compared with those of six digits or more, which no count reaches.

    Of a number that is not whole the digits behind the point are compared.
    """
    for column in table.columns:
        if column.logical_type not in ("string", "integer", "number"):
            continue
        name, text = f'"{column.name}"', column.logical_type == "string"
        cells = [name if text else f"CAST(try_cast({name} AS BIGINT) AS VARCHAR)"]
        if column.logical_type == "number":
            cells.append(f"regexp_extract(CAST({name} AS VARCHAR), '\\.(\\d{{6,}})$', 1)")
        identifiers = "direct_identifiers" if text else "(FROM direct_identifiers WHERE length(value) >= 6)"
        for cell in cells:
            found = f'FROM built.main."{table.name}" SEMI JOIN {identifiers} AS d ON d.value = {cell}'
            _none(connection, found, GovernanceError, f"{table.name}.{column.name}: values that are direct identifiers")


def _check_birth_dates(connection: duckdb.DuckDBPyConnection, table: OutputTable) -> None:
    """No date is the date of birth under another name: that of three or more, and of over half of those with a date."""
    for name in (c.name for c in table.columns if c.logical_type == "date"):
        dates, at_birth = counted(
            connection,
            f'SELECT count(b."{name}"), count(*) FILTER (b."{name}" = r.date_of_birth) '
            f'FROM built.main."{table.name}" AS b JOIN people AS p ON p.pseudonym = b.{PSEUDONYM} '
            "JOIN warehouse.core.dim_resident AS r ON r.resident_id = p.resident_id",
        )
        if at_birth >= 3 and 2 * at_birth > dates:
            raise GovernanceError(
                f"release check failed: {table.name}.{name}: of {dates} values, {at_birth} are the resident's date of "
                "birth; expected another date. Nothing is published; mend the mart"
            )


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
