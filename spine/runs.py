"""What a run leaves behind: its summary, the fingerprint of its inputs and the lock of its home.

Put here: the record of runs. Never here: what a run does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from spine.errors import LockedError, UsageError
from spine.files import write_json
from spine.settings import Settings


class SourceLinks(BaseModel):
    """How many of one source's person records were linked to a record of any source."""

    source: str
    records: int
    linked: int


class PublishedRelease(BaseModel):
    """One purpose's release as it stands after a run."""

    purpose: str
    version: int
    rows: dict[str, int] = {}
    excluded: dict[str, int] = {}
    is_new: bool = False

    def stands_in(self, releases: Path) -> bool:
        """True where the release's file is there."""
        return (releases / self.purpose / "current.duckdb").exists()


class RunSummary(BaseModel):
    """Everything a person wants to know of a run; counts and names of columns only."""

    model_config = ConfigDict(extra="forbid")

    as_of: date
    run_id: str
    succeeded: bool = False
    seconds: float = 0.0
    accepted: int = 0
    refused: dict[str, list[str]] = {}
    future: int = 0
    unrecognised: list[str] = []
    rows_in: int = 0
    quarantined: int = 0
    ignored: int = 0
    files_ignored: int = 0
    person_records: int = 0
    residents: int = 0
    links: list[SourceLinks] = []
    checks_passed: int = 0
    checks_warned: int = 0
    checks_failed: int = 0
    releases: list[PublishedRelease] = []
    failures: list[str] = []
    exit_code: int = 0


class RunRecord:
    """The last successful run of a home: its summary and what it was run on."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.runs / "last_success.json"
        self._pin = settings.runs / "as_of.json"
        self._warehouse, self._releases = settings.warehouse, settings.releases

    def matching(self, fingerprint: str) -> RunSummary | None:
        """The last summary where that run had the same inputs and what it made is still there, else None."""
        if not self._path.exists():
            return None
        record = json.loads(self._path.read_text(encoding="utf-8"))
        summary = RunSummary(**record["summary"])
        stands = self._warehouse.exists() and all(r.stands_in(self._releases) for r in summary.releases)
        return summary if record["fingerprint"] == fingerprint and stands else None

    def save(self, fingerprint: str, summary: RunSummary) -> None:
        """Record a success; called only after everything else is on disk."""
        write_json(self._path, {"fingerprint": fingerprint, "summary": summary.model_dump(mode="json")})

    def forget(self) -> None:
        """Drop the record: the next run starts in earnest."""
        self._path.unlink(missing_ok=True)

    @property
    def last_as_of(self) -> date | None:
        """The as-of date of the last successful run, or None."""
        if not self._path.exists():
            return None
        return RunSummary(**json.loads(self._path.read_text(encoding="utf-8"))["summary"]).as_of

    @property
    def pinned_as_of(self) -> date | None:
        """The as-of date that this home always uses (a demonstration region), or None."""
        if not self._pin.exists():
            return None
        return date.fromisoformat(json.loads(self._pin.read_text(encoding="utf-8"))["as_of"])

    def pin(self, as_of: date) -> None:
        """Make `as_of` the date of every run of this home that names none."""
        write_json(self._pin, {"as_of": as_of.isoformat()})


def fingerprint(settings: Settings, as_of: date) -> str:
    """Hash of everything a run depends on: landing, definitions, code and the as-of date.

    Landing files count by size, modification time and permissions, the rest by content, so that a run with
    nothing to do is known before anything slow is imported.
    """
    digest = hashlib.sha256(as_of.isoformat().encode())
    for path in _files(settings.landing):
        stat = path.lstat()
        seen = (path.relative_to(settings.landing), stat.st_size, stat.st_mtime_ns, stat.st_mode)
        digest.update(f"{seen}\n".encode())
    folders = [settings.expectations, settings.dbt_project, settings.project / "spine", settings.project / "assets"]
    lock = settings.project / "requirements.lock"
    for path in [*(p for folder in folders for p in _files(folder)), *([lock] if lock.exists() else [])]:
        digest.update(str(path.relative_to(settings.project)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def home_lock(settings: Settings) -> Iterator[None]:
    """Hold the home for one run.

    Raises:
        LockedError: another run of this home is under way.
    """
    lock = FileLock(settings.root / ".run.lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        raise LockedError(f"Another run holds {settings.home}. Wait for it to end, then run again.") from None


def as_of_from(text: str | None, settings: Settings) -> date:
    """The run's as-of date: as given, else the home's pinned one, else today.

    Raises:
        UsageError: the text is no ISO date.
    """
    if text:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise UsageError("--as-of: expected a day of the calendar as YYYY-MM-DD, such as 2028-03-31") from None
    return RunRecord(settings).pinned_as_of or date.today()


def _files(folder: Path) -> list[Path]:
    skipped = {"__pycache__", "target", "logs"}
    found = (p for p in folder.rglob("*") if p.is_file() or p.is_symlink())
    return sorted(p for p in found if not skipped & set(p.relative_to(folder).parts))
