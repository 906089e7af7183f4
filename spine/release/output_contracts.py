"""Output contracts: what analysts are promised of each released table.

Put here: the model and the reading of `expectations/contracts/spine/<purpose>__<table>.odcs.yaml`.
Never here: the contracts of what partners send (spine.contracts), or any row.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import duckdb
from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaProperty

from spine.contracts import Rule, read_odcs, rules_of
from spine.errors import ContractError

#: The column that holds resident ids in the warehouse and their pseudonyms in a release.
PSEUDONYM = "resident_id"

#: The column that holds earlier ids, told under the same key.
FORMER = "former_resident_id"

#: DuckDB type of each logical type in a release.
TYPES = {"string": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE", "integer": "BIGINT", "number": "DOUBLE"}

#: Classifications that a released column may carry; `identifier` is for the door, never for a release.
CLASSIFICATIONS = ("public", "personal", "special_category", "pseudonym")

#: What `customProperties: valuesFrom` may name: a list that the deployment keeps anyway.
PARTNERS = "partners"


#: Numbers of more digits than this has are identifiers, dates or telephone numbers.
_MOST = 9_999_999

_NAMES = ("Li", "Ann", "Jane", "Smith", "Taylor", "Johnson", "Robinson", "Patterson", "Featherstonehaugh")
_DIGITS = "9990000018123"
#: What a text column must have no room for: names, numbers with and without a letter before them, dates, postcodes.
_PROBES = [
    *(form for name in _NAMES for form in (name, name.lower(), name.upper())),
    *(_DIGITS[:length] for length in range(6, 14)),
    *(letter + _DIGITS[:length] for letter in "nNpPeExX" for length in range(9, 14)),
    "Ann Smith", "SMITH, ANN", "O'Brien", "Anne-Marie", "999 000 0018", "999-000-0018", "+447700900123", "QQ123456C",
    "1961-03-17", "17/03/1961", "QX9 7ZZ", "QX97ZZ", "qx97zz", "M1 1AA", "M11AA", "EC1A 1BB", "EC1A1BB",
]  # fmt: skip


@dataclass(frozen=True)
class OutputColumn:
    """One promised column.

    Attributes:
        sources: the contracted fields that it is made from, as `dataset.column`.
        null_where_restricted: it locates a person, so it must be null for a restricted resident.
        values_from: `partners` where every value must be the id of a partner that supplies data.
        bounds: least and greatest value of a number.
    """

    name: str
    logical_type: str
    description: str
    classification: str
    sources: tuple[str, ...]
    required: bool = False
    key: bool = False
    null_where_restricted: bool = False
    values_from: str | None = None
    bounds: tuple[float, float] | None = None

    @property
    def type(self) -> str:
        """DuckDB type in the release."""
        return TYPES[self.logical_type]


@dataclass(frozen=True)
class OutputTable:
    """One promised table of a purpose.

    Attributes:
        rules: what the finished table is measured by before it is published.
    """

    purpose: str
    name: str
    version: str
    description: str
    columns: tuple[OutputColumn, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the key columns; the pseudonym first, so that rows are ordered by it."""
        return tuple(sorted((c.name for c in self.columns if c.key), key=lambda name: name != PSEUDONYM))

    def without(self, columns: Collection[str]) -> OutputTable:
        """The table less some columns, and less the rules about them."""
        kept = tuple(column for column in self.columns if column.name not in columns)
        return replace(self, columns=kept, rules=tuple(rule for rule in self.rules if rule.column not in columns))

    @property
    def is_population(self) -> bool:
        """True for the table with one row per resident, which says who is in the release."""
        return self.keys == (PSEUDONYM,)

    @property
    def has_former(self) -> bool:
        """True for a table that tells earlier ids of its residents."""
        return any(column.name == FORMER for column in self.columns)


def purposes_with_contracts(folder: Path) -> list[str]:
    """Purposes that an output contract of `folder` names, sorted. A name that no agreement can have is no purpose."""
    names = {path.name.partition("__")[0] for path in folder.glob("*__*.odcs.yaml")}
    return sorted(name for name in names if re.fullmatch(r"[a-z][a-z0-9_]*", name))


def load_output_contracts(folder: Path, purpose: str) -> tuple[OutputTable, ...]:
    """The promised tables of a purpose, the population table first.

    Raises:
        ContractError: every fault of every file, or no file at all.
    """
    tables, faults = [], []
    for path in sorted(folder.glob(f"{purpose}__*.odcs.yaml")):
        try:
            tables.append(_table(path, purpose))
        except ContractError as error:
            faults.append(str(error))
    if not faults and sum(table.is_population for table in tables) != 1:
        faults.append(
            f"purpose '{purpose}' needs one output contract, {purpose}__<table>.odcs.yaml, "
            f"whose only primary key is {PSEUDONYM}"
        )
    if faults:
        raise ContractError("\n".join(faults))
    return tuple(sorted(tables, key=lambda table: (not table.is_population, table.name)))


def _table(path: Path, purpose: str) -> OutputTable:
    odcs = read_odcs(path)
    stem = path.name.removesuffix(".odcs.yaml")
    name = stem.removeprefix(f"{purpose}__")
    faults = _faults(odcs, stem, name)
    if faults:
        raise ContractError("\n".join(f"{path.name}: {fault}" for fault in faults))
    entry = (odcs.schema_ or [])[0]
    return OutputTable(
        purpose=purpose,
        name=name,
        version=str(odcs.version),
        description=entry.description or "",
        columns=tuple(_column(p) for p in entry.properties or []),
        rules=rules_of(odcs, implied=False),
    )


def _faults(odcs: OpenDataContractStandard, stem: str, name: str) -> list[str]:
    faults = [] if odcs.id == stem else [f"id '{odcs.id}' must be the file's name, {stem}"]
    schema = odcs.schema_ or []
    if len(schema) != 1 or schema[0].name != name:
        return [*faults, f"schema needs exactly one table, named '{name}'"]
    if not schema[0].description:
        faults.append(f"table '{name}' needs a description")
    columns = schema[0].properties or []
    names = [str(column.name) for column in columns]
    faults += [f"column '{n}' is there twice" for n in sorted({n for n in names if names.count(n) > 1})]
    if not any(c.name == PSEUDONYM and c.classification == "pseudonym" and c.primaryKey for c in columns):
        faults.append(f"column '{PSEUDONYM}' is needed, as a primary key of classification pseudonym")
    for column in columns:
        faults += [f"column '{column.name}' {fault}" for fault in _column_faults(column)]
    try:
        rules_of(odcs, implied=False)
    except ContractError as error:
        faults += str(error).splitlines()
    return faults


def _column_faults(column: SchemaProperty) -> list[str]:
    faults = [] if column.description else ["needs a description"]
    if column.logicalType not in TYPES:
        faults.append(f"needs a logicalType out of {', '.join(TYPES)}")
    if column.classification not in CLASSIFICATIONS:
        faults.append(
            f"needs a classification out of {', '.join(CLASSIFICATIONS)}; a direct identifier is never released"
        )
    if (column.classification == "pseudonym") != (column.name in (PSEUDONYM, FORMER)):
        faults.append(f"has the wrong classification: '{PSEUDONYM}', '{FORMER}' and no other column are pseudonyms")
    if not column.transformSourceObjects:
        faults.append("needs transformSourceObjects: the fields, as dataset.column, that it is made from")
    if column.logicalType == "string" and column.name not in (PSEUDONYM, FORMER) and not _says_its_values(column):
        faults.append(
            "needs a rule of severity error on invalidValues (validValues or a pattern), or valuesFrom: "
            f"{PARTNERS}: a text that may be anything could be a name"
        )
    if column.logicalType in ("integer", "number") and _bounds(column) is None:
        faults.append(
            f"needs logicalTypeOptions minimum and maximum, both between -{_MOST} and {_MOST}: a longer number could "
            "be an identifier"
        )
    return faults


def _bounds(column: SchemaProperty) -> tuple[float, float] | None:
    """Least and greatest value of a number; None where they are not there, or leave room for an identifier."""
    options = column.logicalTypeOptions or {}
    least, most = options.get("minimum"), options.get("maximum")
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return None
    return (least, most) if -_MOST <= least <= most <= _MOST else None


def _says_its_values(column: SchemaProperty) -> bool:
    """True where a rule, or a list that the deployment keeps, says what a cell of this text column may be."""
    closed = any(
        entry.metric == "invalidValues" and entry.severity == "error" and entry.mustBe == 0 and _is_closed(entry)
        for entry in column.quality or []
    )
    return closed or any(p.property == "valuesFrom" and p.value == PARTNERS for p in column.customProperties or [])


def _is_closed(entry: DataQuality) -> bool:
    """True for a list of values, and for a pattern that as a whole fits no name, number, date or postcode."""
    arguments = entry.arguments or {}
    if "pattern" not in arguments:
        return bool(arguments.get("validValues"))
    pattern = arguments["pattern"]
    return isinstance(pattern, str) and not _fits(pattern)


@cache
def _fits(pattern: str) -> bool:
    """True where a pattern, matched in full, fits a probe; what is no pattern is taken to fit."""
    try:
        with duckdb.connect() as connection:
            found = connection.execute(
                "SELECT bool_or(regexp_full_match(probe, ?)) FROM unnest(?::VARCHAR[]) AS t(probe)", [pattern, _PROBES]
            ).fetchone()
    except duckdb.Error:
        return True
    return found is None or bool(found[0])


def _column(entry: SchemaProperty) -> OutputColumn:
    custom = {p.property: p.value for p in entry.customProperties or []}
    return OutputColumn(
        name=str(entry.name),
        logical_type=str(entry.logicalType),
        description=str(entry.description),
        classification=str(entry.classification),
        sources=tuple(entry.transformSourceObjects or ()),
        required=bool(entry.required or entry.primaryKey),
        key=bool(entry.primaryKey),
        null_where_restricted=bool(custom.get("nullWhereRestricted", False)),
        values_from=custom.get("valuesFrom"),
        bounds=_bounds(entry),
    )
