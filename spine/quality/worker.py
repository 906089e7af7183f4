"""Great Expectations in a process of its own, so that its import runs beside everything else that starts.

Put here: the process, what is said between the two, and what happens when it dies. Never here: an import of Great
Expectations (spine.quality.gx, in the worker), a rule or a verdict.

Only places of files, expectations and counts pass between the two, as one line of JSON each way.
A worker that dies, or says anything else than what it was asked for, is given up and the same work is done in the
asking process: nothing is ever taken for measured that was not. The worker ends when the asking process
does, however that dies, because its standard input then ends.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TextIO

_PATIENCE = 5.0


@dataclass(frozen=True)
class Count:
    """What one expectation counted, as `spine.quality.gx.Measurement` has it."""

    count: int | None
    rows: int | None
    problem: str | None


def collect_seldom() -> None:
    """Look for garbage seldom: imports and definitions make millions of objects, and every one of them stays."""
    gc.set_threshold(100_000, 50, 100)


class Worker:
    """One process that measures, one request at a time."""

    def __init__(self) -> None:
        """Start it; it begins to import at once."""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "spine.quality.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def measure(
        self, files: Mapping[str, Path], expectations: Sequence[tuple[str, dict[str, Any]]], as_of: date, threads: int
    ) -> list[Count] | None:
        """As `spine.quality.gx.measure`; None where the worker could not, and is no more."""
        request = {
            "files": {table: os.fsencode(path).hex() for table, path in files.items()},
            "expectations": list(expectations),
            "as_of": as_of.isoformat(),
            "threads": threads,
        }
        with self._lock:
            try:
                return _counts(self._ask(json.dumps(request)), len(expectations))
            except (OSError, ValueError, TypeError):
                self.stop()
                return None

    @property
    def pid(self) -> int:
        """The worker's process number."""
        return self._process.pid

    def stop(self) -> None:
        """End it: by the end of its input, and by force where it does not listen."""
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, line: str) -> str:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise OSError
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline()


_standing: Worker | None = None


@contextmanager
def standing_by() -> Iterator[None]:
    """Have a worker ready for `spine.quality.evaluate` until the end of the block; inside of another block, its one."""
    global _standing  # noqa: PLW0603 - one for the process, as the library that it holds
    if _standing is not None:
        yield
        return
    worker = Worker()
    _standing = worker
    try:
        yield
    finally:
        _standing = None
        worker.stop()


def standing() -> Worker | None:
    """The worker that stands by, or None."""
    return _standing


def _counts(answer: str, wanted: int) -> list[Count]:
    """The measurements out of an answer.

    Raises:
        ValueError: it is not exactly one measurement for each expectation.
    """
    found = json.loads(answer)
    if not isinstance(found, list) or len(found) != wanted:
        raise ValueError
    return [_count(entry) for entry in found]


def _count(entry: Any) -> Count:
    match entry:
        case [int() | None as count, int() | None as rows, str() | None as problem]:
            return Count(count, rows, problem)
    raise ValueError


def _serve() -> None:
    """Import, then answer requests until the input ends."""
    collect_seldom()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints goes nowhere, and never among the answers
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, requests), daemon=True).start()
    from spine.quality.gx import measure

    while True:
        request = json.loads(requests.get())
        files = {table: Path(os.fsdecode(bytes.fromhex(path))) for table, path in request["files"].items()}
        asked = [(table, expectation) for table, expectation in request["expectations"]]
        found = measure(files, asked, date.fromisoformat(request["as_of"]), request["threads"])
        answers.write(json.dumps([(m.count, m.rows, m.problem) for m in found]) + "\n")
        answers.flush()


def _listen(stream: TextIO, requests: queue.SimpleQueue[str]) -> None:
    """Pass requests on; at the end of the input end the process, whatever it is doing."""
    for line in stream:
        requests.put(line)
    os._exit(0)


if __name__ == "__main__":
    _serve()
