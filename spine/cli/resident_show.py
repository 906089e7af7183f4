"""How a resident, and a pair of records, look on a terminal.

Put here: tables for people. Never here: what is known of a resident (spine.identity.lookup), or a value of a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
from rich.text import Text

from spine.cli.link_show import waterfall
from spine.cli.terminal import listing, out
from spine.identity.conflicts import KINDS
from spine.identity.decisions import STANDINGS
from spine.identity.lookup import Resident
from spine.linkage.explain import Explanation, signed

_STATUS = {
    "merged": "was merged into",
    "split": "was split; most of its records went to",
    "retired": "is retired: no source holds a record of it any more",
}
_DECIDED = {"must_link": "are one person", "cannot_link": "are two people"}
#: So many of a link's reasons are shown, the weightiest first.
_REASONS = 4


def show_resident(known: Resident, reasons: Sequence[Explanation]) -> None:
    """Print what is known of a resident.

    Args:
        known: the resident.
        reasons: the explanation of each of its links, in their order.
    """
    _heading(known)
    if known.records.height:
        _print("Records", ("record", "source", "linked", "confidence"), [
            (row["record_id"], row["source"].replace("__", " / "), row["method"], _share(row["confidence"]))
            for row in known.records.iter_rows(named=True)
        ])  # fmt: skip
    for row, told in zip(known.links.iter_rows(named=True), reasons, strict=True):
        pair = f"{row['left_record_id']}  =  {row['right_record_id']}"
        out.print(Text(f"{pair}   {row['method']}, {signed(row['bits'])} bits", style="bold"), soft_wrap=True)
        for step in sorted(told.steps[1:], key=lambda step: -abs(step.bits))[:_REASONS]:
            out.print(Text(f"    {signed(step.bits):>6}  {step.subject} {step.words}"), soft_wrap=True)
    if known.conflicts.height:
        out.print(Text("\nConflicts", style="bold"))
        for row in known.conflicts.iter_rows(named=True):
            seen = "somebody has decided on it" if row["is_reviewed"] else "nobody has decided on it"
            out.print(Text(f"  The records {KINDS[row['kind']]}; {seen}."), soft_wrap=True)
    show_decisions(known.decisions)
    _print("History", ("day", "event", "resident", "other resident", "why"), [
        (str(row["run_as_of"]), row["event"], row["resident_id"], row["other_resident_id"] or "", row["reason"])
        for row in known.events.iter_rows(named=True)
    ])  # fmt: skip


def show_known_on(day: date, known: pl.DataFrame) -> None:
    """Print the records of one resident as known for a day.

    Args:
        known: record_id, resident_id; no row where nobody was known by the id then.
    """
    if known.is_empty():
        out.print(f"For {day} nobody was known by this id.")
        return
    resident = known["resident_id"][0]
    out.print(Text(f"Resident {resident}, as known for {day}: {_counted(known.height)}.", style="bold"), soft_wrap=True)
    _print("Records", ("record",), [(record,) for record in known["record_id"].sort()])


def show_pair(pair: tuple[str, str], told: Explanation, decisions: pl.DataFrame, *, together: bool) -> None:
    """Print why two records are one person or not.

    Args:
        pair: their ids.
        told: the pair's waterfall.
        decisions: that name the two, with what became of them.
        together: both are one resident.
    """
    out.print(Text(f"{pair[0]}\n{pair[1]}", style="bold"), soft_wrap=True)
    out.print(f"They are {'one resident' if together else 'two residents'} today.")
    waterfall(told)
    show_decisions(decisions)


def show_hold(*, is_held: bool) -> None:
    """Say that links and residents do not belong to one run, where the last run was held."""
    if is_held:
        out.print(
            "\nThe last run was held: too many ids would have changed without a cause. Links, weights and decisions "
            "are those of that run, residents those of the run before."
        )


def show_decisions(decisions: pl.DataFrame) -> None:
    """Print decisions and what became of them; nobody who decided is named."""
    if decisions.is_empty():
        return
    out.print(Text("\nDecisions by people", style="bold"))
    for row in decisions.iter_rows(named=True):
        end = f" until {row['valid_until']}" if row["valid_until"] else ""
        what = _DECIDED.get(row["decision"] or "", "are not said to be one or two people")
        out.print(
            Text(
                f"  {row['partner']} {row['decision_id']} of {row['decided_on']}{end}: {row['left_record_id']} and "
                f"{row['right_record_id']} {what} ({row['reason_code']}). It {STANDINGS[row['standing']]}."
            ),
            soft_wrap=True,
        )


def _heading(known: Resident) -> None:
    found = known.found
    if found.record_id:
        out.print(Text(f"The record is one of resident {found.resident_id}."), soft_wrap=True)
    elif found.status in _STATUS:
        after = "" if found.status == "retired" else f" {found.resident_id}"
        out.print(Text(f"{found.asked} {_STATUS[found.status]}{after}."), soft_wrap=True)
    sources = known.records["source"].n_unique()
    sure = (
        "" if known.confidence is None else f"; the weakest link that holds it together is {known.confidence:.1%} sure"
    )
    told = f"{_counted(known.records.height)} of {sources} source{'' if sources == 1 else 's'}{sure}."
    out.print(Text(f"Resident {found.resident_id}: {told}", style="bold"), soft_wrap=True)
    if known.former:
        out.print(Text(f"Earlier ids that lead here: {', '.join(known.former)}."), soft_wrap=True)


def _counted(records: int) -> str:
    return f"{records} record{'' if records == 1 else 's'}"


def _share(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.1%}"


def _print(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = listing(*heads, title=title)
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)
