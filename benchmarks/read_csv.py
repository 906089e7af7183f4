"""How fast, and in how much memory, a large delimited file is read into the lake.

Usage: .venv/bin/python benchmarks/read_csv.py --gigabytes 2

Writes a council tax extract of the given size into a temporary folder and stages it (everything up to
the rules: encoding, dialect, rows, quarantine, Parquet) in a process of its own, whose peak memory is
the process's largest resident set. DuckDB's plain `read_csv` to Parquet of the same file, in another
process of its own, stands beside it as a peer. The bound is 2 GB of memory for 2 GB of CSV.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

from spine.contracts.load import load_contract
from spine.extract.deliveries import Delivery, read_content
from spine.extract.land import stage
from spine.settings import PROJECT_ROOT

CONTRACT = PROJECT_ROOT / "expectations" / "contracts" / "council_tax__nfi.odcs.yaml"
#: Bytes of one row of the extract, for the first guess of how many rows a size takes.
ROW = 190
#: One cell of a row by its header; the rest of the contracted columns stay empty.
CELLS = {
    "Council Tax account reference": "printf('%010d', n)",
    "UPRN": "printf('%012d', (n * 7919) % 999999999999)",
    "Title": "list_extract(['Mr', 'Mrs', 'Ms', 'Dr'], 1 + n % 4)",
    "Surname": "list_extract(['Testperson', 'O''Example', 'Müller-Sample'], 1 + n % 3) || n % 5000",
    "Forename": "list_extract(['Ann', 'Bea', 'Cyril', 'Zoë'], 1 + n % 4)",
    "Date of birth": "strftime(DATE '1930-01-01' + (n % 27000)::INTEGER, '%d/%m/%Y')",
    "Address 1": "printf('Flat %d, %d Example Street', 1 + n % 40, 1 + n % 300)",
    "Address 2": "'Sampleton ' || n % 90",
    "Postcode": "printf('ZZ%d %dAA', 1 + n % 99, n % 10)",
    "Religion": "printf('not contracted %d', n % 1000)",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--gigabytes", type=float, default=0.5)
    arguments.add_argument("--folder", type=Path, help="where the temporary folder is made")
    arguments.add_argument("--child", choices=list(CHILDREN), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.child:
        CHILDREN[options.child](options.folder)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        delivery = Path(scratch) / "landing" / "saltmarsh_district" / "council_tax" / "2028-03-01"
        delivery.mkdir(parents=True)
        size = write(delivery / "accounts.csv", options.gigabytes)
        report(size, {name: measured(name, delivery) for name in CHILDREN})


def write(path: Path, gigabytes: float) -> int:
    """Write the extract; returns its size in bytes."""
    contract = load_contract(CONTRACT)
    headers = {c.source_name: CELLS.get(c.source_name, "''") for c in contract.tables[0].columns} | CELLS
    cells = ", ".join(f'{value} AS "{name}"' for name, value in headers.items())
    rows = int(gigabytes * 1e9 / ROW)
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {cells} FROM range({rows}) t(n)) TO '{path}' (FORMAT csv, HEADER)")
    return path.stat().st_size


def measured(child: str, delivery: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", child, "--folder", str(delivery)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def child_stage(folder: Path) -> None:
    contract = load_contract(CONTRACT)
    delivery = Delivery("saltmarsh_district", "council_tax", date(2028, 3, 1), folder)
    begin = time.perf_counter()
    content = read_content(delivery)
    staged = stage(delivery, contract, folder.parents[3] / "lake", 1, content)
    tell(time.perf_counter() - begin, sum(count.kept for count in staged.counts.values()))


def child_peer(folder: Path) -> None:
    source, target = folder / "accounts.csv", folder.parents[3] / "peer.parquet"
    begin = time.perf_counter()
    with duckdb.connect() as connection:
        query = f"SELECT * FROM read_csv('{source}', all_varchar=true)"
        written = connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)").fetchone()
    tell(time.perf_counter() - begin, written[0] if written else 0)


CHILDREN = {"spine: stage": child_stage, "DuckDB: read_csv to Parquet": child_peer}


def tell(seconds: float, rows: int) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "rows": rows, "peak": peak}))


def report(size: int, results: dict[str, dict[str, float]]) -> None:
    peer = results["DuckDB: read_csv to Parquet"]["seconds"]
    print(
        "| reader | size | rows | seconds | MB/s | peak memory | times the peer |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    for name, result in results.items():
        speed, ratio = size / 1e6 / result["seconds"], result["seconds"] / peer
        print(
            f"| {name} | {size / 1e9:.2f} GB | {result['rows']:,.0f} | {result['seconds']:.1f} | {speed:,.0f} "
            f"| {result['peak'] / 1e9:.2f} GB | {ratio:.1f} |"
        )


if __name__ == "__main__":
    main()
