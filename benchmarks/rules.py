"""What the rules of one table cost: 3 million rows of council tax and 20 rules, in Great Expectations on DuckDB.

    .venv/bin/python benchmarks/rules.py [--rows 3000000]

Put here: the rows and the clock. Never here: a rule (the contract's are taken as they are). Imports are not counted.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

from spine.contracts import load_contracts, load_partners
from spine.settings import PROJECT_ROOT


def columns_of(table: object) -> str:
    """SQL for a made-up value of each contracted column, by its type and name."""
    fields = []
    for n, column in enumerate(table.columns):  # type: ignore[attr-defined]
        seed = f"hash(i * 31 + {n})"
        if column.logical_type == "date":
            value = f"strftime(DATE '1930-01-01' + ({seed} % 30000)::INTEGER, '%d/%m/%Y')"
        elif column.logical_type in ("number", "integer"):
            value = f"({seed} % 900)::VARCHAR"
        elif "uprn" in column.name:
            value = f"(100000000000 + {seed} % 90000000)::VARCHAR"
        elif "postcode" in column.name:
            value = f"'WX' || ({seed} % 20 + 1) || ' ' || ({seed} % 9 + 1) || 'AB'"
        elif column.key:
            value = "(1000000 + i)::VARCHAR"
        else:
            value = f"upper(substr(md5(({seed} % 50000)::VARCHAR), 1, 8))"
        fields.append(f"CASE WHEN {seed} % 50 = 0 THEN ' ' ELSE {value} END AS \"{column.name}\"")
    return ", ".join(fields)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rules", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    partners = load_partners(PROJECT_ROOT / "expectations/partners.yaml")
    contracts = {c.id: c for c in load_contracts(PROJECT_ROOT / "expectations/contracts", partners)}
    contract = contracts["council_tax__nfi"]
    import spine.quality.gx  # noqa: F401 - the import is not what is measured
    from spine.quality import evaluate

    with tempfile.TemporaryDirectory() as folder:
        by_table = {t: [r for r in contract.rules if r.table == t.name and r.metric != "text"] for t in contract.tables}
        table, rules = max(by_table.items(), key=lambda item: len(item[1]))
        # Every kind of rule: those on dates, numbers and references come first, since they cost most.
        rules = sorted(rules, key=lambda r: (r.metric == "sql" and "within_length" in r.name, r.name))[: asked.rules]
        path = Path(folder) / "table.parquet"
        query = f"SELECT {columns_of(table)} FROM range({asked.rows}) t(i)"
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        wall, used = time.perf_counter(), _cpu()
        results = evaluate({table.name: path}, rules, date(2028, 3, 31), asked.threads)
        wall, used = time.perf_counter() - wall, _cpu() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        failed = sum(result.outcome == "error" for result in results)
        print(f"{table.name}: {asked.rows:,} rows, {len(rules)} rules, of which {failed} could not run")
        print(f"{wall:.1f} s wall, {used:.1f} s CPU, {peak:.2f} GB at most with Great Expectations loaded")
        for result in results:
            print(f"  {result.name}: {result.numerator} ({result.outcome} {result.problem or ''})")


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
