"""Reading contracts from expectations/, with every error at once.

Put here: discovery of the files, and what the spine asks of them. Never here: what the standard asks (odcs), the
partners (partners), or anything about a delivery.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    ServiceLevelAgreementProperty,
)

from spine.contracts.model import Column, Contract, Mode, Supply, Table, Window
from spine.contracts.odcs import parse_odcs
from spine.contracts.read_rules import rules_of
from spine.contracts.rules import Rule
from spine.documents import read_bytes
from spine.errors import ContractError

_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
#: What a column may be.
_CLASSES = ("public", "personal", "special_category", "identifier")
_WINDOW = ("table", "periodStart", "periodEnd", "eventStart", "eventEnd", "identity")


def load_contracts(folder: Path, partners: Iterable[str]) -> tuple[Contract, ...]:
    """All input contracts of `folder`, sorted by id.

    Args:
        folder: holds `<dataset>__<layout>.odcs.yaml`.
        partners: ids that a `server` entry may name.

    Raises:
        ContractError: naming every fault of every file.
    """
    known = set(partners)
    contracts, faults = [], []
    for path in sorted(folder.glob("*.odcs.yaml")):
        try:
            contracts.append(load_contract(path))
        except ContractError as error:
            faults.append(str(error))
    for contract in contracts:
        for supply in contract.supplies:
            if supply.partner not in known:
                faults.append(f"{contract.id}: server '{supply.partner}' is no partner of expectations/partners.yaml")
    faults += _overlaps(contracts)
    if faults:
        raise ContractError("\n".join(faults))
    return tuple(contracts)


def load_contract(path: Path) -> Contract:
    """One input contract. A file of the same name and bytes is taken apart once in a process.

    Raises:
        ContractError: the file is not ODCS, or lacks what a delivery needs.
    """
    return _contract(path.name, read_bytes(path))


@lru_cache(maxsize=256)
def _contract(name: str, content: bytes) -> Contract:
    path = Path(name)
    odcs = parse_odcs(name, content)
    custom = _custom(odcs.customProperties)
    faults = _structure_faults(path, odcs, custom)
    rules: tuple[Rule, ...] = ()
    try:
        rules = rules_of(odcs)
    except ContractError as error:
        faults += str(error).splitlines()
    if faults:
        raise ContractError("\n".join(f"{path.name}: {fault}" for fault in faults))
    about = odcs.description
    return Contract(
        id=str(odcs.id),
        title=odcs.name or str(odcs.id),
        version=str(odcs.version),
        description=" ".join(text for text in (about.purpose, about.limitations) if text) if about else "",
        domain=odcs.domain or "other",
        format="fhir-json" if any(server.format == "fhir-json" for server in odcs.servers or []) else "csv",
        mode=custom["deliveryMode"],
        quarantine_max_percent=float(custom.get("quarantineMaxPercent", 0)),
        frequency_days=_sla_days(odcs, "frequency"),
        tables=tuple(_table(entry) for entry in odcs.schema_ or []),
        supplies=tuple(_supply(server) for server in odcs.servers or []),
        rules=rules,
        window=_window(custom.get("window")),
        latency_days=_sla_days(odcs, "latency"),
        is_optional=bool(custom.get("isOptional", False)),
        one_record_per_person=bool(custom.get("oneRecordPerPerson", False)),
    )


def _structure_faults(path: Path, odcs: OpenDataContractStandard, custom: dict[str, Any]) -> list[str]:
    """What a delivery needs of a contract beyond the standard itself."""
    formats = {server.format for server in odcs.servers or []}
    expected = path.name.removesuffix(".odcs.yaml")
    mode = custom.get("deliveryMode")
    faults = {
        f"id '{odcs.id}' must be the file's name, <dataset>__<layout>": odcs.id != expected or "__" not in expected,
        "customProperties needs deliveryMode: snapshot, rolling or append": mode not in get_args(Mode),
        "all servers need one format, csv or fhir-json": len(formats) > 1 or not formats <= {"csv", "fhir-json"},
        "schema needs at least one table": not odcs.schema_,
        f"delivery mode rolling needs the custom property window with {', '.join(_WINDOW)}": mode == "rolling"
        and not set(_WINDOW) <= set(custom.get("window") or ()),
    }
    faults |= {
        f"custom property {name} must be true or false": not isinstance(custom.get(name, False), bool)
        for name in ("isOptional", "oneRecordPerPerson")
    }
    faults |= {
        f"server '{server.server}': {name} must be a day of the calendar, YYYY-MM-DD": not _is_day(value)
        for server in odcs.servers or []
        for name, value in _custom(server.customProperties).items()
        if name in ("validFrom", "validTo")
    }
    columns = {column.name for table in odcs.schema_ or [] for column in table.properties or []}
    window = custom.get("window") or {}
    named = {value for key, value in window.items() if key != "table" and isinstance(value, str)}
    named |= set(window.get("identity") or ())
    faults |= {f"window names '{name}', which is no column": True for name in sorted(named - columns)}
    found = [fault for fault, is_there in faults.items() if is_there]
    return [*found, *_repeated_names(odcs), *_unusable_values(odcs, custom)]


def _unusable_values(odcs: OpenDataContractStandard, custom: dict[str, Any]) -> list[str]:
    """Words that the spine does not know, patterns that fit nothing, and what is no number: never taken for another."""
    most = custom.get("quarantineMaxPercent", 0)
    faults = {"custom property quarantineMaxPercent must be a number from 0 to 100": not _is_number(most, up_to=100)}
    for entry in odcs.slaProperties or []:
        if entry.property in ("frequency", "latency") and entry.value is not None:
            of = f"slaProperties, {entry.property}"
            faults[f"{of}: value must be a number"] = not _is_number(entry.value)
            faults[f"{of}: unit must be one of {', '.join(_DAYS)}"] = _unit(entry) not in _DAYS
    for table in odcs.schema_ or []:
        faults[f"table '{table.name}': physicalName is no regular expression"] = not _is_pattern(table.physicalName)
        for column in table.properties or []:
            of, pattern = f"column '{table.name}.{column.name}'", _custom(column.customProperties).get("headerPattern")
            word = column.classification
            faults[f"{of}: headerPattern is no regular expression"] = not _is_pattern(pattern)
            faults[f"{of}: classification must be one of {', '.join(_CLASSES)}"] = bool(word) and word not in _CLASSES
    return [fault for fault, is_there in faults.items() if is_there]


def _is_number(value: Any, up_to: float = float("inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= up_to


def _is_pattern(text: str | None) -> bool:
    try:
        re.compile(text or "")
    except re.error:
        return False
    return True


def _unit(entry: ServiceLevelAgreementProperty) -> str:
    """The unit of a time, in the singular; days where none is given."""
    return str(entry.unit or "day").removesuffix("s")


def _repeated_names(odcs: OpenDataContractStandard) -> list[str]:
    """Tables, and columns of a table, of one name: the second would hide what is said of the first."""
    tables = odcs.schema_ or []
    names = [("table", "", [table.name for table in tables])]
    names += [("column", f"{t.name}.", [column.name for column in t.properties or []]) for t in tables]
    return [
        f"{kind} '{place}{name}' stands there twice"
        for kind, place, found in names
        for name in sorted({str(name) for name in found if found.count(name) > 1})
    ]


def _is_day(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(str(value)))
    except ValueError:
        return not value


def _overlaps(contracts: Iterable[Contract]) -> list[str]:
    """Two layouts of one dataset must not cover the same partner on the same day."""
    entries = [(contract, supply) for contract in contracts for supply in contract.supplies]
    return [
        f"{left.id} and {right.id}: both cover {first.partner} on the same days; set validFrom and validTo"
        for n, (left, first) in enumerate(entries)
        for right, second in entries[n + 1 :]
        if (left.dataset, first.partner) == (right.dataset, second.partner)
        and first.valid_from <= second.valid_to
        and second.valid_from <= first.valid_to
    ]


def _custom(properties: Any) -> dict[str, Any]:
    return {entry.property: entry.value for entry in properties or []}


def _sla_days(odcs: OpenDataContractStandard, name: str) -> int | None:
    for entry in odcs.slaProperties or []:
        if entry.property == name and entry.value is not None:
            return int(entry.value) * _DAYS[_unit(entry)]
    return None


def _supply(server: Any) -> Supply:
    custom = _custom(server.customProperties)
    bounds = {"valid_from": custom.get("validFrom"), "valid_to": custom.get("validTo")}
    days = {key: date.fromisoformat(str(value)) for key, value in bounds.items() if value}
    return Supply(partner=str(server.server), **days)


def _window(raw: dict[str, Any] | None) -> Window | None:
    if raw is None:
        return None
    names = (raw["table"], raw["periodStart"], raw["periodEnd"], raw["eventStart"], raw["eventEnd"])
    return Window(*names, tuple(raw["identity"]))


def _table(entry: SchemaObject) -> Table:
    custom = _custom(entry.customProperties)
    return Table(
        name=str(entry.name),
        source=str(entry.physicalName),
        description=entry.description or "",
        columns=tuple(_column(p) for p in entry.properties or []),
        required=not custom.get("mayBeAbsent", False),
        headerless=bool(custom.get("headerless", False)),
    )


def _column(entry: SchemaProperty) -> Column:
    custom = _custom(entry.customProperties)
    return Column(
        name=str(entry.name),
        source_name=entry.physicalName or str(entry.name),
        description=entry.description or "",
        logical_type=entry.logicalType or "string",
        classification=entry.classification or "unclassified",
        required=bool(entry.required),
        key=bool(entry.primaryKey),
        optional_header=bool(custom.get("mayBeAbsent", False)),
        synonyms=tuple(str(s.synonym) for s in entry.synonyms or []),
        header_pattern=custom.get("headerPattern"),
        nested=_structure(entry),
    )


def _structure(entry: SchemaProperty) -> Any:
    """The element's shape as DuckDB's json_transform wants it: text leaves, lists and objects."""
    if entry.logicalType == "object":
        return {str(p.physicalName or p.name): _structure(p) for p in entry.properties or []}
    if entry.logicalType == "array" and entry.items:
        return [_structure(entry.items)]
    return "VARCHAR"
