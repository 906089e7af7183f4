"""Writing one release file: permitted columns and rows only, into a database that did not exist before.

Put here: the tables' SQL, comments, `_dictionary`, `_inputs` and `_release`. Never here: the decision what may
leave (plan), or the judgement of the finished file (check). Nothing is ever deleted from a
release: deleted rows stay readable in the file's bytes, rows that were never written do not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import duckdb

from spine.errors import PipelineError
from spine.release.marks import Marks
from spine.release.output_contracts import FORMER, PSEUDONYM, OutputTable
from spine.release.own_tables import OWN_TABLES
from spine.release.people import People
from spine.release.plan import Plan
from spine.release.sql import counted, quoted

_INTEGERS = {f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")}
_FAMILIES = {
    "string": {"VARCHAR", "ENUM"},
    "boolean": {"BOOLEAN"},
    "date": {"DATE"},
    "integer": _INTEGERS,
    "number": {"DOUBLE", "FLOAT", "DECIMAL", *_INTEGERS},
}


def refuse_unfit_tables(plan: Plan, present: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse where the warehouse lacks a promised table or column, or has it in another type.

    Raises:
        PipelineError: every difference.
    """
    faults = []
    for table in plan.tables:
        types = present.get(table.name)
        if types is None:
            faults.append(f"table {plan.purpose}.{table.name} is missing")
            continue
        for column in table.columns:
            family = types.get(column.name, "nothing").partition("(")[0]
            if family not in _FAMILIES[column.logical_type]:
                faults.append(
                    f"{plan.purpose}.{table.name}.{column.name}: expected a {column.logical_type}, found {family}"
                )
    if faults:
        raise PipelineError("the warehouse does not hold what the output contracts promise:\n" + "\n".join(faults))


def build_release(connection: duckdb.DuckDBPyConnection, plan: Plan, people: People, path: Path, marks: Marks) -> str:
    """Write the file; returns the hash of its content, which does not depend on the marks.

    Args:
        connection: from `attach_warehouse`, with tables `people` and `formers`.
        path: must not exist.
    """
    connection.execute(f"ATTACH {quoted(str(path))} AS build")
    for table in plan.tables:
        _write_table(connection, plan, table)
    _write_dictionary(connection, plan)
    _write_inputs(connection, plan)
    hashes = {table.name: _hash(connection, table.name, ", ".join(table.keys)) for table in plan.tables}
    hashes["_dictionary"] = _hash(connection, "_dictionary", "table_name, column_name")
    hashes["_inputs"] = _hash(connection, "_inputs", "delivery, content_sha256")
    facts = {
        "purpose": plan.purpose,
        "as_of": plan.as_of,
        "agreement_id": plan.agreement.id,
        "agreement_version": plan.agreement.version,
        "agreement_sha256": plan.agreement.sha256,
        "inputs_sha256": plan.inputs_sha256,
        "key_version": people.key_version,
        "opted_out_fingerprint": people.opted_out_fingerprint,
        "is_demo": plan.is_demo,
    }
    content = json.dumps({"facts": facts, "tables": hashes}, sort_keys=True, default=str)
    content_sha256 = hashlib.sha256(content.encode()).hexdigest()
    _write_release(connection, plan, facts, marks, content_sha256)
    for name, (text, columns) in OWN_TABLES.items():
        _comment(connection, name, text, columns)
    connection.execute("CHECKPOINT build")
    connection.execute("DETACH build")
    return content_sha256


def _write_table(connection: duckdb.DuckDBPyConnection, plan: Plan, table: OutputTable) -> None:
    own = {PSEUDONYM: "p.pseudonym", FORMER: "f.former_pseudonym"}
    cells = {c.name: own.get(c.name, f't."{c.name}"') for c in table.columns}
    formers = f"LEFT JOIN formers AS f ON f.former_id = t.{FORMER} " if table.has_former else ""
    told = " AND f.former_reason IS NULL" if table.has_former else ""
    columns = ", ".join(f'CAST({cells[c.name]} AS {c.type}) AS "{c.name}"' for c in table.columns)
    order = ", ".join(cells[name] for name in table.keys)
    connection.execute(
        f'CREATE TABLE build.main."{table.name}" AS SELECT {columns} '
        f'FROM warehouse."{plan.purpose}"."{table.name}" AS t JOIN people AS p USING (resident_id) {formers}'
        f"WHERE p.reason IS NULL{told} ORDER BY {order}"
    )
    _comment(connection, table.name, table.description, {c.name: c.description for c in table.columns})


def _comment(connection: duckdb.DuckDBPyConnection, table: str, text: str, columns: Mapping[str, str]) -> None:
    connection.execute(f'COMMENT ON TABLE build.main."{table}" IS {quoted(text)}')
    for name, meaning in columns.items():
        connection.execute(f'COMMENT ON COLUMN build.main."{table}"."{name}" IS {quoted(meaning)}')


def _write_dictionary(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    connection.execute(
        "CREATE TABLE build.main._dictionary (table_name VARCHAR, column_name VARCHAR, type VARCHAR, "
        "classification VARCHAR, description VARCHAR, source_fields VARCHAR)"
    )
    rows = [
        (table.name, c.name, c.type, c.classification, c.description, ", ".join(c.sources))
        for table in plan.tables
        for c in table.columns
    ]
    connection.executemany("INSERT INTO build.main._dictionary VALUES (?, ?, ?, ?, ?, ?)", rows)


def _write_inputs(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """The deliveries by partner, dataset, date and hash: no name of a file, which can hold a person's number."""
    connection.execute("CREATE TABLE build.main._inputs (delivery VARCHAR, content_sha256 VARCHAR)")
    rows = [(entry.delivery, entry.content_sha256) for entry in plan.inputs]
    if rows:
        connection.executemany("INSERT INTO build.main._inputs VALUES (?, ?)", rows)


def _write_release(
    connection: duckdb.DuckDBPyConnection, plan: Plan, facts: Mapping[str, object], marks: Marks, content_sha256: str
) -> None:
    rows = {
        table.name: counted(connection, f'SELECT count(*) FROM build.main."{table.name}"')[0] for table in plan.tables
    }
    values = {
        **facts,
        "version": marks.version,
        "table_rows": json.dumps(rows),
        "content_sha256": content_sha256,
        "audit_head": marks.audit_head,
        "rules": json.dumps(marks.rules, sort_keys=True),
    }
    types = {"as_of": "DATE", "version": "INTEGER", "key_version": "INTEGER", "is_demo": "BOOLEAN"}
    columns = ", ".join(f"CAST(? AS {types.get(name, 'VARCHAR')}) AS {name}" for name in values)
    connection.execute(f"CREATE TABLE build.main._release AS SELECT {columns}", list(values.values()))


def _hash(connection: duckdb.DuckDBPyConnection, table: str, order: str) -> str:
    """Hash of a table's rows in the order of its key: equal for equal rows, whatever the file's bytes."""
    row = connection.execute(
        f"SELECT sha256(coalesce(string_agg(md5(CAST(to_json(t) AS VARCHAR)), '' ORDER BY {order}), '')) "
        f'FROM build.main."{table}" AS t'
    ).fetchone()
    return str(row[0]) if row else ""
