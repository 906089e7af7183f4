"""A plan as a run carries it out: what breaks stops what waits for it, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets import dbt_compile, dbt_plan
from assets.dbt_compile import _refuse_hooks, refuse_what_is_not_done
from assets.dbt_plan import AS_OF, Node, Plan, load_plan
from assets.dbt_runner import build
from assets.definitions import contracts_of
from spine.errors import PipelineError
from spine.settings import PROJECT_ROOT, Settings

DAY = date(2028, 3, 31)


def table(name: str, sql: str, *waits_for: str, **more: Any) -> Node:
    return Node(unique_id=name, name=name, kind=more.pop("kind", "table"), half="conform", relation=("staging", name),
                sql=sql, waits_for=waits_for, **more)  # fmt: skip


def check(name: str, sql: str, *waits_for: str, is_warning: bool = False) -> Node:
    return Node(unique_id=name, name=name, kind="test", half="conform", sql=sql, parents=waits_for,
                waits_for=waits_for, failures="count(*)", is_warning=is_warning)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def statuses(settings: Settings, *nodes: Node) -> dict[str, str]:
    results = build(settings, Plan(nodes=nodes, assets=(), checks=()), {n.unique_id for n in nodes}, DAY)
    return {result.unique_id: result.status for result in results}


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_a_test_that_fails_stops_what_waits_for_it(settings: Settings) -> None:
    nodes = (
        table("people", "SELECT 1 AS id"),
        check("people_stand_once", "SELECT 1", "people"),
        check("people_are_named", "SELECT 1", "people", is_warning=True),
        table("homes", "SELECT * FROM staging.people", "people", "people_stand_once"),
        table("streets", "SELECT * FROM staging.homes", "homes"),
        table("names", "SELECT * FROM staging.people", "people", "people_are_named"),
    )
    assert statuses(settings, *nodes) == {
        "people": "success", "people_stand_once": "fail", "people_are_named": "warn",
        "homes": "skipped", "streets": "skipped", "names": "success",
    }  # fmt: skip


def test_a_table_that_breaks_stays_as_it_was(settings: Settings) -> None:
    assert statuses(settings, table("people", "SELECT 'one' AS id")) == {"people": "success"}
    broken = table("people", "SELECT id::INTEGER AS id FROM (SELECT 'Quillfeather' AS id)")
    after = table("homes", "SELECT * FROM staging.people", "people")
    assert statuses(settings, broken, check("t", "SELECT 1", "people"), after) == {
        "people": "error", "t": "skipped", "homes": "skipped",
    }  # fmt: skip
    assert rows(settings, "SELECT id FROM staging.people") == [("one",)]


def test_a_table_becomes_a_view_and_a_table_again(settings: Settings) -> None:
    for kind in ("table", "view", "table"):
        assert statuses(settings, table("people", "SELECT 1 AS id", kind=kind)) == {"people": "success"}
        [(found,)] = rows(settings, "SELECT table_type FROM information_schema.tables WHERE table_name = 'people'")
        assert found == {"table": "BASE TABLE", "view": "VIEW"}[kind]


def test_columns_that_a_contract_does_not_name_break_the_table(settings: Settings) -> None:
    contract = {"id": "INTEGER", "name": "VARCHAR"}
    agreed = table("people", "SELECT 'a' AS name, 1 AS id", contract=contract)
    assert statuses(settings, agreed) == {"people": "success"}
    assert rows(settings, "SELECT * FROM staging.people") == [(1, "a")]
    for sql in ("SELECT 'a' AS name, 1::BIGINT AS id", "SELECT 1 AS id", "SELECT 'a' AS name, 1 AS id, 2 AS more"):
        assert statuses(settings, table("people", sql, contract=contract)) == {"people": "error"}


def test_the_day_of_the_run_stands_where_the_plan_leaves_it_open(settings: Settings) -> None:
    assert statuses(settings, table("run", f"SELECT DATE '{AS_OF}' AS day")) == {"run": "success"}
    assert rows(settings, "SELECT day FROM staging.run") == [(DAY,)]


def test_what_is_built_is_described(settings: Settings) -> None:
    nodes = (table("people", "SELECT 1 AS id, 'a' AS name"), table("seen", "SELECT 2 AS id", kind="view"))
    found = build(settings, Plan(nodes=nodes, assets=(), checks=()), {"people", "seen"}, DAY)
    assert [(r.rows, r.columns) for r in found] == [
        (1, (("id", "INTEGER"), ("name", "VARCHAR"))), (1, (("id", "INTEGER"),)),
    ]  # fmt: skip


def test_a_project_is_compiled_once_for_each_state(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def compile_plan(at: Settings, _: object) -> Plan:
        compiled.append(str(at.project))
        return Plan(nodes=(table("people", "SELECT 1 AS id"),), assets=(), checks=())

    monkeypatch.setattr(dbt_compile, "compile_plan", compile_plan)
    monkeypatch.setattr(dbt_plan, "_folder", lambda at: at.dbt / "plans")
    (settings.root / "project/dbt_project").mkdir(parents=True)
    (settings.root / "project/expectations").symlink_to(PROJECT_ROOT / "expectations")
    at = Settings(home=settings.root, project=settings.root / "project").prepare()
    contracts = contracts_of(at)
    first, again = load_plan(at, contracts), load_plan(at, contracts)
    assert (first == again, len(compiled)) == (True, 1)
    (at.dbt_project / "model.sql").write_text("select 1", encoding="utf-8")
    load_plan(at, contracts)
    assert len(compiled) == 2


def test_a_run_loads_no_compiler() -> None:
    """dbt and dagster-dbt take seconds of each run that imports them."""
    code = "import sys, assets.run; print({'dbt', 'dagster_dbt', 'great_expectations'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    assert told.stdout.strip() == "set()"


def test_what_the_purpose_is_built_from_is_told(settings: Settings) -> None:
    behind = load_plan(settings, contracts_of(settings)).behind["care_planning"]
    assert {"council_tax__nfi", "gp_registrations__fhir", "linkage_decisions__spine"} <= set(behind)
    assert "rent_accounts__nec" not in behind, "rents are linked to nobody and stand in no mart"


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"config": {"materialized": "incremental"}}, "people: materialized incremental"),
        ({"config": {"materialized": "table", "post-hook": ["grant all"]}}, "people: post-hook"),
        ({"config": {"materialized": "test", "error_if": "> 5"}}, "people: error_if > 5"),
        ({"config": {"materialized": "table"}, "columns": {"id": {"constraints": ["not_null"]}}}, "constraints"),
        ({"config": {"materialized": "table"}, "language": "python"}, "people: materialized table"),
    ],
)
def test_what_a_run_does_not_do_is_refused(node: dict[str, Any], told: str) -> None:
    with pytest.raises(PipelineError, match=told):
        refuse_what_is_not_done([{"name": "people", "columns": {}, **node}])


def test_a_hook_is_refused() -> None:
    """`dbt` runs a hook as it stands, beside the models: it could read or write anything."""
    model = {"name": "dim", "resource_type": "model", "config": {"pre-hook": [], "post-hook": []}}
    ending = {"name": "project-on-run-end-0", "resource_type": "operation", "config": {}}
    _refuse_hooks({"nodes": {"a": model}})
    for node in (ending, model | {"config": {"post-hook": [{"sql": "COPY dim TO 'x'"}]}}):
        with pytest.raises(PipelineError, match="has hooks"):
            _refuse_hooks({"nodes": {"a": model, "b": node}})
