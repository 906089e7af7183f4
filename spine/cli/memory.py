"""How the process holds memory while large arrays come and go.

Put here: settings of the allocators. Never here: anything that changes a result.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

#: Above so many records memory is scarcer than time.
MANY_RECORDS: Final = 3_000_000
#: Parameters of mallopt(3): when freed memory goes back, how much more is taken at a time, what is mapped by itself,
#: and how many heaps there are.
_TRIM, _TOP_PAD, _MMAP, _ARENAS = -1, -2, -3, -8
_KEEP: Final = 2**31 - 1
_AT_A_TIME: Final = 64 * 2**20
#: Polars's allocator (jemalloc) reads this once, when Polars is imported.
_OF_POLARS: Final = "_RJEM_MALLOC_CONF"


def share_one_heap() -> None:
    """Let all threads take memory from one heap, for as long as the process lives. Call it before Polars is imported.

    By default glibc gives each thread a heap of its own, and what one has freed no other can use: linkage, whose arrays
    come and go in several threads, took half as much memory again. Polars keeps what it has freed for its next column.
    Elsewhere than on glibc this does nothing.
    """
    os.environ.setdefault(_OF_POLARS, "dirty_decay_ms:-1,muzzy_decay_ms:-1")
    _set((_ARENAS, 1))


def keep_freed_memory() -> None:
    """Use freed memory for the next array instead of handing it back, for as long as the process lives.

    Linkage makes and drops hundreds of arrays of some megabytes; by default each is fetched from the system, page by
    page, and handed back. Elsewhere than on glibc this does nothing.
    """
    _set((_TRIM, _KEEP), (_TOP_PAD, _AT_A_TIME), (_MMAP, _KEEP))


def _set(*parameters: tuple[int, int]) -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in parameters:
        mallopt(parameter, value)
