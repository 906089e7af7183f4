"""Twelve monthly deliveries: what a month's changes cost beside a full link, how good they are, and whose id changed.

Run it: `python benchmarks/identity_months.py --residents 500000`. A row a month: the share of records that changed, CPU
seconds and wall of the run of changes and of a full link of the same records (both with what is read and kept), their
ratio, pairwise F1 of both against the truth and against each other, and residents whose id changed without a cause.

Put here: the measurement. Never here: what happens in a month (identity_changes), or a limit.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.identity_changes import Month, months
from spine.identity.assign import assign, seed_for
from spine.identity.churn import churn
from spine.identity.crosswalk import Crosswalk
from spine.identity.decisions import APPLIED
from spine.identity.evidence import fingerprints
from spine.identity.limits import load_limits
from spine.identity.relink import Linked, relink
from spine.linkage import evaluate, load_config
from spine.settings import PROJECT_ROOT

_T = TypeVar("_T")
_HEAD = ("month", "records", "changed", "link", "CPU s", "wall s", "full: CPU s", "wall s", "CPU of full",
         "F1", "F1 of full", "F1 to full", "ids without cause")  # fmt: skip


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--residents", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known: Crosswalk | None = None
        for month in months(folder / "region", given.residents, given.seed):
            known, row = _measured(folder, month, known)
            print(f"| {' | '.join(row)} |", flush=True)


def _measured(folder: Path, month: Month, known: Crosswalk | None) -> tuple[Crosswalk, list[str]]:
    day = date(2028, 1, 1) if not month.number else date(2028, month.number, 28)
    changes, cpu, wall = _timed(lambda: _linked(folder / "kept", month, day, full=False))
    full, full_cpu, full_wall = _timed(lambda: _linked(folder / "full", month, day, full=True))
    shutil.rmtree(folder / "full")
    prints = fingerprints(month.records, seed_for(known, month.records["record_id"]))
    named = assign(changes.result.clusters, known, day, fingerprints=prints).crosswalk
    found = churn(known, named) if known else None
    whole = full.result.clusters.select("record_id", person_id="cluster_id")
    told = changes.linking
    share = (told.changed + told.new + told.withdrawn) / month.records.height
    f1 = [evaluate(run.result.clusters, month.truth).f1 for run in (changes, full)]
    return named, [
        str(month.number), f"{month.records.height:,}", f"{share:.1%}", told.kind, f"{cpu:.1f}", f"{wall:.1f}",
        f"{full_cpu:.1f}", f"{full_wall:.1f}", f"{cpu / full_cpu:.2f}", *(f"{value:.4f}" for value in f1),
        f"{evaluate(changes.result.clusters, whole).f1:.4f}", f"{found.percent:.3f} %" if found else "",
    ]  # fmt: skip


def _linked(folder: Path, month: Month, day: date, *, full: bool) -> Linked:
    limits = load_limits(PROJECT_ROOT / "expectations").delta
    return relink(folder, month.records, load_config(), pl.DataFrame(schema=APPLIED), day, limits, full=full)


def _timed(work: Callable[[], _T]) -> tuple[_T, float, float]:
    """What it gives, and its CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    main()
