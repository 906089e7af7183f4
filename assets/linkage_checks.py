"""The checks on linkage: how each figure of a run is judged, and what a board is told of it.

Put here: check specs, verdicts and their metadata. Never here: how a figure is measured (spine.linkage,
spine.identity), or a value or id of any record. Groups of fewer than ten records are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.verdict import begun, table, verdict
from spine.contracts import Partner
from spine.identity import KINDS, LinkageLimits, RateStanding, Resolution

LINKS = dg.AssetKey(["linkage", "links"])
CROSSWALK = dg.AssetKey(["linkage", "crosswalk"])
DECISIONS = dg.AssetKey(["linkage", "decisions"])
#: The assets of the one step that links.
LINKED = (DECISIONS, LINKS, CROSSWALK)

RATES = "table__link_rates_as_usual"
IN_DOUBT = "table__few_pairs_in_doubt"
BLOCKS = "table__few_records_in_capped_blocks"
EVERY_RECORD = "table__every_record_has_a_resident"
NHS_NUMBERS = "table__no_resident_holds_two_verified_nhs_numbers"
REVIEWED = "table__conflicts_are_reviewed"
GROUPS = "table__groups_are_linked_alike"

#: By check: its asset, its dimension in the words of the Open Data Contract Standard, and its sentence.
CHECKS = {
    RATES: (LINKS, "consistency", "Every source is linked as far as in its last runs."),
    IN_DOUBT: (LINKS, "accuracy", "Few pairs are so close to the threshold that a person might decide otherwise."),
    BLOCKS: (LINKS, "completeness", "Few records stand in groups that were too large to compare."),
    EVERY_RECORD: (CROSSWALK, "completeness", "Every person record belongs to exactly one resident."),
    NHS_NUMBERS: (
        CROSSWALK,
        "accuracy",
        "No resident was made of records with two different verified NHS numbers.",
    ),
    REVIEWED: (CROSSWALK, "accuracy", "Somebody has looked at every resident whose records contradict each other."),
    GROUPS: (
        CROSSWALK,
        "coverage",
        "People are linked alike, whatever their sex or age and whatever is known of them.",
    ),
}
#: Groups of fewer records are not told apart, nor is a rate that fewer make.
LEAST = 10
_GROUPINGS = {
    "sex": "sex",
    "birth_decade": "decade of birth",
    "has_postcode": "postcode known",
    "has_date_of_birth": "date of birth known",
}

_Rate = Mapping[str, float]


def check_specs() -> list[dg.AssetCheckSpec]:
    """The checks of both assets."""
    return [dg.AssetCheckSpec(name, asset=key, description=text) for name, (key, _, text) in CHECKS.items()]


def check_results(
    resolution: Resolution, limits: LinkageLimits, partners: Mapping[str, Partner]
) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on one run.

    Args:
        partners: by id, for who must act on a source.
    """
    yield _rates(resolution.rates, limits, partners)
    yield _in_doubt(resolution, limits)
    yield _capped(resolution, limits)
    lost = abs(resolution.records_in - resolution.records)
    yield _result(
        EVERY_RECORD,
        lost == 0,
        f"{resolution.records_in:,} person records are {resolution.residents:,} residents; {lost:,} records are lost.",
        (lost, resolution.records_in),
        threshold=0,
        owner=limits.owner,
        severity=dg.AssetCheckSeverity.ERROR,
    )
    two = resolution.conflicts.by_kind["two_verified_nhs_numbers"]
    yield _result(
        NHS_NUMBERS,
        two == 0,
        f"{two:,} of {resolution.residents:,} residents hold two verified NHS numbers.",
        (two, resolution.residents),
        threshold=0,
        owner=limits.reviewer,
    )
    yield _reviewed(resolution, limits)
    yield _alike(resolution.report["groups"], limits)


def shown_rate(linked: int, records: int) -> str:
    """A link rate, unless fewer than ten records are there or linked."""
    if records < LEAST:
        return f"fewer than {LEAST} records"
    if linked < LEAST:
        return f"fewer than {LEAST} linked"
    return f"{linked / records:.1%}"


def shown_count(records: int) -> str:
    """A number of records, unless fewer than ten."""
    return f"{records:,}" if records >= LEAST else f"fewer than {LEAST}"


def _rates(
    rates: Sequence[RateStanding], limits: LinkageLimits, partners: Mapping[str, Partner]
) -> dg.AssetCheckResult:
    told = [rate for rate in rates if rate.deviations is not None]
    odd = [rate for rate in told if _distance(rate) > limits.link_rate.deviations]
    worst = max(told, key=lambda rate: (_distance(rate), rate.source), default=None)
    return _result(
        RATES,
        not odd,
        " ".join(_said_of_odd(odd, limits, partners) or _said_of_usual(len(told), len(rates) - len(told), limits)),
        (len(odd), len(told)),
        threshold=limits.link_rate.deviations,
        owner=", ".join(dict.fromkeys(_steward(rate, partners, limits) for rate in odd)) or limits.owner,
        more={
            "worst_deviation": round(_distance(worst), 2) if worst else 0.0,
            "worst_source": named(worst.source) if worst and _distance(worst) else "none",
            "sources_without_trend": len(rates) - len(told),
            "sources": table(
                ("source", "person records", "linked", "usually", "deviations", "earlier runs"),
                [_rate_row(rate) for rate in rates],
            ),
        },
    )


def _distance(rate: RateStanding) -> float:
    return abs(rate.deviations or 0.0)


def _said_of_odd(odd: Sequence[RateStanding], limits: LinkageLimits, partners: Mapping[str, Partner]) -> list[str]:
    return [
        f"{begun(_steward(rate, partners, limits))} must look at {named(rate.source)}: linked are "
        f"{shown_rate(rate.linked, rate.records)} of its records, usually {rate.usual:.1%}."
        for rate in odd
    ]


def _said_of_usual(told: int, new: int, limits: LinkageLimits) -> list[str]:
    usual = [f"{told} sources are linked as usual."] if told else []
    needed = f"recorded: a trend needs {limits.link_rate.first_runs} earlier runs."
    return [*usual, f"The link rates of {new} sources were {needed}"] if new else usual


def _rate_row(rate: RateStanding) -> tuple[str, ...]:
    is_small = rate.records < LEAST
    return (
        named(rate.source),
        shown_count(rate.records),
        shown_rate(rate.linked, rate.records),
        "" if rate.usual is None or is_small else f"{rate.usual:.1%}",
        "recorded only" if rate.deviations is None else "" if is_small else f"{rate.deviations:+.1f}",
        str(rate.earlier),
    )


def _in_doubt(resolution: Resolution, limits: LinkageLimits) -> dg.AssetCheckResult:
    band = resolution.report["clerical"]
    pairs, whole = resolution.pairs_in_doubt, resolution.pairs_from_doubt
    return _result(
        IN_DOUBT,
        pairs * 100 <= whole * limits.clerical_percent,
        f"{pairs:,} of {whole:,} pairs lie between {band['from_bits']:g} and {band['to_bits']:g} bits: "
        f"{band['pairs_above']:,} were linked, {band['pairs_below']:,} were not.",
        (pairs, whole),
        threshold=limits.clerical_percent,
        owner=limits.reviewer,
        more={"pairs_above": int(band["pairs_above"]), "pairs_below": int(band["pairs_below"])},
    )


def _capped(resolution: Resolution, limits: LinkageLimits) -> dg.AssetCheckResult:
    blocking = resolution.report["blocking"]
    capped = [rule for rule in blocking.get("rules", ()) if rule["capped_blocks"]]
    most = max((int(rule["records_in_capped_blocks"]) for rule in capped), default=0)
    blocks = int(blocking.get("capped_blocks", 0))
    rows = [
        (rule["rule"].replace("_", " "), f"{rule['cap']:,}", f"{rule['capped_blocks']:,}", shown_count(records))
        for rule in capped
        if (records := int(rule["records_in_capped_blocks"]))
    ]
    return _result(
        BLOCKS,
        most * 100 <= resolution.records_in * limits.records_in_capped_blocks_percent,
        f"{blocks:,} groups were larger than their rule allows and were left to the other rules; the rule with most "
        f"has {most:,} records in them."
        if blocks
        else "No group was larger than its rule allows.",
        (most, resolution.records_in),
        threshold=limits.records_in_capped_blocks_percent,
        owner=limits.owner,
        more={"capped_blocks": blocks, "rules": table(("rule", "cap", "groups above it", "records in them"), rows)},
    )


def _reviewed(resolution: Resolution, limits: LinkageLimits) -> dg.AssetCheckResult:
    found, residents = resolution.conflicts, resolution.residents
    passed = found.unreviewed * 100 <= residents * limits.unreviewed_conflicts_percent
    act = "" if passed else f" {begun(limits.reviewer)} must go through linkage.conflicts."
    return _result(
        REVIEWED,
        passed,
        f"{found.unreviewed:,} of {residents:,} residents have a conflict that nobody has decided on.{act}",
        (found.unreviewed, residents),
        threshold=limits.unreviewed_conflicts_percent,
        owner=limits.reviewer,
        more={
            **{f"residents_{kind}": count for kind, count in found.by_kind.items()},
            "kinds": table(
                ("residents whose records …", "residents"),
                [(words, f"{found.by_kind[kind]:,}") for kind, words in KINDS.items()],
            ),
        },
    )


def _alike(groups: Mapping[str, Mapping[str, _Rate]], limits: LinkageLimits) -> dg.AssetCheckResult:
    """The gap of each grouping, between groups that are large enough and known."""
    large = {grouping: _large(groups.get(grouping, {}), limits.least_in_group) for grouping in _GROUPINGS}
    gaps, wide = {}, []
    for grouping, rates in large.items():
        if len(rates) < 2:
            continue
        lowest, highest = (pick(rates, key=lambda name: (rates[name]["link_rate"], name)) for pick in (min, max))
        gaps[grouping] = round(100 * (rates[highest]["link_rate"] - rates[lowest]["link_rate"]), 1)
        if gaps[grouping] > limits.group_gap_points.get(grouping, 100):
            wide.append(f"by {_GROUPINGS[grouping]}: {lowest} {_of(rates[lowest])}, {highest} {_of(rates[highest])}")
    rows = [
        (_GROUPINGS[grouping], name, f"{int(rate['records']):,}", _of(rate))
        for grouping, rates in large.items()
        for name, rate in rates.items()
    ]
    return _result(
        GROUPS,
        not wide,
        _said(gaps, wide, limits),
        (len(wide), len(gaps)),
        threshold=", ".join(f"{_GROUPINGS.get(n, n)} {points:g}" for n, points in limits.group_gap_points.items()),
        owner=limits.owner,
        more={
            "widest_gap": max(gaps.values(), default=0.0),
            **{f"gap_{name}": gap for name, gap in gaps.items()},
            "groups": table(("group", "value", "person records", "linked"), rows),
        },
    )


def _large(rates: Mapping[str, _Rate], least: int) -> dict[str, _Rate]:
    """Records of which the group is not known are no group of people."""
    return {name: rate for name, rate in rates.items() if rate["records"] >= least and name != "unknown"}


def _said(gaps: Mapping[str, float], wide: Sequence[str], limits: LinkageLimits) -> str:
    if wide:
        return f"{begun(limits.owner)} must find out why some are linked less, {'; '.join(wide)}."
    if not gaps:
        return "No two groups are large enough to compare."
    return "Widest gaps in points: " + ", ".join(f"{_GROUPINGS[name]} {gap:g}" for name, gap in gaps.items()) + "."


def _of(rate: _Rate) -> str:
    """As `shown_rate`; nor can fewer than ten of a group be worked out who are not linked."""
    linked, records = int(rate["linked"]), int(rate["records"])
    return f"all but fewer than {LEAST}" if records - linked < LEAST else shown_rate(linked, records)


def named(source: str) -> str:
    """A source as a person reads it."""
    return source.replace("__", " / ")


def _steward(rate: RateStanding, partners: Mapping[str, Partner], limits: LinkageLimits) -> str:
    partner = partners.get(rate.source.partition("__")[0])
    return partner.steward if partner else limits.owner


def _result(name: str, passed: bool, description: str, shares: tuple[int, int], **more: Any) -> dg.AssetCheckResult:
    return verdict(name, CHECKS[name], passed, description, shares, **more)
