"""How the process holds memory while large arrays come and go.

Put here: settings of the C library's allocator. Never here: anything that changes a result.
"""

from __future__ import annotations

import ctypes
from typing import Final

#: Above so many records memory is scarcer than time.
MANY_RECORDS: Final = 3_000_000
#: Parameters of mallopt(3): when freed memory goes back, how much more is taken at a time, what is mapped by itself.
_TRIM, _TOP_PAD, _MMAP = -1, -2, -3
_KEEP: Final = 2**31 - 1
_AT_A_TIME: Final = 64 * 2**20


def keep_freed_memory() -> None:
    """Use freed memory for the next array instead of handing it back, for as long as the process lives.

    Linkage makes and drops hundreds of arrays of some megabytes; by default each is fetched from the system, page by
    page, and handed back. It takes about a third more memory. Elsewhere than on glibc this does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in ((_TRIM, _KEEP), (_TOP_PAD, _AT_A_TIME), (_MMAP, _KEEP)):
        mallopt(parameter, value)
