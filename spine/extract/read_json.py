"""JSON, and what was made into lines of JSON, into the rows of one contracted table.

Put here: which list of a document holds the rows, and values as text. Never here: FHIR (read_fhir).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import duckdb
import orjson

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.headers import Matched, Names, match
from spine.extract.json_lines import Array, NotJson, is_lines, read_lines, split
from spine.extract.load_rows import Part, create_parsed, load
from spine.extract.text import to_plain_text
from spine.extract.workspace import FileRead, literal, scalar, scrubbed, shifts

_RESEND = "Ask the partner to resend it"
_EXPECTED = "expected a list of flat objects, an object that holds one, or one object to a line"


def read_json(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, scratch: Path, version: str) -> FileRead:
    """Append the objects of one JSON or NDJSON file to the workspace's rows of `table`.

    Returns:
        Counts; row numbers are lines (NDJSON, empty ones not counted) or places in the list, from 1.

    Raises:
        DeliveryError: empty, no JSON, a missing column, or a contracted column that holds lists or objects.
    """
    stem = f"file_{part.source.number}"
    try:
        text = to_plain_text(part.path, scratch / f"{stem}.txt")
        part.check_unchanged(text.sha256)
        if not text.lines:
            raise DeliveryError(f"{part.where}: the file is empty. {_RESEND}")
        if is_lines(text.path, text.lines, named=part.name.lower().endswith((".ndjson", ".jsonl"))):
            return load_lines(connection, table, part, text.path, version, text.lines)
        try:
            arrays = split(text.path, scratch, stem)
        except NotJson:
            raise DeliveryError(f"{part.where}: is not valid JSON, perhaps cut off. {_RESEND}") from None
        rows = _rows_among(arrays, table)
        if rows is None and text.path.stat().st_size < 1_000_000:
            rows = _single(text.path, scratch / f"{stem}_single.txt")
        if rows is None:
            raise DeliveryError(f"{part.where}: holds no list of objects; {_EXPECTED}. {_RESEND}")
        return load_lines(connection, table, part, rows.path, version, rows.lines, is_document=True)
    finally:
        for path in scratch.glob(f"{stem}*.txt"):
            path.unlink()


def load_lines(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    part: Part,
    path: Path,
    version: str,
    lines: int,
    *,
    is_document: bool = False,
) -> FileRead:
    """Append lines of flat JSON objects to the workspace's rows of `table`.

    Args:
        is_document: the lines were cut out of one document, so that a malformed one refuses it.

    Raises:
        DeliveryError: a missing column, or one that holds lists or objects.
    """
    with scrubbed(part.where, "is not valid JSON; ask the partner to resend it"):
        connection.execute(f"""
            CREATE OR REPLACE TABLE lines AS
            SELECT line, CASE WHEN json_valid(line) THEN json_type(line) END AS kind, row_number() OVER () AS place
            FROM {read_lines(connection, path)}""")
        connection.execute("""
            CREATE OR REPLACE TABLE faulty AS
            SELECT DISTINCT line::BIGINT AS line, 'row_too_long' AS rule FROM reject_errors""")
        if is_document and scalar(connection, "SELECT count(*) FROM lines WHERE kind IS NULL"):
            raise DeliveryError(f"{part.where}: is not valid JSON. {_RESEND}")
        header = _keys(connection)
        if not lines:
            return FileRead(0, 0)
        if not header:
            raise DeliveryError(f"{part.where}: holds no objects with named values; {_EXPECTED}. {_RESEND}")
        matched = match(header, table, part.where, version)
        _refuse_nested(connection, table, header, matched, part.where)
        parsed = _parse(connection, table, part, header, matched)
        return load(connection, table, part, lines, matched, parsed)


def _rows_among(arrays: Iterable[Array], table: Table) -> Array | None:
    """The list whose first objects name most contracted columns; of equals the longest, then the first."""
    names = Names(table)
    scored = [(names.score(_first_keys(array.path))[1], array.lines, array) for array in arrays]
    best = max(scored, key=lambda entry: entry[:2], default=None)
    if best is None:
        return None
    only_empty_list = len(scored) == 1 and not best[1]
    return best[2] if best[0] or only_empty_list or best[2].depth == 0 else None


def _first_keys(path: Path) -> list[str]:
    keys: dict[str, None] = {}
    with path.open("rb") as file:
        for line in itertools.islice(file, 20):
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            keys |= dict.fromkeys(value) if isinstance(value, dict) else {}
    return list(keys)


def _single(path: Path, target: Path) -> Array | None:
    """A document that is one object, as one line."""
    try:
        value = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    target.write_bytes(orjson.dumps(value) + b"\n")
    return Array("", 0, target, 1)


def _keys(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The names that any object uses, in the order in which they first occur."""
    found = connection.execute("""
        SELECT key FROM (SELECT unnest(keys) AS key, generate_subscripts(keys, 1) AS n, place
                         FROM (SELECT json_keys(line) AS keys, place FROM lines WHERE kind = 'OBJECT'))
        GROUP BY key ORDER BY min((place, n))""").fetchall()
    return [str(key) for (key,) in found]


def _refuse_nested(
    connection: duckdb.DuckDBPyConnection, table: Table, header: list[str], matched: Matched, where: str
) -> None:
    tests = ", ".join(f"count_if(left(v[{n}]::VARCHAR, 1) IN ('{{', '['))" for n in range(1, len(matched.places) + 1))
    counts = connection.execute(f"SELECT {tests} FROM {_values(header, matched)}").fetchone() or ()
    by_name = {column.name: column.source_name for column in table.columns}
    faults = [
        f"{where}: column '{by_name[name]}' holds several values or an object in {count} rows; "
        f"expected one plain value. {_RESEND}, one row for each value"
        for name, count in zip(matched.places, counts, strict=True)
        if count
    ]
    if faults:
        raise DeliveryError("\n".join(faults))


def _parse(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, header: list[str], matched: Matched) -> str:
    """Take the rows and `rejected` out of `lines`; returns what create_parsed does."""
    cells = {name: _as_text(f"v[{n}]") for n, name in enumerate(matched.places, start=1)}
    parsed = create_parsed(connection, table, part, cells, _values(header, matched))
    # Places in `lines` leave out what could not be cut; the numbers of the others count it.
    connection.execute(f"""
        INSERT INTO rejected
        SELECT place + coalesce(shift, 0), CASE WHEN kind IS NULL THEN 'not_json' ELSE 'not_an_object' END
        FROM (SELECT place, kind FROM lines WHERE kind IS DISTINCT FROM 'OBJECT')
        ASOF LEFT JOIN ({shifts("faulty")}) ON place > before""")
    connection.execute("INSERT INTO rejected SELECT line, rule FROM faulty")
    connection.execute("DROP TABLE lines; DROP TABLE faulty")
    return parsed


def _values(header: list[str], matched: Matched) -> str:
    """SQL: the contracted values `v` of every object, in order; each object is parsed once."""
    pointers = ", ".join(literal(_pointer(header[place])) for place in matched.places.values())
    return f"(SELECT json_extract(line, [{pointers}]) AS v FROM lines WHERE kind = 'OBJECT')"


def _as_text(value: str) -> str:
    """SQL: a JSON value as the text of a cell: whole numbers without `.0`, booleans as TRUE and FALSE."""
    return f"""CASE left({value}::VARCHAR, 1) WHEN '"' THEN {value}->>'$' WHEN 't' THEN 'TRUE' WHEN 'f' THEN 'FALSE'
        WHEN 'n' THEN NULL ELSE regexp_replace({value}::VARCHAR, '\\.0+$', '') END"""


def _pointer(key: str) -> str:
    """A key as a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
