"""JSON of any size as lines, one value to a line, in bounded memory.

Put here: whether a text is lines already, and cutting a document into the elements of its arrays.
Never here: which elements are rows (read_json) or resources (read_fhir).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import duckdb
import numpy as np
import orjson

from spine.extract.workspace import literal

#: A line may be this long in bytes; a longer one is put aside.
MAX_LINE = 16_000_000
#: More lists than this outside any list, and the document is no list of rows.
_MAX_ARRAYS = 50
_CHUNK = 2_097_152
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*$')
_OPEN = np.frombuffer(b"{[", dtype=np.uint8)


@dataclass(frozen=True)
class Array:
    """A list that stands in no other list.

    Attributes:
        key: the name of the list in its object; empty at the top.
        depth: how many objects it stands in.
        path: its elements, one to a line.
    """

    key: str
    depth: int
    path: Path
    lines: int


class NotJson(Exception):  # noqa: N818 (told on as a DeliveryError by the readers)
    """The document is cut off or its brackets do not match."""


def is_lines(path: Path, lines: int, *, named: bool) -> bool:
    """True for NDJSON: lines are JSON objects by themselves. One object alone is a document.

    Args:
        lines: of the file, none of them empty.
        named: the file's suffix says NDJSON.
    """
    with path.open("rb") as file:
        head = [line.strip() for line in itertools.islice(file, 20)]
    objects = [_is_object(line) for line in head]
    if lines == 1:
        return named and not objects[0] and not head[0].startswith(b"[")
    if head[0].startswith(b"["):
        return False
    return objects[0] or sum(objects) > len(objects) / 2 or (named and head[0] not in (b"{", b""))


def read_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """SQL that reads a file of lines as the column `line`; too long lines go to DuckDB's `reject_errors`."""
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    return f"""read_csv(
        {literal(path)}, columns={{'line': 'VARCHAR'}}, auto_detect=false, header=false, delim=e'\\x01',
        quote='', escape='', comment='', store_rejects=true, rejects_limit=0,
        max_line_size={MAX_LINE}, buffer_size={4 * MAX_LINE}, parallel=false)"""


def split(source: Path, folder: Path, stem: str) -> list[Array]:
    """Cut a document into the elements of its outermost arrays, one file of lines for each array.

    Nothing is parsed: brackets and commas outside of strings are found by whole chunks, so that
    neither the document nor a part of it has to fit into memory.

    Args:
        folder: takes the files, which the caller deletes.

    Raises:
        NotJson: the brackets do not match, or there are too many arrays.
    """
    with ExitStack() as stack:
        splitter = _Splitter(folder, stem, stack)
        with source.open("rb") as file:
            for chunk in _whole_escapes(file):
                splitter.take(chunk)
        return splitter.finish()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _whole_escapes(file: BinaryIO) -> Iterator[bytes]:
    """Chunks of a file, none of which ends between a backslash and what it escapes."""
    held = b""
    while chunk := file.read(_CHUNK):
        chunk = held + chunk
        slashes = len(chunk) - len(chunk.rstrip(b"\\"))
        held = chunk[-1:] if slashes % 2 else b""
        yield chunk[:-1] if held else chunk
    if held:
        yield held


@dataclass
class _Splitter:
    folder: Path
    stem: str
    stack: ExitStack
    arrays: list[tuple[str, int, Path]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    out: BinaryIO | None = None
    in_string: bool = False
    depth: int = 0
    lists: int = 0
    base: int = 0
    before: bytes = b""
    pending: bool = False
    started: bool = False

    def take(self, chunk: bytes) -> None:
        """Write what a chunk adds to the array it stands in; open and close arrays on the way."""
        plain = re.sub(rb"\\.", b"..", chunk, flags=re.DOTALL) if b"\\" in chunk else chunk
        signs = np.frombuffer(plain, dtype=np.uint8)
        quotes = signs == ord('"')
        inside = (np.cumsum(quotes, dtype=np.int32) + self.in_string) % 2 == 1
        outside = ~inside & ~quotes
        opening, closing = np.isin(signs, _OPEN) & outside, np.isin(signs, _OPEN + 2) & outside
        depths = self.depth + np.cumsum(opening.astype(np.int8) - closing, dtype=np.int32)
        squares = ((signs == ord("[")) & outside).astype(np.int8) - ((signs == ord("]")) & outside)
        lists = self.lists + np.cumsum(squares, dtype=np.int32)
        if not len(signs):
            return
        if depths.min() < 0 or lists.min() < 0:
            raise NotJson
        # Where an outermost list begins or ends, and every comma between two elements of one.
        begins = (signs == ord("[")) & outside & (lists == 1) & (squares == 1)
        ends = (signs == ord("]")) & outside & (lists == 0)
        last = np.maximum.accumulate(np.where(begins, np.arange(len(signs), dtype=np.int32), -1))
        base = np.where(last >= 0, depths[last], self.base)
        commas = (signs == ord(",")) & outside & (lists == 1) & (depths == base)
        at = 0
        for place in np.flatnonzero(begins | ends | commas):
            at = self._step(chunk, at, int(place), int(depths[place]), begins[place], ends[place])
        if self.out is not None:
            self._write(chunk[at:])
        self.before = (self.before + chunk)[-4096:]
        self.in_string = bool(inside[-1])
        self.depth, self.lists = int(depths[-1]), int(lists[-1])

    def _step(self, chunk: bytes, at: int, place: int, depth: int, begins: bool, ends: bool) -> int:
        if begins:
            self._open((self.before + chunk[max(0, place - 4096) : place])[-4096:], depth - 1)
        else:
            self._write(chunk[at:place])
            self._end_line()
            self.out = None if ends else self.out
        return place + 1

    def _open(self, before: bytes, depth: int) -> None:
        if len(self.arrays) >= _MAX_ARRAYS:
            raise NotJson
        key = _KEY.search(before)
        path = self.folder / f"{self.stem}_{len(self.arrays)}.txt"
        self.arrays.append((key[1].decode("utf-8", "replace") if key else "", depth, path))
        self.counts.append(0)
        self.out, self.base = self.stack.enter_context(path.open("wb")), depth + 1
        self.pending = False

    def _write(self, piece: bytes) -> None:
        assert self.out is not None
        if self.pending or piece.strip():
            self.out.write(piece.replace(b"\n", b" ") if self.pending else piece.lstrip().replace(b"\n", b" "))
            self.pending = True

    def _end_line(self) -> None:
        assert self.out is not None
        if self.pending:
            self.out.write(b"\n")
            self.counts[-1] += 1
        self.pending = False

    def finish(self) -> list[Array]:
        """The arrays that were found.

        Raises:
            NotJson: the document ends before its brackets do.
        """
        if self.depth or self.in_string or self.lists:
            raise NotJson
        found = zip(self.arrays, self.counts, strict=True)
        return [Array(key, depth, path, count) for (key, depth, path), count in found]
