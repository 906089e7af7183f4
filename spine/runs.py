"""What a run leaves behind: its summary, and the record of the last that succeeded.

Put here: the record of runs. Never here: what a run does, or how a change is found (spine.changes).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from spine.changes import Inputs, Made, without
from spine.errors import UsageError
from spine.failpoints import reach
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
    """Everything a person wants to know of a run; counts and names of columns only.

    Attributes:
        waiting: keys of deliveries that were still being sent and were left to a later run.
        checks_skipped: rules without a verdict: their delivery could not be read, or is of another layout.
        assets_built, assets: assets that were selected to be rebuilt, and all there are.
        because: why those, in plain words.
        linking: whether all person records were linked or only what changed, and why; empty where none were.
        trust: whose signatures counted.
    """

    model_config = ConfigDict(extra="forbid")

    as_of: date
    run_id: str
    succeeded: bool = False
    seconds: float = 0.0
    accepted: int = 0
    refused: dict[str, list[str]] = {}
    superseded: int = 0
    future: int = 0
    waiting: list[str] = []
    unrecognised: list[str] = []
    rows_in: int = 0
    quarantined: int = 0
    ignored: int = 0
    files_ignored: int = 0
    person_records: int = 0
    residents: int = 0
    links: list[SourceLinks] = []
    linking: str = ""
    checks_passed: int = 0
    checks_warned: int = 0
    checks_failed: int = 0
    checks_skipped: int = 0
    releases: list[PublishedRelease] = []
    assets_built: int = 0
    assets: int = 0
    because: str = ""
    trust: str = ""
    failures: list[str] = []
    exit_code: int = 0


@dataclass(frozen=True)
class LastRun:
    """The last successful run: its summary, what it was run on and what it left."""

    summary: RunSummary
    inputs: Inputs
    made: Made

    def is_up_to_date(self, inputs: Inputs, made: Made) -> bool:
        """True where nothing that it depends on has changed, what it made stands, and it left nothing waiting."""
        return (self.inputs, self.made) == (inputs, made) and not self.summary.waiting


class RunRecord:
    """The last successful run of a home."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.runs / "last_success.json"
        self._pin = settings.runs / "as_of.json"
        self._warehouse, self._releases = settings.warehouse, settings.releases

    def last(self) -> LastRun | None:
        """The last success, where what it made is still there; None too for a record of another version."""
        try:
            record = json.loads(self._path.read_bytes())
            last = LastRun(RunSummary(**record["summary"]), Inputs(**record["inputs"]), Made(**record["made"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        stands = self._warehouse.exists() and all(r.stands_in(self._releases) for r in last.summary.releases)
        return last if stands else None

    def save(self, inputs: Inputs, made: Made, summary: RunSummary) -> None:
        """Record a success; called only after everything else is on disk.

        Args:
            inputs: looked at before the run: what came while it ran is new to the next one.
            made: looked at after it.
        """
        reach("run.before_record")
        record = {
            "summary": summary.model_dump(mode="json"),
            "inputs": without(inputs, summary.waiting).model_dump(mode="json"),
            "made": made.model_dump(mode="json"),
        }
        write_json(self._path, record, point="run.record")

    def forget(self) -> None:
        """Drop the record: the next run starts in earnest."""
        self._path.unlink(missing_ok=True)
        reach("run.forgotten")

    @property
    def last_as_of(self) -> date | None:
        """The as-of date of the last successful run, or None."""
        last = self.last()
        return last.inputs.as_of if last else None

    @property
    def pinned_as_of(self) -> date | None:
        """The as-of date that this home always uses (a demonstration region), or None."""
        if not self._pin.exists():
            return None
        return date.fromisoformat(json.loads(self._pin.read_text(encoding="utf-8"))["as_of"])

    def pin(self, as_of: date) -> None:
        """Make `as_of` the date of every run of this home that names none."""
        write_json(self._pin, {"as_of": as_of.isoformat()}, point="run.as_of")


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
