"""Our linkage engine beside Splink and recordlinkage: same machine, data and run.

Usage: .venv/bin/python benchmarks/linkage.py --residents 50000 --peers splink,recordlinkage [--febrl] [--delta]

Each engine is a whole command, start-up included: Parquet in, clusters out, two threads. Ours runs with its fixed
configuration. A peer gets the threshold that is best for it, chosen with the truth in a run before that is not
charged. Data and peers' environment are kept in `.bench/`, which git ignores. docs/benchmarks.md holds the tables.

Put here: which commands run and the table. Never here: data (linkage_data), measuring (measure), peers' settings
(peers).
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.linkage_data import FEBRL_EXTRAS, Changes, Data, changes, febrl, region, town  # noqa: E402
from benchmarks.measure import Pairs, Run, measured, pairwise  # noqa: E402
from benchmarks.peers.environment import peers_python  # noqa: E402

THREADS = 2
GRIDS = {
    "splink": [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0],
    "recordlinkage": [0.1, 0.5, 0.9, 0.99, 0.999],
}
FEBRL_GRID = [-10.0, -5.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0]
TOWN_GRID = FEBRL_GRID[2:]
SPINE = [sys.executable, "-c", "from spine.cli import app; app()"]


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    engine: str
    run: Run
    pairs: Pairs
    threshold: str = "fixed"


def environment() -> dict[str, str]:
    """What our command gets: the checkout and two threads."""
    return {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": str(THREADS)}


def spine_link(*arguments: str | Path) -> Run:
    """`spine link` of this checkout, measured as a whole."""
    return measured([*SPINE, "link", *arguments, "--threads", str(THREADS)], environment())


def ours(data: Data, out: Path, *extras: str) -> Line:
    """Our engine with its fixed configuration, with or without further columns of the file."""
    options = [option for column in extras for option in ("--extra", column)]
    run = spine_link(data.records, "--out", out, *options)
    name = ", ".join(["ours", *(f"--extra {column}" for column in extras)])
    return Line(name, run, pairwise(out / "residents.parquet", data.truth, "resident_id"))


def peer(name: str, data: Data, out: Path, grid: list[float], *options: str) -> Line:
    """A peer at its best threshold: one run to choose it, one that is measured."""
    script = ROOT / "benchmarks" / "peers" / f"{name}_link.py"
    command: list[str | Path] = [peers_python(), script, data.records, "--out", out, *options]
    threads = {"OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": str(THREADS)}
    measured([*command, "--thresholds", *(f"{threshold:g}" for threshold in grid)], threads)
    written = {threshold: out / f"clusters_{threshold:g}.parquet" for threshold in grid}
    best = max(grid, key=lambda threshold: pairwise(written[threshold], data.truth, "cluster_id").f1)
    run = measured([*command, "--thresholds", f"{best:g}"], threads)
    return Line(name, run, pairwise(written[best], data.truth, "cluster_id"), f"best, {best:g}")


def delta(data: Data, out: Path) -> list[Line]:
    """One record in a hundred new, changed or withdrawn: against a kept state, beside all current records linked anew.

    The run that keeps the state is not charged; reading and writing the state in the update is.
    """
    day: Changes = changes(out, data)
    before, updated = out / "before", out / "updated"
    spine_link(day.before, "--out", before, "--keep-state")
    shutil.rmtree(updated, ignore_errors=True)
    os.sync()  # the state of the day before has long been written, and no earlier result is in the way
    run = spine_link(day.changed, "--state", before, "--withdrawn", day.withdrawn, "--out", updated)
    whole = ours(day.after, out / "anew")
    pairs = pairwise(updated / "residents.parquet", day.after.truth, "resident_id")
    return [Line("ours, changes only", run, pairs), Line("ours, all linked anew", whole.run, whole.pairs)]


def table(title: str, lines: list[Line]) -> str:
    """The lines as Markdown, with ratios against Splink where it ran."""
    splink = next((line.run for line in lines if line.engine == "splink"), None)
    head = "| engine | wall s | CPU s | peak GB | precision | recall | F1 | threshold | wall, CPU, peak of Splink's |"
    rows = [f"### {title}", "", head, "|---|---:|---:|---:|---:|---:|---:|---|---|"]
    for line in lines:
        run, pairs = line.run, line.pairs
        ratio = ""
        if splink:
            ratio = f"{run.wall / splink.wall:.2f}, {run.cpu / splink.cpu:.2f}, {run.peak / splink.peak:.2f}"
        took = f"{run.wall:.1f} | {run.cpu:.1f} | {run.peak:.2f}"
        measures = f"{pairs.precision:.4f} | {pairs.recall:.4f} | {pairs.f1:.4f}"
        rows.append(f"| {line.engine} | {took} | {measures} | {line.threshold} | {ratio} |")
    return "\n".join(rows)


def machine(peers: list[str]) -> str:
    """Machine, versions, date and load in one sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in ("polars", "duckdb", "numpy", "rapidfuzz"))
    told = [
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}, {packages}"
    ]
    if peers:
        named = [*peers, "duckdb"]
        ask = f"from importlib.metadata import version as v; print(', '.join(n + ' ' + v(n) for n in {named}))"
        told.append("peers: " + subprocess.check_output([peers_python(), "-c", ask], text=True).strip())
    told += [f"load before {os.getloadavg()[0]:.1f}", f"{datetime.now(UTC):%d %B %Y}"]
    return "; ".join(told) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", default="", help="splink, recordlinkage or both, with a comma")
    parser.add_argument("--febrl", action="store_true", help="FEBRL 1 to 4")
    parser.add_argument("--town", action="store_true", help="five registers of a town, written by pseudopeople")
    parser.add_argument("--delta", action="store_true", help="a day's changes against a stored state")
    parser.add_argument("--data", type=Path, default=ROOT / ".bench" / "data")
    options = parser.parse_args()
    peers = [name for name in options.peers.split(",") if name]
    if unknown := set(peers) - set(GRIDS):
        parser.error(f"--peers: {', '.join(sorted(unknown))} is not known. Expected {', '.join(GRIDS)}.")
    print(machine(peers), flush=True)
    out = options.data / "out"
    for residents in options.residents:
        data = region(options.data, residents, options.seed)
        lines = [ours(data, out / "ours")]
        lines += [peer(name, data, out / name, GRIDS[name]) for name in peers]
        print("\n" + table(data.name, lines), flush=True)
        if options.delta:
            print("\n" + table(f"{data.name}, 1 % changed", delta(data, out / "changes")), flush=True)
    for number in range(1, 5) if options.febrl else ():
        data = febrl(options.data, number)
        lines = [ours(data, out / "ours"), ours(data, out / "ours", *FEBRL_EXTRAS)]
        lines += [peer("splink", data, out / "splink", FEBRL_GRID, "--wide")] if "splink" in peers else []
        print("\n" + table(data.name, lines), flush=True)
    for data in town(options.data) if options.town else ():
        lines = [ours(data, out / "ours")]
        lines += [peer("splink", data, out / "splink", TOWN_GRID, "--wide")] if "splink" in peers else []
        print("\n" + table(data.name, lines), flush=True)


if __name__ == "__main__":
    main()
