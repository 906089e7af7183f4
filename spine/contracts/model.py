"""A contract as the spine uses it: a frozen view of an Open Data Contract Standard v3 file.

Put here: the types and the questions one may ask of a contract. Never here: reading of files
(load) or anything derived for another tool (derive).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from spine.contracts.rules import Rule

Mode = Literal["snapshot", "rolling", "append"]
Format = Literal["csv", "fhir-json"]


#: What a contract says that decides nothing about how a delivery is read and judged.
_NOT_OF_READING = (
    "supplies", "title", "description", "domain", "frequency_days", "latency_days", "is_optional",
    "one_record_per_person",
)  # fmt: skip


def header_key(text: str) -> str:
    """A header reduced to what matters: letters and digits, lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@dataclass(frozen=True)
class Column:
    """One contracted column of a source file, or one element of a FHIR resource.

    Attributes:
        name: the column's name in the lake, snake_case.
        source_name: the header or element as the supplier's layout documents it.
        synonyms: other headers that mean the same.
        header_pattern: a regular expression on the reduced header, for names that carry a vintage.
        optional_header: the file may come without this column; it is then empty, and reported.
        nested: for FHIR, the DuckDB JSON structure of the element ("VARCHAR" for text).
    """

    name: str
    source_name: str
    description: str
    logical_type: str
    classification: str
    required: bool = False
    key: bool = False
    optional_header: bool = False
    synonyms: tuple[str, ...] = ()
    header_pattern: str | None = None
    nested: Any = "VARCHAR"

    def find_in(self, headers: Sequence[str]) -> str | None:
        """The header that names this column: the documented name first, synonyms next, the pattern last."""
        by_key = {header_key(header): header for header in reversed(headers)}
        for name in (self.source_name, self.name, *self.synonyms):
            if header_key(name) in by_key:
                return by_key[header_key(name)]
        pattern = self.header_pattern
        return next((h for k, h in reversed(by_key.items()) if pattern and re.fullmatch(pattern, k)), None)


@dataclass(frozen=True)
class Table:
    """One table of a layout: one kind of file, or one kind of FHIR resource.

    Attributes:
        source: regular expression on the file's name (csv) or the resource type (fhir-json).
        required: False where a delivery may come without it.
    """

    name: str
    source: str
    description: str
    columns: tuple[Column, ...]
    required: bool = True
    headerless: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the key columns, in order."""
        return tuple(column.name for column in self.columns if column.key)


@dataclass(frozen=True)
class Window:
    """For delivery mode `rolling`: which columns say what period a delivery replaces.

    Attributes:
        identity: columns that say which event a row is about, across deliveries. An event that was open and
            is absent from the next delivery is taken to have ended with its own period.
    """

    table: str
    period_start: str
    period_end: str
    event_start: str
    event_end: str
    identity: tuple[str, ...]


@dataclass(frozen=True)
class Supply:
    """One partner that sends this layout, from one date to another (both inclusive)."""

    partner: str
    valid_from: date = date.min
    valid_to: date = date.max

    def covers(self, day: date) -> bool:
        """True where the partner sends this layout on that day."""
        return self.valid_from <= day <= self.valid_to


@dataclass(frozen=True)
class Contract:
    """What one layout of one dataset holds, how it arrives and what is checked at the door.

    Attributes:
        is_optional: nobody waits for a delivery: a source that has sent nothing is as it should be.
        one_record_per_person: the supplier promises that two of its records are two people.
    """

    id: str
    title: str
    version: str
    description: str
    domain: str
    format: Format
    mode: Mode
    quarantine_max_percent: float
    frequency_days: int | None
    tables: tuple[Table, ...]
    supplies: tuple[Supply, ...]
    rules: tuple[Rule, ...]
    window: Window | None = None
    latency_days: int | None = None
    is_optional: bool = False
    one_record_per_person: bool = False

    @property
    def dataset(self) -> str:
        """The dataset's name, which is the folder's name in landing."""
        return self.id.partition("__")[0]

    @property
    def layout(self) -> str:
        """The layout's name."""
        return self.id.partition("__")[2]

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides how a delivery is read and judged (not of who sends it)."""
        content = {key: value for key, value in asdict(self).items() if key not in _NOT_OF_READING}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def table(self, name: str) -> Table:
        """The table of that name."""
        return next(table for table in self.tables if table.name == name)


@dataclass(frozen=True)
class Partner:
    """An organisation of the partnership.

    Attributes:
        steward: who must act on this partner's data quality.
    """

    id: str
    name: str
    kind: str
    steward: str
    gss_code: str | None = None
