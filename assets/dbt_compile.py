"""The dbt project, compiled by dbt: its macros, its selection of nodes, dagster-dbt's names for them.

Put here: all that is asked of dbt and dagster-dbt. Imported only where a plan has to be made: both take seconds.
Never here: the SQL of a model, or its execution (dbt_runner).

A staging model brings together what the layouts of a dataset have, so dbt looks at their columns while it
compiles. It is shown a scratch warehouse of empty tables, as the contracts describe them, never a home.

dbt is silent: its logs, its console and run_results.json quote data, so none of them is written.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from assets.dbt_plan import AFTER, AS_OF, BEFORE, FOLDERS, Half, Node, Plan, PlannedAsset, PlannedCheck, project_files
from assets.extracts import raw_key, sources
from assets.lineage import contracts_behind
from assets.linkage_checks import CROSSWALK
from spine.contracts import Contract, install_functions
from spine.errors import PipelineError
from spine.extract import create_raw_views
from spine.settings import Settings
from spine.warehouse import open_warehouse

_SILENT = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-partial-parse"]
#: What a node may ask for; anything else a run would leave undone.
_MATERIALIZATIONS = ("table", "view", "ephemeral", "seed", "test")
_KINDS = ("model", "seed", "test")
_NOT_DONE = ("pre-hook", "post-hook", "grants", "persist_docs", "sql_header", "indexes", "limit", "store_failures")


class Translator(DagsterDbtTranslator):
    """Names and lineage: a dbt source over a contract depends on every partner that sends it."""

    def __init__(self, contracts: Sequence[Contract]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self._raw = {c.id: [raw_key(s.partner, c.dataset) for s in c.supplies] for c in contracts}
        self._all_raw = [raw_key(*source) for source in sources(contracts)]
        self._expanded: dict[str, dg.AssetSpec] = {}

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`<folder>/<model>`; a source over a contract is named after the contract."""
        if dbt_resource_props["resource_type"] != "source":
            return dg.AssetKey([self._folder(dbt_resource_props), dbt_resource_props["name"]])
        if dbt_resource_props["source_name"] == "linkage":
            return CROSSWALK  # all views of identity come with it
        if dbt_resource_props["source_name"] != "raw":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey(["raw", self._contract(dbt_resource_props)])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """The model's spec with its sources replaced by the partners' raw assets."""
        if unique_id not in self._expanded:
            spec = super().get_asset_spec(manifest, unique_id, project)
            keys = [key for dep in spec.deps for key in self._expand(dep.asset_key)]
            self._expanded[unique_id] = spec.replace_attributes(deps=list(dict.fromkeys(keys)))
        return self._expanded[unique_id]

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """A dbt test's check, described by the test's own sentence."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=manifest["nodes"][unique_id]["description"] or spec.description)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's folder."""
        return self._folder(dbt_resource_props)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The documented description, without the SQL."""
        return str(dbt_resource_props.get("description", ""))

    def _expand(self, key: dg.AssetKey) -> list[dg.AssetKey]:
        if key.path[0] != "raw":
            return [key]
        return self._all_raw if key.path[1] == "deliveries" else self._raw.get(key.path[1], [])

    @staticmethod
    def _folder(props: Mapping[str, Any]) -> str:
        parts = props["fqn"]
        return "seeds" if props["resource_type"] == "seed" else parts[2] if parts[1] == "marts" else parts[1]

    @staticmethod
    def _contract(props: Mapping[str, Any]) -> str:
        meta = props.get("config", {}).get("meta", {}) or props.get("meta", {})
        return str(meta.get("contract", props["name"]))


def compile_plan(settings: Settings, contracts: Sequence[Contract]) -> Plan:
    """Compile the project of these settings.

    Raises:
        PipelineError: dbt cannot compile it, or a node asks for what a run does not do.
    """
    _refuse_stand_in(settings.dbt_project)
    with TemporaryDirectory(prefix="spine-dbt-") as folder, _dbt_at(Path(folder)):
        scratch = Settings(home=Path(folder), project=settings.project)
        with open_warehouse(scratch.warehouse) as connection:
            install_functions(connection)
            create_raw_views(connection, [], contracts, scratch.lake, date.fromisoformat(AS_OF))
            connection.execute(f"CREATE TABLE raw.run AS SELECT DATE '{AS_OF}' AS as_of")
        parsed = _dbt(scratch, None, "parse")
        _refuse_hooks(parsed.writable_manifest().to_dict(omit_none=False))
        _dbt(scratch, parsed, "build", "--select", "fqn:connected_spine.staging", "--resource-type", "model",
             "--resource-type", "seed")  # fmt: skip
        compiled = _dbt(scratch, parsed, "compile")
        sql = {result.node.unique_id: str(result.node.compiled_code or "") for result in compiled.results}
        manifest = json.loads(json.dumps(parsed.writable_manifest().to_dict(omit_none=False), default=str))
        with open_warehouse(scratch.warehouse) as connection:
            seeds = (n for n in manifest["nodes"].values() if n["resource_type"] == "seed")
            sql |= {node["unique_id"]: _seed_sql(connection, node) for node in seeds}
            nodes = _nodes(connection, manifest, sql)
    assets, checks = _definitions(manifest, Translator(contracts), nodes)
    return Plan(nodes=nodes, assets=assets, checks=checks, behind=contracts_behind(manifest, contracts))


def _refuse_stand_in(project: Path) -> None:
    for path in project_files(project):
        if AS_OF.encode() in path.read_bytes():
            raise PipelineError(f"{path.relative_to(project)} names the day {AS_OF}, which stands for the as-of date.")


def _refuse_hooks(manifest: Mapping[str, Any]) -> None:
    """A hook is a statement of any kind beside the models, so none is run."""
    nodes = manifest["nodes"].values()
    found = {n["name"] for n in nodes if n["resource_type"] == "operation"}
    found |= {n["name"] for n in nodes if n["config"].get("pre-hook") or n["config"].get("post-hook")}
    if found:
        raise PipelineError(
            f"dbt_project has hooks ({', '.join(sorted(found))}), and a run has none: a hook could do anything. "
            "Take them out; what a model needs belongs in its SQL"
        )


@contextmanager
def _dbt_at(home: Path) -> Iterator[None]:
    """Let dbt work in `home`, and leave it without a connection and the environment as it was."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    wanted = {"SPINE_HOME": str(home), "SPINE_DBT_KEEP_OPEN": "True", "DO_NOT_TRACK": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        _close(DuckDBConnectionManager)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _close(manager: Any) -> None:
    environment = manager._ENV
    if environment is not None:
        environment.close()
        manager.close_all_connections()


def _dbt(scratch: Settings, manifest: Any, *command: str) -> Any:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    project = str(scratch.dbt_project)
    places = ["--project-dir", project, "--profiles-dir", project]
    places += ["--target-path", str(scratch.dbt / "target"), "--log-path", str(scratch.dbt / "logs")]
    variables = ["--vars", json.dumps({"as_of": AS_OF})]
    outcome = dbtRunner(manifest=manifest).invoke([*command, *variables, *places, *_SILENT])
    _close(DuckDBConnectionManager)  # the next one opens the file by itself
    if not outcome.success:
        raise PipelineError(
            f"dbt_project could not be compiled (dbt {command[0]}: {type(outcome.exception).__name__}). Run "
            f"`dbt {command[0]} --project-dir dbt_project --profiles-dir dbt_project` to see where."
        )
    return outcome.result


def _seed_sql(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> str:
    """A code map as a query: its rows as dbt has read them, in order of the file."""
    relation = f'"{node["schema"]}"."{node["alias"]}"'
    kinds = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {relation}").fetchall()}
    names = ", ".join(f'"{name}"' for name in kinds)
    texts = ", ".join(f'"{name}"::varchar' for name in kinds)
    rows = connection.execute(f"SELECT {texts} FROM {relation} ORDER BY rowid").fetchall()
    literals = ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
    casts = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in kinds.items())
    return f"SELECT {casts} FROM (VALUES {literals}) AS map({names})"


def _literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def refuse_what_is_not_done(nodes: Iterable[Mapping[str, Any]]) -> None:
    """See that a run does all that the nodes of a manifest ask for.

    Raises:
        PipelineError: naming every node that asks for more, and for what.
    """
    faults = []
    for node in nodes:
        config = node["config"]
        asked = [name for name in _NOT_DONE if config.get(name)]
        asked += [f"{name} {config[name]}" for name in ("warn_if", "error_if") if config.get(name, "!= 0") != "!= 0"]
        asked += ["constraints"] if node.get("constraints") or any(map(_constraints, node["columns"].values())) else []
        if config["materialized"] not in _MATERIALIZATIONS or node.get("language", "sql") != "sql":
            asked.append(f"materialized {config['materialized']}")
        faults += [f"{node['name']}: {', '.join(asked)}"] if asked else []
    if faults:
        text = "; ".join(faults)
        raise PipelineError(f"dbt_project asks for what a run does not do: {text}. See docs/adr/0012-compiled-once.md.")


def _constraints(column: Mapping[str, Any]) -> Any:
    return column.get("constraints")


class _Graph:
    """Who reads whom.

    Attributes:
        nodes: models, seeds and tests by unique id.
        above: for each node all that it depends on, sources and nodes that are no relation among them.
        parents: the tables and views that it reads.
        relations: all tables and views, each behind its parents.
        tests: all tests.
    """

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self.nodes = nodes
        self.direct = {key: list(node["depends_on"].get("nodes", [])) for key, node in nodes.items()}
        self.above: dict[str, set[str]] = {}
        self.parents: dict[str, tuple[str, ...]] = {}
        for key in TopologicalSorter(self.direct).static_order():
            if key in nodes:
                self._add(key)
        self.tests = [key for key in nodes if nodes[key]["resource_type"] == "test"]
        self.relations = [key for key in self.parents if self._materialized(key) in ("table", "view", "seed")]

    def _materialized(self, key: str) -> str:
        return str(self.nodes[key]["config"]["materialized"])

    def _add(self, key: str) -> None:
        parents: dict[str, None] = {}
        for other in self.direct[key]:
            if other in self.nodes:
                inlined = self._materialized(other) == "ephemeral"
                parents |= dict.fromkeys(self.parents[other] if inlined else [other])
        self.parents[key] = tuple(parents)
        self.above[key] = set(self.direct[key]).union(*(self.above.get(other, ()) for other in self.direct[key]))

    def gates(self, key: str) -> list[str]:
        """The tests that must pass before a table is built: those of what it depends on, and of nothing else."""
        return [test for test in self.tests if self.above[test] and self.above[test] <= self.above[key]]

    def half(self, key: str) -> Half:
        """The half of a model's folder; a test belongs to the second where it reads any of it."""
        read = self.direct[key] if key in self.tests else [key]
        folders = {self.nodes[other]["fqn"][1] for other in read if other in self.nodes}
        return AFTER if folders & set(FOLDERS[AFTER]) else BEFORE


def _nodes(
    connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], sql: Mapping[str, str]
) -> tuple[Node, ...]:
    """The nodes in order: a table behind what it reads, a test right behind the last of what it reads."""
    found = {key: node for key, node in sorted(manifest["nodes"].items()) if node["resource_type"] in _KINDS}
    refuse_what_is_not_done(found.values())
    graph = _Graph(found)
    order: list[str] = []
    waiting = list(graph.tests)
    for key in graph.relations:
        order.append(key)
        placed = set(order)
        order += [test for test in waiting if placed.issuperset(graph.parents[test])]
        waiting = [test for test in waiting if test not in set(order)]
    return tuple(_node(connection, key, sql[key], graph) for key in order)


def _node(connection: duckdb.DuckDBPyConnection, key: str, sql: str, graph: _Graph) -> Node:
    node = graph.nodes[key]
    config, is_test = node["config"], node["resource_type"] == "test"
    return Node(
        unique_id=key,
        name=node["name"],
        kind="test" if is_test else "view" if config["materialized"] == "view" else "table",
        half=graph.half(key),
        relation=() if is_test else (node["schema"], node["alias"]),
        sql=sql,
        parents=graph.parents[key],
        waits_for=(*graph.parents[key], *([] if is_test else graph.gates(key))),
        contract=_enforced(connection, node),
        columns={name: column["description"] for name, column in node["columns"].items()},
        tags=tuple(node["tags"]),
        failures=config["fail_calc"] if is_test else "",
        is_warning=is_test and str(config["severity"]).lower() == "warn",
    )


def _enforced(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> dict[str, str]:
    """The columns of a contract with their types as DuckDB spells them; empty where none is enforced."""
    if not (node["config"].get("contract") or {}).get("enforced"):
        return {}
    kinds = {name: column["data_type"] for name, column in node["columns"].items()}
    casts = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in kinds.items())
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT {casts}").fetchall()}


def _definitions(
    manifest: Mapping[str, Any], translator: Translator, nodes: Sequence[Node]
) -> tuple[tuple[PlannedAsset, ...], tuple[PlannedCheck, ...]]:
    """What dagster-dbt makes of the manifest, in two halves; tests that read both are checks of the second."""
    assets, checks = [], []
    later = [node.name for node in nodes if node.kind == "test" and node.half == AFTER]
    for half, exclude in ((BEFORE, later), (AFTER, [])):
        select = " ".join(f"fqn:connected_spine.{folder}" for folder in FOLDERS[half])

        @dbt_assets(
            manifest=manifest, select=select, exclude=" ".join(exclude), name=half, dagster_dbt_translator=translator
        )
        def definition() -> Iterator[Any]:
            yield from ()  # never run: only its specs are taken

        assets += [_planned_asset(half, spec) for spec in definition.specs]
        checks += [_planned_check(half, spec) for spec in definition.check_specs]
    return tuple(assets), tuple(checks)


def _planned_asset(half: Half, spec: dg.AssetSpec) -> PlannedAsset:
    schema = spec.metadata.get("dagster/column_schema")
    names = ("dagster/table_name", "dagster/storage_kind", "dagster-dbt/materialization_type", "dagster_dbt/unique_id")
    return PlannedAsset(
        unique_id=str(spec.metadata["dagster_dbt/unique_id"]),
        half=half,
        key=tuple(spec.key.path),
        deps=tuple(tuple(dep.asset_key.path) for dep in spec.deps),
        group=spec.group_name or "",
        description=spec.description or "",
        kinds=tuple(sorted(spec.kinds)),
        code_version=spec.code_version,
        table_schema=dg.serialize_value(schema) if isinstance(schema, dg.TableSchema) else None,
        metadata={name: str(spec.metadata[name]) for name in names if spec.metadata.get(name)},
    )


def _planned_check(half: Half, spec: dg.AssetCheckSpec) -> PlannedCheck:
    return PlannedCheck(
        unique_id=str(spec.metadata["dagster_dbt/unique_id"]),
        half=half,
        asset=tuple(spec.asset_key.path),
        name=spec.name,
        description=spec.description or "",
        additional_deps=tuple(sorted(tuple(dep.asset_key.path) for dep in spec.additional_deps)),
        blocking=spec.blocking,
    )
