"""When a source's next delivery is due, and how late it is.

Put here: the reckoning of days and its sentence. Never here: a check result (assets.checks).

A delivery is due every `frequency` days of the contract's slaProperties, and late once the days of
grace are over too: the slaProperty `latency`, or where none is agreed a quarter of the frequency, two
days at least. A month counts 31 days, a quarter 92, a year 366 (spine.contracts.load). Days are counted
from the date of the newest accepted delivery to the run's as-of date. Where nothing was delivered yet,
they are counted from the day on which the server entry begins; where it names none, it is late at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from spine.contracts.model import Contract, Partner, Supply
from spine.extract.in_use import InUse
from spine.extract.ledger import LedgerEntry


@dataclass(frozen=True)
class Punctuality:
    """Whether a source is on time.

    Attributes:
        days: `expected_every_days`, `grace_days`, `days_since` and `days_late`, as far as they are known.
    """

    is_on_time: bool
    sentence: str
    days: Mapping[str, int]


@dataclass(frozen=True)
class Arrival:
    """One delivery's lateness.

    Attributes:
        days_since: days from the accepted delivery before it.
        days_late: of those, the days beyond what is agreed with its grace.
    """

    entry: LedgerEntry
    days_since: int
    days_late: int


def punctuality(contracts: Sequence[Contract], partner: Partner, state: InUse, as_of: date) -> Punctuality:
    """Reckon how late a source is.

    Args:
        contracts: the source's layouts; the one that is valid on `as_of` says what is due.
        state: what is in use of the source; `history` holds every accepted delivery.
    """
    due = [(c, s) for c in contracts for s in c.supplies if s.partner == partner.id and s.covers(as_of)]
    if not due:
        return Punctuality(True, f"Nothing is due: no server entry of the source is valid on {as_of}.", {})
    contract, supply = due[0]
    every = contract.frequency_days
    if every is None:
        return Punctuality(True, f"Nothing is due on a day: contract {contract.id} names no frequency.", {})
    grace = grace_days(contract)
    terms = {"expected_every_days": every, "grace_days": grace}
    latest = state.history[-1].date if state.history else None
    start = latest or (supply.valid_from if supply.valid_from != date.min else None)
    rule = f"one is due every {every} days, with {grace} of grace"
    if start is None:
        return Punctuality(False, f"{partner.steward} must send it: nothing was ever accepted; {rule}.", terms)
    since = (as_of - start).days
    late = max(0, since - every - grace)
    counted = terms | {"days_since": since, "days_late": late}
    what = f"the newest accepted delivery is of {latest}" if latest else f"nothing was accepted since {start}"
    if late:
        text = f"{what}, {since} days before {as_of}; {rule}, so it is {late} days late"
        return Punctuality(False, f"{partner.steward} must send it: {text}.", counted)
    return Punctuality(True, f"{what[0].upper()}{what[1:]}, {since} days before {as_of}; {rule}.", counted)


def arrivals(entries: Iterable[LedgerEntry], contracts: Sequence[Contract]) -> list[Arrival]:
    """How late each accepted delivery of a source was, oldest first; the first has none before it.

    A delivery is reckoned by the layout that it came in: what `punctuality` says of the newest, said of each.

    Args:
        entries: ledger records of one source; of each date the newest accepted revision counts.
    """
    terms = {contract.id: contract for contract in contracts}
    by_date = {e.date: e for e in sorted(entries, key=lambda e: (e.date, e.revision)) if e.accepted}
    found = []
    for before, entry in pairwise(by_date.values()):
        contract = terms.get(entry.contract_id)
        if contract is not None and contract.frequency_days is not None:
            since = (entry.date - before.date).days
            late = max(0, since - contract.frequency_days - grace_days(contract))
            found.append(Arrival(entry, since, late))
    return found


def grace_days(contract: Contract) -> int:
    """Days that a delivery may come after it is due: as agreed, else a quarter of the frequency, at least two."""
    if contract.latency_days is not None:
        return contract.latency_days
    return max(2, math.ceil((contract.frequency_days or 0) / 4))


def layout_periods(contracts: Sequence[Contract], partner: str) -> list[tuple[Contract, Supply]]:
    """The layouts that a partner sends, with their server entries, in order of validity."""
    found = [(c, s) for c in contracts for s in c.supplies if s.partner == partner]
    return sorted(found, key=lambda pair: (pair[1].valid_from, pair[0].id))
