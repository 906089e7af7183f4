"""How `spine link` uses memory: one large computation, then the process ends.

Put here: settings of the interpreter and the C library for that. Never here: anything that changes a result.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Final

#: Parameters of mallopt(3): when freed memory goes back, how much more is taken at a time, what is mapped by itself.
_TRIM, _TOP_PAD, _MMAP = -1, -2, -3
_KEEP: Final = 2**31 - 1
_AT_A_TIME: Final = 64 * 2**20


def for_one_computation() -> None:
    """Keep freed memory for the next array, and do not look for cycles of objects.

    Linkage makes and drops hundreds of arrays of some megabytes; by default each is fetched from the system, page by
    page, and handed back. Elsewhere than on glibc only the collector is stopped.
    """
    gc.disable()
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in ((_TRIM, _KEEP), (_TOP_PAD, _AT_A_TIME), (_MMAP, _KEEP)):
        mallopt(parameter, value)
