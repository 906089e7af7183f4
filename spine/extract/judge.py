"""From a delivery to its ledger record: read, check, accept or refuse.

Put here: the order of steps for one delivery and the verdict. Never here: how a file is read, or
how a rule is measured: that is handed in as a function.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

from spine.contracts.model import Contract
from spine.contracts.rules import Rule, RuleResult
from spine.contracts.waivers import Waiver, waived_rules
from spine.errors import DeliveryError
from spine.extract.arriving import Look, look_at
from spine.extract.deliveries import Content, Delivery, read_content
from spine.extract.land import Staged, discard, is_there, is_whole, restore, settle, stage, sweep
from spine.extract.ledger import Ledger, LedgerEntry
from spine.extract.profile import profile
from spine.failpoints import reach

#: Measures rules on Parquet files by table, as of a date.
Evaluate = Callable[[Mapping[str, Path], Sequence[Rule], date], list[RuleResult]]
#: A file written this many seconds ago may still be growing.
_FRESH = 5.0


@dataclass(frozen=True)
class Judgement:
    """What became of a delivery in one run.

    Attributes:
        outcome: `new`: a revision was recorded. `known`: the newest revision is of the same bytes and
            contract, nothing was read. `same`: it was judged again with the same result. `restored`: so it
            was, and its damaged or lost folder in the lake is whole again. `waiting`: it changed while it
            was read, and is left to a later run.
        entry: the record that stands; None where the delivery waits and was never judged.
    """

    outcome: Literal["new", "known", "same", "restored", "waiting"]
    entry: LedgerEntry | None


@dataclass(frozen=True)
class _Case:
    """One delivery and all that its judgement needs."""

    delivery: Delivery
    contract: Contract
    lake: Path
    ledger: Ledger
    as_of: date
    evaluate: Evaluate
    threads: int
    again: bool
    settling: float
    waivers: Mapping[str, Waiver]
    revisions: tuple[LedgerEntry, ...]
    look: Look
    started: float

    @property
    def last(self) -> LedgerEntry | None:
        return self.revisions[-1] if self.revisions else None

    @property
    def next_revision(self) -> int:
        return self.revisions[-1].revision + 1 if self.revisions else 1

    def has_changed(self) -> bool:
        """True where the delivery is not what it was at the first look; a fresh one is given time to move."""
        if time.time() - self.look.newest < _FRESH:
            time.sleep(max(0.0, self.settling - (time.monotonic() - self.started)))
        return look_at(self.delivery.folder).fingerprint != self.look.fingerprint


def judge_delivery(
    delivery: Delivery,
    contract: Contract,
    *,
    lake: Path,
    ledger: Ledger,
    as_of: date,
    evaluate: Evaluate,
    threads: int = 0,
    again: bool = False,
    settling: float = 0.0,
    waivers: Sequence[Waiver] = (),
) -> Judgement:
    """Judge one delivery and record the verdict. Its faults never raise: they refuse it, and others go on.

    One run at a time judges a partner's dataset: another waits, and then sees what the first one recorded.
    A delivery that changes while it is read is still being sent: it is not judged on half of its bytes.

    Args:
        contract: the layout that the partner sends on that date.
        evaluate: measures the contract's rules.
        again: judge it although the newest revision is of the same bytes and contract. The same result
            leaves ledger and lake as they are; another one (the rules' code changed) is a new revision.
        settling: seconds between the first and the last look at a delivery with a file that was written
            in the last five. Half a second tells a copy that is under way from one that is done.
        waivers: of the project; those of this source that hold on `as_of` count. A delivery whose waiver began or
            ended since it was judged is judged again.

    Raises:
        SpineError: rows do not add up, or the machine failed. Nothing is recorded then.
    """
    with ledger.lock(delivery.partner, delivery.dataset):
        # First: what a dead run left goes even where there is nothing to judge.
        sweep(delivery, lake, ledger)
        case = _Case(
            delivery, contract, lake, ledger, as_of, evaluate, threads, again, settling,
            waived_rules(waivers, delivery.partner, delivery.dataset, as_of),
            ledger.of_delivery(delivery.key), look_at(delivery.folder), time.monotonic(),
        )  # fmt: skip
        return _judge(case)


def _judge(case: _Case) -> Judgement:
    last = case.last
    try:
        content = read_content(case.delivery)
    except DeliveryError as error:
        return _refuse(case, Content((), "unreadable"), str(error))
    is_known = last is not None and _is_of(last, case.contract, content)
    if last is not None and is_known and not case.again and _stands(case, last):
        return Judgement("known", last)
    reach("delivery.before_read")
    # Judged again, it gets the number that it has: the rows in the lake carry it, and are to be compared.
    revision = last.revision if last is not None and is_known else case.next_revision
    try:
        measure = partial(profile, contract=case.contract, before=_before(case))
        staged = stage(case.delivery, case.contract, case.lake, revision, content, case.threads, measure)
    except DeliveryError as error:
        return _refuse(case, content, str(error))
    try:
        reach("delivery.before_rules")
        results = case.evaluate(staged.tables, case.contract.rules, case.as_of)
        reach("delivery.before_settle")
        if case.has_changed():
            discard(staged)
            return Judgement("waiting", last)
        entry = _verdict(staged, results, case)
        if last is not None and is_known:
            return _again(case, last, staged, entry)
        return Judgement("new", settle(staged, entry, case.lake, case.ledger))
    except BaseException:
        discard(staged)
        raise


def _again(case: _Case, last: LedgerEntry, staged: Staged, entry: LedgerEntry) -> Judgement:
    """Compare with the record that stands: nothing to do, a folder to restore, or a new revision."""
    if entry.has_result_of(last):
        if is_whole(last, case.lake):
            discard(staged)
            return Judgement("same", last)
        restore(staged, last, case.lake)
        return Judgement("restored", last)
    discard(staged)
    renewed = stage(case.delivery, case.contract, case.lake, case.next_revision, staged.content, case.threads)
    try:
        update = {"revision": renewed.revision, "lake_sha256": renewed.lake_sha256}
        return Judgement("new", settle(renewed, entry.model_copy(update=update), case.lake, case.ledger))
    except BaseException:
        discard(renewed)
        raise


def _stands(case: _Case, last: LedgerEntry) -> bool:
    """True where nothing calls for another look: the same waivers apply, and no folder of an accepted one is lost."""
    return last.waived == _waived(case, last.results) and (not last.accepted or is_there(last, case.lake))


def _waived(case: _Case, results: Sequence[RuleResult]) -> dict[str, date]:
    """Last day of the waiver by rule, for broken rules that would refuse the delivery."""
    broken = sorted(result.name for result in results if result.outcome == "failed")
    return {name: case.waivers[name].end for name in broken if name in case.waivers}


def _is_of(entry: LedgerEntry, contract: Contract, content: Content) -> bool:
    """True where the record is of these bytes, these control totals and this contract."""
    return (entry.content_sha256, entry.control_sha256, entry.contract_fingerprint) == (
        content.sha256,
        content.control_sha256,
        contract.fingerprint,
    )


def _before(case: _Case) -> dict[str, Path] | None:
    """Files of the newest accepted delivery of the same layout that is dated before this one."""
    known = case.ledger.for_source(case.delivery.partner, case.delivery.dataset)
    mine = [e for e in known if e.accepted and e.date < case.delivery.date and e.contract_id == case.contract.id]
    if not mine:
        return None
    folder = case.lake / mine[-1].folder
    return {table.name: folder / f"{table.name}.parquet" for table in case.contract.tables}


def _verdict(staged: Staged, results: Sequence[RuleResult], case: _Case) -> LedgerEntry:
    contract, delivery = staged.contract, staged.delivery
    waived = _waived(case, results)
    reasons = (*staged.faults, *_failures(contract.rules, results, waived))
    return LedgerEntry(
        delivery=delivery.key,
        partner=delivery.partner,
        dataset=delivery.dataset,
        date=delivery.date,
        revision=staged.revision,
        contract_id=contract.id,
        contract_version=contract.version,
        contract_fingerprint=contract.fingerprint,
        content_sha256=staged.content.sha256,
        verdict="refused" if reasons else "accepted",
        reasons=reasons,
        files=staged.files,
        files_ignored=staged.files_ignored,
        tables=dict(staged.counts),
        window_start=staged.window[0],
        window_end=staged.window[1],
        results=tuple(results),
        judged_as_of=case.as_of,
        files_sha256=staged.content.files_sha256,
        control_sha256=staged.content.control_sha256,
        lake_sha256=staged.lake_sha256,
        waived=waived,
        profile=dict(staged.profile),
    )


def _failures(rules: Sequence[Rule], results: Sequence[RuleResult], waived: Collection[str]) -> list[str]:
    """One line for each rule that refuses the delivery and is not waived, and each cause that left rules unjudged."""
    sentences = {rule.name: rule.sentence for rule in rules}
    lines = []
    silent: dict[str, list[str]] = {}
    for result in results:
        if result.outcome == "failed" and result.name not in waived:
            sentence = sentences.get(result.name, "")
            found = f"{result.numerator} of {result.denominator} rows" if result.denominator else "the table has no row"
            lines.append(f"expected: {sentence} Against it: {found} (rule {result.name}). Ask the partner to resend")
        elif result.outcome == "error":
            silent.setdefault(f"could not be measured ({result.problem})", []).append(result.name)
    measured = {result.name for result in results}
    missing = [rule.name for rule in rules if rule.metric != "text" and rule.name not in measured]
    silent |= {"gave no result": missing} if missing else {}
    return lines + [_silent(cause, names, sentences) for cause, names in silent.items()]


def _silent(cause: str, names: Sequence[str], sentences: Mapping[str, str]) -> str:
    """Rules without a verdict for one cause, such as a file that cannot be opened, in one line."""
    if len(names) == 1:
        return f"rule {names[0]} {cause}: {sentences.get(names[0], '')}"
    return f"{len(names)} rules {cause}: {', '.join(names)}"


def _refuse(case: _Case, content: Content, fault: str) -> Judgement:
    """Record a refusal for structure: reasons, no Parquet. The same refusal twice in a row is recorded once."""
    if case.has_changed():
        return Judgement("waiting", case.last)
    entry = LedgerEntry(
        delivery=case.delivery.key,
        partner=case.delivery.partner,
        dataset=case.delivery.dataset,
        date=case.delivery.date,
        revision=case.next_revision,
        contract_id=case.contract.id,
        contract_version=case.contract.version,
        contract_fingerprint=case.contract.fingerprint,
        content_sha256=content.sha256,
        verdict="refused",
        reasons=tuple(fault.split("\n")),
        files_ignored=len(content.files),
        judged_as_of=case.as_of,
        files_sha256=content.files_sha256,
        control_sha256=content.control_sha256,
    )
    if case.last is not None and entry.has_result_of(case.last):
        return Judgement("same" if case.again else "known", case.last)
    case.ledger.add(entry)
    return Judgement("new", entry)
