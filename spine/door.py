"""The door of the spine: what of a source's deliveries is new, judged with its rules.

Put here: how reading and judging (spine.extract) and the rules' measurement (spine.quality) are put together, in
the step that needs them or ahead of it. Never here: either of them, or a Dagster step.

Judging ahead: `spine run` imports Dagster and dbt for as long as it takes to judge a day's deliveries. So they are
judged in threads from the moment the command holds the home, and each raw step takes what became of its source.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from spine.contracts import Contract, Rule, RuleResult, load_waivers
from spine.extract import Evaluate, Ledger, LedgerEntry, contract_for, find_deliveries, judge_delivery, look_at
from spine.quality import evaluate
from spine.settings import Settings

Source = tuple[str, str]

#: Seconds in which a delivery that was written just now must not change, or a later run takes it. The
#: sensor leaves a minute between its looks; a person who runs the spine has decided that all is sent,
#: and is only kept from taking half of a copy that is visibly under way.
SETTLING = 0.5

#: Sources that are under way at once: one is read, one is measured, the others wait their turn.
_UNDER_WAY = 4


@dataclass(frozen=True)
class Judged:
    """What became of one source's deliveries.

    Attributes:
        new: ledger records that were written, in order of date.
        waiting: keys of deliveries that are left to a later run because they are still being sent.
    """

    new: tuple[LedgerEntry, ...]
    waiting: tuple[str, ...]


class _Turns:
    """One delivery is read at a time and one is measured: the memory of both is bounded, not that of four."""

    def __init__(self) -> None:
        self.reading = threading.Lock()
        self.measuring = threading.Lock()

    @contextmanager
    def to_measure(self) -> Iterator[None]:
        """Leave the reading to another for as long as the rules are measured."""
        self.reading.release()
        try:
            with self.measuring:
                yield
        finally:
            self.reading.acquire()


class Ahead:
    """The deliveries of one home, as they are judged ahead of the steps that need them."""

    def __init__(self, settings: Settings, contracts: Sequence[Contract], as_of: date) -> None:
        """Start nothing yet."""
        self._settings, self._contracts, self._as_of = settings, contracts, as_of
        self._turns, self._found = _Turns(), dict[Source, Future[Judged]]()
        self._pool = ThreadPoolExecutor(_UNDER_WAY, thread_name_prefix="door")

    def start(self, sources: Collection[Source]) -> None:
        """Judge these sources, each by itself."""
        for source in sorted(sources):
            self._found[source] = self._pool.submit(self._judge, source)

    def take(self, settings: Settings, source: Source, as_of: date) -> Judged | None:
        """What became of a source, once: waits for it. None where it was not asked for, or of another home or day.

        Raises:
            Exception: whatever the judging raised, as if it had been done here.
        """
        if (settings.root, as_of) != (self._settings.root, self._as_of):
            return None
        found = self._found.pop(source, None)
        return found.result() if found is not None else None

    def end(self) -> None:
        """Wait for what is under way, and start no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _judge(self, source: Source) -> Judged:
        with self._turns.reading:
            return judge_new(self._settings, self._contracts, source, self._as_of, turns=self._turns)


_ahead: Ahead | None = None


@contextmanager
def judging_ahead(
    settings: Settings, contracts: Sequence[Contract], as_of: date, only: Collection[Source] | None
) -> Iterator[None]:
    """Judge the new deliveries of a home's sources while the block goes on; `judged` takes what became of them.

    The caller holds the home: at the end of the block nothing is under way any more, so that it can let go of it.

    Args:
        only: the sources that the run judges, whatever a contract says of others; None for all.
    """
    global _ahead  # noqa: PLW0603 - one for the process, as the home that it holds
    known = {(supply.partner, contract.dataset) for contract in contracts for supply in contract.supplies}
    ahead = Ahead(settings, contracts, as_of)
    ahead.start(known if only is None else known & set(only))
    _ahead = ahead
    try:
        yield
    finally:
        _ahead = None
        ahead.end()


def judged(settings: Settings, contracts: Sequence[Contract], source: Source, as_of: date) -> Judged:
    """The source's new deliveries, judged ahead where that was asked for, else now."""
    found = _ahead.take(settings, source, as_of) if _ahead is not None else None
    return judge_new(settings, contracts, source, as_of) if found is None else found


def judge_new(
    settings: Settings,
    contracts: Sequence[Contract],
    source: Source,
    as_of: date,
    *,
    arrived: Mapping[str, str] | None = None,
    turns: _Turns | None = None,
) -> Judged:
    """Judge what is new of one source, delivery after delivery.

    Args:
        arrived: fingerprints by delivery key of what the sensor has seen to have arrived; where it is given,
            anything else stays where it is.
        turns: taken with others that are judged at the same time; the caller holds the reading.

    Raises:
        SpineError: rows do not add up, or the machine failed.
    """

    new, waiting = [], []
    ledger, measure = Ledger(settings.ledger), _measuring(settings, turns)
    waivers = load_waivers(settings.expectations, contracts)
    for delivery in find_deliveries(settings.landing, contracts, as_of).deliveries:
        contract = contract_for(contracts, delivery.partner, delivery.dataset, delivery.date)
        if contract is None or (delivery.partner, delivery.dataset) != source:
            continue
        if arrived is not None and arrived.get(delivery.key) != look_at(delivery.folder).fingerprint:
            waiting.append(delivery.key)
            continue
        judgement = judge_delivery(
            delivery, contract, lake=settings.lake, ledger=ledger, as_of=as_of, evaluate=measure,
            threads=settings.threads, settling=SETTLING, waivers=waivers,
        )  # fmt: skip
        if judgement.outcome == "waiting":
            waiting.append(delivery.key)
        elif judgement.outcome == "new" and judgement.entry is not None:
            new.append(judgement.entry)
    return Judged(tuple(new), tuple(waiting))


def _measuring(settings: Settings, turns: _Turns | None) -> Evaluate:
    """What measures rules, in turn with others where several sources are judged at the same time."""

    def measure(tables: Mapping[str, Path], rules: Sequence[Rule], day: date) -> list[RuleResult]:
        with turns.to_measure() if turns is not None else nullcontext():
            return evaluate(tables, rules, day, threads=settings.threads)

    return measure
