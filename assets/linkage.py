"""Linkage and identity as Dagster assets.

Put here: the two assets and what is shown of them. Never here: a rule of linkage, or a verdict (linkage_checks).
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg

from assets.identity_checks import identity_result, identity_specs, refuse_held
from assets.linkage_checks import (
    CROSSWALK,
    LEAST,
    LINKS,
    check_results,
    check_specs,
    named,
    shown_count,
    shown_rate,
    table,
)
from assets.resources import HOME, require_built_for, run_as_of, scrubbed
from spine.contracts import Partner
from spine.identity import Resolution, load_identity_limits, load_limits, resolve
from spine.reports.charts import score_histogram_svg, threshold_curve_svg
from spine.reports.linkage import write_linkage_page
from spine.settings import Settings
from spine.warehouse import open_warehouse

_Events = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


def linkage_assets(settings: Settings, partners: Sequence[Partner] = ()) -> dg.AssetsDefinition:
    """One step that links person records and gives each cluster its stable resident id.

    Args:
        partners: who must act where a source is linked less than usual.

    Raises:
        ContractError: `expectations/linkage_checks.yaml` or `identity_checks.yaml` is not valid.
    """
    limits, budget = load_limits(settings.expectations), load_identity_limits(settings.expectations)
    stewards = {partner.id: partner for partner in partners}

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
        check_specs=[*check_specs(), *identity_specs()],
        required_resource_keys={HOME},
    )
    def link(context: dg.AssetExecutionContext) -> _Events:
        with scrubbed("linkage"):
            as_of = run_as_of(context, settings)
            require_built_for(settings, as_of)
            with open_warehouse(settings.warehouse, settings.threads) as connection:
                run = context.run.run_id
                resolution = resolve(connection, settings.linkage, settings.identity, as_of, run, limits, budget)
            page = write_linkage_page(settings.linkage, resolution.report)
            yield from _materializations(resolution, page)
            yield from check_results(resolution, limits, stewards)
            yield identity_result(resolution, budget, as_of)
            refuse_held(resolution, budget, as_of)

    return link


def _materializations(resolution: Resolution, page: Path) -> _Events:
    sources = resolution.sources
    yield dg.MaterializeResult(
        asset_key=LINKS,
        metadata={
            "dagster/row_count": resolution.links,
            "link_rates": table(
                ("source", "person records", "linked"),
                [(named(s.source), shown_count(s.records), shown_rate(s.linked, s.records)) for s in sources],
            ),
            "report": dg.MetadataValue.path(page),
            "match_weights": _picture("Pairs by match weight", score_histogram_svg(resolution.report, standalone=True)),
            "thresholds": _picture(
                "What another threshold would do", threshold_curve_svg(resolution.report, standalone=True)
            ),
            # One number a source: Dagster draws each as a line over the runs, and breaks long names at spaces.
            **{
                f"link_rate {named(s.source)}": round(100 * s.linked / s.records, 2)
                for s in sources
                if s.linked >= LEAST
            },
        },
    )
    if resolution.is_held:
        return
    yield dg.MaterializeResult(
        asset_key=CROSSWALK,
        metadata={
            "dagster/row_count": resolution.records,
            "residents": resolution.residents,
            "residents_with_unreviewed_conflicts": resolution.conflicts.unreviewed,
            **resolution.events,
        },
    )


def _picture(words: str, svg: str) -> dg.MarkdownMetadataValue:
    """A picture inside the text that shows it: Dagster's page loads nothing from a file or another host."""
    data = b64encode(svg.encode("utf-8")).decode("ascii")
    return dg.MarkdownMetadataValue(f"![{words}](data:image/svg+xml;base64,{data})")
