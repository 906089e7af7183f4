"""From a delivery to its ledger record: read, check, accept or refuse.

Put here: the order of steps for one delivery and the verdict. Never here: how a file is read, or
how a rule is measured: that is handed in as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from spine.contracts.model import Contract
from spine.contracts.rules import Rule, RuleResult
from spine.errors import DeliveryError
from spine.extract.deliveries import Content, Delivery, read_content
from spine.extract.land import Staged, discard, settle, stage, sweep
from spine.extract.ledger import Ledger, LedgerEntry

#: Measures rules on Parquet files by table, as of a date.
Evaluate = Callable[[Mapping[str, Path], Sequence[Rule], date], list[RuleResult]]


def process(
    delivery: Delivery,
    contract: Contract,
    *,
    lake: Path,
    ledger: Ledger,
    as_of: date,
    evaluate: Evaluate,
    threads: int = 0,
) -> LedgerEntry | None:
    """Judge one delivery and record the verdict. Its faults never raise: they refuse it, and others go on.

    One run at a time judges a partner's dataset: another waits, and then sees what the first one recorded.

    Args:
        contract: the layout that the partner sends on that date.
        evaluate: measures the contract's rules.

    Returns:
        The new ledger record; None where the newest is of the same bytes and contract (nothing to do).

    Raises:
        SpineError: rows do not add up, or the machine failed. Nothing is recorded then.
    """
    with ledger.lock(delivery.partner, delivery.dataset):
        return _judge(delivery, contract, lake, ledger, as_of, evaluate, threads)


def _judge(
    delivery: Delivery, contract: Contract, lake: Path, ledger: Ledger, as_of: date, evaluate: Evaluate, threads: int
) -> LedgerEntry | None:
    revisions = ledger.of_delivery(delivery.key)
    revision = revisions[-1].revision + 1 if revisions else 1
    try:
        content = read_content(delivery)
    except DeliveryError as error:
        return _refuse_once(delivery, contract, revisions, Content((), "unreadable"), as_of, str(error), ledger)
    if revisions and _is_known(revisions[-1], contract, content, lake):
        return None
    sweep(delivery, lake, ledger)
    try:
        staged = stage(delivery, contract, lake, revision, content, threads)
    except DeliveryError as error:
        return _refuse_once(delivery, contract, revisions, content, as_of, str(error), ledger)
    try:
        results = evaluate(staged.tables, contract.rules, as_of)
        return settle(staged, _verdict(staged, results, as_of), lake, ledger)
    except BaseException:
        discard(staged)
        raise


def _is_known(entry: LedgerEntry, contract: Contract, content: Content, lake: Path) -> bool:
    same = (entry.content_sha256, entry.contract_fingerprint) == (content.sha256, contract.fingerprint)
    return same and (not entry.accepted or (lake / entry.folder / "manifest.json").exists())


def _verdict(staged: Staged, results: Sequence[RuleResult], as_of: date) -> LedgerEntry:
    contract, delivery = staged.contract, staged.delivery
    reasons = (*staged.faults, *_failures(contract.rules, results))
    return LedgerEntry(
        delivery=delivery.key,
        partner=delivery.partner,
        dataset=delivery.dataset,
        date=delivery.date,
        revision=staged.revision,
        contract_id=contract.id,
        contract_version=contract.version,
        contract_fingerprint=contract.fingerprint,
        content_sha256=staged.content_sha256,
        verdict="refused" if reasons else "accepted",
        reasons=reasons,
        files=staged.files,
        files_ignored=staged.files_ignored,
        tables=dict(staged.counts),
        window_start=staged.window[0],
        window_end=staged.window[1],
        results=tuple(results),
        judged_as_of=as_of,
    )


def _failures(rules: Sequence[Rule], results: Sequence[RuleResult]) -> list[str]:
    """One line for each rule that refuses the delivery, and for each that gave no verdict."""
    by_name = {rule.name: rule for rule in rules}
    lines = []
    for result in results:
        sentence = by_name[result.name].sentence if result.name in by_name else ""
        if result.outcome == "failed":
            found = f"{result.numerator} of {result.denominator} rows"
            lines.append(f"expected: {sentence} Against it: {found} (rule {result.name}). Ask the partner to resend")
        elif result.outcome == "error":
            lines.append(f"rule {result.name} could not be measured ({result.problem}): {sentence}")
    measured = {result.name for result in results}
    silent = [rule for rule in rules if rule.metric != "text" and rule.name not in measured]
    return lines + [f"rule {rule.name} gave no result: {rule.sentence}" for rule in silent]


def _refuse_once(
    delivery: Delivery,
    contract: Contract,
    revisions: Sequence[LedgerEntry],
    content: Content,
    as_of: date,
    fault: str,
    ledger: Ledger,
) -> LedgerEntry | None:
    """Record a refusal for structure: reasons, no Parquet. The same refusal twice in a row is recorded once."""
    entry = LedgerEntry(
        delivery=delivery.key,
        partner=delivery.partner,
        dataset=delivery.dataset,
        date=delivery.date,
        revision=revisions[-1].revision + 1 if revisions else 1,
        contract_id=contract.id,
        contract_version=contract.version,
        contract_fingerprint=contract.fingerprint,
        content_sha256=content.sha256,
        verdict="refused",
        reasons=tuple(fault.split("\n")),
        files_ignored=len(content.files),
        judged_as_of=as_of,
    )
    if revisions and _is_same_refusal(revisions[-1], entry):
        return None
    ledger.add(entry)
    return entry


def _is_same_refusal(old: LedgerEntry, new: LedgerEntry) -> bool:
    return (old.verdict, old.content_sha256, old.contract_fingerprint) == (
        "refused",
        new.content_sha256,
        new.contract_fingerprint,
    )
