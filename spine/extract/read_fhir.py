"""FHIR JSON into the rows of contracted tables: one row per resource of a contracted type.

Put here: the shapes in which resources come (NDJSON, Bundle, array, bare), and their structure.
Never here: what an element means (dbt staging).
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.json_lines import NotJson, is_lines, read_lines, split
from spine.extract.load_rows import Part
from spine.extract.text import to_plain_text
from spine.extract.workspace import FileRead, identifier, literal, missing_rule, rows_of, scalar, scrubbed, shifts

#: A larger document is cut at the commas of its array or of its Bundle's entries, not parsed as a whole.
MAX_DOCUMENT = 64_000_000
#: What a text is: '' no JSON, '[]' an array, '?' no FHIR resource, else the resource type.
_KIND = """CASE WHEN NOT json_valid(line) THEN '' WHEN ltrim(line)[1] = '[' THEN '[]'
    ELSE coalesce(json_extract_string(line, '$.resourceType'), '?') END"""


def read_fhir(
    connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...], part: Part, scratch: Path
) -> dict[str, FileRead]:
    """Append the resources of one file to the workspace's row tables; malformed lines go to `quarantine`.

    The shape is decided by content: NDJSON, one Bundle, one array, or one bare resource. Bundles
    are opened wherever they stand. Row numbers are lines (NDJSON, empty ones not counted) or
    entries (Bundle, array), from 1.

    Args:
        tables: of the contract; `source` is matched with the resource type.

    Returns:
        Counts by table. What belongs to no table counts with the first one.

    Raises:
        DeliveryError: empty, no JSON, or changed while being read.
    """
    stem = f"file_{part.source.number}"
    try:
        text = to_plain_text(part.path, scratch / f"{stem}.txt")
        part.check_unchanged(text.sha256)
        if not text.lines:
            raise DeliveryError(f"{part.where}: the file is empty. Ask the partner to resend it")
        with scrubbed(part.where, "is not valid JSON; ask the partner to resend it"):
            if is_lines(text.path, text.lines, named=part.name.lower().endswith((".ndjson", ".jsonl"))):
                _lines(connection, text.path, "line")
            elif text.path.stat().st_size <= MAX_DOCUMENT:
                _document(connection, text.path, part.where)
            else:
                _large_document(connection, text.path, scratch, stem, part.where)
            return _load(connection, tables, part)
    finally:
        for path in scratch.glob(f"{stem}*.txt"):
            path.unlink()


def _lines(connection: duckdb.DuckDBPyConnection, path: Path, resource: str) -> None:
    """Fill `documents` with the file's lines, and `unreadable` with the numbers of lines that could not be cut."""
    connection.execute(f"""
        CREATE OR REPLACE TABLE documents AS SELECT line, {_KIND} AS kind
        FROM (SELECT {resource} AS line FROM {read_lines(connection, path)})""")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE unreadable AS SELECT DISTINCT line::BIGINT AS line FROM reject_errors"
    )


def _document(connection: duckdb.DuckDBPyConnection, path: Path, where: str) -> None:
    """Fill `documents` with the whole file as one."""
    connection.execute(f"""
        CREATE OR REPLACE TABLE documents AS
        SELECT content AS line, {_KIND.replace("line", "content")} AS kind FROM read_text({literal(path)})""")
    connection.execute("CREATE OR REPLACE TEMP TABLE unreadable (line BIGINT)")
    _refuse_malformed(connection, where)


def _large_document(connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path, stem: str, where: str) -> None:
    """Fill `documents` with the elements of one array, or the resources of one Bundle."""
    try:
        arrays = split(path, scratch, stem)
    except NotJson:
        raise DeliveryError(f"{where}: is not valid JSON, perhaps cut off. Ask the partner to resend it") from None
    for array in arrays:
        if (array.key, array.depth) in (("", 0), ("entry", 1)):
            _lines(connection, array.path, "coalesce(line->>'$.resource', 'null')" if array.key else "line")
            _refuse_malformed(connection, where)
            return
    raise DeliveryError(
        f"{where}: one resource of more than {MAX_DOCUMENT / 1e6:g} MB; expected a Bundle, an array, or one resource "
        "to a line. Ask the partner to resend it"
    )


def _refuse_malformed(connection: duckdb.DuckDBPyConnection, where: str) -> None:
    if scalar(connection, "SELECT count(*) FROM documents WHERE kind = ''"):
        raise DeliveryError(f"{where}: is not valid JSON, perhaps cut off. Ask the partner to resend it")


def _load(connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...], part: Part) -> dict[str, FileRead]:
    _unpack(connection)
    claimed = " OR ".join(f"regexp_full_match(kind, {literal(table.source)})" for table in tables)
    faulty = scalar(
        connection, "SELECT (SELECT count(*) FROM resources WHERE kind = '') + (SELECT count(*) FROM unreadable)"
    )
    stray = scalar(connection, f"SELECT count(*) FROM resources WHERE kind <> '' AND NOT ({claimed})")
    reads = {}
    for n, table in enumerate(tables):
        mine = f"kind <> '' AND regexp_full_match(kind, {literal(table.source)})"
        rows = scalar(connection, f"SELECT count(*) FROM resources WHERE {mine}")
        _transform(connection, table, part, mine)
        reads[table.name] = FileRead(rows + (faulty + stray if n == 0 else 0), stray if n == 0 else 0)
    connection.execute(f"""
        INSERT INTO quarantine
        SELECT {literal(tables[0].name)}, {part.source.number}, row_no + {part.base}, 'not_json' FROM (
            SELECT row_no FROM resources WHERE kind = '' UNION ALL SELECT line FROM unreadable) ORDER BY row_no""")
    connection.execute("DROP VIEW resources; DROP TABLE opened; DROP TABLE documents; DROP TABLE unreadable")
    return reads


def _unpack(connection: duckdb.DuckDBPyConnection) -> None:
    """View `resources`: row number, kind and JSON of every resource, those inside Bundles and arrays too."""
    rejects = scalar(connection, "SELECT count(*) FROM unreadable")
    join = f"ASOF LEFT JOIN ({shifts('unreadable')}) ON documents.rowid >= before" if rejects else ""
    number = "documents.rowid + 1 + coalesce(shift, 0)" if rejects else "documents.rowid + 1"
    connection.execute(f"""
        CREATE OR REPLACE TABLE opened AS
        WITH parts AS (
            SELECT {number} AS row_no, kind, CASE kind WHEN '[]' THEN json_transform(line, '["JSON"]')
                ELSE json_transform(line, '{{"entry": ["JSON"]}}').entry END AS part
            FROM documents {join} WHERE kind IN ('[]', 'Bundle')),
        listed AS (SELECT row_no, kind, unnest(part) AS part, generate_subscripts(part, 1) AS place FROM parts),
        bare AS (
            SELECT CASE WHEN (SELECT count(*) FROM documents) = 1 THEN place ELSE row_no END AS row_no, place,
                   CASE kind WHEN 'Bundle' THEN part->'$.resource' ELSE part END AS resource
            FROM listed)
        SELECT row_no, place, coalesce(resource->>'$.resourceType', '?') AS kind, resource FROM bare""")
    while _open_inner_bundles(connection):
        pass
    connection.execute(f"""
        CREATE OR REPLACE TEMP VIEW resources AS
        SELECT {number} AS row_no, 0 AS place, kind, line AS resource
        FROM documents {join} WHERE kind NOT IN ('[]', 'Bundle')
        UNION ALL SELECT row_no, place, kind, resource::VARCHAR FROM opened""")


def _open_inner_bundles(connection: duckdb.DuckDBPyConnection) -> bool:
    """Put the resources of Bundles that stand inside a Bundle in their place; False where there is none."""
    if not scalar(connection, "SELECT count(*) FROM opened WHERE kind = 'Bundle'"):
        return False
    connection.execute("""
        CREATE OR REPLACE TABLE opened AS
        SELECT CASE WHEN (SELECT count(*) FROM documents) = 1
                    THEN row_number() OVER (ORDER BY row_no, place, inner_place) ELSE row_no END AS row_no,
               row_number() OVER (PARTITION BY row_no ORDER BY place, inner_place) AS place, kind, resource
        FROM (
            SELECT row_no, place, 0 AS inner_place, kind, resource FROM opened WHERE kind <> 'Bundle'
            UNION ALL
            SELECT row_no, place, inner_place, coalesce(part->>'$.resource.resourceType', '?') AS kind,
                   part->'$.resource' AS resource
            FROM (SELECT row_no, place, unnest(parts) AS part, generate_subscripts(parts, 1) AS inner_place
                  FROM (SELECT row_no, place, json_transform(resource, '{"entry": ["JSON"]}').entry AS parts
                        FROM opened WHERE kind = 'Bundle')))""")
    return True


def _transform(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, mine: str) -> None:
    """Append the table's resources; those that lack a required element or have another structure go aside."""
    structure = json.dumps({column.source_name: column.nested for column in table.columns})
    columns = ", ".join(f"t.{identifier(c.source_name)} AS {identifier(c.name)}" for c in table.columns)
    types = ", ".join(identifier(c.name) for c in table.columns)
    nested = [c for c in table.columns if c.nested != "VARCHAR"]
    shapes = " ".join(
        f"WHEN {identifier(c.name)} IS NULL AND json_type(resource, {literal('$.' + c.source_name)}) <> 'NULL' "
        f"THEN {literal(c.name + '__wrong_structure')}"
        for c in nested
    )
    wrong = f"CASE {shapes} END" if shapes else "NULL"
    connection.execute(f"""
        CREATE OR REPLACE TABLE shaped AS
        SELECT *, coalesce({missing_rule(table.columns)}, {wrong}) AS _rule FROM (
            SELECT row_no, place, {columns}, resource FROM (
                SELECT row_no, place, resource, json_transform(resource, {literal(structure)}) AS t
                FROM resources WHERE {mine}))""")
    connection.execute(f"""
        INSERT INTO {rows_of(table)} SELECT {types}, {literal(part.source.sha256)}, {part.source.number},
            row_no + {part.base}, place
        FROM shaped WHERE _rule IS NULL""")
    connection.execute(f"""
        INSERT INTO quarantine SELECT {literal(table.name)}, {part.source.number}, row_no + {part.base}, _rule
        FROM shaped WHERE _rule IS NOT NULL""")
    connection.execute("DROP TABLE shaped")
