"""The audit log: one JSON line for each decision, each line chained to the one before it.

Put here: appending to the log and checking the chain. Never here: a personal value, a key, or
anything that another module reads back to decide what to do. The wall clock is read here and
in spine.locks, nowhere else in the spine: the log says when a thing was done, no result depends on it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, Literal, get_args

from spine.failpoints import reach
from spine.files import clear_faults, make_folder

Kind = Literal[
    "dsa_check",
    "contract_check",
    "optout_apply",
    "link_run",
    "override",
    "mart_build",
    "disclosure_check",
    "output_release",
    "reident",
    "rights_request",
    "retention_delete",
    "key_rotation",
    "agreement_decision",
    "resident_access",
    "waiver",
    "withdrawal",
    "run",
    "key_use",
    "anchor",
]

#: `previous` of the first line.
START = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One whole line of the log.

    Attributes:
        line: its number, from 1.
        at: when it was written, ISO 8601 in UTC.
    """

    line: int
    at: str
    actor: str
    kind: str
    facts: dict[str, Any]
    hash: str


@dataclass(frozen=True)
class Head:
    """Where the log ends: how many lines it has, and the hash of the last (`START` where there is none)."""

    lines: int
    hash: str


def append(path: Path, kind: Kind, **facts: Any) -> str:
    """Add one line and force it to disk.

    Args:
        path: the log; made with mode 0600 where it does not exist.
        kind: what sort of decision this is.
        facts: ids, versions, dates, hashes and counts; never a value that came from a record.

    Returns:
        The new line's hash, the head of the chain.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"audit kind '{kind}' is not one of {', '.join(get_args(Kind))}")
    with clear_faults(), _opened(path) as file:
        last = _last_line(file)
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "actor": _actor(),
            "kind": kind,
            "facts": facts,
            "previous": _hash_in(last) if last else START,
        }
        entry = json.loads(json.dumps(entry, default=str))
        entry["hash"] = _hash(entry)
        # A torn line, left by a crash, is closed rather than continued; `verify` reports it.
        lead = b"" if not last or last.endswith(b"\n") else b"\n"
        _write(file, lead + json.dumps(entry, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return str(entry["hash"])


def append_once(path: Path, kind: Kind, **facts: Any) -> str | None:
    """Add a line for what a run that died had done, unless that run logged it: marked as `recovered`.

    Returns:
        The new line's hash; None where a line of this kind with all these facts is there.
    """
    return None if is_noted(path, kind, **facts) else append(path, kind, **facts, recovered=True)


def is_noted(path: Path, kind: Kind, **facts: Any) -> bool:
    """True where the log has a line of this kind with all these facts."""
    wanted = json.loads(json.dumps(facts, default=str)).items()
    lines = path.read_bytes().splitlines() if path.exists() else []
    entries = (entry for entry in map(_parse, lines) if entry and entry.get("kind") == kind)
    return any(
        all(key in entry["facts"] and entry["facts"][key] == value for key, value in wanted) for entry in entries
    )


def entries(path: Path) -> list[Entry]:
    """The lines of the log that can be read, in order; what cannot is for `verify` to name."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    found = []
    for number, entry in enumerate(map(_parse, lines), start=1):
        if entry is not None:
            at, actor, kind = (str(entry.get(name, "")) for name in ("at", "actor", "kind"))
            facts = entry.get("facts")
            found.append(Entry(number, at, actor, kind, facts if isinstance(facts, dict) else {}, entry["hash"]))
    return found


def head(path: Path) -> Head:
    """Where the log ends now."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return Head(len(lines), _hash_in(lines[-1]) if lines else START)


def heads(path: Path) -> list[str]:
    """The hash at the end of each line, in order: what an anchor of that many lines must hold."""
    return [_hash_in(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def verify(path: Path) -> list[str]:
    """Faults of the log by line number: altered, torn, removed or reordered lines.

    Lines cut off at the end leave a log that is whole in itself: only a head that was noted
    elsewhere shows them (spine.anchors).
    """
    faults, previous = [], START
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    for number, line in enumerate(lines, start=1):
        entry = _parse(line)
        if entry is None:
            torn = "" if line.endswith(b"\n") else ": it is cut off, as by a crash while it was written"
            faults.append(f"line {number} is no audit entry{torn}")
        else:
            written = json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()  # a doubled key reads in two ways
            if line.rstrip(b"\n") != written or entry["hash"] != _hash({k: v for k, v in entry.items() if k != "hash"}):
                faults.append(f"line {number} was altered")
            if entry.get("previous") != previous:
                faults.append(f"line {number} does not follow line {number - 1}: a line was removed, added or moved")
        previous = _hash_in(line)
    return faults


@contextmanager
def _opened(path: Path) -> Iterator[FileIO]:
    """The log, made where it is missing, held by this process alone."""
    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _write(file: FileIO, line: bytes) -> None:
    """Add a line and force it to disk; where the disk refuses, the log is as it was."""
    end = file.seek(0, os.SEEK_END)
    try:
        reach("audit.before_write")
        while line:
            line = line[file.write(line) :]
        reach("audit.before_fsync")
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise
    reach("audit.after_fsync")


def _actor() -> str:
    """The operating system's name for the user; not what the environment claims."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _hash(entry: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("hash"), str) else None


def _hash_in(line: bytes) -> str:
    """The hash that the next line must carry: the entry's own, or that of the bytes where it is torn."""
    entry = _parse(line)
    return str(entry["hash"]) if entry else hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def _last_line(file: FileIO) -> bytes:
    """The last line, read from the end so that a long log costs no more than a short one."""
    end = file.seek(0, os.SEEK_END)
    tail, step = b"", 4096
    while len(tail) < end and b"\n" not in tail[:-1]:
        start = max(0, end - len(tail) - step)
        file.seek(start)
        tail = file.read(end - start)
        step *= 2
    return tail[tail[:-1].rfind(b"\n") + 1 :]
