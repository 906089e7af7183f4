"""What the spine knows of one resident, for authorised staff: records, links, events, conflicts, decisions.

Put here: finding it in the files of a home. Never here: how it is shown, the log of who looked (spine.cli.resident), or
any value of a record: ids, sources, dates of runs and weights are all that is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from spine.errors import PipelineError, UsageError
from spine.identity.ids import PATTERN, is_resident_id
from spine.identity.store import IdentityFiles, IdentityStore

_PAIR = ("left_record_id", "right_record_id")


@dataclass(frozen=True)
class Found:
    """An id that was asked for.

    Attributes:
        resident_id: of whom it is today; the id itself where nobody stands in its place.
        record_id: where a record was asked for; empty where a resident was.
        asked: the resident id that was asked for, which may be retired; that of today where a record was.
        status: of the id that was asked for: current, merged, split, or retired where nobody stands in its place.
    """

    resident_id: str
    record_id: str
    asked: str
    status: str


@dataclass(frozen=True)
class Resident:
    """What is known of a resident.

    Attributes:
        found: how the resident was found.
        records: record_id, source, method, confidence; sorted.
        links: accepted pairs between two of the records, as `linkage.links`, strongest first.
        events: in which the resident has a part, oldest first; under every id that led here.
        conflicts: rows of the review list.
        decisions: decisions that name one of the records, with what became of them.
        former: ids that lead to this resident today.
    """

    found: Found
    records: pl.DataFrame
    links: pl.DataFrame
    events: pl.DataFrame
    conflicts: pl.DataFrame
    decisions: pl.DataFrame
    former: Sequence[str]

    @property
    def confidence(self) -> float | None:
        """Probability of the weakest link that holds a record in the resident; None where there is one record."""
        lowest = self.records["confidence"].min()
        return float(lowest) if isinstance(lowest, float) else None


class Lookup:
    """The files of a home's last run.

    Raises:
        UsageError: nothing has been linked in this home.
    """

    def __init__(self, linkage: Path, identity: Path) -> None:
        self._store = IdentityStore(identity)
        files = self._store.current()
        if files is None or not (linkage / "links.parquet").is_file():
            raise UsageError("resident: nothing has been linked in this home yet. Run `spine run` first")
        self.linkage = linkage
        self._files: IdentityFiles = files

    def find(self, wanted: str, name: str = "ID", *, ever: bool = False) -> Found:
        """Whom an id means: a resident id, in use or retired, or a record_id.

        Args:
            wanted: the id.
            name: what an error calls it; the id itself is not repeated.
            ever: a record that the last run no longer had is found too, as one of whose it was last.

        Raises:
            UsageError: no resident and no record ever had it.
            PipelineError: a file cannot be read.
        """
        path = self._files.spells if ever else self._files.crosswalk
        rows = _rows(path, pl.col("record_id") == wanted)
        if rows.height:
            resident = str((rows.sort("known_from") if ever else rows)["resident_id"][-1])
            return Found(resident, wanted, resident, "current")
        known = _rows(self._files.register, pl.col("resident_id") == wanted)
        if re.fullmatch(PATTERN, wanted) and not is_resident_id(wanted):
            raise UsageError(f"resident: {name} has a wrong check character: a letter or digit of it is mistyped")
        if known.is_empty():
            raise UsageError(
                f"resident: {name} is no resident id that was ever given out, and no record_id of "
                f"{'any run' if ever else 'the last run'}. Those of today stand in linkage.crosswalk, all that ever "
                "were in linkage.crosswalk_history; `spine resident show ID --on DAY` finds a record that is gone"
            )
        row = known.row(0, named=True)
        stands = row["current_resident_id"]
        return Found(stands or wanted, "", wanted, row["status"] if stands else "retired")

    def resident(self, found: Found) -> Resident:
        """All that is known of whom `find` found."""
        ident = pl.col("resident_id") == found.resident_id
        columns = ("record_id", "source", "method", "confidence")
        records = _rows(self._files.crosswalk, ident).select(*columns).sort("record_id")
        ids = records["record_id"].implode()
        left, right = (pl.col(name).cast(pl.String).is_in(ids) for name in _PAIR)
        leads_here = (pl.col("current_resident_id") == found.resident_id) & (pl.col("resident_id") != found.resident_id)
        former = _rows(self._files.register, leads_here)["resident_id"].sort().to_list()
        either = pl.col("resident_id", "other_resident_id").is_in([found.resident_id, found.asked, *former])
        events = _rows(self._files.events, pl.any_horizontal(either))
        return Resident(
            found=found,
            records=records,
            links=self._told("links", left & right).sort("bits", *_PAIR, descending=[True, False, False]),
            events=events.sort("run_number", "event", "resident_id", maintain_order=True),
            conflicts=self._told("conflicts", ident),
            decisions=self._told("decisions", left | right),
            former=former,
        )

    def known_on(self, found: Found, day: date) -> pl.DataFrame:
        """record_id, resident_id as known for a day: of the resident id that was asked for, or of whose a record was.

        An id that stood for nobody then has no row.
        """
        crosswalk = self._store.load()
        assert crosswalk is not None  # as `find` has read it
        known = crosswalk.known_on(day)
        asked = pl.col("record_id") == found.record_id if found.record_id else pl.col("resident_id") == found.asked
        return known.join(known.filter(asked).select("resident_id").unique(), on="resident_id", how="semi")

    def records_of(self, found: Found) -> list[str]:
        """The record that was asked for, or all records of the resident."""
        if found.record_id:
            return [found.record_id]
        ident = pl.col("resident_id") == found.resident_id
        return _rows(self._files.crosswalk, ident)["record_id"].sort().to_list()

    def link_between(self, left: Sequence[str], right: Sequence[str]) -> dict[str, Any] | None:
        """The strongest accepted pair with one record on each side; None where there is none."""
        one, other = (pl.col(name).cast(pl.String) for name in _PAIR)
        either = (one.is_in(left) & other.is_in(right)) | (one.is_in(right) & other.is_in(left))
        found = self._told("links", either)
        strongest = found.sort("bits", *_PAIR, descending=[True, False, False]).head(1)
        return strongest.row(0, named=True) if strongest.height else None

    def decisions_between(self, left: Sequence[str], right: Sequence[str]) -> pl.DataFrame:
        """Decisions on a record of each side, with what became of them."""
        one, other = (pl.col(name) for name in _PAIR)
        either = (one.is_in(left) & other.is_in(right)) | (one.is_in(right) & other.is_in(left))
        return self._told("decisions", either)

    @property
    def is_held(self) -> bool:
        """The last run was held: links and weights are those that it found, ids and residents are of the run before."""
        return (self.linkage / "held_events.parquet").is_file()

    @property
    def model(self) -> dict[str, Any]:
        """The weights of the last run."""
        return self._json("model.json")

    @property
    def thresholds(self) -> dict[str, Any]:
        """The thresholds of the last run."""
        found: dict[str, Any] = self._json("report.json")["thresholds"]
        return found

    @property
    def state(self) -> Path:
        """Folder of the kept run.

        Raises:
            UsageError: there is none.
        """
        folder = self.linkage / "state" / "run"
        if not folder.is_dir():
            raise UsageError("resident: no run was kept, so only links can be explained. Run `spine run --full-link`")
        return folder

    def _told(self, name: str, keep: pl.Expr) -> pl.DataFrame:
        path = self.linkage / f"{name}.parquet"
        if not path.is_file():
            raise UsageError("resident: the last run of this home did not come to its end. Run `spine run` first")
        return _rows(path, keep)

    def _json(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self.linkage / name).read_text("utf-8"))
        except (OSError, ValueError):
            raise PipelineError(f"linkage: {name} cannot be read. Run `spine run --full-link`.") from None
        return dict(found)


def _rows(path: Path, keep: pl.Expr) -> pl.DataFrame:
    """Rows of a file.

    Raises:
        PipelineError: it cannot be read.
    """
    try:
        return pl.scan_parquet(path).filter(keep).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PipelineError(
            f"resident: {path.name} cannot be read ({type(error).__name__}). Run `spine run --full-link`; where that "
            "finds the identity store damaged, restore the identity folder from a backup."
        ) from None
