"""FHIR JSON into the rows of contracted tables: one row per resource of a contracted type.

Put here: the shapes in which resources come (NDJSON, Bundle, array, bare), and their structure.
Never here: what an element means (dbt staging).
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import duckdb
import orjson

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.deliveries import SourceFile
from spine.extract.text import Text, to_plain_text
from spine.extract.workspace import FileRead, identifier, literal, missing_rule, rows_of, scalar, scrubbed, shifts

SUFFIXES = (".json", ".ndjson", ".jsonl")
#: A line of NDJSON may be this long in bytes; a longer one is put aside.
MAX_LINE = 16_000_000
#: What a text is: '' no JSON, '[]' an array, '?' no FHIR resource, else the resource type.
_KIND = """CASE WHEN NOT json_valid(line) THEN '' WHEN ltrim(line)[1] = '[' THEN '[]'
    ELSE coalesce(json_extract_string(line, '$.resourceType'), '?') END"""


def read_fhir(
    connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...], file: SourceFile, scratch: Path, where: str
) -> dict[str, FileRead]:
    """Append the resources of one file to the workspace's row tables; malformed lines go to `quarantine`.

    The shape is decided by content: NDJSON, one Bundle, one array, or one bare resource. Bundles
    are opened wherever they stand. Row numbers are lines (NDJSON, empty ones not counted) or
    entries (Bundle, array), from 1.

    Args:
        tables: of the contract; `source` is matched with the resource type.
        where: what a message calls this file.

    Returns:
        Counts by table. What belongs to no table counts with the first one.

    Raises:
        DeliveryError: empty, no JSON, or changed while being read.
    """
    target = scratch / f"file_{file.number}.txt"
    try:
        text = to_plain_text(file.path, target)
        if text.sha256 != file.sha256:
            raise DeliveryError(f"{where}: changed while it was read. It is tried again on the next run")
        if not text.lines:
            raise DeliveryError(f"{where}: the file is empty. Ask the partner to resend it")
        with scrubbed(where, "is not valid JSON; ask the partner to resend it"):
            if _is_lines(text, file):
                _lines(connection, text)
            else:
                _document(connection, text, where)
            return _load(connection, tables, file)
    finally:
        target.unlink(missing_ok=True)


def _is_lines(text: Text, file: SourceFile) -> bool:
    """True for NDJSON: a line is a JSON object by itself and others follow. One object alone is a document."""
    with text.path.open("rb") as lines:
        head = [line.strip() for line in itertools.islice(lines, 20)]
    objects = [_object(line) for line in head]
    named = file.name.lower().endswith((".ndjson", ".jsonl"))
    if text.lines == 1:
        return named and objects[0] is None
    if head[0].startswith(b"["):
        return False
    if objects[0] is not None or any("resourceType" in entry for entry in objects if entry):
        return True
    return named and head[0] not in (b"{", b"")


def _object(line: bytes) -> dict[str, object] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _lines(connection: duckdb.DuckDBPyConnection, text: Text) -> None:
    """Fill `documents` with the file's lines, and `unreadable` with the numbers of lines that could not be cut."""
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    connection.execute(f"""
        CREATE OR REPLACE TABLE documents AS SELECT line, {_KIND} AS kind FROM read_csv(
            {literal(text.path)}, columns={{'line': 'VARCHAR'}}, auto_detect=false, header=false, delim=e'\x01',
            quote='', escape='', comment='', store_rejects=true, rejects_limit=0,
            max_line_size={MAX_LINE}, buffer_size={4 * MAX_LINE}, parallel=false)""")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE unreadable AS SELECT DISTINCT line::BIGINT AS line FROM reject_errors"
    )


def _document(connection: duckdb.DuckDBPyConnection, text: Text, where: str) -> None:
    """Fill `documents` with the whole file as one."""
    connection.execute(f"""
        CREATE OR REPLACE TABLE documents AS
        SELECT content AS line, {_KIND.replace("line", "content")} AS kind FROM read_text({literal(text.path)})""")
    connection.execute("CREATE OR REPLACE TEMP TABLE unreadable (line BIGINT)")
    if scalar(connection, "SELECT count(*) FROM documents WHERE kind = ''"):
        raise DeliveryError(f"{where}: is not valid JSON, perhaps cut off. Ask the partner to resend it")


def _load(connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...], file: SourceFile) -> dict[str, FileRead]:
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
        _transform(connection, table, file, mine)
        reads[table.name] = FileRead(rows + (faulty + stray if n == 0 else 0), stray if n == 0 else 0)
    connection.execute(f"""
        INSERT INTO quarantine SELECT {literal(tables[0].name)}, {file.number}, row_no, 'not_json' FROM (
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


def _transform(connection: duckdb.DuckDBPyConnection, table: Table, file: SourceFile, mine: str) -> None:
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
        INSERT INTO {rows_of(table)} SELECT {types}, {literal(file.sha256)}, {file.number}, row_no, place
        FROM shaped WHERE _rule IS NULL""")
    connection.execute(f"""
        INSERT INTO quarantine SELECT {literal(table.name)}, {file.number}, row_no, _rule
        FROM shaped WHERE _rule IS NOT NULL""")
    connection.execute("DROP TABLE shaped")
