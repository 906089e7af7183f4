"""Purpose-keyed pseudonyms.

Put here: HMAC pseudonyms. Never here: where a key is kept (keys); a key in SQL, a log, metadata or an error; the way
back from a pseudonym to a resident.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import polars as pl
import pyarrow as pa

from spine.governance.hashing import DIGEST, hmacs, hmacs_in_processes, processors
from spine.governance.keys import Key

#: Hexadecimal characters kept of the HMAC: 128 bits.
PSEUDONYM_LENGTH = 32
#: The form of every pseudonym, as a regular expression.
PSEUDONYM_PATTERN = f"[0-9a-f]{{{PSEUDONYM_LENGTH}}}"
#: With fewer ids a process of its own costs more than it saves.
_WORTH_A_PROCESS = 100_000


def pseudonyms(key: Key, resident_ids: Sequence[str]) -> list[str]:
    """HMAC-SHA256 over `purpose|key version|resident id`, the first 128 bits in hexadecimal.

    Args:
        resident_ids: n ids; the result is in their order.
    """
    digests = hmacs(key.secret, _prefix(key), (resident_id.encode() for resident_id in resident_ids))
    return [digests[i : i + PSEUDONYM_LENGTH // 2].hex() for i in range(0, len(digests), DIGEST)]


def pseudonym_column(key: Key, resident_ids: pl.Series) -> pl.Series:
    """The same for a column: for many ids by one process for each processor, and without a Python object each.

    Args:
        resident_ids: n texts, none null; the result, a text column, is in their order.
    """
    count = len(resident_ids)
    parts = max(1, min(processors(), count // _WORTH_A_PROCESS))
    size = -(-count // parts)
    lines = [_lines(resident_ids.slice(start, size)) for start in range(0, count, max(1, size))]
    if sum(part.count(b"\n") + 1 for part in lines) != count:  # an id with a line break in it
        return pl.Series(pseudonyms(key, resident_ids.to_list()), dtype=pl.String)
    return _hexadecimal(_hashed(key, lines))


def _hashed(key: Key, lines: Sequence[bytes]) -> bytes:
    if len(lines) > 1:
        with suppress(OSError):  # a machine that starts no more processes still has this one
            return hmacs_in_processes(key.secret, _prefix(key), lines)
    return b"".join(hmacs(key.secret, _prefix(key), part.split(b"\n")) for part in lines)


def _lines(ids: pl.Series) -> bytes:
    return str(ids.str.join("\n", ignore_nulls=False).item()).encode()


def _prefix(key: Key) -> bytes:
    return f"{key.purpose}|{key.version}|".encode()


def _hexadecimal(digests: bytes) -> pl.Series:
    """A text column of the first half of each HMAC."""
    kept = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST)[:, : PSEUDONYM_LENGTH // 2]
    offsets = pa.py_buffer(np.arange(len(kept) + 1, dtype=np.int64) * PSEUDONYM_LENGTH)
    text = pa.py_buffer(hexlify(kept.tobytes()))
    return pl.Series(pa.LargeStringArray.from_buffers(len(kept), offsets, text), dtype=pl.String)
