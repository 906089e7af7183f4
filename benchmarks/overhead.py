"""The fixed overhead of a run: what it costs before and around any data, on a region of 200 residents.

Usage: .venv/bin/python benchmarks/overhead.py

Each line is a process of its own: what is imported, then whole commands in a fresh home and in the same home again.
Processor seconds (user + system, children included) hardly depend on what else the machine does;
wall seconds do. Peak memory is the largest resident set of a single process of the command; the line of
Great Expectations is the worker beside it, so the two add up. docs/benchmarks.md holds the tables.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = sys.executable
SPINE = str(Path(sys.executable).with_name("spine"))

#: What is measured: a line's name and the code that it runs.
IMPORTS = {
    "the command (spine --help)": "from spine.cli import app",
    "Dagster": "import dagster",
    "Dagster, with all assets": "import assets.run",
    "dbt and dagster-dbt (where the project is compiled)": "import assets.dbt_compile, dbt.cli.main",
    "Great Expectations (the worker, beside the rest)": "import spine.quality.gx",
}
STAGES = {
    "definitions, dbt project compiled before": "from assets.definitions import build_defs; build_defs(Settings())",
    "dbt project compiled": "from assets.definitions import contracts_of; from assets.dbt_compile import compile_plan; "
    "compile_plan(Settings(), contracts_of(Settings()))",
}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--residents", type=int, default=200)
    options = arguments.parse_args()
    print("| stage | wall s | processor s | peak memory |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SPINE_HOME"] = str(Path(scratch) / "home")
        for name, code in IMPORTS.items():
            line(f"import: {name}", [PYTHON, "-c", code])
        demo = [SPINE, "demo", "--residents", str(options.residents)]
        line(f"`spine demo`, fresh home, {options.residents} residents", demo)
        for name, code in STAGES.items():
            line(name, [PYTHON, "-c", f"from spine.settings import Settings; {code}"])
        line("`spine run`, nothing changed", [SPINE, "run"])
        changed = next((Path(scratch) / "home" / "landing").glob("*/council_tax/*/*.csv"))
        changed.write_bytes(b"".join(changed.read_bytes().splitlines(keepends=True)[:-1]))
        line("`spine run`, one delivery changed", [SPINE, "run"])
        line("`spine run --full`", [SPINE, "run", "--full"])


def line(name: str, command: list[str]) -> None:
    before, started = os.times(), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall, after = time.perf_counter() - started, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    failed = "" if process.returncode in (0, 4) else f" (ended with {process.returncode})"
    print(f"| {name}{failed} | {wall:.1f} | {processor:.1f} | {usage.ru_maxrss / 1e6:.2f} GB |", flush=True)


if __name__ == "__main__":
    main()
