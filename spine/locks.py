"""The lock of a home: one run at a time, whoever started it, and who that is.

Put here: taking the home and saying who has it. Never here: what a run does. The wall clock is read
to say since when; no result depends on it.

The operating system holds the lock (flock) and frees it when the process dies, however it dies: nobody
ever removes a lock file by hand.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from spine.errors import LockedError, PipelineError
from spine.files import clear_faults, is_alive, sweep, write_json
from spine.settings import Settings

_LOCK, _HOLDER = ".run.lock", "holder.json"
#: Homes that this process holds, by its own number: a forked child holds nothing.
_held: set[tuple[Path, int]] = set()


class Holder(BaseModel):
    """Who holds a home. `command` is a fixed text, never what a person typed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    pid: int
    host: str
    since: str

    @property
    def is_dead(self) -> bool:
        """True where its process ran on this machine and is gone."""
        return self.host == platform.node() and not is_alive(self.pid)


@contextmanager
def home_lock(settings: Settings, command: str = "spine run") -> Iterator[Holder | None]:
    """Hold the home for one run, and remove the unfinished files of one that died.

    Args:
        settings: of the home, whose folders are there (`prepare`).
        command: what the run is, for the message that another one gets.

    Yields:
        Who held the home before and died without letting go of it; None where nobody did.

    Raises:
        LockedError: another run has it; says who.
        PipelineError: the home cannot be written to.
    """
    with clear_faults():
        descriptor = os.open(settings.root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, settings)
        left = holder_of(settings)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        sweep(settings.root, keep=("landing", "dagster"))
        holder = Holder(command=command, pid=os.getpid(), host=platform.node(), since=now)
        write_json(settings.runs / _HOLDER, holder.model_dump(), point="lock.holder")
        _held.add((settings.root, os.getpid()))
        try:
            yield left
        finally:
            _held.discard((settings.root, os.getpid()))
            (settings.runs / _HOLDER).unlink(missing_ok=True)
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have inherited the descriptor
        os.close(descriptor)


def home_lock_unless_held(settings: Settings, command: str) -> AbstractContextManager[Holder | None]:
    """`home_lock`, or nothing where this process holds the home already (a run inside `spine run`)."""
    return nullcontext() if is_held_here(settings) else home_lock(settings, command)


def is_held_here(settings: Settings) -> bool:
    """True where this process holds the home."""
    return (settings.root, os.getpid()) in _held


def holder_of(settings: Settings) -> Holder | None:
    """Who has written down that they hold the home; None where nobody has, or not readably."""
    try:
        return Holder.model_validate_json((settings.runs / _HOLDER).read_bytes())
    except (OSError, ValidationError):
        return None


def _take(descriptor: int, settings: Settings) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise LockedError(_who(settings)) from None
        raise PipelineError(
            f"{settings.home} cannot be locked ({errno.errorcode.get(error.errno or 0, 'unknown')}): expected a disk "
            "that supports flock, as every local disk does. Move the home to one"
        ) from None


def _who(settings: Settings) -> str:
    start, holder = f"Another run holds {settings.home}", holder_of(settings)
    if holder is None:
        return f"{start}. Wait for it to end, then run again."
    who = f"{start}: {holder.command}, process {holder.pid} on {holder.host}, since {holder.since}"
    if holder.is_dead:
        return f"{who}. That process is dead, but one that it started still holds the home: end it, then run again."
    return f"{who}. Wait for it to end, then run again."
