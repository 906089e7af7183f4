"""Which cell of a header is which contracted column, whatever the file's format.

Put here: scores, places, near misses. Never here: how a header is cut from a file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from spine.contracts.model import Column, Table, header_key
from spine.errors import DeliveryError

#: A header stands in one of so many lines at the top; text above it is passed over.
HEADER_LINES = 20
#: So many names of dropped columns are told.
_NAMES_TOLD = 200
_HEADER_LIKE = re.compile(r"[A-Za-z][A-Za-z0-9_ /-]{0,59}")
_SIMILAR = 75
_GUIDE = "see docs/add-a-partner-extract.md"


@dataclass(frozen=True)
class Matched:
    """A header against a table.

    Attributes:
        places: cell of the header by name of the column, from 0.
        width: cells of the header.
        dropped: names of columns that the contract does not name, as far as they may be told.
    """

    places: dict[str, int]
    width: int
    dropped: tuple[str, ...] = field(default=())

    @property
    def columns_dropped(self) -> int:
        """How many cells of the header no column of the contract takes."""
        return self.width - len(set(self.places.values()))


class Names:
    """The names by which a table's columns are known, for many headers."""

    def __init__(self, table: Table) -> None:
        self.due = sum(not column.optional_header for column in table.columns)
        self._columns = [(not column.optional_header, *_known_by(column)) for column in table.columns]

    def score(self, header: Sequence[str]) -> tuple[int, int]:
        """How many columns a header names: of those that must come, and of all."""
        keys = {header_key(cell) for cell in header if len(cell) < 200} - {""}
        found = [due for due, names, pattern in self._columns if names & keys or _fits(pattern, keys)]
        return sum(found), len(found)

    def is_header(self, header: Sequence[str]) -> bool:
        """True where a line is certainly the header: it names half of the columns that must come."""
        return self.score(header)[0] >= max(1, self.due / 2)

    def find(self, rows: Sequence[Sequence[str]]) -> tuple[int, int]:
        """Which of the first rows is the header, and how many columns it names.

        The first one, unless a later one is certainly a header and names more than any before it.
        """
        best, best_score = 0, self.score(rows[0])[1] if rows else 0
        for n, cells in enumerate(rows[1:HEADER_LINES], start=1):
            score = self.score(cells)[1]
            if score > best_score and self.is_header(cells):
                best, best_score = n, score
        return best, best_score


def match(header: Sequence[str], table: Table, where: str, version: str) -> Matched:
    """Give each contracted column its place in a header.

    Raises:
        DeliveryError: contracted columns are missing, one to a line, each with the nearest header
            where the line is certainly a header.
    """
    places, faults = {}, []
    is_header = len(header) > 1 and Names(table).score(header)[0] >= max(2, Names(table).due / 2)
    for column in table.columns:
        found = column.find_in(header)
        if found is not None:
            places[column.name] = header.index(found)
        elif not column.optional_header:
            near = _near(column.source_name, header, table) if is_header else ""
            faults.append(f"column '{column.source_name}' is missing (contract {version}){near}")
    if faults or not places:
        if not places:
            fault = f"the first line names no column of table '{table.name}' (contract {version}): "
            faults = [fault + "no header, or another table"]
        advice = f"Ask the partner to resend, or change the contract; {_GUIDE}"
        raise DeliveryError("\n".join(f"{where}: {fault}. {advice}" for fault in faults))
    taken = set(places.values())
    names = (cell for n, cell in enumerate(header) if n not in taken and _HEADER_LIKE.fullmatch(cell))
    told = tuple(sorted(set(names))[:_NAMES_TOLD]) if is_header else ()
    return Matched(places, len(header), told)


def _known_by(column: Column) -> tuple[set[str], re.Pattern[str] | None]:
    names = {header_key(name) for name in (column.source_name, column.name, *column.synonyms)} - {""}
    return names, re.compile(column.header_pattern) if column.header_pattern else None


def _fits(pattern: re.Pattern[str] | None, keys: set[str]) -> bool:
    return pattern is not None and any(pattern.fullmatch(key) for key in keys)


def _near(name: str, header: Sequence[str], table: Table) -> str:
    """A suggestion from the file's own headers.

    Asked only of a line that names half of the columns that must come: one cell of data may happen to read like
    a column ("Band").
    """
    taken = {column.find_in(header) for column in table.columns}
    free = {h: header_key(h) for h in header if h not in taken and _HEADER_LIKE.fullmatch(h)}
    found = process.extractOne(header_key(name), free, scorer=fuzz.WRatio, score_cutoff=_SIMILAR)
    return f"; the file has '{found[2]}', which is close" if found else ""
