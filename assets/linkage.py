"""Linkage and identity as Dagster assets.

Put here: the assets of the one step and what is shown of them. Never here: a rule of linkage, or a verdict
(linkage_checks, decision_checks).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from assets import decision_checks, imports
from assets.identity_checks import identity_result, identity_specs, refuse_held
from assets.lineage import LINKED
from assets.linkage_checks import (
    CROSSWALK,
    DECISIONS,
    LEAST,
    LINKS,
    check_results,
    check_specs,
    named,
    shown_count,
    shown_rate,
)
from assets.pictures import picture
from assets.resources import FULL_LINK_TAG, HOME, require_built_for, run_as_of, scrubbed
from assets.run_verdicts import recorded
from assets.verdict import table
from spine import audit
from spine.contracts import Contract, Partner
from spine.identity import Resolution, Terms, load_identity_limits, load_limits, resolve
from spine.reports.charts import score_histogram_svg, threshold_curve_svg
from spine.reports.linkage import write_linkage_page
from spine.rights import load_decision_rights
from spine.settings import Settings
from spine.warehouse import open_warehouse

#: The action of the decision rights that says how many people a decision on two records takes.
ACTION = "manual_link_unlink"
_Events = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


def linkage_assets(
    settings: Settings, partners: Sequence[Partner] = (), contracts: Sequence[Contract] = ()
) -> dg.AssetsDefinition:
    """One step that links person records and gives each cluster its stable resident id.

    Args:
        partners: who must act where a source is linked less than usual, or a decision does not hold.
        contracts: which sources promise one record a person.

    Raises:
        ContractError: `expectations/linkage_checks.yaml` or `identity_checks.yaml` is not valid.
    """
    limits, budget = load_limits(settings.expectations), load_identity_limits(settings.expectations)
    stewards = {partner.id: partner for partner in partners}
    promised = [f"{s.partner}__{c.dataset}" for c in contracts if c.one_record_per_person for s in c.supplies]

    @dg.multi_asset(
        name="link",
        specs=_specs(),
        check_specs=[*decision_checks.check_specs(), *check_specs(), *identity_specs()],
        required_resource_keys={HOME},
    )
    def link(context: dg.AssetExecutionContext) -> _Events:
        with scrubbed("linkage"):
            as_of = run_as_of(context, settings)
            require_built_for(settings, as_of)
            imports.wait()
            people = load_decision_rights(settings.expectations).decision(ACTION).people
            terms = Terms(people, limits, budget, promised, full=FULL_LINK_TAG in context.run.tags)
            resolution = _resolve(settings, as_of, terms, context.run.run_id)
            page = write_linkage_page(settings.linkage, resolution.report)
            _log_decisions(settings, resolution, as_of)
            yield decision_checks.materialization(resolution.decisions)
            yield from _materializations(resolution, page)
            yield from recorded(settings, as_of, _verdicts(resolution, as_of, terms, stewards))
            refuse_held(resolution, budget, as_of)

    return link


def _resolve(settings: Settings, as_of: date, terms: Terms, run: str) -> Resolution:
    with open_warehouse(settings.warehouse, settings.threads) as connection:
        return resolve(connection, settings.linkage, settings.identity, as_of, terms, run)


def _verdicts(
    resolution: Resolution, as_of: date, terms: Terms, stewards: Mapping[str, Partner]
) -> list[dg.AssetCheckResult]:
    return [
        *decision_checks.check_results(resolution.decisions, stewards),
        *check_results(resolution, terms.limits, stewards),
        identity_result(resolution, terms.budget, as_of),
    ]


def _specs() -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            DECISIONS,
            deps=[dg.AssetKey(["intermediate", name]) for name in LINKED],
            group_name="linkage",
            kinds={"polars"},
            description="Decisions by people on two records, and what became of each on the run's day.",
        ),
        dg.AssetSpec(
            LINKS,
            deps=[dg.AssetKey(["intermediate", "int_person_records"]), DECISIONS],
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
    ]


def _log_decisions(settings: Settings, resolution: Resolution, as_of: date) -> None:
    """Decisions are told to the audit log: by which deliveries, and how many hold."""
    judged = resolution.decisions
    if judged.decisions.is_empty():
        return
    deliveries = judged.decisions["delivery"].unique().sort().to_list()
    audit.append(settings.audit_log, "override", as_of=as_of, deliveries=deliveries, decisions=judged.counts)


def _materializations(resolution: Resolution, page: Path) -> _Events:
    yield dg.MaterializeResult(asset_key=LINKS, metadata=_links_metadata(resolution, page))
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


def _links_metadata(resolution: Resolution, page: Path) -> dict[str, Any]:
    sources = resolution.sources
    return {
        "dagster/row_count": resolution.links,
        "linked": resolution.linking.sentence,
        "records_changed": resolution.linking.changed,
        "records_new": resolution.linking.new,
        "records_withdrawn": resolution.linking.withdrawn,
        "decisions_changed": resolution.linking.decisions,
        "records_since_full_link": resolution.linking.since_full,
        "drift_percent": round(100 * resolution.linking.drift, 3),
        "link_rates": table(
            ("source", "person records", "linked"),
            [(named(s.source), shown_count(s.records), shown_rate(s.linked, s.records)) for s in sources],
        ),
        "report": dg.MetadataValue.path(page),
        "match_weights": picture("Pairs by match weight", score_histogram_svg(resolution.report, standalone=True)),
        "thresholds": picture(
            "What another threshold would do", threshold_curve_svg(resolution.report, standalone=True)
        ),
        # One number a source: Dagster draws each as a line over the runs, and breaks long names at spaces.
        **{f"link_rate {named(s.source)}": round(100 * s.linked / s.records, 2) for s in sources if s.linked >= LEAST},
    }
