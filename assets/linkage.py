"""Linkage and identity as Dagster assets.

Put here: the two assets and their checks. Never here: a rule of linkage.
"""

from collections.abc import Iterator

import dagster as dg

from assets.resources import HOME, require_built_for, run_as_of, scrubbed
from spine.identity import Resolution, resolve
from spine.settings import Settings
from spine.warehouse import open_warehouse

LINKS = dg.AssetKey(["linkage", "links"])
CROSSWALK = dg.AssetKey(["linkage", "crosswalk"])
_EVERY_RECORD = "table__every_record_has_a_resident"
_NO_CONFLICT = "table__no_resident_holds_two_verified_nhs_numbers"
_CHECKS = {
    _EVERY_RECORD: "Every person record belongs to exactly one resident.",
    _NO_CONFLICT: "No resident was made of records with two different verified NHS numbers.",
}


def linkage_assets(settings: Settings) -> dg.AssetsDefinition:
    """One step that links person records and gives each cluster its stable resident id."""

    @dg.multi_asset(
        name="link",
        specs=[
            dg.AssetSpec(
                LINKS,
                deps=[dg.AssetKey(["intermediate", "int_person_records"])],
                group_name="linkage",
                kinds={"polars"},
                description="Accepted pairs of person records, with the weight of each comparison in bits.",
            ),
            dg.AssetSpec(
                CROSSWALK,
                deps=[LINKS],
                group_name="linkage",
                kinds={"polars"},
                description="Which resident each person record belongs to. Resident ids are minted once and kept.",
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(name, asset=CROSSWALK, description=sentence) for name, sentence in _CHECKS.items()
        ],
        required_resource_keys={HOME},
    )
    def link(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with scrubbed("linkage"):
            as_of = run_as_of(context, settings)
            require_built_for(settings, as_of)
            with open_warehouse(settings.warehouse, settings.threads) as connection:
                resolution = resolve(connection, settings.linkage, settings.identity, as_of)
            yield from _events(resolution)

    return link


def _events(resolution: Resolution) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    rates = [f"| {s.source} | {s.records:,} | {s.linked / max(s.records, 1):.1%} |" for s in resolution.sources]
    table = "| source | person records | linked |\n|---|---|---|\n" + "\n".join(rates)
    yield dg.MaterializeResult(
        asset_key=LINKS, metadata={"dagster/row_count": resolution.links, "link_rates": dg.MarkdownMetadataValue(table)}
    )
    yield dg.MaterializeResult(
        asset_key=CROSSWALK,
        metadata={"dagster/row_count": resolution.records, "residents": resolution.residents, **resolution.events},
    )
    yield dg.AssetCheckResult(
        passed=resolution.records == resolution.records_in,
        asset_key=CROSSWALK,
        check_name=_EVERY_RECORD,
        metadata={"numerator": abs(resolution.records_in - resolution.records), "denominator": resolution.records_in},
    )
    yield dg.AssetCheckResult(
        passed=resolution.conflicts == 0,
        asset_key=CROSSWALK,
        check_name=_NO_CONFLICT,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"numerator": resolution.conflicts, "denominator": resolution.residents},
    )
