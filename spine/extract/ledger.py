"""The ledger: one record for each revision of each delivery, the product's own memory of what arrived.

Put here: the record and its storage. Never here: a file's name, a cell's value, or a decision.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Literal

from filelock import BaseFileLock, FileLock
from pydantic import BaseModel, ConfigDict

from spine.contracts.profile import TableProfile
from spine.contracts.rules import RuleResult
from spine.errors import PipelineError
from spine.files import write_json


class TableCounts(BaseModel):
    """Rows of one table of a delivery: `rows_read` = `kept` + `quarantined` + `ignored`.

    Attributes:
        columns_dropped_names: headers of dropped columns, as far as they certainly are headers and no data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows_read: int = 0
    kept: int = 0
    quarantined: int = 0
    ignored: int = 0
    columns_dropped: int = 0
    columns_absent: tuple[str, ...] = ()
    columns_dropped_names: tuple[str, ...] = ()


class LedgerEntry(BaseModel):
    """The verdict on one revision of one delivery.

    Attributes:
        delivery: `partner/dataset/YYYY-MM-DD`.
        revision: from 1; the same date with other bytes, or another contract, is a new one.
        content_sha256: hash of the delivery's files.
        files_sha256: the same without their names, '' in records of earlier versions.
        control_sha256: hash of its control totals, '' where it came without.
        lake_sha256: hash of its files in the lake, '' where there are none and in records of earlier versions.
        reasons: why it was refused, in plain words; empty where it was accepted.
        files: files that were read. `files_ignored`: files that no table of the contract names.
        window_start, window_end: the period that a rolling delivery replaces.
        judged_as_of: as-of date of the run that judged it.
        waived: last day of the waiver by rule, for rules that would refuse the delivery and were waived.
        profile: by table, what it looks like in counts; empty where it could not be read and in records of
            earlier versions. It is no result: it depends on the delivery that was the last one when it was judged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delivery: str
    partner: str
    dataset: str
    date: datetime.date
    revision: int
    contract_id: str
    contract_version: str
    contract_fingerprint: str
    content_sha256: str
    verdict: Literal["accepted", "refused"]
    reasons: tuple[str, ...] = ()
    files: int = 0
    files_ignored: int = 0
    tables: dict[str, TableCounts] = {}
    window_start: datetime.date | None = None
    window_end: datetime.date | None = None
    results: tuple[RuleResult, ...] = ()
    judged_as_of: datetime.date
    files_sha256: str = ""
    control_sha256: str = ""
    lake_sha256: str = ""
    profile: dict[str, TableProfile] = {}
    waived: dict[str, datetime.date] = {}

    @property
    def accepted(self) -> bool:
        """True where the delivery may be used; one that only waivers let in, until they end (`may_be_used`)."""
        return self.verdict == "accepted"

    def may_be_used(self, as_of: datetime.date) -> bool:
        """True where it is accepted, and no waiver that it needs for that has ended."""
        return self.accepted and all(end >= as_of for end in self.waived.values())

    @property
    def folder(self) -> Path:
        """Its folder in the lake, relative to the lake. A delivery refused for its structure has none."""
        return Path(self.contract_id) / self.partner / self.date.isoformat() / f"r{self.revision:03d}"

    def has_result_of(self, other: LedgerEntry) -> bool:
        """True where both are of the same bytes, contract and result; a hash that one of them lacks is passed over."""
        hashes = ("files_sha256", "control_sha256", "lake_sha256")
        unknown = {name for name in hashes if not getattr(self, name) or not getattr(other, name)}
        passed_over = {"revision", "judged_as_of", "profile", *unknown}
        return self.model_dump(exclude=passed_over) == other.model_dump(exclude=passed_over)


class Ledger:
    """`ledger/<partner>/<dataset>/<date>/r<NNN>.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> tuple[LedgerEntry, ...]:
        """All records, sorted by partner, dataset, date and revision.

        Raises:
            PipelineError: a record is damaged.
        """
        return self._read("*/*/*/r*.json")

    def for_source(self, partner: str, dataset: str) -> tuple[LedgerEntry, ...]:
        """All records of one partner's dataset, oldest first."""
        return self._read(f"{partner}/{dataset}/*/r*.json")

    def of_delivery(self, key: str) -> tuple[LedgerEntry, ...]:
        """All revisions of one delivery (`partner/dataset/date`), oldest first."""
        return self._read(f"{key}/r*.json")

    def lock(self, partner: str, dataset: str) -> BaseFileLock:
        """Held by the one run that may judge this partner's dataset; another run waits for it."""
        folder = self.folder / partner / dataset
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return FileLock(folder / ".lock", mode=0o600)

    def add(self, entry: LedgerEntry) -> None:
        """Write a record, atomically. Records are never changed."""
        path = self.folder / entry.delivery / f"r{entry.revision:03d}.json"
        if path.exists():
            raise PipelineError(
                f"ledger: {entry.delivery} r{entry.revision:03d} is already recorded; records are never changed"
            )
        write_json(path, entry.model_dump(mode="json"), point="ledger.record")

    def _read(self, pattern: str) -> tuple[LedgerEntry, ...]:
        entries = []
        for path in self.folder.glob(pattern):
            try:
                entries.append(LedgerEntry.model_validate_json(path.read_bytes()))
            except ValueError:
                shown = path.relative_to(self.folder)
                raise PipelineError(
                    f"ledger: {shown} is damaged. Restore it from a backup, or delete it to judge the delivery again"
                ) from None
        return tuple(sorted(entries, key=lambda e: (e.partner, e.dataset, e.date, e.revision)))
