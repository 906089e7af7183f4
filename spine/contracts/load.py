"""Reading contracts and partners from expectations/, with every error at once.

Put here: discovery of the files, and what the spine asks of them. Never here: what the standard asks (odcs), or
anything about a delivery.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaObject, SchemaProperty
from yaml import YAMLError

from spine.contracts.model import Column, Contract, Mode, Partner, Supply, Table, Window
from spine.contracts.odcs import parse_odcs
from spine.contracts.rules import COMPARATORS, Metric, Rule, Threshold
from spine.documents import parse_yaml
from spine.errors import ContractError

_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_WINDOW = ("table", "periodStart", "periodEnd", "eventStart", "eventEnd", "identity")
#: Per logical type: the macro that finds wrong values, the word for a right one in the rules' names, and in full.
_IMPLIED = {
    "date": ("is_bad_date", "date", "a date with a four-digit year"),
    "number": ("is_bad_number", "number", "a number"),
    "integer": ("is_bad_integer", "number", "a whole number"),
}


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


def load_partners(path: Path) -> dict[str, Partner]:
    """The partnership's organisations by id, in the file's order."""
    entries = parse_yaml(path.read_text(encoding="utf-8"))["partners"]
    return {entry["id"]: Partner(**entry) for entry in entries}


def load_contract(path: Path) -> Contract:
    """One input contract. A file of the same name and bytes is taken apart once in a process.

    Raises:
        ContractError: the file is not ODCS, or lacks what a delivery needs.
    """
    return _contract(path.name, path.read_bytes())


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
    columns = {column.name for table in odcs.schema_ or [] for column in table.properties or []}
    window = custom.get("window") or {}
    named = {value for key, value in window.items() if key != "table" and isinstance(value, str)}
    named |= set(window.get("identity") or ())
    faults |= {f"window names '{name}', which is no column": True for name in sorted(named - columns)}
    return [*(fault for fault, found in faults.items() if found), *_repeated_names(odcs)]


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
            return int(entry.value) * _DAYS.get(str(entry.unit), 1)
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


def rules_of(odcs: OpenDataContractStandard, *, implied: bool = True) -> tuple[Rule, ...]:
    """The quality rules of a contract, in its order.

    Args:
        implied: with those that a column's type and length bring with them, for files in which all is text.

    Raises:
        ContractError: every rule that is incomplete or that nothing here can measure.
    """
    rules, faults = [], []
    for table in odcs.schema_ or []:
        prefix = f"{table.name}__" if len(odcs.schema_ or []) > 1 else ""
        quality: list[tuple[str | None, DataQuality]] = [(None, q) for q in table.quality or []]
        for column in table.properties or []:
            try:
                own = [*(column.quality or []), *(_implied(prefix, column) if implied else [])]
                quality += [(column.name, q) for q in own]
            except ContractError as error:
                faults.append(str(error))
        for name, entry in quality:
            try:
                rules.append(_rule(str(odcs.id), str(table.name), name, entry))
            except ContractError as error:
                faults.append(str(error))
    names = [rule.name for rule in rules]
    faults += [f"two rules are named '{name}'" for name in sorted({n for n in names if names.count(n) > 1})]
    if faults:
        raise ContractError("\n".join(faults))
    return tuple(rules)


def _implied(prefix: str, column: SchemaProperty) -> list[DataQuality]:
    """The rules that a column's type and its documented length bring with them."""
    return [*_implied_by_type(prefix, column), *_implied_by_length(prefix, column)]


def _implied_by_type(prefix: str, column: SchemaProperty) -> list[DataQuality]:
    """A typed column implies two rules: odd values warn; mostly wrong values mean another column was sent."""
    if column.logicalType not in _IMPLIED:
        return []
    function, label, noun = _IMPLIED[column.logicalType]
    query = f"SELECT count(*) FROM ${{table}} WHERE {function}(${{column}})"
    shared: dict[str, Any] = {"type": "sql", "dimension": "conformity", "query": query}
    return [
        DataQuality(
            **shared,
            name=f"{prefix}{column.name}__is_a_{label}",
            severity="warning",
            mustBe=0,
            description=f"Every value of {column.name} is {noun} or blank.",
        ),
        DataQuality(
            **shared,
            name=f"{prefix}{column.name}__mostly_{label}s",
            severity="error",
            mustBeLessOrEqualTo=20,
            unit="percent",
            description=f"At most 20 in 100 values of {column.name} are not {noun}; more means a wrong column.",
        ),
    ]


def _implied_by_length(prefix: str, column: SchemaProperty) -> list[DataQuality]:
    """A column of a documented length implies one rule: a longer value warns, because something is in the wrong place.

    The `.0` that a spreadsheet adds to a reference is not counted.

    Raises:
        ContractError: the length is no whole number above zero.
    """
    longest = (column.logicalTypeOptions or {}).get("maxLength")
    if longest is None:
        return []
    if type(longest) is not int or longest < 1:
        raise ContractError(f"column '{column.name}': maxLength must be a whole number above zero")
    return [
        DataQuality(
            type="sql",
            dimension="conformity",
            query=f"SELECT count_if(length(without_point_zero(${{column}})) > {longest}) FROM ${{table}}",
            name=f"{prefix}{column.name}__within_length",
            severity="warning",
            mustBe=0,
            description=f"No value of {column.name} is longer than {longest} character{'s' if longest > 1 else ''}.",
        )
    ]


def _rule(contract: str, table: str, column: str | None, entry: DataQuality) -> Rule:
    name = entry.name or ""
    where = f"rule '{name or '(no name)'}' of {table}.{column or '(table)'}"
    kind = entry.type or "library"
    metric = entry.metric if kind == "library" else entry.engine if kind == "custom" else kind
    if metric not in get_args(Metric):
        raise ContractError(
            f"{where}: metric '{metric}' is not supported; use a library metric, type sql, or type custom with engine "
            "greatExpectations"
        )
    if not name or "__" not in name or not name.replace("_", "").isalnum():
        raise ContractError(f"{where}: needs a name of the form <column>__<rule> or table__<rule>")
    if not entry.description:
        raise ContractError(f"{where}: needs a description, the rule in one plain sentence")
    if entry.severity not in ("error", "warning"):
        raise ContractError(f"{where}: severity must be error (refuses the delivery) or warning")
    comparators = [key for key in COMPARATORS if getattr(entry, key) is not None]
    if len(comparators) != 1 and metric != "text":
        raise ContractError(f"{where}: needs exactly one comparator, such as mustBe: 0")
    comparator = comparators[0] if comparators else "mustBe"
    return Rule(
        contract=contract,
        table=table,
        column=column,
        name=name,
        sentence=entry.description,
        dimension=entry.dimension or "conformity",
        severity=entry.severity,  # type: ignore[arg-type]
        metric=metric,  # type: ignore[arg-type]
        arguments=_arguments(metric, entry, where),
        threshold=Threshold(comparator, getattr(entry, comparator), "percent" if entry.unit == "percent" else "rows"),
    )


def _arguments(metric: str | None, entry: DataQuality, where: str) -> dict[str, Any]:
    if metric == "sql":
        return {"query": entry.query}
    if metric != "greatExpectations":
        return dict(entry.arguments or {})
    written = entry.implementation
    try:
        found = parse_yaml(written) if isinstance(written, str) else written
    except YAMLError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("type"), str) or not set(found) <= {"type", "kwargs"}:
        raise ContractError(f"{where}: implementation must be an expectation: its type, and kwargs where it needs any")
    return {"type": found["type"], "kwargs": dict(found.get("kwargs") or {})}
