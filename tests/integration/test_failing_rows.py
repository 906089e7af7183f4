"""The rows that a report lists are the rows that the verdict counted: every rule of every contract, on faulty data."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spine.contracts import Contract, Table, load_contracts, load_partners
from spine.extract.workspace import identifier, sql_type
from spine.quality import evaluate
from spine.quality.rows import row_finder

ROOT = Path(__file__).parents[2]
AS_OF = date(2028, 3, 31)
CONTRACTS = load_contracts(ROOT / "expectations/contracts", load_partners(ROOT / "expectations/partners.yaml"))
#: Right and wrong for some rule or other, and the spellings of "missing".
TEXTS = (
    None, "", " n/a ", "01/04/2020", "2015-05-05", "09/09/2019", "31/02/2020", "2031-01-01", "01/01/1850", "abc",
    " abc ", "12.5", "-12.5", "1", "M", "C", "it's", "999 000 0018", "9990000019", "AB1 2DE", "nowhere", "E01000001",
    "A" * 400, "A123456789012", "QQ123456C", "Male",
)  # fmt: skip
LEAVES = {"system": ("https://fhir.nhs.uk/Id/nhs-number", "x"), "code": ("R", "01", "03", None)}
#: Rules about a table or a mixture, which no single row breaks.
NOT_OF_ROWS = {"sex__one_coding", "table__one_current", "table__one_main_tenant", "lpar_per_ni_no__one_person"}


def value(nested: Any, draw: random.Random, name: str, texts: tuple[str | None, ...]) -> Any:
    if isinstance(nested, dict):
        return {key: value(inner, draw, key, texts) for key, inner in nested.items()}
    if isinstance(nested, list):
        return [value(nested[0], draw, name, texts) for _ in range(draw.choice((0, 1, 1, 2)))]
    return draw.choice(LEAVES.get(name, texts))


def faulty(table: Table, folder: Path, draw: random.Random, rows: int = 360) -> Path:
    """Rows of three files, shuffled, each value drawn from right and wrong ones; some rows twice."""
    texts = (*TEXTS, f"only in {table.name}")
    made = [{c.name: value(c.nested, draw, c.name, texts) for c in table.columns} for _ in range(rows)]
    made += [made[n] for n in range(0, rows, 12)]
    lines = [{**row, "_file_no": n % 3 + 1, "_row_no": n // 3 + 1} for n, row in enumerate(made)]
    draw.shuffle(lines)
    shape = json.dumps({c.name: c.nested for c in table.columns} | {"_file_no": "INTEGER", "_row_no": "BIGINT"})
    kinds = [(c.name, sql_type(c.nested)) for c in table.columns] + [("_file_no", "INTEGER"), ("_row_no", "BIGINT")]
    fields = ", ".join(f"r.{identifier(name)}::{kind} AS {identifier(name)}" for name, kind in kinds)
    path = folder / f"{table.name}.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE lines (line JSON)")
        connection.executemany("INSERT INTO lines VALUES (?)", [[json.dumps(line)] for line in lines])
        query = f"SELECT {fields} FROM (SELECT from_json(line, ?) AS r FROM lines)"
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)", [shape])
    return path


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.id)
def test_every_rule_lists_as_many_rows_as_it_counted(contract: Contract, tmp_path: Path) -> None:
    draw = random.Random(contract.id)
    tables = {table.name: faulty(table, tmp_path, draw) for table in contract.tables}
    counted = {result.name: result for result in evaluate(tables, contract.rules, AS_OF)}
    unlisted, unbroken = set(), set()
    with row_finder(tables, AS_OF) as finder:
        for rule in contract.rules:
            result, found = counted[rule.name], finder.find(rule)
            assert result.outcome != "error", (rule.name, result.problem)
            if found is None:
                unlisted |= {rule.name} if rule.metric != "rowCount" else set()
                continue
            assert found.height == result.numerator, rule.name
            assert found.rows() == sorted(found.rows()), rule.name
            unbroken |= {rule.name} if found.is_empty() else set()
    assert {name.split("__", 1)[1] for name in unlisted} <= NOT_OF_ROWS
    assert not unbroken, "each rule must be broken by some row, or the test says nothing about it"


def test_the_rows_do_not_depend_on_threads_and_are_cut_in_order(tmp_path: Path) -> None:
    contract = next(c for c in CONTRACTS if c.id == "council_tax__nfi")
    tables = {"accounts": faulty(contract.tables[0], tmp_path, random.Random(1))}
    with row_finder(tables, AS_OF, threads=1) as one, row_finder(tables, AS_OF, threads=2) as two:
        for rule in contract.rules:
            whole, cut = one.find(rule), two.find(rule, 5)
            assert (whole is None) == (cut is None)
            if whole is not None and cut is not None:
                assert whole.head(5).equals(cut), rule.name
