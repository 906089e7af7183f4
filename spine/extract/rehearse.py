"""Whether the SQL of the contracts' rules can run at all, tried on empty tables before any delivery comes.

Put here: finding a function or a column that is not there. Never here: what a rule may read (spine.contracts.confined),
or a measurement (spine.quality).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from spine.contracts import Contract, Rule
from spine.contracts.functions import install_functions
from spine.extract.workspace import identifier, literal, sql_type

#: What every row at the door has beside the contract's columns.
_OF_OURS = "_partner VARCHAR, _file_sha256 VARCHAR, _file_no INTEGER, _row_no BIGINT"


def unrunnable_rules(contracts: Iterable[Contract]) -> list[str]:
    """A sentence for each rule of type `sql` that fails on empty tables of its layout, with what DuckDB says of it."""
    faults = []
    # What a contract says can reach no file here either, whoever made it and however it was read.
    with duckdb.connect(config={"threads": 1, "enable_external_access": "false"}) as connection:
        install_functions(connection)
        connection.execute("SET VARIABLE as_of = DATE '2000-01-01'")  # any day: nothing is counted
        for contract in contracts:
            connection.execute(f"CREATE SCHEMA {identifier(contract.id)}")
            connection.execute(f"SET search_path = {literal(f'{identifier(contract.id)},main')}")
            for table in contract.tables:
                columns = "".join(f"{identifier(c.name)} {sql_type(c.nested)}, " for c in table.columns)
                name = f"{identifier(contract.id)}.{identifier(table.name)}"
                connection.execute(f"CREATE TABLE {name} ({columns}{_OF_OURS})")
            found = ((rule, _fault(connection, rule)) for rule in contract.rules if rule.metric == "sql")
            faults += [f"{contract.id}: rule '{rule.name}' cannot run: {fault}" for rule, fault in found if fault]
    return faults


def _fault(connection: duckdb.DuckDBPyConnection, rule: Rule) -> str | None:
    query = str(rule.arguments["query"]).replace("${table}", identifier(rule.table))
    try:
        connection.execute(f"EXPLAIN {query.replace('${column}', identifier(rule.column or ''))}")
    except duckdb.Error as error:  # the tables are empty: its text quotes the contract and nothing else
        return " ".join(str(error).partition("LINE 1")[0].split())
    return None
