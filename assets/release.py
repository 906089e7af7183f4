"""Releases as Dagster assets: one for each purpose that has output contracts.

Put here: the asset of a purpose and its checks. Never here: what may be released, or how.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from assets.extracts import raw_key, sources
from assets.release_checks import agreement_checks, agreement_metadata, judge_agreements
from assets.resources import HOME, require_built_for, run_as_of, scrubbed
from spine.contracts import Contract
from spine.errors import ReconciliationError, SpineError
from spine.extract import Ledger, in_use
from spine.release import (
    BrokenPromiseError,
    Input,
    ReleaseResult,
    known_purposes,
    load_output_contracts,
    publish,
    withdraw_lapsed,
)
from spine.runs import RunRecord
from spine.settings import Settings

AGREEMENTS = dg.AssetKey(["governance", "agreements"])
IN_FORCE = "table__every_release_has_an_agreement_in_force"
COUNTED = "table__every_resident_accounted_for"
KEPT = "table__every_promise_kept"
WITHHELD = "columns__every_promised_column_released"
_CHECKS = {
    COUNTED: "Residents in the warehouse equal those released and those left out for a stated reason.",
    KEPT: "Every rule of the output contracts holds in the finished file. A broken one keeps it from being published.",
    WITHHELD: "Every promised column is covered by the agreement. A column that is not is withheld.",
}


def release_key(purpose: str) -> dg.AssetKey:
    """`release/<purpose>`."""
    return dg.AssetKey(["release", purpose])


def release_assets(settings: Settings, contracts: Sequence[Contract]) -> list[dg.AssetsDefinition]:
    """One asset for each purpose, and one that first takes away what no agreement permits any more."""
    return [_agreements_asset(settings, contracts)] + [
        _release_asset(settings, contracts, purpose) for purpose in known_purposes(settings)
    ]


def _agreements_asset(settings: Settings, contracts: Sequence[Contract]) -> dg.AssetsDefinition:
    """It has no inputs, so that no failure elsewhere keeps a release whose agreement has ended."""
    sentence = "Every release that is published has an agreement in force. One that has none is withdrawn at once."

    @dg.asset(
        key=AGREEMENTS,
        group_name="governance",
        description="The agreements in expectations/agreements, held against what is published.",
        check_specs=[dg.AssetCheckSpec(IN_FORCE, asset=AGREEMENTS, description=sentence)],
        required_resource_keys={HOME},
    )
    def agreements(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        with scrubbed("agreements"):
            withdrawn = withdraw_lapsed(settings, run_as_of(context, settings), contracts)
            check = dg.AssetCheckResult(
                passed=not withdrawn,
                check_name=IN_FORCE,
                description="; ".join(withdrawn) or sentence,
                metadata={"withdrawn": len(withdrawn)},
            )
            yield dg.MaterializeResult(asset_key=AGREEMENTS, check_results=[check])

    return agreements


def _release_asset(settings: Settings, contracts: Sequence[Contract], purpose: str) -> dg.AssetsDefinition:
    key = release_key(purpose)
    tables = load_output_contracts(settings.expectations / "contracts" / "spine", purpose)
    marts = [dg.AssetKey([purpose, f"{purpose}_{table.name}"]) for table in tables]
    opt_outs = [raw_key(*source) for source in sources(contracts) if source[1] == "opt_out"]

    @dg.asset(
        key=key,
        deps=[*marts, *opt_outs, dg.AssetKey(["core", "dim_resident"]), AGREEMENTS],
        group_name="release",
        kinds={"duckdb"},
        description=f"The published release of purpose {purpose}: {tables[0].description}",
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=text)
            for name, text in {**agreement_checks(settings, purpose), **_CHECKS}.items()
        ],
        required_resource_keys={HOME},
    )
    def release(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with scrubbed(f"release of {purpose}"):
            as_of = run_as_of(context, settings)
            require_built_for(settings, as_of)
            is_demo = RunRecord(settings).pinned_as_of is not None
            inputs = _inputs(settings, contracts, as_of)
            found, verdicts = judge_agreements(key, settings, contracts, purpose, as_of)
            yield from verdicts
            try:
                result = publish(purpose, settings, contracts, as_of, inputs, is_demo=is_demo)
            except (ReconciliationError, BrokenPromiseError) as error:
                yield _failed(key, error)
                raise
            yield _result(key, result, dict(agreement_metadata(settings, found)))

    return release


def _failed(key: dg.AssetKey, error: SpineError) -> dg.AssetCheckResult:
    """The check that a refusal to publish is about."""
    name = KEPT if isinstance(error, BrokenPromiseError) else COUNTED
    return dg.AssetCheckResult(passed=False, asset_key=key, check_name=name, description=str(error))


def _inputs(settings: Settings, contracts: Sequence[Contract], as_of: date) -> list[Input]:
    used = in_use(Ledger(settings.ledger).entries(), contracts, as_of)
    return [Input(part.entry.delivery, part.entry.content_sha256) for source in used for part in source.parts]


def _result(key: dg.AssetKey, result: ReleaseResult, agreement: Mapping[str, Any]) -> dg.MaterializeResult[None]:
    residents = next(iter(result.tables.values()))
    left_out = sum(result.excluded.values())
    withheld = "; ".join(f"{column}: {why}" for column, why in result.withheld.items())
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "version": result.version,
            "is_new": int(result.changed),
            "agreement": f"{result.agreement_id} {result.agreement_version}",
            **agreement,
            "inputs": dg.MetadataValue.json({entry.delivery: entry.content_sha256 for entry in result.inputs}),
            "content_sha256": result.content_sha256,
            "audit_head": result.audit_head,
            "key_version": result.key_version,
            "dagster/row_count": residents.released,
            "excluded": dg.MetadataValue.json(dict(result.excluded)),
            **{f"rows_{name}": counts.released for name, counts in result.tables.items()},
        },
        check_results=[
            dg.AssetCheckResult(
                passed=residents.rows_in == residents.released + left_out,
                check_name=COUNTED,
                description=f"{residents.rows_in:,} residents: {residents.released:,} released, {left_out:,} left out.",
                metadata={"released": residents.released, "left_out": left_out, "denominator": residents.rows_in},
            ),
            _promises(key, result),
            dg.AssetCheckResult(
                passed=not result.withheld,
                check_name=WITHHELD,
                severity=dg.AssetCheckSeverity.WARN,
                description=withheld or _CHECKS[WITHHELD],
                metadata={"withheld": len(result.withheld)},
            ),
        ],
        data_version=dg.DataVersion(result.content_sha256),
    )


def _promises(key: dg.AssetKey, result: ReleaseResult) -> dg.AssetCheckResult:
    """A release that is published has no rule of severity error broken; those that warn are named."""
    warned = [rule.name for rule in result.rules if rule.outcome == "warned"]
    return dg.AssetCheckResult(
        passed=not warned,
        asset_key=key,
        check_name=KEPT,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Rules that warn: {', '.join(warned)}." if warned else _CHECKS[KEPT],
        metadata={"rules": len(result.rules), "warned": len(warned)},
    )
