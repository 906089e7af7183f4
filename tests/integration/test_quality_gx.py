"""Rules run on real Great Expectations: every metric, what it refuses to say, and what it holds.

One module, so that the slow import happens once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spine import quality
from spine.contracts import Rule, RuleResult, Threshold, load_partners
from spine.contracts.load import load_contract
from spine.quality import check_metadata, evaluate

ROOT = Path(__file__).parents[2]
AS_OF = date(2028, 3, 31)
CANARY = "Zyxwvut-Canary"

Table = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Write a Parquet file of text columns; values as they came."""

    def write(name: str = "people", **columns: list[str | None]) -> Path:
        path = tmp_path / f"{name}.parquet"
        rows = list(zip(*columns.values(), strict=True))
        types = ", ".join(f'"{column}" VARCHAR' for column in columns)
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE t ({types})")
            if rows:
                connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(columns))})", rows)
            connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
        return path

    return write


def rule(
    metric: str,
    comparator: str = "mustBe",
    bound: Any = 0,
    *,
    unit: str = "rows",
    column: str | None = "a",
    severity: str = "warning",
    name: str = "a__rule",
    in_table: str = "people",
    **arguments: Any,
) -> Rule:
    return Rule(
        contract="people__test",
        table=in_table,
        column=column,
        name=name,
        sentence="A rule.",
        dimension="conformity",
        severity=severity,  # type: ignore[arg-type]
        metric=metric,  # type: ignore[arg-type]
        arguments=arguments,
        threshold=Threshold(comparator, bound, unit),  # type: ignore[arg-type]
    )


def one(path: Path, asked: Rule) -> RuleResult:
    (result,) = evaluate({asked.table: path}, [asked], AS_OF)
    return result


def gx(kind: str, **kwargs: Any) -> Rule:
    """A rule of the contract's `engine: greatExpectations`."""
    return rule("greatExpectations", type=kind, kwargs=kwargs)


SQL = "SELECT count(*) FROM ${table} WHERE is_bad_date(${column})"


@pytest.mark.parametrize(
    ("asked", "values", "broken"),
    [
        (rule("nullValues"), ["x", "y"], 0),
        (rule("nullValues"), ["x", None, "", "   ", "\t", "NULL", "n/a"], 6),
        (rule("missingValues", missingValues=[None, "unknown"]), ["x", "unknown ", "", None], 3),
        (rule("missingValues"), ["x", None], 1),
        (rule("invalidValues", validValues=["A", "B"]), ["A", " B ", None, "", "-"], 0),
        (rule("invalidValues", validValues=["A", "B"]), ["A", "b", "AB", "C", None], 3),
        (rule("invalidValues", validValues=[1, 2]), ["1", "2", "3"], 1),
        (rule("invalidValues", pattern=r"^[EWSN]\d{8}$"), ["E01000001", " W01000001", None], 0),
        (rule("invalidValues", pattern=r"^[EWSN]\d{8}$"), ["E0100000", "e01000001", "E010000011", "X"], 4),
        (rule("invalidValues", pattern="b+"), ["abc", "ac"], 1),
        (rule("invalidValues", pattern=r"^(?:a|it's|x:y|{z}|50%)$"), ["a", "it's", "x:y", "{z}", "50%", "x"], 1),
        (rule("duplicateValues"), ["x", "y", None, None, "", " "], 0),
        (rule("duplicateValues"), ["x", "x ", "x", "y", "y", None, None], 3),
        (rule("sql", query=SQL), ["31/12/2020", "2020-12-31", None, ""], 0),
        (rule("sql", query=SQL), ["31/13/2020", "soon", "31/12/2020"], 2),
        (rule("sql", query="SELECT sum(1) FROM ${table} WHERE false;"), ["x"], 0),
        (rule("sql", query="SELECT least(3, count(*)) FROM ${table}"), ["x", "y"], 2),
        (rule("sql", query="SELECT count(*) FROM ${table} WHERE ${column} LIKE '%:%'"), ["a:b", "c"], 1),
        (
            rule("sql", query="SELECT count(*) FROM ${table} WHERE list_sum(list_transform([1], lambda x:x)) = 1"),
            ["a"],
            1,
        ),
        (rule("rowCount", column=None), ["x", None, ""], 3),
        (gx("expect_column_values_to_not_be_null"), ["x", None, " "], 2),
        (gx("expect_column_values_to_be_null"), ["x", None, " "], 1),
        (gx("expect_column_values_to_be_in_set", value_set=["A"]), ["A", "B", None], 1),
        (gx("expect_column_values_to_not_be_in_set", value_set=["A"]), ["A", "B", None], 1),
        (gx("expect_column_values_to_be_unique"), ["x", "x", "y", None], 2),
        (gx("expect_column_value_lengths_to_be_between", min_value=2, max_value=3), ["a", "ab", "abcd", None], 2),
        (gx("expect_column_value_lengths_to_equal", value=2), ["a", "ab", "abcd", None], 2),
        (gx("expect_column_pair_values_to_be_equal", column_A="a", column_B="a"), ["a", "b"], 0),
        (gx("expect_column_pair_values_a_to_be_greater_than_b", column_A="a", column_B="a"), ["a", "b"], 2),
        (gx("expect_compound_columns_to_be_unique", column_list=["a", "a"]), ["a", "a", "b"], 2),
        (gx("unexpected_rows_expectation", unexpected_rows_query="SELECT 1 FROM {batch} WHERE a = 'b'"), ["a", "b"], 1),
    ],
)
def test_each_metric_counts_the_rows_that_break_it(
    table: Table, asked: Rule, values: list[str | None], broken: int
) -> None:
    result = one(table(a=values), asked)
    assert (result.numerator, result.denominator, result.problem) == (broken, len(values), None)
    assert result.outcome == ("passed" if broken == 0 else "warned")


def test_an_expectation_with_wrong_arguments_could_not_run_and_harms_no_other(table: Table) -> None:
    odd = replace(gx("expect_column_values_to_be_in_set", no_such=1, value_set=3), name="a__odd")
    results = evaluate({"people": table(a=["x", None])}, [odd, rule("nullValues")], AS_OF)
    assert [(r.name, r.outcome, r.numerator) for r in results] == [("a__odd", "error", None), ("a__rule", "warned", 1)]


def test_two_rules_of_one_count_are_counted_once_and_judged_each(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = quality._measure

    def counted(tables: Any, wanted: Any, *more: Any) -> Any:
        asked.append(len(wanted))
        return original(tables, wanted, *more)

    monkeypatch.setattr(quality, "_measure", counted)
    rules = [rule("nullValues"), rule("nullValues", bound=3, severity="error", name="a__second")]
    results = evaluate({"people": table(a=["x", None])}, rules, AS_OF)
    assert asked == [1]
    assert [(r.outcome, r.numerator) for r in results] == [("warned", 1), ("failed", 1)]


def test_a_compound_key_repeats_where_every_part_does_and_blank_parts_are_equal(table: Table) -> None:
    path = table(a=["1", "1", "1", "2", "2", None, None, None], b=["x", "x", "y", None, "", "z", None, ""])
    result = one(path, rule("duplicateValues", column=None, properties=["a", "b"]))
    assert result.numerator == 2, "1/x once more and 2/blank once more; the two rows without any key do not count"


@pytest.mark.parametrize(
    ("comparator", "bound", "unit", "outcome"),
    [
        ("mustBe", 2, "rows", "passed"),
        ("mustNotBe", 2, "rows", "failed"),
        ("mustBeLessThan", 2, "rows", "failed"),
        ("mustBeLessThan", 3, "rows", "passed"),
        ("mustBeLessOrEqualTo", 2, "rows", "passed"),
        ("mustBeGreaterThan", 2, "rows", "failed"),
        ("mustBeGreaterOrEqualTo", 2, "rows", "passed"),
        ("mustBeBetween", [2, 4], "rows", "passed"),
        ("mustBeBetween", [3, 4], "rows", "failed"),
        ("mustNotBeBetween", [1, 2], "rows", "failed"),
        ("mustBeLessThan", 25, "percent", "failed"),
        ("mustBeLessOrEqualTo", 25, "percent", "passed"),
        ("mustBeBetween", [20, 25], "percent", "passed"),
    ],
)
def test_the_threshold_is_ours_strict_and_over_all_rows(
    table: Table, comparator: str, bound: Any, unit: str, outcome: str
) -> None:
    asked = rule("invalidValues", comparator, bound, unit=unit, severity="error", validValues=["ok"])
    result = one(table(a=["no", "no", "ok", "ok", None, None, "", ""]), asked)
    assert (result.outcome, result.numerator, result.denominator, result.percentage) == (outcome, 2, 8, 25.0)


def test_severity_decides_between_warned_and_failed(table: Table) -> None:
    path = table(a=[None])
    assert one(path, rule("nullValues", severity="error")).outcome == "failed"
    assert one(path, rule("nullValues", severity="warning")).outcome == "warned"


def test_an_empty_table_breaks_only_the_rule_that_wants_rows(table: Table) -> None:
    rules = [
        rule("rowCount", "mustBeGreaterThan", 0, column=None, severity="error", name="table__has_rows"),
        rule("nullValues", "mustBeLessThan", 1, unit="percent"),
        rule("duplicateValues"),
        rule("invalidValues", validValues=["x"]),
        rule("sql", query=SQL),
    ]
    results = evaluate({"people": table(a=[])}, rules, AS_OF)
    assert [r.outcome for r in results] == ["failed", "passed", "passed", "passed", "passed"]
    assert {(r.numerator, r.denominator) for r in results} == {(0, 0)}


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (rule("nullValues", column="gone"), "InvalidMetricAccessorDomainKwargsKeyError"),
        (rule("invalidValues", column="gone", validValues=["x"]), "InvalidMetricAccessorDomainKwargsKeyError"),
        (rule("duplicateValues", column=None, properties=["a", "gone"]), "BinderException"),
        (rule("sql", query="SELECT count(*) FROM ${table} WHERE gone = 'x'"), "BinderException"),
        (rule("sql", query="SELECT count(*) FROM ${table} WHERE no_such_function(${column})"), "CatalogException"),
        (
            rule("sql", query="SELECT count(*) FROM ${table} WHERE CAST(${column} AS INTEGER) > 0"),
            "ConversionException",
        ),
        (rule("sql", query="SELECT count(*) FROM ${table} WHERE error(${column})"), "InvalidInputException"),
        (rule("sql", query="SELECT any_value(${column}) FROM ${table}"), "ConversionException"),
        (rule("sql", query="SELECT count(*) FROM ${table} WHERE"), "ContractError"),
        (rule("sql", query="SELECT 1"), "ContractError"),
        (rule("invalidValues", pattern="("), "InvalidInputException"),
        (rule("invalidValues"), "ContractError"),
        (rule("nullValues", in_table="elsewhere"), "FileNotFoundError"),
        (rule("rowCount", column=None, in_table="elsewhere"), "FileNotFoundError"),
    ],
)
def test_a_rule_that_cannot_run_is_an_error_that_shows_no_value(
    table: Table, asked: Rule, problem: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Beside a rule that can, whose result stands, before and after it."""
    caplog.set_level(logging.DEBUG)
    good = rule("nullValues", name="a__good")
    good_sql = rule("sql", name="a__good_sql", query="SELECT count(*) FROM ${table} WHERE ${column} = 'no one'")
    results = evaluate({"people": table(a=[CANARY, "2"])}, [good, asked, good_sql], AS_OF)
    assert [r.outcome for r in results] == ["passed", "error", "passed"]
    broken = results[1]
    assert broken.problem == problem
    assert broken.numerator is None
    told = capfd.readouterr()
    assert CANARY not in json.dumps([r.model_dump() for r in results]) + caplog.text + told.out + told.err


def test_a_file_that_is_no_parquet_is_an_error_for_its_table_only(table: Table, tmp_path: Path) -> None:
    bad = tmp_path / "bad.parquet"
    bad.write_text(CANARY)
    rules = [rule("nullValues", in_table="bad"), rule("nullValues")]
    results = evaluate({"bad": bad, "people": table(a=["x"])}, rules, AS_OF)
    assert [r.outcome for r in results] == ["error", "passed"]


def test_no_cell_value_is_in_results_metadata_logs_or_output(
    table: Table, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    partners = load_partners(ROOT / "expectations/partners.yaml")
    contract = load_contract(ROOT / "expectations/contracts/council_tax__nfi.odcs.yaml")
    columns = {c.name: [CANARY, CANARY, ""] for c in contract.table("accounts").columns}
    results = evaluate({"accounts": table("accounts", **columns)}, contract.rules, AS_OF)
    partner = partners["saltmarsh_district"]
    told = [check_metadata(r, x, contract, partner) for r, x in zip(contract.rules, results, strict=True)]
    assert {r.outcome for r in results} > {"passed", "failed", "warned"} - {"passed"}
    output = capfd.readouterr()
    everything = (
        json.dumps([r.model_dump() for r in results]) + json.dumps(told) + caplog.text + output.out + output.err
    )
    assert CANARY not in everything
    assert output.out == output.err == "", "no progress bar, no chatter"


def test_text_rules_have_no_result_so_that_none_can_pass(table: Table) -> None:
    rules = [rule("text", name="a__judgement"), rule("nullValues", name="a__present")]
    assert [r.name for r in evaluate({"people": table(a=["x"])}, rules, AS_OF)] == ["a__present"]
    assert evaluate({}, rules[:1], AS_OF) == []


def test_a_query_may_join_another_table_and_results_keep_the_order_of_the_rules(table: Table) -> None:
    tables = {"people": table("people", a=["1", "2", "3"]), "moves": table("moves", a=["3", "4", "4"])}
    orphan = "SELECT count(*) FROM ${table} WHERE a NOT IN (SELECT a FROM people)"
    joined = "SELECT count(*) FROM ${table} m JOIN people p ON m.a = p.a"
    rules = [
        rule("rowCount", "mustBe", 3, column=None, in_table="moves", name="moves__table__rows"),
        rule("nullValues", name="people__a__present"),
        rule("sql", query=orphan, in_table="moves", name="moves__a__is_known"),
        rule("duplicateValues", name="people__a__unique"),
        rule("sql", query=joined, column=None, in_table="moves", name="moves__table__joined"),
    ]
    results = evaluate(tables, rules, AS_OF)
    assert [(r.name, r.numerator) for r in results] == [
        ("moves__table__rows", 3),
        ("people__a__present", 0),
        ("moves__a__is_known", 2),
        ("people__a__unique", 0),
        ("moves__table__joined", 1),
    ]


def test_the_as_of_date_and_the_threads_reach_the_queries(table: Table) -> None:
    path = table(a=["31/03/2028", "01/04/2028"])
    asked = rule("sql", query="SELECT count(*) FROM ${table} WHERE as_date(${column}) > getvariable('as_of')")
    assert one(path, asked).numerator == 1
    assert evaluate({"people": path}, [asked], date(2028, 4, 1))[0].numerator == 0
    threads = rule("sql", query="SELECT current_setting('threads') FROM ${table} LIMIT 1")
    assert evaluate({"people": path}, [threads], AS_OF, threads=1)[0].numerator == 1


def test_one_connection_is_held_and_its_rows_can_be_fetched() -> None:
    """Without it Great Expectations closes first and fetches nothing ("list index out of range")."""
    import sqlalchemy as sa

    from spine.quality import gx

    with gx._session(Path(), AS_OF, 0) as session:
        engine = session.source.get_execution_engine()
        assert session.source.get_engine() is engine.engine, "one database for both halves"
        with engine.get_connection() as first, engine.get_connection() as second:
            assert first is second
        assert engine.execute_query(sa.text("SELECT getvariable('as_of')")).fetchall() == [(AS_OF,)]
        assert engine.execute_query(sa.text("SELECT is_postcode('zz99 9zz')")).fetchone() is not None
    assert isinstance(engine, gx.HeldEngine)
    with gx._session(Path(), AS_OF, 0) as again:
        assert again is session, "held for the next delivery"
    with pytest.raises(KeyboardInterrupt), gx._session(Path(), AS_OF, 0):
        raise KeyboardInterrupt
    assert engine.held is None, "let go where anything went wrong"
    with gx._session(Path(), AS_OF, 0) as fresh:
        assert fresh is not session


def test_no_table_of_one_delivery_is_there_for_the_next(table: Table) -> None:
    asked = rule("sql", query="SELECT count(*) FROM ${table} WHERE a NOT IN (SELECT a FROM moves)")
    tables = {"people": table(a=["1"]), "moves": table("moves", a=["2"])}
    assert evaluate(tables, [asked], AS_OF)[0].numerator == 1
    (result,) = evaluate({"people": tables["people"]}, [asked], AS_OF)
    assert (result.outcome, result.problem) == ("error", "CatalogException")


def test_the_same_delivery_gives_the_same_results_whatever_the_threads(table: Table) -> None:
    path = table(a=[str(n % 7) for n in range(500)])
    rules = [rule("duplicateValues"), rule("invalidValues", validValues=["1", "2"]), rule("nullValues")]
    assert evaluate({"people": path}, rules, AS_OF, threads=1) == evaluate({"people": path}, rules, AS_OF, threads=2)


def test_a_rule_s_sql_that_would_do_more_than_read_its_delivery_is_an_error(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before it runs; and if it were not, it is one SELECT that reaches no file outside of the lake."""
    path, leak = table(a=["x"]), tmp_path / "leak.csv"
    escape = (
        f"0) AS BIGINT))) AS broken) AS x; COPY (SELECT * FROM ${{table}}) TO '{leak}'; "
        "SELECT count(*) FROM (SELECT unnest(range(CAST((SELECT 0"
    )
    reads = f"SELECT count(*) FROM ${{table}} WHERE (SELECT count(*) FROM read_text('{__file__}')) > 0"
    other = gx("unexpected_rows_expectation", unexpected_rows_query=f"SELECT 1 FROM {{batch}}; COPY people TO '{leak}'")
    asked = [rule("sql", query=escape), rule("sql", query=reads), other]
    assert [one(path, each).problem for each in asked] == ["ContractError"] * 3
    monkeypatch.setattr(quality, "faults_of_queries", lambda _: {})
    assert [one(path, each).problem for each in asked] == ["NotASelectError", "PermissionException", "NotASelectError"]
    assert not leak.exists()
