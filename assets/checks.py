"""Dagster checks of a raw asset: one for each rule of its contracts, and four about the delivery itself.

Put here: how a ledger record becomes check results. Never here: a rule, or how it is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from spine.contracts import Contract, Partner, Rule, RuleResult
from spine.extract import InUse, LedgerEntry
from spine.quality import check_metadata

ACCEPTED = "table__delivery_accepted"
COUNTED = "table__nothing_lost"
AGREED_COLUMNS = "table__columns_as_contracted"
CURRENT = "table__newest_delivery_in_use"

_ABOUT_DELIVERY = {
    ACCEPTED: "The newest delivery could be read and meets every rule that refuses a delivery. "
    "A failure keeps the last accepted delivery in use.",
    COUNTED: "Every row that was read was kept or is of a kind that the contract does not name; none was quarantined.",
    AGREED_COLUMNS: "The files hold the contracted columns and no others; others were dropped unread.",
    CURRENT: "The data in use is the newest that the partner has sent.",
}


def check_specs(key: dg.AssetKey, contracts: Sequence[Contract]) -> list[dg.AssetCheckSpec]:
    """The checks of one raw asset. A rule that refuses says so; none blocks other partners."""
    specs = [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in _ABOUT_DELIVERY.items()]
    rules = {rule.name: rule for contract in contracts for rule in contract.rules if rule.metric != "text"}
    return specs + [dg.AssetCheckSpec(rule.name, asset=key, description=_sentence(rule)) for rule in rules.values()]


def check_results(
    key: dg.AssetKey,
    entry: LedgerEntry | None,
    contracts: Sequence[Contract],
    partner: Partner,
    state: InUse | None = None,
) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on one delivery; without any delivery every check says that it could not run.

    Args:
        state: what is in use, for the newest delivery; an older one is not compared with it.
    """
    if entry is None:
        why = f"{partner.name} has delivered nothing yet. {partner.steward} must send it."
        yield from (_could_not_run(key, spec.name, why) for spec in check_specs(key, contracts))
        return
    yield _accepted(key, entry, partner)
    yield from _counts(key, entry)
    if state is not None:
        yield _current(key, entry, state)
    judged = next((c for c in contracts if c.id == entry.contract_id), contracts[0])
    results = {result.name: result for result in entry.results}
    for contract in contracts:
        for rule in contract.rules:
            if rule.metric == "text" or (contract.id != judged.id and rule.name in {r.name for r in judged.rules}):
                continue
            yield _rule_result(key, rule, results.get(rule.name), contract, partner, entry)


def evaluations(
    results: Iterator[dg.AssetCheckResult], key: dg.AssetKey, entry: LedgerEntry
) -> Iterator[dg.AssetCheckEvaluation]:
    """The same verdicts for an older delivery, to be reported beside the run so that trends begin with it."""
    for result in results:
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=result.check_name or "",
            passed=result.passed,
            severity=result.severity,
            metadata={**result.metadata, "delivery": dg.MetadataValue.text(entry.delivery)},
            description=result.description,
        )


def _accepted(key: dg.AssetKey, entry: LedgerEntry, partner: Partner) -> dg.AssetCheckResult:
    act = "" if entry.accepted else f"{partner.steward} must act: "
    return dg.AssetCheckResult(
        passed=entry.accepted,
        asset_key=key,
        check_name=ACCEPTED,
        severity=dg.AssetCheckSeverity.ERROR,
        description=act + ("; ".join(entry.reasons) or f"{entry.delivery} is accepted."),
        metadata={
            "delivery": entry.delivery,
            "revision": entry.revision,
            "files": entry.files,
            "files_ignored": entry.files_ignored,
            "owner": partner.steward,
        },
    )


def _counts(key: dg.AssetKey, entry: LedgerEntry) -> Iterator[dg.AssetCheckResult]:
    tables = entry.tables.values()
    if not tables:
        for name in (COUNTED, AGREED_COLUMNS):
            yield _could_not_run(key, name, f"Not evaluated: {entry.delivery} could not be read.")
        return
    read, kept = sum(t.rows_read for t in tables), sum(t.kept for t in tables)
    quarantined, ignored = sum(t.quarantined for t in tables), sum(t.ignored for t in tables)
    yield dg.AssetCheckResult(
        passed=read == kept + ignored,
        asset_key=key,
        check_name=COUNTED,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{read:,} rows read: {kept:,} kept, {quarantined:,} quarantined, "
        f"{ignored:,} of kinds that the contract does not name.",
        metadata={"numerator": quarantined, "denominator": read, "rows_kept": kept, "rows_ignored": ignored},
    )
    dropped, absent = sum(t.columns_dropped for t in tables), sum(len(t.columns_absent) for t in tables)
    yield dg.AssetCheckResult(
        passed=dropped == 0 and absent == 0,
        asset_key=key,
        check_name=AGREED_COLUMNS,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{dropped} columns are not contracted and were dropped; {absent} optional columns are absent.",
        metadata={"columns_dropped": dropped, "columns_absent": absent},
    )


def _current(key: dg.AssetKey, entry: LedgerEntry, state: InUse) -> dg.AssetCheckResult:
    used = state.latest
    in_use = f"{used.delivery} revision {used.revision}" if used else "nothing"
    return dg.AssetCheckResult(
        passed=used == entry,
        asset_key=key,
        check_name=CURRENT,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"In use: {in_use}; newest: {entry.delivery} revision {entry.revision}.",
        metadata={"in_use": in_use, "newest": f"{entry.delivery} revision {entry.revision}"},
    )


def _rule_result(
    key: dg.AssetKey, rule: Rule, result: RuleResult | None, contract: Contract, partner: Partner, entry: LedgerEntry
) -> dg.AssetCheckResult:
    if result is None:
        return _could_not_run(key, rule.name, f"Not evaluated: {entry.delivery} could not be read to the end.")
    ran = result.outcome != "error"
    severity = dg.AssetCheckSeverity.ERROR if rule.severity == "error" or not ran else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        passed=result.outcome == "passed",
        asset_key=key,
        check_name=rule.name,
        severity=severity,
        description=_sentence(rule) if ran else f"The rule could not run ({result.problem}). {_sentence(rule)}",
        metadata={**check_metadata(rule, result, contract, partner), "delivery": entry.delivery},
    )


def _could_not_run(key: dg.AssetKey, name: str, why: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False, asset_key=key, check_name=name, severity=dg.AssetCheckSeverity.WARN, description=why
    )


def _sentence(rule: Rule) -> str:
    return f"{rule.sentence} A failure refuses the delivery." if rule.severity == "error" else rule.sentence
