"""Independent work on several processors.

Put here: how work is spread over threads. Never here: what the work is. NumPy, Polars and RapidFuzz let other threads
run while they compute. What is done does not depend on the number of threads, only when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import polars as pl

A = TypeVar("A")
B = TypeVar("B")

#: So many threads at most: each needs memory for what it works on.
_MOST: Final = 4
#: Below so many rows a thread costs more than it gives.
_WORTH_A_THREAD: Final = 50_000
#: So many rows at a time: what they need stays in the processor's cache.
_ROWS: Final = 1 << 18


def each(work: Callable[[A], B], things: Iterable[A], rows: int, most: int = _MOST) -> list[B]:
    """What `work` gives for each thing, in their order.

    Args:
        work: may be called for several things at once.
        things: what is worked on; the longest work first, so that no thread is left to itself at the end.
        rows: rows that each thing has; of few rows, one is done after the other.
        most: so many things at once at most.
    """
    threads = min(pl.thread_pool_size(), most)
    if rows < _WORTH_A_THREAD or threads < 2:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, things))


def both(one: Callable[[], A], other: Callable[[], B], rows: int) -> tuple[A, B]:
    """What two pieces of work give that do not need each other."""
    if rows < _WORTH_A_THREAD or pl.thread_pool_size() < 2:
        return one(), other()
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(other)
        return one(), beside.result()


def by_rows(work: Callable[[slice], None], rows: int) -> None:
    """Work on all rows, some at a time."""
    each(work, (slice(start, start + _ROWS) for start in range(0, rows, _ROWS)), rows)
