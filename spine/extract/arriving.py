"""Whether a delivery has arrived in full, judged from its folder: names, sizes and times, none of them shown.

Put here: looks at a folder and what follows from two of them. Never here: what is in a file, or a verdict.

A partner copies files for minutes or hours, and nothing in a file system says when they are done. So
whoever takes deliveries without being asked (the sensor) takes one only when two looks agree, when the
partner has put `_complete` beside the files, or when the hashes of `_control.json` match (control).
A person who runs the spine by hand has decided that it is time; there a delivery is only left alone when
it changes while it is read (judge).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spine.extract.control import totals_match
from spine.extract.deliveries import MARKER, Delivery, is_unfinished


@dataclass(frozen=True)
class Look:
    """A delivery's folder at one moment.

    Attributes:
        fingerprint: changes with the name, size or time of any file in it, hidden and unfinished ones too.
        marker: the same of `_complete` alone, '' where it is not there.
        newest: when the newest file was written, in seconds since 1970.
        is_unfinished: a file has the name of one that is still being sent (`.part`).
    """

    fingerprint: str
    marker: str = ""
    newest: float = 0.0
    is_unfinished: bool = False


def look_at(folder: Path) -> Look:
    """Look at a delivery's folder; what cannot be looked at counts by its name alone."""
    seen = sorted(_entries(folder))
    marker = [line for name, line, _ in seen if name.casefold() == MARKER]
    return Look(
        fingerprint=_digest(line for _, line, _ in seen),
        marker=_digest(marker) if marker else "",
        newest=max((time for *_, time in seen), default=0.0),
        is_unfinished=any(is_unfinished(name) for name, *_ in seen),
    )


def has_arrived(delivery: Delivery, look: Look, before: Look | None) -> bool:
    """True where the delivery may be taken without anyone having asked for it.

    Args:
        look: at its folder now.
        before: the look before that, at least some seconds ago; None for a folder that is new.
    """
    if before is not None and before.fingerprint == look.fingerprint and not look.is_unfinished:
        return True
    # A marker that was there before the files changed is of an earlier sending.
    if look.marker and (before is None or before.marker != look.marker):
        return True
    return totals_match(delivery)


def arrived(looks: Mapping[str, Look], before: Mapping[str, Look], deliveries: Mapping[str, Delivery]) -> set[str]:
    """Keys of the deliveries that have arrived."""
    return {key for key, look in looks.items() if has_arrived(deliveries[key], look, before.get(key))}


def _entries(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Each file's path in the folder, a line that says how it is, and its time."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            inside = path.relative_to(folder).as_posix()
            try:
                state = path.stat()
            except OSError:
                yield inside, f"{inside}\0?", 0.0
            else:
                yield inside, f"{inside}\0{state.st_size}\0{state.st_mtime_ns}", state.st_mtime


def _digest(lines: Iterator[str] | list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]
