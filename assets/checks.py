"""Dagster checks of a raw asset: one for each rule of its contracts, six about the delivery itself, four
that hold it against the ones before it (drift_checks).

Dagster's Checks tab stands in order of names and opens on the first: so these begin with an underscore, and the
verdict comes first. A rule that nothing could be measured for is left out, which Dagster shows as skipped, neither
passed nor failed; the verdict then says why. A rule that ran and broke is a failed error.

Put here: how a ledger record becomes check results. Never here: a rule of a contract, how it is measured,
or when a delivery is due (spine.extract).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from assets import drift_checks
from assets.rule_checks import Judged, rule_results, sentence_of
from spine.contracts import Contract, Partner, Waiver, waived_rules
from spine.extract import InUse, LedgerEntry, arrivals, punctuality
from spine.verdicts import ACCEPTED, COUNTED, ON_TIME

AGREED_COLUMNS = "_delivery__columns_as_contracted"
CURRENT = "_delivery__newest_in_use"
NOT_SENT_BEFORE = "_delivery__not_sent_before"

_ABOUT_DELIVERY = {
    ACCEPTED: "The newest delivery could be read and meets every rule that refuses a delivery. "
    "A failure keeps the last accepted delivery in use.",
    COUNTED: "Every row that was read was kept or is of a kind that the contract does not name; none was quarantined.",
    AGREED_COLUMNS: "The files hold the contracted columns and no others; others were dropped unread.",
    CURRENT: "The data in use is the newest that the partner has sent.",
    ON_TIME: "The newest accepted delivery is no older than the contract's frequency and its days of grace.",
    NOT_SENT_BEFORE: "The newest delivery does not hold the very files of another date of the same source.",
}

#: Deliveries that lateness is looked back on.
_ARRIVALS = 12
_SKIPPED = f"Skipped where the newest delivery could not be read; {ACCEPTED} then says why."


@dataclass(frozen=True)
class Standing:
    """How a source stands at the end of a run, beside its newest delivery.

    Attributes:
        waiting: deliveries that are still being sent, and were left alone.
        waivers: of the project.
    """

    as_of: date
    state: InUse
    waiting: int = 0
    waivers: Sequence[Waiver] = ()


def check_specs(key: dg.AssetKey, contracts: Sequence[Contract]) -> list[dg.AssetCheckSpec]:
    """The checks of one raw asset. A rule that refuses says so; none blocks other partners."""
    specs = [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in _ABOUT_DELIVERY.items()]
    specs += drift_checks.check_specs(key)
    rules = {rule.name: rule for contract in contracts for rule in contract.rules if rule.metric != "text"}
    return specs + [
        dg.AssetCheckSpec(rule.name, asset=key, description=f"{sentence_of(rule)} {_SKIPPED}")
        for rule in rules.values()
    ]


def check_results(
    key: dg.AssetKey,
    entry: LedgerEntry | None,
    contracts: Sequence[Contract],
    partner: Partner,
    known: Sequence[LedgerEntry],
    standing: Standing,
) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on the newest delivery, as far as there is something to judge.

    Without any delivery these are lateness and a failed verdict. Of a delivery that could not be read no rule was
    measured, and of two layouts only the rules of the one that it is of: the others have no result.

    Args:
        known: the source's records, among which the same files may stand under another date.
        standing: of the source, beside its newest delivery.
    """
    yield _on_time(key, contracts, partner, standing)
    if entry is None:
        yield _nothing_yet(key, partner, is_optional=all(contract.is_optional for contract in contracts))
        if standing.waiting:
            yield _current(key, None, standing)
        return
    yield _accepted(key, entry, partner, standing)
    yield _not_sent_before(key, entry, known, partner)
    yield _current(key, entry, standing)
    if not entry.tables:
        return
    yield from _counts(key, entry)
    layout = next((c for c in contracts if c.id == entry.contract_id), contracts[0])
    waivers = waived_rules(standing.waivers, entry.partner, entry.dataset, standing.as_of)
    judged = Judged(key, entry, layout, partner, waivers)
    yield from drift_checks.check_results(judged, known)
    yield from rule_results(judged, known)


def _nothing_yet(key: dg.AssetKey, partner: Partner, *, is_optional: bool) -> dg.AssetCheckResult:
    told = "Nobody waits for a delivery." if is_optional else f"{partner.steward} must send it."
    return dg.AssetCheckResult(
        passed=is_optional,
        asset_key=key,
        check_name=ACCEPTED,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{partner.name} has delivered nothing yet. {told}",
        metadata={"owner": partner.steward},
    )


def _accepted(key: dg.AssetKey, entry: LedgerEntry, partner: Partner, standing: Standing) -> dg.AssetCheckResult:
    """The verdict: whether it is refused, who must act, and why."""
    why = "; ".join(reason.removeprefix(f"{entry.delivery}: ") for reason in entry.reasons)
    used = standing.state.latest
    meanwhile = f"Meanwhile {used.delivery} stays in use." if used else "Nothing of this source is in use."
    refused = f"{entry.delivery} is refused, and {partner.steward} must act: {why}. {meanwhile}"
    let_in = entry.accepted and bool(entry.waived)
    accepted = f"{entry.delivery} is accepted."
    if let_in:
        until = min(entry.waived.values())
        accepted = f"Waived until {until}: {entry.delivery} is used although it breaks {', '.join(entry.waived)}. \
{partner.steward} must correct it until then."
    return dg.AssetCheckResult(
        passed=entry.accepted and not let_in,
        asset_key=key,
        check_name=ACCEPTED,
        severity=dg.AssetCheckSeverity.WARN if let_in else dg.AssetCheckSeverity.ERROR,
        description=accepted if entry.accepted else refused,
        metadata={
            "delivery": entry.delivery,
            "revision": entry.revision,
            "files": entry.files,
            "files_ignored" if entry.tables else "files_not_read": entry.files_ignored,
            "owner": partner.steward,
            "evaluated_at": entry.judged_as_of.isoformat(),
            **({"waived_until": min(entry.waived.values()).isoformat()} if let_in else {}),
        },
    )


def _counts(key: dg.AssetKey, entry: LedgerEntry) -> Iterator[dg.AssetCheckResult]:
    tables = entry.tables.values()
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
    past = arrivals(standing.state.history, contracts)[-_ARRIVALS:]
    late = sum(arrival.days_late > 0 for arrival in past)
    told = f" Of the last {len(past)} deliveries {late} came late." if late else ""
    return dg.AssetCheckResult(
        passed=found.is_on_time,
        asset_key=key,
        check_name=ON_TIME,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{found.sentence}{told}",
        metadata={
            **found.days,
            "dimension": "timeliness",
            "owner": partner.steward,
            "deliveries_reckoned": len(past),
            "deliveries_late": late,
        },
    )


def _current(key: dg.AssetKey, entry: LedgerEntry | None, standing: Standing) -> dg.AssetCheckResult:
    used, waiting = standing.state.latest, standing.waiting
    in_use, newest = (f"{e.delivery} revision {e.revision}" if e else "nothing" for e in (used, entry))
    return dg.AssetCheckResult(
        passed=used == entry and not waiting,
        asset_key=key,
        check_name=CURRENT,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"In use: {in_use}; newest: {newest}{f'; still being sent: {waiting}' if waiting else ''}.",
        metadata={"in_use": in_use, "newest": newest, "waiting": waiting},
    )
