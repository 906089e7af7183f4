"""Quality across sources as a Dagster asset: one check for each source and kind, and the partners' feedback files.

Put here: the asset, its checks and what they tell. Never here: how a kind is measured (spine.quality.cross), what a
partner reads (spine.reports.feedback), or a value or id of any record. Small groups are not told apart.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import dagster as dg

from assets.extracts import raw_key, sources
from assets.resources import HOME, require_built_for, run_as_of, scrubbed
from assets.run_verdicts import recorded
from assets.verdict import table
from spine.contracts import Contract, Partner
from spine.quality.cross import CrossFindings, CrossResult, Group, cross_source
from spine.quality.cross_limits import COVERAGE, KINDS, CrossLimits, load_cross_limits
from spine.reports.feedback import write_feedback
from spine.settings import Settings
from spine.warehouse import open_warehouse

FEEDBACK = dg.AssetKey(["quality", "feedback"])
MODELS = ("quality_record_rows", "quality_compared_records", "quality_unmapped_codes", "quality_coverage")
_SKIPPED = "Skipped where nothing of the source could be compared."


def check_name(source: str, kind: str) -> str:
    """`<partner>__<dataset>__<kind>`."""
    return f"{source}__{kind}"


def cross_check_assets(
    settings: Settings, contracts: Sequence[Contract], partners: Mapping[str, Partner]
) -> dg.AssetsDefinition:
    """One step that judges every source against the others and writes each partner's feedback.

    Raises:
        ContractError: `expectations/cross_source_checks.yaml` is not valid.
    """
    limits = load_cross_limits(settings.expectations)
    specs = check_specs(contracts, partners, limits, _datasets_of_persons(settings))
    names = {spec.name for spec in specs}

    # A multi-asset of one that can be subset: only of such a one Dagster takes a check without a result, as skipped.
    @dg.multi_asset(
        name="cross_source",
        specs=[_spec()],
        check_specs=specs,
        required_resource_keys={HOME},
        can_subset=True,
    )
    def cross(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        if FEEDBACK not in context.selected_asset_keys:
            raise dg.Failure("Checks across sources are made with the feedback files: materialise the asset.")
        with scrubbed("quality across sources"):
            as_of = run_as_of(context, settings)
            require_built_for(settings, as_of)
            with open_warehouse(settings.warehouse, settings.threads) as connection:
                findings = cross_source(connection, contracts, partners, limits)
            pages = write_feedback(settings, partners.values(), findings, limits, as_of)
            verdicts = [r for r in check_results(findings, partners, limits, as_of) if r.check_name in names]
            results = recorded(settings, as_of, verdicts)
            yield dg.MaterializeResult(FEEDBACK, metadata=_metadata(findings, pages), check_results=results)

    return cross


def _spec() -> dg.AssetSpec:
    return dg.AssetSpec(
        FEEDBACK,
        deps=[dg.AssetKey(["quality", model]) for model in MODELS],
        group_name="quality",
        kinds={"duckdb"},
        description="What sources say of the same residents, held against each other, and told to each partner "
        "by its own row numbers.",
    )


def check_specs(
    contracts: Sequence[Contract], partners: Mapping[str, Partner], limits: CrossLimits, persons: Collection[str]
) -> list[dg.AssetCheckSpec]:
    """The checks of every source that a contract names.

    Args:
        persons: datasets with person records.
    """
    return [
        dg.AssetCheckSpec(
            check_name(f"{partner}__{dataset}", kind),
            asset=FEEDBACK,
            description=f"{partners[partner].name}, {dataset.replace('_', ' ')}: {KINDS[kind].sentence} {_SKIPPED}",
            additional_deps=[raw_key(partner, dataset)],
        )
        for partner, dataset in sources(contracts)
        for kind in limits.kinds_for(dataset, persons)
    ]


def check_results(
    findings: CrossFindings, partners: Mapping[str, Partner], limits: CrossLimits, as_of: date
) -> Iterator[dg.AssetCheckResult]:
    """The verdict on each source and kind of which something could be compared."""
    for result in findings.results:
        if result.denominator:
            yield _verdict(result, partners[result.source.partition("__")[0]], limits, as_of)


def _verdict(result: CrossResult, partner: Partner, limits: CrossLimits, as_of: date) -> dg.AssetCheckResult:
    kind, dataset = KINDS[result.kind], result.source.partition("__")[2]
    most = limits.kinds[result.kind].most(dataset)
    passed = result.percentage <= most
    act = "" if passed else f" {partner.steward} must act; the rows are in the partner's feedback file."
    groups = {"groups": _groups(result.groups, limits.least_in_group)} if result.kind == COVERAGE else {}
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=FEEDBACK,
        check_name=check_name(result.source, result.kind),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{kind.sentence} Against it: {result.numerator:,} of {result.denominator:,} {kind.unit} "
        f"({result.percentage:g} %); at most {most:g} % may be.{act}",
        metadata={
            "sentence": kind.sentence,
            "dimension": kind.dimension,
            "severity": "warning",
            "numerator": result.numerator,
            "denominator": result.denominator,
            "percentage": result.percentage,
            "threshold": f"must be at most {most:g} %",
            "outcome": "passed" if passed else "warned",
            "evaluated_at": as_of.isoformat(),
            "residents_affected": result.residents,
            "unit": kind.unit,
            "owner": partner.steward,
            "partner": partner.id,
            "dataset": dataset,
            **groups,
        },
    )


def _groups(groups: Sequence[Group], least: int) -> dg.MarkdownMetadataValue:
    """Coverage by age and council. Groups of which fewer are held or missing are one line.

    That line takes in the next smallest groups until it is no small group itself, since the check's totals less the
    other lines would tell it.
    """
    told = sorted(groups, key=_smaller_side, reverse=True)
    rest: list[Group] = []
    while told and (_smaller_side(told[-1]) < least or (rest and not _may_be_told(rest, least))):
        rest.append(told.pop())
    rows = [(g.age_band, g.council, f"{g.known:,}", f"{g.held / g.known:.0%}") for g in groups if g in told]
    if _may_be_told(rest, least):
        known, held = sum(g.known for g in rest), sum(g.held for g in rest)
        rows.append(("others", "together", f"{known:,}", f"{held / known:.0%}"))
    return table(("age", "council", "residents known elsewhere", "held"), rows)


def _smaller_side(group: Group) -> int:
    return min(group.held, group.known - group.held)


def _may_be_told(rest: Sequence[Group], least: int) -> bool:
    """True where several groups together are large enough on both sides."""
    held, missing = sum(g.held for g in rest), sum(g.known - g.held for g in rest)
    return len(rest) > 1 and min(held, missing) >= least


def _metadata(findings: CrossFindings, pages: Mapping[str, Path]) -> dict[str, int | dg.PathMetadataValue]:
    return {
        "dagster/row_count": findings.rows.height,
        "partners_with_feedback": len(pages),
        **{f"feedback {partner}": dg.MetadataValue.path(str(path)) for partner, path in pages.items()},
    }


def _datasets_of_persons(settings: Settings) -> frozenset[str]:
    """Datasets with person records: those that have a model for them."""
    found = (settings.dbt_project / "models" / "intermediate").glob("int_persons__*.sql")
    return frozenset(path.stem.removeprefix("int_persons__") for path in found)
