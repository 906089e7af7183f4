"""Suites follow from contracts, and the committed ones are current."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spine.contracts import Contract, Rule, Threshold, load_contracts, load_partners
from spine.contracts.derive import expectation, stale_suites, suite, write_suites
from spine.errors import ContractError

ROOT = Path(__file__).parents[3]
CONTRACTS = load_contracts(ROOT / "expectations/contracts", load_partners(ROOT / "expectations/partners.yaml"))


def rule(metric: str, column: str | None = "a", **arguments: Any) -> Rule:
    return Rule(
        "people__test",
        "people",
        column,
        "a__rule",
        "A rule.",
        "conformity",
        "error",
        metric,
        arguments,
        Threshold("mustBe", 0),
    )  # type: ignore[arg-type]


def contract(*rules: Rule) -> Contract:
    return replace(CONTRACTS[0], id="people__test", version="1.0.0", rules=rules)


def test_the_committed_suites_are_current() -> None:
    assert stale_suites(CONTRACTS, ROOT / "expectations/suites") == [], "run make fix, then read the difference"


@pytest.mark.parametrize("one", CONTRACTS, ids=lambda c: c.id)
def test_a_suite_has_one_expectation_per_rule_with_the_rule_s_words(one: Contract) -> None:
    made = suite(one)
    assert made["name"] == one.id
    assert [e["meta"]["rule"] for e in made["expectations"]] == [r.name for r in one.rules]
    for entry, asked in zip(made["expectations"], one.rules, strict=True):
        meta = entry["meta"]
        assert (meta["table"], meta["column"], meta["sentence"]) == (asked.table, asked.column, asked.sentence)
        assert (meta["dimension"], meta["severity"]) == (asked.dimension, asked.severity)
        assert Threshold(**meta["threshold"]) == asked.threshold
        assert entry["severity"] == {"error": "critical", "warning": "warning"}[asked.severity]
    assert json.dumps(made) == json.dumps(suite(one))


@pytest.mark.parametrize(
    ("asked", "kind", "kwargs"),
    [
        (rule("nullValues"), "expect_column_values_to_not_be_null", {"column": "a"}),
        (rule("rowCount", None), "expect_table_row_count_to_be_between", {}),
        (
            rule("invalidValues", validValues=["A", " B", 1]),
            "expect_column_values_to_be_in_set",
            {"column": "a", "value_set": ["A", "B", "1"]},
        ),
        (
            rule("invalidValues", pattern="^(?:a|[A-Z]{2}|it's)$"),
            "unexpected_rows_expectation",
            {
                "unexpected_rows_query": "SELECT 1 AS broken FROM {batch} "
                "WHERE NOT regexp_matches(\"a\", '^(?\\:a|[A-Z]{{2}}|it''s)$')"
            },
        ),
        (
            rule("missingValues", missingValues=[None, "n k"]),
            "unexpected_rows_expectation",
            {"unexpected_rows_query": 'SELECT 1 AS broken FROM {batch} WHERE "a" IS NULL OR "a" IN (\'n k\')'},
        ),
        (
            rule("duplicateValues", None, properties=["a", "b"]),
            "unexpected_rows_expectation",
            {
                "unexpected_rows_query": "SELECT unnest(range(count(*) - 1)) AS broken FROM {batch} "
                'WHERE "a" IS NOT NULL OR "b" IS NOT NULL GROUP BY "a", "b" HAVING count(*) > 1'
            },
        ),
        (
            rule("sql", query="SELECT count_if(is_bad_date(${column})) FROM ${table};"),
            "unexpected_rows_expectation",
            {
                "unexpected_rows_query": "SELECT unnest(range(CAST("
                '(SELECT count_if(is_bad_date("a")) FROM {batch}) AS BIGINT))) AS broken'
            },
        ),
    ],
)
def test_each_metric_becomes_its_expectation(asked: Rule, kind: str, kwargs: dict[str, Any]) -> None:
    made = expectation(asked)
    assert (made["type"], made["kwargs"]) == (kind, kwargs)


def test_a_text_rule_is_listed_and_not_run() -> None:
    made = suite(contract(rule("text"), rule("nullValues")))
    assert [e["type"] for e in made["expectations"]] == ["expect_column_values_to_not_be_null"]
    assert made["meta"]["not_automated"] == [{"rule": "a__rule", "sentence": "A rule."}]
    with pytest.raises(ContractError, match="cannot be run"):
        expectation(rule("text"))


def test_every_rule_that_cannot_be_translated_is_told_at_once() -> None:
    bad = [
        (rule("nullValues", None), "needs a column"),
        (rule("invalidValues"), "either validValues or pattern"),
        (rule("invalidValues", validValues=["a"], pattern="a"), "either validValues or pattern"),
        (rule("invalidValues", validValues="a"), "must be a list"),
        (rule("duplicateValues", None, properties=[]), "at least one property"),
        (rule("sql", query=None), "needs a query"),
        (rule("sql", query="SELECT 1"), "needs a query that reads ${table}"),
    ]
    with pytest.raises(ContractError) as caught:
        suite(contract(*(asked for asked, _ in bad)))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(bad)
    assert all(
        told in line and line.startswith("people__test: rule 'a__rule'")
        for line, (_, told) in zip(lines, bad, strict=True)
    )


def test_stale_names_what_differs_is_missing_or_is_left_over(tmp_path: Path) -> None:
    one, two = contract(rule("nullValues")), replace(contract(rule("nullValues")), id="pets__test")
    write_suites([one, two], tmp_path)
    assert stale_suites([one, two], tmp_path) == []
    assert stale_suites([replace(one, version="2.0.0"), two], tmp_path) == ["people__test.json"]
    assert stale_suites([one], tmp_path) == ["pets__test.json"]
    (tmp_path / "people__test.json").unlink()
    assert stale_suites([one, two], tmp_path) == ["people__test.json"]
    write_suites([one], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["people__test.json"]
