"""What follows from a contract for other tools: its Great Expectations suite.

Put here: pure translation of rules, and the check that the committed suites are current.
Never here: running a rule (spine.quality), or an import of Great Expectations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from spine.contracts.model import Contract
from spine.contracts.rules import Rule
from spine.errors import ContractError
from spine.files import replacing

#: Expectations of Great Expectations that count broken rows, and run on DuckDB: a contract may name them as they are.
COUNTING = frozenset(
    {
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_compound_columns_to_be_unique",
        "unexpected_rows_expectation",
    }
)
_SEVERITY = {"error": "critical", "warning": "warning"}
#: The queries that rules become, of one row for each broken row; `${table}` stands for the table.
BROKEN_WHERE = "SELECT 1 AS broken FROM ${table} WHERE "
BROKEN_ROWS = "SELECT unnest(range(CAST(({scalar}) AS BIGINT))) AS broken"
REPEATED_ROWS = (
    "SELECT unnest(range(count(*) - 1)) AS broken FROM ${table} WHERE {has_key} GROUP BY {columns} HAVING count(*) > 1"
)


def suite(contract: Contract) -> dict[str, Any]:
    """A contract's rules as a Great Expectations suite in its JSON form, one expectation per rule.

    The expectations only measure: success in Great Expectations means "no row breaks the rule".
    Whether that many broken rows are acceptable is the threshold's matter, which stands in `meta`
    and is applied by `spine.contracts.judge`. Rules of type `text` cannot be run by a machine and
    are listed in the suite's `meta`.

    Raises:
        ContractError: naming every rule whose arguments its metric cannot use.
    """
    expectations, faults = [], []
    for rule in contract.rules:
        try:
            expectations += [expectation(rule)] if rule.metric != "text" else []
        except ContractError as error:
            faults.append(str(error))
    if faults:
        raise ContractError("\n".join(faults))
    by_hand = [{"rule": r.name, "sentence": r.sentence} for r in contract.rules if r.metric == "text"]
    meta = {"contract_version": contract.version, "generated_by": "spine.contracts.derive", "not_automated": by_hand}
    return {"name": contract.id, "expectations": expectations, "meta": meta}


def expectation(rule: Rule) -> dict[str, Any]:
    """One rule as an expectation: what to count, with the rule's own words in `meta`.

    The columns that it speaks of are read through `clean_text`, so that blank is null.

    Raises:
        ContractError: the rule's arguments do not fit its metric, or the rule is `text`.
    """
    if rule.metric not in _MEASURES:
        raise ContractError(
            f"{rule.contract}: rule '{rule.name}': metric '{rule.metric}' cannot be run; it is for people"
        )
    kind, kwargs = _MEASURES[rule.metric](rule)
    threshold = {"comparator": rule.threshold.comparator, "bound": rule.threshold.bound, "unit": rule.threshold.unit}
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": _SEVERITY[rule.severity],
        "meta": {
            "rule": rule.name,
            "table": rule.table,
            "column": rule.column,
            "sentence": rule.sentence,
            "dimension": rule.dimension,
            "severity": rule.severity,
            "threshold": threshold,
        },
    }


def write_suites(contracts: Iterable[Contract], folder: Path) -> None:
    """Write `<contract id>.json` for every contract and remove suites of contracts that are gone."""
    texts = _texts(contracts)
    for name, text in texts.items():
        with replacing(folder / name, point="contracts.derived") as temporary:
            temporary.write_text(text, encoding="utf-8")
    for path in folder.glob("*.json"):
        if path.name not in texts:
            path.unlink()


def stale_suites(contracts: Iterable[Contract], folder: Path) -> list[str]:
    """Names of suite files that differ from their contract, are missing or have no contract; sorted."""
    texts = _texts(contracts)
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in texts.keys() | found.keys() if texts.get(name) != found.get(name))


def _texts(contracts: Iterable[Contract]) -> dict[str, str]:
    return {
        f"{contract.id}.json": json.dumps(suite(contract), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for contract in contracts
    }


def _null_values(rule: Rule) -> tuple[str, dict[str, Any]]:
    return "expect_column_values_to_not_be_null", {"column": _column(rule)}


def _missing_values(rule: Rule) -> tuple[str, dict[str, Any]]:
    """ODCS: null, or one of the listed spellings of "missing"."""
    column = identifier(_column(rule))
    listed = [str(value).strip() for value in _list(rule, "missingValues") if value is not None]
    listed_too = f" OR {column} IN ({', '.join(map(literal, listed))})" if listed else ""
    return _rows(f"{BROKEN_WHERE}{column} IS NULL{listed_too}")


def _invalid_values(rule: Rule) -> tuple[str, dict[str, Any]]:
    """ODCS: not among the valid values, or not matched by the pattern; null is not invalid."""
    name = _column(rule)
    if ("validValues" in rule.arguments) == ("pattern" in rule.arguments):
        raise ContractError(f"{_where(rule)}: invalidValues needs either validValues or pattern in its arguments")
    if "validValues" in rule.arguments:
        values = [str(value).strip() for value in _list(rule, "validValues")]
        return "expect_column_values_to_be_in_set", {"column": name, "value_set": values}
    matched = f"regexp_matches({identifier(name)}, {literal(str(rule.arguments['pattern']))})"
    return _rows(f"{BROKEN_WHERE}NOT {matched}")


def _duplicate_values(rule: Rule) -> tuple[str, dict[str, Any]]:
    """Rows that repeat an earlier row's key.

    Great Expectations' own uniqueness expectations count every member of a group and pass over a
    compound key with a null in it, which would blind a key of which one part is often blank. Here
    a null equals a null inside a compound key, and a key that is null as a whole is no duplicate.
    """
    names = _list(rule, "properties") if "properties" in rule.arguments else [_column(rule)]
    if not names:
        raise ContractError(f"{_where(rule)}: duplicateValues needs at least one property")
    columns = [identifier(str(name)) for name in names]
    has_key = " OR ".join(f"{column} IS NOT NULL" for column in columns)
    return _rows(REPEATED_ROWS.replace("{has_key}", has_key).replace("{columns}", ", ".join(columns)))


def _row_count(rule: Rule) -> tuple[str, dict[str, Any]]:
    return "expect_table_row_count_to_be_between", {}


def _sql(rule: Rule) -> tuple[str, dict[str, Any]]:
    """A scalar query that counts becomes a query of that many rows."""
    query = rule.arguments.get("query")
    if not isinstance(query, str) or "${table}" not in query:
        raise ContractError(f"{_where(rule)}: a rule of type sql needs a query that reads ${{table}}")
    scalar = query.strip().rstrip(";").strip()
    if "${column}" in scalar:
        scalar = scalar.replace("${column}", identifier(_column(rule)))
    return _rows(BROKEN_ROWS.replace("{scalar}", scalar))


def _great_expectations(rule: Rule) -> tuple[str, dict[str, Any]]:
    """An expectation as the contract writes it, where it counts rows. The threshold stays ours: no `mostly`."""
    kind, kwargs = rule.arguments["type"], dict(rule.arguments["kwargs"])
    if kind not in COUNTING:
        raise ContractError(
            f"{_where(rule)}: expectation '{kind}' does not count the rows that break it; use one of "
            f"{', '.join(sorted(COUNTING))}"
        )
    if "mostly" in kwargs:
        raise ContractError(f"{_where(rule)}: `mostly` is for the rule's threshold to say, such as mustBeLessThan")
    if kind.startswith("expect_column_value") and "column" not in kwargs:
        kwargs["column"] = _column(rule)
    return kind, kwargs


def _rows(query: str) -> tuple[str, dict[str, Any]]:
    """Quoted as Great Expectations wants it: braces doubled, no colon taken for a parameter."""
    text = query.replace("${table}", "\0").replace("{", "{{").replace("}", "}}").replace("\0", "{batch}")
    text = re.sub(r"(?<![:\w\\]):(?=\w)", r"\:", text)
    return "unexpected_rows_expectation", {"unexpected_rows_query": text}


def unquoted(query: str) -> str:
    """A query of `unexpected_rows_expectation` as Great Expectations runs it, `${table}` for the table."""
    text = query.replace("{{", "\1").replace("}}", "\2").replace("{batch}", "${table}")
    return text.replace("\1", "{").replace("\2", "}").replace(r"\:", ":")


def _where(rule: Rule) -> str:
    return f"{rule.contract}: rule '{rule.name}'"


def _column(rule: Rule) -> str:
    if rule.column is None:
        raise ContractError(f"{_where(rule)}: metric {rule.metric} needs a column; move the rule under one")
    return rule.column


def _list(rule: Rule, argument: str) -> list[Any]:
    values = rule.arguments.get(argument, [])
    if not isinstance(values, list):
        raise ContractError(f"{_where(rule)}: argument {argument} must be a list")
    return values


def identifier(name: str) -> str:
    """A name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL quotes it."""
    return "'" + text.replace("'", "''") + "'"


_MEASURES: dict[str, Callable[[Rule], tuple[str, dict[str, Any]]]] = {
    "nullValues": _null_values,
    "missingValues": _missing_values,
    "invalidValues": _invalid_values,
    "duplicateValues": _duplicate_values,
    "rowCount": _row_count,
    "sql": _sql,
    "greatExpectations": _great_expectations,
}
