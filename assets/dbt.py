"""dbt models as Dagster assets, in two halves: before linkage and after it.

Put here: the translation between a plan of dbt's and Dagster. Never here: SQL, how a plan is made, or how it is run.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from assets.dbt_plan import BEFORE, Half, Node, Plan, PlannedAsset, PlannedCheck
from assets.dbt_runner import NodeResult, build
from assets.resources import HOME, require_built_for, run_as_of, scrubbed
from assets.run_verdicts import recorded
from spine.contracts import Contract, install_functions
from spine.errors import PipelineError, ReconciliationError
from spine.extract import Ledger, create_raw_views
from spine.failpoints import reach
from spine.files import clear_faults
from spine.governance.lineage import note_lineage
from spine.settings import Settings
from spine.warehouse import open_warehouse


def model_assets(settings: Settings, contracts: Sequence[Contract], plan: Plan) -> list[dg.AssetsDefinition]:
    """The two halves of the dbt project as multi-assets named `conform` and `core`."""
    note_lineage(settings, plan.behind)
    keys = {asset.unique_id: dg.AssetKey(asset.key) for asset in plan.assets}
    checks = {check.unique_id: _check_spec(check) for check in plan.checks}

    def half(name: Half) -> dg.AssetsDefinition:
        @dg.multi_asset(
            name=name,
            specs=[_asset_spec(asset) for asset in plan.assets if asset.half == name],
            check_specs=[checks[check.unique_id] for check in plan.checks if check.half == name],
            can_subset=True,
            required_resource_keys={HOME},
            allow_arbitrary_check_specs=True,
        )
        def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
            with scrubbed(name):
                as_of = run_as_of(context, settings)
                if name == BEFORE:
                    _install_views(settings, contracts, as_of)
                else:
                    require_built_for(settings, as_of)
                reach(f"dbt.before_{name}")
                nodes = {node.unique_id: node for node in _selected(context, plan, name, keys, checks)}
                results = build(settings, plan, nodes, as_of)
                reach(f"dbt.after_{name}")
                events = list(_events(nodes, results, keys, checks))
                recorded(settings, as_of, (event for event in events if isinstance(event, dg.AssetCheckResult)))
                yield from events
                with clear_faults(settings.root):
                    _raise_failures(nodes, results)

        return models

    return [half("conform"), half("core")]


def _asset_spec(asset: PlannedAsset) -> dg.AssetSpec:
    metadata: dict[str, Any] = dict(asset.metadata)
    if asset.table_schema:
        metadata["dagster/column_schema"] = dg.deserialize_value(asset.table_schema, dg.TableSchema)
    return dg.AssetSpec(
        dg.AssetKey(asset.key),
        deps=[dg.AssetKey(key) for key in asset.deps],
        description=asset.description,
        metadata=metadata,
        group_name=asset.group,
        code_version=asset.code_version,
        kinds=set(asset.kinds),
        skippable=True,
    )


def _check_spec(check: PlannedCheck) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.name,
        asset=dg.AssetKey(check.asset),
        description=check.description,
        additional_deps=[dg.AssetKey(key) for key in check.additional_deps],
        blocking=check.blocking,
        metadata={"dagster_dbt/unique_id": check.unique_id},
    )


def _selected(
    context: dg.AssetExecutionContext,
    plan: Plan,
    half: Half,
    keys: Mapping[str, dg.AssetKey],
    checks: Mapping[str, dg.AssetCheckSpec],
) -> Iterator[Node]:
    """What is to be built in this run: the selected tables and views, and their tests.

    A test that Dagster knows as no check of one asset runs where a table that it reads is built.
    """
    mine = [node for node in plan.nodes if node.half == half]
    models = {node.unique_id for node in mine if node.relation and keys[node.unique_id] in context.selected_asset_keys}
    for node in mine:
        if node.kind != "test":
            is_chosen = node.unique_id in models
        elif node.unique_id in checks:
            is_chosen = checks[node.unique_id].key in context.selected_asset_check_keys
        else:
            is_chosen = bool(models.intersection(node.parents))
        if is_chosen:
            yield node


def _install_views(settings: Settings, contracts: Sequence[Contract], as_of: date) -> None:
    with open_warehouse(settings.warehouse, settings.threads) as connection:
        install_functions(connection)
        create_raw_views(connection, Ledger(settings.ledger).entries(), contracts, settings.lake, as_of)
        # A literal: with parameters DuckDB would import pandas, which takes seconds.
        connection.execute(f"CREATE OR REPLACE TABLE raw.run AS SELECT DATE '{as_of.isoformat()}' AS as_of")


def _events(
    nodes: Mapping[str, Node],
    results: Sequence[NodeResult],
    keys: Mapping[str, dg.AssetKey],
    checks: Mapping[str, dg.AssetCheckSpec],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    for result in results:
        if result.status == "success":
            metadata = _described(nodes[result.unique_id], result)
            yield dg.MaterializeResult(asset_key=keys[result.unique_id], metadata=metadata)
    for result in results:
        if result.status in ("success", "skipped") or result.unique_id not in checks:
            continue
        severity = dg.AssetCheckSeverity.WARN if nodes[result.unique_id].is_warning else dg.AssetCheckSeverity.ERROR
        yield dg.AssetCheckResult(
            passed=result.status == "pass",
            asset_key=checks[result.unique_id].asset_key,
            check_name=checks[result.unique_id].name,
            severity=severity,
            metadata={"failed_row_count": result.failures or 0},
        )


def _described(node: Node, result: NodeResult) -> dict[str, Any]:
    """Row count and columns of what was built, and how long it took."""
    columns = [dg.TableColumn(name, kind, description=node.columns.get(name)) for name, kind in result.columns]
    return {
        "dagster/row_count": result.rows,
        "dagster/column_schema": dg.TableSchema(columns),
        "seconds": result.seconds,
    }


def _raise_failures(nodes: Mapping[str, Node], results: Sequence[NodeResult]) -> None:
    failed = {r.unique_id: r.failures for r in results if r.status in ("error", "fail")}
    if failed:
        names = ", ".join(f"{nodes[n].name} ({rows:,} rows)" if rows else nodes[n].name for n, rows in failed.items())
        text = f"dbt: {names} failed. Nothing after it was built; the published releases stand."
        lost = any("reconciliation" in nodes[n].tags for n in failed)
        raise ReconciliationError(text) if lost else PipelineError(text)
