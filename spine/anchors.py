"""Anchors: the head of the audit log, noted where whoever could rewrite the log does not also write.

Put here: noting the head in a file and at a webhook, and holding the log against what was noted. Never here: the
chain itself (spine.audit), or what a release says of the head (spine.release): a release is an anchor too, and
is handed in. An anchor holds a line count and two hashes, nothing about anybody.

An anchor that cannot be set never costs a run: it is a warning and a line of the log, and the next one, whose head
covers all lines before it, makes up for it.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from spine import audit
from spine.failpoints import reach
from spine.settings import Settings

#: Seconds that a webhook may take.
_PATIENCE = 5.0
_FILE, _WEBHOOK = "file", "webhook"


@dataclass(frozen=True)
class Anchor:
    """A head of the log as it was noted somewhere.

    Attributes:
        where: what a person calls the place, such as "release care_planning version 3".
        head: the hash of the last line at that time.
        lines: how many lines there were; None where the place does not say.
    """

    where: str
    head: str
    lines: int | None = None


@dataclass(frozen=True)
class Standing:
    """The log held against its anchors.

    Attributes:
        faults: one sentence each.
        lines: how many lines the log has.
        anchors: how many anchors fit.
        covered: the number of the last line that an anchor vouches for; the loss of a later one would not show.
    """

    faults: tuple[str, ...]
    lines: int
    anchors: int
    covered: int


def set_anchors(settings: Settings) -> list[str]:
    """Note the log's head in every place that the settings name.

    Returns:
        A warning for each place that could not be reached; each is a line of the log too.
    """
    warnings = []
    for place in (_FILE, _WEBHOOK):
        target = settings.anchor_file if place == _FILE else settings.anchor_url
        head = audit.head(settings.audit_log)
        if not target or not head.lines:
            continue
        try:
            is_new = _note_in_file(settings, head) if place == _FILE else _post(settings, head)
        except (OSError, HTTPException, ValueError) as error:
            problem = type(error).__name__
            audit.append(settings.audit_log, "anchor", place=place, decision="failed", problem=problem)
            warnings.append(
                f"the head of the audit log could not be noted at the {place} that the settings name ({problem}). "
                "The run stands, and the next one tries again. Whoever runs the deployment must see to the place"
            )
        else:
            if is_new:
                audit.append(settings.audit_log, "anchor", place=place, decision="set", lines=head.lines)
    return warnings


def stand(settings: Settings, noted_elsewhere: Iterable[Anchor] = ()) -> Standing:
    """Hold the log against itself and every anchor that can be read.

    Args:
        noted_elsewhere: the heads that the releases on the shelf carry.
    """
    log = settings.audit_log
    faults = audit.verify(log)
    heads = [audit.START, *audit.heads(log)]
    positions = {value: number for number, value in enumerate(heads)}
    anchors = [*noted_elsewhere]
    try:
        anchors += _noted_in_file(settings)
    except ValueError as error:
        faults.append(str(error))
    fit, covered = 0, 0
    for anchor in anchors:
        fault = _fault(anchor, heads, positions)
        if fault:
            faults.append(fault)
        else:
            fit += 1
            covered = max(covered, positions[anchor.head])
    return Standing(tuple(faults), len(heads) - 1, fit, covered)


def _fault(anchor: Anchor, heads: list[str], positions: dict[str, int]) -> str | None:
    lines = anchor.lines
    if lines is not None and lines >= len(heads):
        return f"{anchor.where} was set when the log had {lines} lines; it has {len(heads) - 1}: its end was cut off"
    if anchor.head not in positions or (lines is not None and heads[lines] != anchor.head):
        place = f"line {lines}" if lines is not None else "some line"
        return (
            f"{anchor.where} names a head that is not in the log: {place} or one before it was altered or removed, "
            "and the chain written anew"
        )
    return None


def _note_in_file(settings: Settings, head: audit.Head) -> bool:
    path = Path(settings.anchor_file or "").expanduser()
    if _is_noted(settings, head):
        return False
    line = json.dumps({"lines": head.lines, "head": head.hash}, sort_keys=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        torn = b""
        if end:
            file.seek(end - 1)
            torn = b"" if file.read(1) == b"\n" else b"\n"
        reach("anchor.before_write")
        file.write(torn + line.encode() + b"\n")
        os.fsync(file.fileno())
    reach("anchor.after_write")
    return True


def _is_noted(settings: Settings, head: audit.Head) -> bool:
    """True where nothing but lines about anchors came after the last anchor in the file."""
    noted = max((anchor.lines or 0 for anchor in _noted_in_file(settings, must_exist=False)), default=0)
    later = [entry for entry in audit.entries(settings.audit_log) if entry.line > noted]
    return 0 < noted <= head.lines and all(entry.kind == "anchor" for entry in later)


def _noted_in_file(settings: Settings, *, must_exist: bool = True) -> list[Anchor]:
    """The file's anchors, all of them of this home; a torn line is skipped: the next anchor covers what it said.

    Raises:
        ValueError: the log says that anchors were set there, and the file is gone.
    """
    if settings.anchor_file is None:
        return []
    path = settings.anchor_file.expanduser()
    if not path.exists():
        facts = (entry.facts for entry in audit.entries(settings.audit_log) if entry.kind == "anchor")
        if must_exist and any(fact.get("place") == _FILE and fact.get("decision") == "set" for fact in facts):
            raise ValueError("the anchor file that the settings name is gone, and the log says that it was written")
        return []
    found: list[Anchor] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        entry = _parsed(line)
        if entry:
            found.append(Anchor(f"anchor {number} of the anchor file", str(entry["head"]), int(entry["lines"])))
    return found


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and {"lines", "head"} <= entry.keys() else {}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET that says nothing: it counts as a failure."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(settings: Settings, head: audit.Head) -> bool:
    """Tell the webhook; any answer but 2xx raises."""
    body = {"lines": head.lines, "head": head.hash}
    request = urllib.request.Request(
        str(settings.anchor_url),
        data=json.dumps(body, sort_keys=True).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=_PATIENCE) as answer:
        answer.read(1024)
    return True
