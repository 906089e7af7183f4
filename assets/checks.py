"""Dagster checks of a raw asset: one for each rule of its contracts, and six about the delivery itself.

Put here: how a ledger record becomes check results. Never here: a rule of a contract, how it is measured,
or when a delivery is due (spine.extract).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from spine.contracts import Contract, Partner, Rule, RuleResult
from spine.extract import InUse, LedgerEntry, punctuality
from spine.quality import check_metadata

ACCEPTED = "table__delivery_accepted"
COUNTED = "table__nothing_lost"
AGREED_COLUMNS = "table__columns_as_contracted"
CURRENT = "table__newest_delivery_in_use"
ON_TIME = "table__arrives_on_time"
NOT_SENT_BEFORE = "table__not_sent_before"

_ABOUT_DELIVERY = {
    ACCEPTED: "The newest delivery could be read and meets every rule that refuses a delivery. "
    "A failure keeps the last accepted delivery in use.",
    COUNTED: "Every row that was read was kept or is of a kind that the contract does not name; none was quarantined.",
    AGREED_COLUMNS: "The files hold the contracted columns and no others; others were dropped unread.",
    CURRENT: "The data in use is the newest that the partner has sent.",
    ON_TIME: "The newest accepted delivery is no older than the contract's frequency and its days of grace.",
    NOT_SENT_BEFORE: "The newest delivery does not hold the very files of another date of the same source.",
}


@dataclass(frozen=True)
class Standing:
    """How a source stands at the end of a run, beside its newest delivery.

    Attributes:
        waiting: deliveries that are still being sent, and were left alone.
    """

    as_of: date
    state: InUse
    waiting: int = 0


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
    known: Sequence[LedgerEntry] = (),
    standing: Standing | None = None,
) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on one delivery; without any delivery every check but lateness says that it could not run.

    Args:
        known: the source's records, among which the same files may stand under another date.
        standing: of the source, for its newest delivery; an older one is not compared with it.
    """
    if standing is not None:
        yield _on_time(key, contracts, partner, standing)
    if entry is None:
        why = f"{partner.name} has delivered nothing yet. {partner.steward} must send it."
        names = [spec.name for spec in check_specs(key, contracts) if spec.name != ON_TIME]
        yield from (_could_not_run(key, name, why) for name in names)
        return
    yield _accepted(key, entry, partner)
    yield from _counts(key, entry)
    yield _not_sent_before(key, entry, known, partner)
    if standing is not None:
        yield _current(key, entry, standing)
    judged = next((c for c in contracts if c.id == entry.contract_id), contracts[0])
    results = {result.name: result for result in entry.results}
    for contract in contracts:
        for rule in contract.rules:
            if rule.metric == "text" or (contract.id != judged.id and rule.name in {r.name for r in judged.rules}):
                continue
            if contract.id != judged.id:
                yield _of_other_layout(key, rule, contract, entry)
            else:
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
    names = ", ".join(dropped_columns(entry))
    yield dg.AssetCheckResult(
        passed=dropped == 0 and absent == 0,
        asset_key=key,
        check_name=AGREED_COLUMNS,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{dropped} columns are not contracted and were dropped{f' ({names})' if names else ''}; "
        f"{absent} optional columns are absent.",
        metadata={"columns_dropped": dropped, "columns_absent": absent, "columns_dropped_names": names or "none known"},
    )


def dropped_columns(entry: LedgerEntry) -> list[str]:
    """Headers of columns that the contract does not name, as far as they are known to be headers."""
    return sorted({name for table in entry.tables.values() for name in table.columns_dropped_names})


def _not_sent_before(
    key: dg.AssetKey, entry: LedgerEntry, known: Sequence[LedgerEntry], partner: Partner
) -> dg.AssetCheckResult:
    """Compare with the newest revision of each other date: a corrected one no longer holds the same files."""
    newest = {other.delivery: other for other in sorted(known, key=lambda e: e.revision)}
    same = sorted(
        other.delivery
        for other in newest.values()
        if other.date != entry.date and entry.files_sha256 and other.files_sha256 == entry.files_sha256
    )
    which = ", ".join(same)
    return dg.AssetCheckResult(
        passed=not same,
        asset_key=key,
        check_name=NOT_SENT_BEFORE,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{partner.steward} must say whether it is a mistake: {entry.delivery} holds the very files of "
        f"{which}, byte for byte."
        if same
        else f"No other date of this source holds the files of {entry.delivery}.",
        metadata={
            "deliveries_with_same_files": len(same),
            "same_files_as": which or "none",
            "dimension": "timeliness",
            "owner": partner.steward,
        },
    )


def _on_time(
    key: dg.AssetKey, contracts: Sequence[Contract], partner: Partner, standing: Standing
) -> dg.AssetCheckResult:
    found = punctuality(contracts, partner, standing.state, standing.as_of)
    return dg.AssetCheckResult(
        passed=found.is_on_time,
        asset_key=key,
        check_name=ON_TIME,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.sentence,
        metadata={**found.days, "dimension": "timeliness", "owner": partner.steward},
    )


def _current(key: dg.AssetKey, entry: LedgerEntry, standing: Standing) -> dg.AssetCheckResult:
    used, waiting = standing.state.latest, standing.waiting
    in_use = f"{used.delivery} revision {used.revision}" if used else "nothing"
    return dg.AssetCheckResult(
        passed=used == entry and not waiting,
        asset_key=key,
        check_name=CURRENT,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"In use: {in_use}; newest: {entry.delivery} revision {entry.revision}"
        f"{f'; still being sent: {waiting}' if waiting else ''}.",
        metadata={"in_use": in_use, "newest": f"{entry.delivery} revision {entry.revision}", "waiting": waiting},
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


def _of_other_layout(key: dg.AssetKey, rule: Rule, contract: Contract, entry: LedgerEntry) -> dg.AssetCheckResult:
    """A rule of the layout that the partner sent before, or will send: Dagster wants a result of every check."""
    return dg.AssetCheckResult(
        passed=True,
        asset_key=key,
        check_name=rule.name,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Does not apply: {entry.delivery} is of layout {entry.contract_id}, the rule of {contract.id}.",
        metadata={"outcome": "does not apply", "contract": contract.id, "delivery": entry.delivery},
    )


def _could_not_run(key: dg.AssetKey, name: str, why: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False, asset_key=key, check_name=name, severity=dg.AssetCheckSeverity.WARN, description=why
    )


def _sentence(rule: Rule) -> str:
    return f"{rule.sentence} A failure refuses the delivery." if rule.severity == "error" else rule.sentence
