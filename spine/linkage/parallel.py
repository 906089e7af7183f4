"""Independent work on several processors.

Put here: how work is spread over threads. Never here: what the work is. NumPy, Polars and RapidFuzz let other threads
run while they compute. The number of threads changes when something is done, and never what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Final, TypeVar

import polars as pl

A = TypeVar("A")
B = TypeVar("B")

#: So many threads at most: each needs memory for what it works on.
_MOST: Final = 4
#: Below so many rows a thread costs more than it gives.
_WORTH_A_THREAD: Final = 50_000
#: So many rows at a time: what they need stays in the processor's cache.
ROWS: Final = 1 << 18
#: Of a thread: it is one of several already, and its work is not spread again.
_thread = local()


def each(work: Callable[[A], B], things: Iterable[A], rows: int, most: int = _MOST) -> list[B]:
    """What `work` gives for each thing, in their order.

    Args:
        work: may be called for several things at once.
        things: what is worked on; the longest work first, so that no thread is left to itself at the end.
        rows: rows that each thing has; of few rows, one is done after the other.
        most: so many things at once at most.
    """
    threads = _threads(rows, most)
    if threads < 2:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(threads, initializer=_mark) as pool:
        return list(pool.map(work, things))


def both(one: Callable[[], A], other: Callable[[], B], rows: int) -> tuple[A, B]:
    """What two pieces of work give that do not need each other; of the one, parts may be spread again."""
    if _threads(rows, _MOST) < 2:
        return one(), other()
    with ThreadPoolExecutor(1, initializer=_mark) as pool:
        beside = pool.submit(other)
        return one(), beside.result()


def by_rows(work: Callable[[slice], None], rows: int, at_a_time: int | None = None) -> None:
    """Work on all rows, some at a time: as many as stay in the processor's cache, or `at_a_time`."""
    step = at_a_time or ROWS
    each(work, (slice(start, start + step) for start in range(0, rows, step)), rows)


def _threads(rows: int, most: int) -> int:
    """How many threads to use; as many as Polars was given at most."""
    worth_it = rows >= _WORTH_A_THREAD and not hasattr(_thread, "is_one_of_several")
    return min(pl.thread_pool_size(), most) if worth_it else 1


def _mark() -> None:
    _thread.is_one_of_several = True
