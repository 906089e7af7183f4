"""Dagster checks of a raw asset that are rules of its contract: one rule, one verdict, with its past.

Put here: a rule's verdict on the newest delivery in plain words, its trend, and a waiver on it. Never here: how a
rule is measured, or a threshold's meaning (spine.quality, spine.contracts).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from assets.pictures import picture
from spine.contracts import Contract, Partner, Rule, RuleResult, Waiver
from spine.extract import LedgerEntry
from spine.quality import check_metadata
from spine.quality.trend import Trend, trend
from spine.reports.sparkline import sparkline
from spine.verdicts import measured

Past = Mapping[str, Sequence[tuple[date, RuleResult]]]


@dataclass(frozen=True)
class Judged:
    """What all verdicts on one delivery share.

    Attributes:
        contract: the layout that it was judged by.
        waivers: in force on the run's as-of date, by rule.
    """

    key: dg.AssetKey
    entry: LedgerEntry
    contract: Contract
    partner: Partner
    waivers: Mapping[str, Waiver]


def rule_results(judged: Judged, known: Sequence[LedgerEntry]) -> Iterator[dg.AssetCheckResult]:
    """The verdict of every automated rule of the contract.

    Args:
        known: the source's records, for the rules' past.
    """
    past = measured(known, judged.entry.date)
    results = {result.name: result for result in judged.entry.results}
    for rule in judged.contract.rules:
        if rule.metric != "text":
            yield _rule_result(judged, rule, results.get(rule.name), past)


def sentence_of(rule: Rule) -> str:
    """The rule's sentence, and whether a failure refuses the delivery."""
    return f"{rule.sentence} A failure refuses the delivery." if rule.severity == "error" else rule.sentence


def waived(result: dg.AssetCheckResult, waiver: Waiver) -> dg.AssetCheckResult:
    """A broken check as it stands while it is waived: it warns, and says until when and by whom. Never a pass."""
    words = f"Waived until {waiver.end} by {waiver.deciders} ({waiver.reason.rstrip('.')}). {result.description}"
    metadata: dict[str, Any] = {
        **result.metadata,
        "outcome": "waived",
        "waived_until": waiver.end.isoformat(),
        "waived_by": waiver.deciders,
        "waived_because": waiver.reason,
    }
    return result._replace(severity=dg.AssetCheckSeverity.WARN, description=words, metadata=metadata)


def _rule_result(judged: Judged, rule: Rule, result: RuleResult | None, past: Past) -> dg.AssetCheckResult:
    entry = judged.entry
    if result is None:
        return dg.AssetCheckResult(
            passed=False,
            asset_key=judged.key,
            check_name=rule.name,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"The rule gave no result. {sentence_of(rule)}",
            metadata={"outcome": "error", "delivery": entry.delivery},
        )
    ran = result.outcome != "error"
    fared = trend(rule, past.get(rule.name, ()))
    check = dg.AssetCheckResult(
        passed=result.outcome == "passed",
        asset_key=judged.key,
        check_name=rule.name,
        severity=dg.AssetCheckSeverity.ERROR if rule.severity == "error" or not ran else dg.AssetCheckSeverity.WARN,
        description=_said(judged, rule, result, fared),
        metadata={
            **check_metadata(rule, result, judged.contract, judged.partner),
            "delivery": entry.delivery,
            "evaluated_at": entry.judged_as_of.isoformat(),
            **_trend_metadata(fared),
        },
    )
    waiver = judged.waivers.get(rule.name)
    return waived(check, waiver) if waiver and result.outcome in ("failed", "warned") else check


def _said(judged: Judged, rule: Rule, result: RuleResult, fared: Trend) -> str:
    sentence = sentence_of(rule)
    if result.outcome == "passed":
        return sentence
    if result.outcome == "error":
        return f"The rule could not run ({result.problem}). {sentence}"
    whole = "" if rule.metric == "rowCount" else f" of {result.denominator:,}"
    share = "" if rule.metric == "rowCount" else f", {result.percentage or 0:g} %"
    found = f"{result.numerator:,}{whole} rows{share}; it {rule.threshold}"
    return f"{sentence} In {judged.entry.delivery}: {found}; {_since(fared)}. {judged.partner.steward} must act."


def _since(fared: Trend) -> str:
    if fared.deliveries_since > 1:
        return f"broken since the delivery of {fared.since}, {fared.deliveries_since} in a row"
    return "broken for the first time" if fared.times_broken <= 1 else "broken again"


def _trend_metadata(fared: Trend) -> dict[str, Any]:
    """What the past says by today's threshold; a picture where there is a past."""
    deliveries = len(fared.dates)
    if not deliveries:
        return {}
    told: dict[str, Any] = {
        "deliveries_judged": deliveries,
        "deliveries_failed_by_todays_threshold": fared.times_broken,
        "by_todays_threshold": f"With today's threshold it would have failed in {fared.times_broken} of the last "
        f"{deliveries} deliveries.",
    }
    if fared.since:
        told["failing_since"] = fared.since.isoformat()
    if deliveries > 1:
        told["trend"] = picture("Broken rows in percent", sparkline(fared.dates, fared.percentages, fared.broken))
    return told
