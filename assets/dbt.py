"""dbt models as Dagster assets, in two halves: before linkage and after it.

Put here: the translation between dbt and Dagster. Never here: SQL, or how dbt is called.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from assets.dbt_runner import NodeResult, build
from assets.extracts import raw_key, sources
from assets.linkage_checks import CROSSWALK
from assets.resources import HOME, require_built_for, run_as_of, scrubbed
from assets.run_verdicts import recorded
from spine.contracts import Contract, install_functions
from spine.errors import PipelineError, ReconciliationError
from spine.extract import Ledger, create_raw_views
from spine.failpoints import reach
from spine.files import clear_faults
from spine.settings import Settings
from spine.warehouse import open_warehouse

#: Folders of models on either side of linkage.
BEFORE, AFTER = ("staging", "intermediate"), ("core", "quality", "marts")
_FAILED = ("error", "fail", "runtime error")


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


def model_assets(settings: Settings, contracts: Sequence[Contract], manifest: Path) -> list[dg.AssetsDefinition]:
    """The two halves of the dbt project as multi-assets named `conform` and `core`."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    translator = Translator(contracts)

    def half(name: str, folders: tuple[str, ...], exclude: Sequence[str] = ()) -> dg.AssetsDefinition:
        @dbt_assets(
            manifest=content,
            select=" ".join(f"fqn:connected_spine.{folder}" for folder in folders),
            exclude=" ".join(exclude),
            name=name,
            dagster_dbt_translator=translator,
            required_resource_keys={HOME},
        )
        def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
            with scrubbed(name):
                as_of = run_as_of(context, settings)
                if folders == BEFORE:
                    _install_views(settings, contracts, as_of)
                else:
                    require_built_for(settings, as_of)
                reach(f"dbt.before_{name}")
                results = build(settings, manifest, _selected(context, content, translator, folders, exclude), as_of)
                reach(f"dbt.after_{name}")
                events = list(_events(settings, content, translator, results))
                recorded(settings, as_of, (event for event in events if isinstance(event, dg.AssetCheckResult)))
                yield from events
                with clear_faults(settings.root):
                    _raise_failures(content, results)

        return models

    return [half("conform", BEFORE, _tests_that_read(content, AFTER)), half("core", AFTER)]


def _selected(
    context: dg.AssetExecutionContext,
    manifest: Mapping[str, Any],
    translator: Translator,
    folders: tuple[str, ...],
    exclude: Sequence[str],
) -> list[str]:
    """What dbt is to build in this run, as dbt names it: the selected models and seeds, and their tests.

    A test that Dagster knows as no check of one asset runs where a model that it reads is built.
    """
    nodes = manifest["nodes"]
    models = {
        key
        for key, node in nodes.items()
        if node["resource_type"] in ("model", "seed")
        and node["fqn"][1] in folders
        and translator.get_asset_spec(manifest, key, None).key in context.selected_asset_keys
    }
    chosen = set(models)
    for key, node in nodes.items():
        if node["resource_type"] != "test" or node["name"] in exclude:
            continue
        check = get_asset_check_key_for_test(manifest, translator, key, None)
        if check is None:
            chosen |= {key} if models & set(node["depends_on"]["nodes"]) else set()
        elif check in context.selected_asset_check_keys:
            chosen.add(key)
    return names_of(chosen, nodes)


def names_of(chosen: set[str], nodes: Mapping[str, Any]) -> list[str]:
    """The fewest names by which dbt selects these nodes: a folder's where all of it is chosen.

    dbt goes over the whole project once for each name, which for hundreds of names takes a second.

    Args:
        nodes: all nodes of the manifest by unique id.
    """
    beginnings = {key: [tuple(node["fqn"][:n]) for n in range(2, len(node["fqn"]) + 1)] for key, node in nodes.items()}
    whole = Counter(beginning for each in beginnings.values() for beginning in each)
    held = Counter(beginning for key in chosen for beginning in beginnings[key])
    names = {next((b for b in beginnings[key] if held[b] == whole[b]), beginnings[key][-1]) for key in chosen}
    return sorted(map(".".join, names))


def _tests_that_read(manifest: Mapping[str, Any], folders: tuple[str, ...]) -> list[str]:
    """Names of the tests that read a model of `folders`; a test that reads both halves runs in the second."""
    nodes = manifest["nodes"]
    return [
        node["name"]
        for node in nodes.values()
        if node["resource_type"] == "test"
        and any(parent in nodes and nodes[parent]["fqn"][1] in folders for parent in node["depends_on"]["nodes"])
    ]


def _install_views(settings: Settings, contracts: Sequence[Contract], as_of: date) -> None:
    with open_warehouse(settings.warehouse, settings.threads) as connection:
        install_functions(connection)
        create_raw_views(connection, Ledger(settings.ledger).entries(), contracts, settings.lake, as_of)
        # A literal: with parameters DuckDB would import pandas, which takes seconds.
        connection.execute(f"CREATE OR REPLACE TABLE raw.run AS SELECT DATE '{as_of.isoformat()}' AS as_of")


def _events(
    settings: Settings, manifest: Mapping[str, Any], translator: Translator, results: Sequence[NodeResult]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    built = [r for r in results if r.unique_id.startswith(("model.", "seed.")) and r.status == "success"]
    tables = _describe(settings, manifest, [r.unique_id for r in built])
    for result in built:
        key = translator.get_asset_spec(manifest, result.unique_id, None).key
        metadata = {**tables[result.unique_id], "seconds": result.seconds}
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    for result in results:
        key_of_check = get_asset_check_key_for_test(manifest, translator, result.unique_id, None)
        if key_of_check is None or result.status == "skipped":
            continue
        config = manifest["nodes"][result.unique_id]["config"]
        warns = str(config.get("severity", "error")).lower() == "warn"
        yield dg.AssetCheckResult(
            passed=result.status == "pass",
            asset_key=key_of_check.asset_key,
            check_name=key_of_check.name,
            severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
            metadata={"failed_row_count": result.failures or 0},
        )


def _describe(settings: Settings, manifest: Mapping[str, Any], unique_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Row count and column schema of each built relation."""
    described: dict[str, dict[str, Any]] = {}
    with open_warehouse(settings.warehouse, settings.threads) as connection:
        for unique_id in unique_ids:
            node = manifest["nodes"][unique_id]
            relation = f'"{node["schema"]}"."{node["alias"]}"'
            described_columns = connection.execute(f"DESCRIBE {relation}").fetchall()
            counted = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
            columns = [
                dg.TableColumn(name, kind, description=node["columns"].get(name, {}).get("description"))
                for name, kind, *_ in described_columns
            ]
            described[unique_id] = {
                "dagster/row_count": counted[0] if counted else 0,
                "dagster/column_schema": dg.TableSchema(columns),
            }
    return described


def _raise_failures(manifest: Mapping[str, Any], results: Sequence[NodeResult]) -> None:
    failed = {manifest["nodes"][r.unique_id]["name"]: r.failures for r in results if r.status in _FAILED}
    if failed:
        names = ", ".join(f"{name} ({rows:,} rows)" if rows else name for name, rows in failed.items())
        text = f"dbt: {names} failed. Nothing after it was built; the published releases stand."
        lost = any("reconciliation" in n["tags"] for n in manifest["nodes"].values() if n["name"] in failed)
        raise ReconciliationError(text) if lost else PipelineError(text)
