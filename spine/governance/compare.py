"""Two versions of an agreement, told apart in plain words.

Put here: sentences on what changed. Never here: which version holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spine.governance.agreements import Agreement


def differences(old: Agreement, new: Agreement) -> tuple[str, ...]:
    """One sentence for each difference: fields and columns that come and go first, then everything else."""
    lines = [
        *_controllers(old, new),
        *_members("field of", old.datasets, new.datasets),
        *_members("released column of", old.release.tables, new.release.tables),
    ]
    told = {"controllers", "datasets", "release"}
    before, after = (a.model_dump(mode="json", exclude=told) for a in (old, new))
    return (*lines, *_others(before, after))


def _controllers(old: Agreement, new: Agreement) -> Iterator[str]:
    before, after = ({c.partner: c.role.replace("_", " ") for c in a.controllers} for a in (old, new))
    yield from (f"{partner} joins as {after[partner]}" for partner in after if partner not in before)
    yield from (f"{partner} is no controller any more" for partner in before if partner not in after)
    yield from (
        f"{partner} was {before[partner]} and becomes {role}"
        for partner, role in after.items()
        if before.get(partner, role) != role
    )


def _members(what: str, old: Mapping[str, tuple[str, ...]], new: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ()), new.get(name, ())
        yield from (f"new {what} {name}: {member}" for member in after if member not in before)
        yield from (f"no longer a {what} {name}: {member}" for member in before if member not in after)


def _others(before: Mapping[str, Any], after: Mapping[str, Any], place: str = "") -> Iterator[str]:
    for key in before:
        if isinstance(before[key], dict) and isinstance(after[key], dict):
            yield from _others(before[key], after[key], f"{place}{key}/")
        elif before[key] != after[key]:
            yield f"{place}{key}: was {_said(before[key])}, becomes {_said(after[key])}"


def _said(value: Any) -> str:
    return " | ".join(map(str, value)) if isinstance(value, list) else str(value)
