"""Dagster checks of a raw asset that hold its newest delivery against the ones before it.

Put here: the four checks and their sentences. Never here: what is usual or a limit (spine.quality.drift). A code that
is shown is one that the contract lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.rule_checks import Judged, waived
from spine.contracts import Partner
from spine.extract import LedgerEntry
from spine.quality import Drift, Finding, Kind
from spine.quality.drift import FIRST
from spine.verdicts import DRIFT_CHECKS, drift_of

#: By kind: the check's name, its dimension in the words of the Open Data Contract Standard, and its sentence.
CHECKS: dict[Kind, tuple[str, str, str]] = {
    "volume": (DRIFT_CHECKS["volume"], "completeness", "Every table has about as many rows as in the last deliveries."),
    "missing_values": (
        DRIFT_CHECKS["missing_values"],
        "completeness",
        "No column lacks clearly more values than in the last deliveries.",
    ),
    "codes": (
        DRIFT_CHECKS["codes"],
        "consistency",
        "Every code of the contract has about its usual share; none vanished and none is new.",
    ),
    "dates": (DRIFT_CHECKS["dates"], "accuracy", "Days and months of dates have not changed places."),
}
_TOLD = 5


def check_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of one raw asset."""
    return [dg.AssetCheckSpec(name, asset=key, description=text) for name, _, text in CHECKS.values()]


def check_results(judged: Judged, known: Sequence[LedgerEntry]) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on one delivery; none where nothing of it was profiled.

    Args:
        known: the source's records, among which the earlier deliveries are.
    """
    for found in drift_of(judged.entry, judged.contract, known).values():
        result = _result(judged.key, judged.entry, found, judged.partner)
        waiver = judged.waivers.get(DRIFT_CHECKS[found.kind])
        yield waived(result, waiver) if waiver and found.findings else result


def _result(key: dg.AssetKey, entry: LedgerEntry, found: Drift, partner: Partner) -> dg.AssetCheckResult:
    name, dimension, sentence = CHECKS[found.kind]
    passed = not found.findings
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.WARN,
        description=_said(entry, found, partner),
        metadata={
            "sentence": sentence,
            "dimension": dimension,
            "severity": "warning",
            "outcome": "passed" if passed else "warned",
            "threshold": "must be 0 figures out of the usual",
            "owner": partner.steward,
            "partner": partner.id,
            "delivery": entry.delivery,
            "evaluated_at": entry.judged_as_of.isoformat(),
            "numerator": len(found.findings),
            "denominator": found.compared,
            "worst_of_limit": found.worst,
            "earlier_deliveries": found.earlier,
        },
    )


def _said(entry: LedgerEntry, found: Drift, partner: Partner) -> str:
    if found.findings:
        told = [words(finding) for finding in found.findings[:_TOLD]]
        more = len(found.findings) - len(told)
        rest = f"; and {more} more" if more else ""
        return f"{partner.steward} must say whether it is right: in {entry.delivery}, {'; '.join(told)}{rest}."
    if found.earlier < FIRST and found.kind != "dates":
        return (
            f"{entry.delivery} was recorded. A comparison needs {FIRST} earlier deliveries of this layout; "
            f"there {'is' if found.earlier == 1 else 'are'} {found.earlier or 'none'}."
        )
    return f"{entry.delivery} is as the {found.earlier} deliveries before it: {found.compared:,} figures were compared."


def words(finding: Finding) -> str:
    """One figure that is not as usual, in plain words."""
    where = f"{finding.column} of {finding.table}" if finding.column else f"table {finding.table}"
    if finding.kind == "volume":
        change = 100 * (finding.now / finding.usual - 1) if finding.usual else 100.0
        return f"{where} has {finding.now:,.0f} rows, usually {finding.usual:,.0f} ({change:+.0f} %)"
    return f"{where} {'' if finding.how == 'lost' else 'has '}{_share(finding)}"


def _share(finding: Finding) -> str:
    now, usually = f"{finding.now:.1%}", f", usually {finding.usual:.1%}"
    sentences = {
        ("dates", "swapped"): f"day and month in each other's place in {now} of the {finding.rows:,} rows that the "
        "delivery before it holds too: one of the two is wrong",
        ("codes", "vanished"): f"no row with code {finding.code}{usually}",
        ("codes", "appeared"): f"code {finding.code}, which it never had, in {now} of the rows",
        ("codes", ""): f"code {finding.code} in {now} of the rows{usually}",
        (
            "missing_values",
            "lost",
        ): f"lost its value in {now} of the {finding.rows:,} rows that it had before{usually}",
        ("missing_values", ""): f"no value in {now} of the rows{usually}",
        ("dates", ""): f"{now} of its dates on a day after the 12th{usually}",
    }
    return sentences.get((finding.kind, finding.how)) or sentences[finding.kind, ""]
