"""XML into the rows of one contracted table: the repeated element is found, not assumed.

Put here: which element is a row, and its children and attributes as columns. Never here: what a
value means. The parser is expat: it fetches nothing, and a document with a DOCTYPE is refused
before any of its entities is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

import duckdb
import orjson

from spine.contracts.model import Table
from spine.errors import DeliveryError
from spine.extract.headers import Names
from spine.extract.load_rows import MAX_CELL, Part
from spine.extract.read_json import load_lines
from spine.extract.workspace import FileRead

_RESEND = "Ask the partner to resend it"
_CHUNK = 1_048_576
#: Elements inside one another, at most; and different places of elements.
_MAX_DEPTH, _MAX_PATHS = 100, 20_000

Path_ = tuple[str, ...]


def read_xml(connection: duckdb.DuckDBPyConnection, table: Table, part: Part, scratch: Path, version: str) -> FileRead:
    """Append the rows of one XML document to the workspace's rows of `table`.

    A row is the element whose attributes and single leaves name most contracted columns, the
    innermost of equals. Namespaces are left out. The file is read twice: to find it, and to take it.

    Raises:
        DeliveryError: a DOCTYPE, not well-formed, no such element, a missing column, or a
            contracted column that occurs several times in a row.
    """
    outline = _Outline()
    _parse(part, outline.start, outline.end, outline.text)
    shape = _shape(outline, Names(table))
    if shape is None:
        raise DeliveryError(
            f"{part.where}: no element names a column of table '{table.name}' (contract {version}): no rows, or "
            f"another table. {_RESEND}, or change the contract; see docs/add-a-partner-extract.md"
        )
    target = scratch / f"file_{part.source.number}.txt"
    try:
        with target.open("wb") as out:
            rows = _Rows(shape, out)
            _parse(part, rows.start, rows.end, rows.text)
        part.check_unchanged()
        return load_lines(connection, table, part, target, version, rows.count, is_document=True)
    finally:
        target.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Shape:
    """Which element is a row, and the column that each place inside it fills."""

    row: Path_
    columns: dict[Path_, str]
    attributes: dict[str, str]


@dataclass
class _Outline:
    """Every place of an element in a document, by path, and how it occurs."""

    path: list[str] = field(default_factory=list)
    counts: Counter[Path_] = field(default_factory=Counter)
    has_children: set[Path_] = field(default_factory=set)
    repeated: set[Path_] = field(default_factory=set)
    attributes: dict[Path_, dict[str, None]] = field(default_factory=dict)
    seen: list[set[str]] = field(default_factory=lambda: [set()])

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        if self.path:
            self.has_children.add(tuple(self.path))
        self.path.append(name)
        path = tuple(self.path)
        self.counts[path] += 1
        if name in self.seen[-1]:
            self.repeated.add(path)
        self.seen[-1].add(name)
        self.seen.append(set())
        if attributes:
            self.attributes.setdefault(path, {}).update(dict.fromkeys(filter(_is_data, attributes)))
        if len(self.path) > _MAX_DEPTH or len(self.counts) > _MAX_PATHS:
            raise _TooDeepError

    def end(self, tag: str) -> None:
        self.path.pop()
        self.seen.pop()

    def text(self, data: str) -> None:
        """Text says nothing of the outline."""


@dataclass
class _Rows:
    """Writes each row as a line of JSON."""

    shape: _Shape
    out: BinaryIO
    count: int = 0
    path: list[str] = field(default_factory=list)
    row: dict[str, str | list[str]] | None = None
    value: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.path.append(_local(tag))
        depth = len(self.shape.row)
        if self.row is None:
            if len(self.path) == depth and tuple(self.path) == self.shape.row:
                held = self.shape.attributes
                self.row = {held[name]: value for name, value in attributes.items() if name in held}
        else:
            self.value = [] if tuple(self.path[depth:]) in self.shape.columns else None

    def end(self, tag: str) -> None:
        depth = len(self.shape.row)
        if self.row is not None:
            if len(self.path) == depth:
                self.out.write(orjson.dumps(self.row) + b"\n")
                self.count += 1
                self.row = None
            elif self.value is not None:
                self._put(self.shape.columns[tuple(self.path[depth:])], "".join(self.value).strip())
                self.value = None
        self.path.pop()

    def text(self, data: str) -> None:
        """Text of the element that is open, up to a little more than a cell may hold."""
        if self.value is not None and (len(self.value) < 100 or sum(map(len, self.value)) <= MAX_CELL):
            self.value.append(data)

    def _put(self, name: str, value: str) -> None:
        assert self.row is not None
        before = self.row.get(name)
        if before is None:
            self.row[name] = value
        else:
            self.row[name] = [*before, value] if isinstance(before, list) else [before, value]


class _TooDeepError(Exception):
    """The document is no list of rows."""


class _DoctypeError(Exception):
    """The document brings a DOCTYPE."""


def _parse(
    part: Part, start: Callable[[str, dict[str, str]], None], end: Callable[[str], None], text: Callable[[str], None]
) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        with part.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
    except _DoctypeError:
        fault = "brings a DOCTYPE, by which a document can define entities or ask for other files; expected none"
        raise DeliveryError(f"{part.where}: {fault}. {_RESEND} without it") from None
    except _TooDeepError:
        fault = "is nested deeper than a list of rows can be; expected one repeated element for the rows"
        raise DeliveryError(f"{part.where}: {fault}. {_RESEND}") from None
    except (expat.ExpatError, ValueError, LookupError):
        place = f"line {parser.ErrorLineNumber}" if parser.ErrorLineNumber else "its start"
        fault = f"is not well-formed XML at {place}, perhaps cut off"
        raise DeliveryError(f"{part.where}: {fault}. {_RESEND}") from None


def _refuse_doctype(*_: object) -> None:
    raise _DoctypeError


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _is_data(attribute: str) -> bool:
    return not attribute.startswith(("xmlns", "xsi:", "xml:"))


def _shape(outline: _Outline, names: Names) -> _Shape | None:
    """The element whose columns name most of the contract's; the innermost, then the most frequent of equals."""
    best: tuple[tuple[int, int, int], _Shape] | None = None
    for path, count in outline.counts.items():
        if path not in outline.has_children and path not in outline.attributes:
            continue
        shape = _columns_of(path, outline)
        score = names.score([*shape.columns.values(), *shape.attributes.values()])[1]
        rank = (score, len(path), count)
        if score and (best is None or rank > best[0]):
            best = (rank, shape)
    return best[1] if best else None


def _columns_of(row: Path_, outline: _Outline) -> _Shape:
    """Leaves below a row that occur once in it, those nearest to it first, and its attributes.

    A leaf directly below the row counts though it is repeated: that a contracted column is, is told.
    """
    depth = len(row)
    columns: dict[Path_, str] = {}
    taken = {name: name for name in outline.attributes.get(row, {})}
    attributes = {name: _local(name) for name in taken}
    used = set(attributes.values())
    below = [path for path in outline.counts if len(path) > depth and path[:depth] == row]
    for path in sorted(below, key=len):
        inner = path[depth:]
        above = (path[:n] for n in range(depth + 1, len(path)))
        if path in outline.has_children or inner[-1] in used or any(p in outline.repeated for p in above):
            continue
        if len(inner) > 1 and path in outline.repeated:
            continue
        columns[inner] = inner[-1]
        used.add(inner[-1])
    return _Shape(row, columns, attributes)
