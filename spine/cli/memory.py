"""How the process holds memory while large arrays come and go.

Put here: settings of the allocators. Never here: anything that changes a result.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

#: Parameters of mallopt(3): when freed memory goes back, how much more is taken at a time, what is mapped by itself,
#: and how many heaps there are.
_TRIM, _TOP_PAD, _MMAP, _ARENAS = -1, -2, -3, -8
_KEEP: Final = 2**31 - 1
_AT_A_TIME: Final = 64 * 2**20
#: Bytes of input above which memory is scarcer than time.
_LARGE_INPUT: Final = 120 * 10**6
#: Polars's allocator (jemalloc) reads this once, when Polars is imported.
_OF_POLARS: Final = "_RJEM_MALLOC_CONF"


def share_one_heap(paths: Iterable[Path]) -> None:
    """Let all threads take memory from one heap that keeps what was freed, for as long as the process lives.

    Linkage makes and drops hundreds of arrays of some megabytes, in several threads. By default each is fetched from
    the system, page by page, and handed back; and each thread has a heap of its own, of whose free memory no other has
    any use. One heap took a third less memory and half of the system's time. Polars, too, keeps what it has freed where
    the files to be read are not large. Elsewhere than on glibc this does nothing.

    Call it before Polars is imported.
    """
    if sum(path.stat().st_size for path in paths if path.is_file()) < _LARGE_INPUT:
        os.environ.setdefault(_OF_POLARS, "dirty_decay_ms:-1,muzzy_decay_ms:-1")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in ((_ARENAS, 1), (_TRIM, _KEEP), (_TOP_PAD, _AT_A_TIME), (_MMAP, _KEEP)):
        mallopt(parameter, value)
