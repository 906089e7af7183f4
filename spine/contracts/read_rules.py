"""From the `quality` entries of a contract to its rules, with every fault at once.

Put here: reading rules and those that a column's type and length bring with them. Never here: what a rule means
(rules), how it is measured (derive), or the rest of the contract (load).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from open_data_contract_standard.model import DataQuality, OpenDataContractStandard, SchemaProperty
from yaml import YAMLError

from spine.contracts.confined import query_faults
from spine.contracts.derive import unquoted
from spine.contracts.rules import COMPARATORS, Metric, Rule, Threshold
from spine.documents import parse_yaml
from spine.errors import ContractError

#: Per logical type: the macro that finds wrong values, the word for a right one in the rules' names, and in full.
_IMPLIED = {
    "date": ("is_bad_date", "date", "a date with a four-digit year"),
    "number": ("is_bad_number", "number", "a number"),
    "integer": ("is_bad_integer", "number", "a whole number"),
}


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
    faults += _query_faults(rules)
    names = [rule.name for rule in rules]
    faults += [f"two rules are named '{name}'" for name in sorted({n for n in names if names.count(n) > 1})]
    if faults:
        raise ContractError("\n".join(faults))
    return tuple(rules)


def faults_of_queries(rules: Sequence[Rule]) -> dict[int, str]:
    """Why the SQL of rules may not run, by position; rules whose SQL may run, or that have none, are left out."""
    queries = {position: query for position, rule in enumerate(rules) if (query := _query(rule)) is not None}
    found = query_faults(queries.values())
    return {position: found[query] for position, query in queries.items() if query in found}


def _query_faults(rules: list[Rule]) -> list[str]:
    """Rules whose SQL does more than read the tables that it is given."""
    found = faults_of_queries(rules)
    return [f"rule '{rules[position].name}': its query {fault}" for position, fault in found.items()]


def _query(rule: Rule) -> str | None:
    """The SQL of a rule, as a contract writes it in one of two ways."""
    if rule.metric == "sql":
        return str(rule.arguments["query"])
    written = (
        rule.arguments.get("kwargs", {}).get("unexpected_rows_query") if rule.metric == "greatExpectations" else None
    )
    if written is None:
        return None
    return unquoted(str(written))


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
        if not isinstance(entry.query, str):
            raise ContractError(f"{where}: a rule of type sql needs a query")
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
