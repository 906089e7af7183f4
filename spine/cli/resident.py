"""`spine resident show` and `spine resident why`: what the spine knows of one person, for authorised staff.

Put here: arguments, the line in the audit log, and how to explain a pair of the last run. Never here: how it looks
(resident_show), or a value of a record: staff who need one ask the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from spine import audit
from spine.cli.app import app
from spine.cli.resident_show import show_hold, show_known_on, show_pair, show_resident
from spine.cli.terminal import out
from spine.errors import SpineError, UsageError
from spine.identity.lookup import Found, Lookup, Resident
from spine.linkage.config import Thresholds
from spine.linkage.explain import Explanation, Outcome, explain
from spine.settings import Settings

if TYPE_CHECKING:
    from spine.linkage.state import State

_LEVEL = "level_"
_SHORTEST = 5
_LONGEST = 200

resident_app = typer.Typer(
    no_args_is_help=True,
    help="What the spine knows of one resident, and why two records are one person or not. Each look is logged.",
)
app.add_typer(resident_app, name="resident")

Reason = Annotated[
    str, typer.Option("--reason", help="Why you look, for the audit log, such as a case number; no name of anybody.")
]

_EXIT = "Exit codes: 0 shown · 2 an id is not known, or nothing has been linked yet · 8 a file cannot be read."


@resident_app.command(epilog=f'Example: spine resident show RES-ID --reason "subject access request 17". {_EXIT}')
def show(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A resident id, in use or retired, or a record_id.")],
    reason: Reason,
    on: Annotated[str, typer.Option("--on", help="YYYY-MM-DD: the records as known for that day instead.")] = "",
) -> None:
    """Show a resident: records by source, the links between them with reasons, history, conflicts and decisions.

    Ids, sources and how alike records are; never what a record holds. A retired id is followed to whoever stands in its
    place today; with --on, the records that it stood for on that day are shown, and a record that is gone is found.
    """
    settings, day = Settings(), _day(on)
    why, lookup = _reason(reason), Lookup(settings.linkage, settings.identity)
    found = _found(settings, lookup, "show", why, ident, on=day)[0]
    if day is not None:
        show_known_on(day, lookup.known_on(found, day))
        return
    known = lookup.resident(found)
    show_resident(known, _reasons(lookup, known))
    show_hold(is_held=lookup.is_held)


@resident_app.command(epilog=f'Example: spine resident why ID-ONE ID-TWO --reason "complaint 4". {_EXIT}')
def why(
    one: Annotated[str, typer.Argument(metavar="A", help="A resident id or a record_id.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    reason: Reason,
) -> None:
    """Say why two records are one person or not: weights, veto, cluster rule, and decisions by people.

    Of two residents, the pair of their records that is most alike is explained.
    """
    if one == other:
        raise UsageError("resident why: expected two different ids")
    settings = Settings()
    said, lookup = _reason(reason), Lookup(settings.linkage, settings.identity)
    left, right = _found(settings, lookup, "why", said, one, other)
    together = left.resident_id == right.resident_id
    if together and not (left.record_id or right.record_id):
        out.print(f"Both ids lead to one resident today, {left.resident_id}: see `spine resident show`.")
        return
    sides = lookup.records_of(left), lookup.records_of(right)
    if gone := [name for name, records in zip("AB", sides, strict=True) if not records]:
        raise UsageError(f"resident why: no source holds a record of {' or '.join(gone)} any more, so there is no pair")
    sides = [r for r in sides[0] if r != right.record_id], [r for r in sides[1] if r != left.record_id]
    if not all(sides):
        raise UsageError("resident why: a resident of one record was asked about itself. Name two records")
    pair, told = _explained(lookup, *sides, together=together)
    show_pair(pair, told, lookup.decisions_between(*sides), together=together)
    show_hold(is_held=lookup.is_held)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError("--on: expected a day of the calendar as YYYY-MM-DD") from None


def _reason(text: str) -> str:
    """The reason, if it is one.

    Raises:
        UsageError: it is too short to mean anything, or too long for a log.
    """
    said = " ".join(text.split())
    if not _SHORTEST <= len(said) <= _LONGEST:
        raise UsageError(f"--reason: expected {_SHORTEST} to {_LONGEST} characters, such as the number of the case")
    return said


def _found(
    settings: Settings, lookup: Lookup, action: str, reason: str, *wanted: str, on: date | None = None
) -> list[Found]:
    """Who was asked for, and for which day; the audit log is told first, also where nobody is found.

    A record id holds the source's own number of a person, so the log names the resident that it belongs to.
    """
    names = ("ID",) if len(wanted) == 1 else ("A", "B")
    found: list[Found] = []
    unknown: SpineError | None = None
    for ident, name in zip(wanted, names, strict=True):
        try:
            found.append(lookup.find(ident, name, ever=on is not None))
        except SpineError as error:
            unknown = unknown or error
    asked = [f"a record of {one.asked}" if one.record_id else one.asked for one in found]
    asked += ["an id that is not known"] * (len(wanted) - len(found))
    day = {} if on is None else {"on": on.isoformat()}
    audit.append(settings.audit_log, "resident_access", action=action, asked=asked, reason=reason, **day)
    if unknown is not None:
        raise unknown
    return found


def _reasons(lookup: Lookup, known: Resident) -> list[Explanation]:
    """The explanation of each link of a resident, in the order of the links."""
    thresholds, model = Thresholds.model_validate(lookup.thresholds), lookup.model
    return [
        explain(_levels(row), row["stratum"], model, thresholds, Outcome(row["bits"], row["method"], together=True))
        for row in known.links.iter_rows(named=True)
    ]


def _levels(row: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix(_LEVEL): level for name, level in row.items() if name.startswith(_LEVEL)}


def _explained(
    lookup: Lookup, left: Sequence[str], right: Sequence[str], *, together: bool
) -> tuple[tuple[str, str], Explanation]:
    """The pair to explain, the first of each side's, and its explanation."""
    thresholds, model = Thresholds.model_validate(lookup.thresholds), lookup.model
    link = lookup.link_between(left, right)
    if link is not None:
        outcome = Outcome(link["bits"], link["method"], together=True)
        pair = str(link["left_record_id"]), str(link["right_record_id"])
        told = explain(_levels(link), link["stratum"], model, thresholds, outcome)
        return (pair if pair[0] in left else (pair[1], pair[0])), told
    from spine.linkage.between import strongest_pair
    from spine.linkage.state import levels_of_pair

    state = _state(lookup)
    pair = strongest_pair(state, left, right)
    found = levels_of_pair(state, *pair)
    outcome = Outcome(found.bits, veto=found.veto, together=together, compared=found.compared)
    return pair, explain(found.levels, found.stratum, model, thresholds, outcome)


def _state(lookup: Lookup) -> State:
    from spine.linkage.state import load_state

    return load_state(lookup.state)
