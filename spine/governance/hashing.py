"""HMAC-SHA256 of many ids: the loop, and a process that runs it on its part of them.

Put here: the loop over hashlib, and what a worker process reads and writes. Never here: an import beyond the standard
library (a worker starts in a few hundredths of a second), or a key in an argument: arguments are visible to every user
of the machine, a pipe is not.

A worker is this file, run by itself: it reads a header, the key, the text before every id and the ids, one a line,
and writes the HMACs once it has read everything.
"""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: Bytes of each HMAC.
DIGEST = 32
_BLOCK = 64
_HEADER = struct.Struct(">II")


def hmacs(secret: bytes, prefix: bytes, ids: Iterable[bytes]) -> bytes:
    """HMAC-SHA256 of `prefix` + id, 32 bytes for each, one after another.

    RFC 2104 with the states after the two padded keys, and the constant start of the message, computed once and copied.
    """
    padded = secret.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + prefix).copy
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded)).copy
    found: list[bytes] = []
    keep = found.append
    for id_ in ids:  # per id six calls into C, and nothing else
        message, result = inner(), outer()
        message.update(id_)
        result.update(message.digest())
        keep(result.digest())
    return b"".join(found)


def hmacs_in_processes(secret: bytes, prefix: bytes, parts: Sequence[bytes]) -> bytes:
    """The same for parts of a long list, each in a process of its own: hashlib's loop holds Python's lock.

    Args:
        parts: ids, one a line, none of them with a line break.

    Raises:
        OSError: a process could not be started, or did not do its part.
    """
    head = _HEADER.pack(len(secret), len(prefix)) + secret + prefix
    with ThreadPoolExecutor(len(parts)) as pool:
        return b"".join(pool.map(lambda part: _ask_worker(head, part), parts))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ask_worker(head: bytes, part: bytes) -> bytes:
    # Isolated and without site-packages: no setting of the environment reaches it, and it starts at once.
    command = [sys.executable, "-I", "-S", str(Path(__file__))]
    answer = b""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        if worker.stdin and worker.stdout:
            # Not communicate(), which writes 512 bytes at a time. A worker answers once it has read everything.
            with worker.stdin:
                worker.stdin.write(head + part)
            answer = worker.stdout.read()
    if worker.returncode or len(answer) != DIGEST * (part.count(b"\n") + 1):
        raise ChildProcessError("a process that makes pseudonyms did not do its part")
    return answer


def _work() -> None:
    data = sys.stdin.buffer.read()
    secret, prefix = _HEADER.unpack_from(data)
    start = _HEADER.size
    key, text = data[start : start + secret], data[start + secret : start + secret + prefix]
    sys.stdout.buffer.write(hmacs(key, text, data[start + secret + prefix :].split(b"\n")))


if __name__ == "__main__":
    _work()
