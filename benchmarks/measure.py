"""A command measured as a whole, and clusters measured against the truth.

Put here: seconds, memory, pairs. Never here: which commands (linkage.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class Run:
    """What a process and its children took: seconds of wall and CPU, peak resident memory in GB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Pairs:
    """Pairwise measures; `pairs` is how many pairs the truth holds."""

    precision: float
    recall: float
    f1: float
    pairs: float


def measured(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> Run:
    """Run a command to its end.

    It is started from a small process: the system counts the memory of the one that starts it to its peak.

    Raises:
        SystemExit: it failed; its last lines are in the message.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as small:
        return small.submit(_measured, command, environment).result()


def _measured(command: Sequence[str | Path], environment: dict[str, str] | None) -> Run:
    begin = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        env=os.environ | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}")
    unit = 1e9 if sys.platform == "darwin" else 1e6
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def pairwise(clusters: Path, truth: Path, cluster_column: str) -> Pairs:
    """Precision, recall and F1 over pairs, counted from the table of clusters by persons.

    Raises:
        SystemExit: the clusters lack a record of the truth, or hold one twice.
    """
    found = pl.scan_parquet(clusters).select("record_id", pl.col(cluster_column).alias("cluster"))
    joined = pl.scan_parquet(truth).join(found, on="record_id", how="left").collect()
    true_rows = pl.scan_parquet(truth).select(pl.len()).collect().item()
    if joined["cluster"].null_count() or len(joined) != true_rows:
        raise SystemExit(f"{clusters} does not hold every record of {truth} once.")
    both = _pairs(joined.group_by("person_id", "cluster").len())
    true, linked = _pairs(joined.group_by("person_id").len()), _pairs(joined.group_by("cluster").len())
    return Pairs(both / max(linked, 1.0), both / max(true, 1.0), 2 * both / max(true + linked, 1.0), true)


def _pairs(groups: pl.DataFrame) -> float:
    size = groups["len"].cast(pl.Float64)
    return float((size * (size - 1) / 2).sum())
