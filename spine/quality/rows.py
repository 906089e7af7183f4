"""Which rows break a rule: their places in the partner's files, never their content.

Put here: from a rule to the predicate that its broken rows satisfy. Never here: a count that a
verdict rests on (that is Great Expectations' alone, see gx), a threshold, or a cell's value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from spine.contracts.confined import confine
from spine.contracts.functions import functions_in, install_functions
from spine.contracts.rules import Rule
from spine.errors import PipelineError
from spine.quality.counts import conditions, parsed

#: Shape of every answer: place of the file among the delivery's files, and of the row in it, from 1.
SCHEMA = {"file_no": pl.Int32, "row_no": pl.Int64}
_PLACE = ("_file_no", "_row_no")
#: How text is read, as it is for the verdict.
_CLEAN = "clean_text({0}) AS {0}"


class RowFinder:
    """Tables of one delivery, open for questions. Made by `row_finder`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: frozenset[str]) -> None:
        self._connection = connection
        self._tables = tables
        self._functions = set(functions_in(_CLEAN))

    def find(self, rule: Rule, limit: int | None = None) -> pl.DataFrame | None:
        """The rows that break a rule, in order of file and row.

        Of rows that share a key, all but the first are given, as they are counted.

        Args:
            limit: how many at most.

        Returns:
            Columns file_no and row_no; None where the rule counts something that is no single
            row (a table's size, a mixture of codings), is for people, or its table is not there.

        Raises:
            PipelineError: the query failed. The message holds the rule's name and the error's class.
        """
        try:
            query = _QUERIES[rule.metric](self._connection, rule) if rule.metric in _QUERIES else None
            if query is None or rule.table not in self._tables:
                return None
            self._install(query)
            bound = f" LIMIT {int(limit)}" if limit is not None else ""
            rows = self._connection.execute(f"{query} ORDER BY ALL{bound}").fetchall()
        except duckdb.Error as error:
            raise PipelineError(
                f"rule {rule.name}: the rows that break it could not be found ({type(error).__name__}). "
                "Its count stands. Check that the delivery's files in the lake are whole"
            ) from None
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")

    def _install(self, query: str) -> None:
        """Macros that the query needs: all of them would take longer than most queries."""
        if needed := set(functions_in(query)) - self._functions:
            install_functions(self._connection, *needed)
            self._functions |= needed


@contextmanager
def row_finder(tables: Mapping[str, Path], as_of: date, threads: int = 0) -> Iterator[RowFinder]:
    """Open a delivery's Parquet files, text cleaned as it is for the verdict (spine.quality.evaluate).

    Args:
        tables: Parquet file of each table, with `_file_no` and `_row_no`. Files that are not there are left out.
        as_of: what `getvariable('as_of')` gives in the rules' queries.
        threads: DuckDB's threads, 0 for its own choice.

    Raises:
        PipelineError: a file is no Parquet file.
    """
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        install_functions(connection, *functions_in(_CLEAN))
        connection.execute(f"SET VARIABLE as_of = DATE '{as_of.isoformat()}'")
        if threads:
            connection.execute(f"SET threads = {int(threads)}")
        there = {table: path for table, path in tables.items() if path.exists()}
        for table, path in there.items():
            _create_view(connection, table, path)
        confine(connection, list(there.values()))
        yield RowFinder(connection, frozenset(there))
    finally:
        connection.close()


def _create_view(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    parquet = f"read_parquet({_literal(path)})"
    try:
        columns = connection.execute(f"DESCRIBE SELECT * FROM {parquet}").fetchall()
        names = [(_identifier(name), kind) for name, kind, *_ in columns]
        fields = ", ".join(_CLEAN.format(name) if kind == "VARCHAR" else name for name, kind in names)
        connection.execute(f"CREATE VIEW {_identifier(table)} AS SELECT {fields} FROM {parquet}")
    except duckdb.Error as error:
        raise PipelineError(
            f"table '{table}': its file in the lake cannot be read ({type(error).__name__}). Restore it from a backup"
        ) from None


def _where(rule: Rule, predicate: str) -> str:
    return f"SELECT {', '.join(_PLACE)} FROM {_identifier(rule.table)} WHERE {predicate}"


def _null_values(_: duckdb.DuckDBPyConnection, rule: Rule) -> str:
    return _where(rule, f"{_column(rule)} IS NULL")


def _missing_values(_: duckdb.DuckDBPyConnection, rule: Rule) -> str:
    listed = [str(value).strip() for value in rule.arguments.get("missingValues", []) if value is not None]
    return _where(rule, f"{_column(rule)} IS NULL OR {_column(rule)} IN ({_literals(listed)})")


def _invalid_values(_: duckdb.DuckDBPyConnection, rule: Rule) -> str:
    if "pattern" in rule.arguments:
        return _where(rule, f"NOT regexp_matches({_column(rule)}, {_literal(rule.arguments['pattern'])})")
    listed = [str(value).strip() for value in rule.arguments["validValues"]]
    return _where(rule, f"{_column(rule)} NOT IN ({_literals(listed)})")


def _duplicate_values(_: duckdb.DuckDBPyConnection, rule: Rule) -> str:
    names = [_identifier(str(name)) for name in rule.arguments.get("properties", [rule.column])]
    has_key = " OR ".join(f"{name} IS NOT NULL" for name in names)
    place = ", ".join(_PLACE)
    return _where(rule, has_key) + (
        f" QUALIFY row_number() OVER (PARTITION BY {', '.join(names)} ORDER BY {place}) > 1"
    )


def _sql(connection: duckdb.DuckDBPyConnection, rule: Rule) -> str | None:
    """A query that counts rows of its one table, turned into one that names them.

    A query of any other form (a join, a group, a sum) has no rows of its own: None.
    """
    query = str(rule.arguments["query"]).strip().rstrip(";").replace("${table}", _identifier(rule.table))
    query = query.replace("${column}", _column(rule)) if "${column}" in query else query
    tree = parsed(connection, query)
    asked = conditions(tree, rule.table)
    if asked is None:
        return None
    wanted = parsed(connection, _where(rule, "true AND true" if len(asked) > 1 else "true"))
    found = wanted["statements"][0]["node"]
    found["from_table"] = tree["statements"][0]["node"]["from_table"]
    if len(asked) > 1:
        found["where_clause"]["children"] = asked
    elif asked:
        found["where_clause"] = asked[0]
    answer = connection.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(wanted)]).fetchone()
    return str(answer[0]) if answer else None


def _column(rule: Rule) -> str:
    return _identifier(str(rule.column))


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _literals(values: list[str]) -> str:
    return ", ".join(map(_literal, values)) or "NULL"


_QUERIES: dict[str, Callable[[duckdb.DuckDBPyConnection, Rule], str | None]] = {
    "nullValues": _null_values,
    "missingValues": _missing_values,
    "invalidValues": _invalid_values,
    "duplicateValues": _duplicate_values,
    "sql": _sql,
}
