"""Linking a run's records: only what changed since the run that was kept, or all of them.

Put here: the choice between the two, and the folder in which a run is kept for the next one. Never here: how changed
records are linked (spine.linkage.delta), or ids.

The kept run is a convenience: without it, or where it is of other settings or another engine, all records are linked. A
run of changes keeps the weights of the last full link, so its result depends on the runs since; a full link does not.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

import spine.linkage
from spine.errors import PipelineError
from spine.files import recover_folder, replacing_folder
from spine.identity.decisions import APPLIED
from spine.identity.limits import DeltaLimits
from spine.identity.marks import FORM, Difference, columns_read, difference, in_order, marked
from spine.linkage import LinkageConfig, LinkageResult, link, result_of
from spine.linkage.arrays import Hashes
from spine.linkage.parallel import both

if TYPE_CHECKING:
    from spine.linkage.state import State

_KEPT, _MARKS, _RUN = "kept.json", "marks.npy", "run"
_ENGINE_FILES = ("*.py", "*.yaml", "*.csv")


@dataclass(frozen=True)
class Linking:
    """How the records of a run were linked.

    Attributes:
        kind: `full`: all records; `changes`: those that changed, with what they touch.
        because: why, as the end of a sentence.
        changed: records that are there still and differ in what linkage reads.
        new: records that were not there.
        withdrawn: records that are gone.
        decisions: decisions that hold now and did not, or the other way round.
        since_full: records that runs of changes have linked since the last full link.
        drift: share of all links that weights learned anew would make or undo (see `linkage.drift`).
    """

    kind: Literal["full", "changes"]
    because: str
    changed: int = 0
    new: int = 0
    withdrawn: int = 0
    decisions: int = 0
    since_full: int = 0
    drift: float = 0.0

    @property
    def sentence(self) -> str:
        """The same for a person."""
        if self.kind == "full":
            return f"All records were linked anew: {self.because}."
        return f"Only what changed was linked again: {self.because}."


@dataclass(frozen=True)
class Linked:
    """A run's result and how it came about."""

    result: LinkageResult
    linking: Linking


@dataclass(frozen=True)
class _Before:
    """The kept run: what it was told, and what linkage read of each of its records, as a hash."""

    told: dict[str, Any]
    state: State
    marks: Hashes


@dataclass(frozen=True)
class _Now:
    """What a run is given; `columns` are those that linkage reads."""

    records: pl.DataFrame
    config: LinkageConfig
    decisions: pl.DataFrame
    as_of: date
    limits: DeltaLimits
    columns: list[str]


def relink(
    folder: Path,
    records: pl.DataFrame,
    config: LinkageConfig,
    decisions: pl.DataFrame,
    as_of: date,
    limits: DeltaLimits,
    *,
    full: bool = False,
    because: str = "",
) -> Linked:
    """Link the records of a run and keep the run for the next one.

    Args:
        folder: of the kept run; it holds names.
        records: as `spine.linkage.link` reads them.
        decisions: those that hold, columns as `decisions.APPLIED`.
        as_of: date of the run.
        limits: up to where changes are linked on their own.
        full: link all records whatever has changed.
        because: as `full`, for this reason, told as the end of a sentence.

    Raises:
        PipelineError: as of `link`; the disk is full.
    """
    recover_folder(folder)
    columns = columns_read(records, config)
    now = _Now(records, config, decisions, as_of, limits, columns)
    before, marks = both(
        lambda: because or ("it was asked for" if full else _before(folder, now)),
        lambda: marked(records, columns),
        records.height,
    )
    linked = _changes(folder, before, now, marks) if isinstance(before, _Before) else before
    return _anew(folder, linked, now, marks) if isinstance(linked, str) else linked


def _anew(folder: Path, because: str, now: _Now, marks: Hashes) -> Linked:
    """All records linked, and the run kept for the next one."""
    result, linking = link(now.records, now.config, now.decisions, keep_state=True), Linking("full", because)
    if result.state:
        marks = in_order(now.records["record_id"], marks)
        _keep(folder, result.state, linking, now, marks, result.report["blocking"])
    return Linked(result, linking)


def form() -> str:
    """The form in which a run is kept: that of its marks and of linkage's state."""
    from spine.linkage.state import FORM as STATE_FORM

    return f"marks {FORM}; state {STATE_FORM}"


@cache
def engine() -> str:
    """A hash of linkage's own code and settings, and of the library whose hashes a kept run holds."""
    digest = hashlib.sha256(pl.__version__.encode())
    package = Path(spine.linkage.__file__).parent
    for path in sorted(path for pattern in _ENGINE_FILES for path in package.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _before(folder: Path, now: _Now) -> _Before | str:
    """The kept run, or why it cannot be built on."""
    from spine.linkage.state import load_state

    if not (folder / _KEPT).is_file():
        return "no earlier run was kept"
    try:
        told = json.loads((folder / _KEPT).read_text("utf-8"))
        if reason := _other_kind(told, now):
            return reason
        state, marks = load_state(folder / _RUN), np.load(folder / _MARKS, mmap_mode="r")
    except (PipelineError, OSError, EOFError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return "the earlier run cannot be read"
    if marks.size != len(state.run.ids):
        return "the earlier run cannot be read"
    return "the settings of linkage changed" if state.config != now.config else _Before(told, state, marks)


def _other_kind(told: dict[str, Any], now: _Now) -> str:
    """Why nothing that is kept can be held against this run; empty where it can."""
    if told.get("form") != form():
        return "the earlier run was kept in another form than this version keeps one in"
    if told["engine"] != engine():
        return "the earlier run was made by another version of linkage"
    if told["columns"] != now.columns:
        return "linkage reads other columns of the records than in the earlier run"
    before = date.fromisoformat(told["as_of"])
    return f"the earlier run was as of {before}, which is later" if before > now.as_of else ""


def _turned(before: pl.DataFrame | None, decided: pl.DataFrame) -> int:
    """How many decisions came or went."""
    known = pl.DataFrame(schema=APPLIED) if before is None else before.select(*APPLIED)
    return decided.join(known, on=[*APPLIED], how="anti").height + known.join(decided, on=[*APPLIED], how="anti").height


def _too_much(found: Difference, records: int, told: dict[str, Any], limits: DeltaLimits) -> str:
    """Why all records are linked though a run was kept; empty where the changes are few."""
    if found.count * 100 > records * limits.most_changed_percent:
        return f"{found.count:,} of {records:,} records changed, more than {limits.most_changed_percent:g} in 100"
    since = found.count + int(told["since_full"])
    if since * 100 > records * limits.settle_after_percent:
        return (
            f"{since:,} records changed since the last full link of {records:,}, "
            f"more than {limits.settle_after_percent:g} in 100"
        )
    return ""


def _changes(folder: Path, before: _Before, now: _Now, marks: Hashes) -> Linked | str:
    """The run of changes, kept for the next one; or why all records are to be linked."""
    from spine.linkage.delta import delta
    from spine.linkage.drift import share_that_would_turn

    told, limits, run, blocking = before.told, now.limits, before.state.run, before.told["blocking"]
    found = difference(run.ids, before.marks, now.records["record_id"], marks)
    if reason := _too_much(found, now.records.height, told, limits):
        return reason
    decisions = _turned(run.overrides, now.decisions)
    changed = now.records.filter(pl.Series(found.again))
    state = delta(before.state, changed, found.withdrawn.to_list(), now.decisions)
    drift = share_that_would_turn(state) if found.count else float(told["drift"])
    if drift * 100 > limits.most_drift_percent:
        return f"weights learned anew would turn {drift:.2%} of the links, more than {limits.most_drift_percent:g}%"
    linking = Linking(
        kind="changes",
        because=f"{found.count:,} of {now.records.height:,} records and {decisions:,} decisions",
        changed=found.changed,
        new=found.new,
        withdrawn=len(found.withdrawn),
        decisions=decisions,
        since_full=int(told["since_full"]) + found.count,
        drift=drift,
    )

    def keep() -> None:
        if found.count or decisions:  # else the run before stands as it is
            _keep(folder, state, linking, now, found.marks, blocking)

    result, _ = both(lambda: result_of(state), keep, now.records.height)
    # What blocks left out is known of a full link only: a run of changes looks into the blocks of its own records.
    return Linked(replace(result, report={**result.report, "blocking": blocking}), linking)


def _keep(folder: Path, state: State, linking: Linking, now: _Now, marks: Hashes, blocking: dict[str, Any]) -> None:
    """Put this run in the place of the one before; the old one stands until it is whole."""
    told = {
        "form": form(),
        "engine": engine(),
        "columns": now.columns,
        "as_of": now.as_of.isoformat(),
        "since_full": linking.since_full,
        "drift": linking.drift,
        "blocking": blocking,
    }
    with replacing_folder(folder, point="linkage.state") as new:
        state.save(new / _RUN)
        np.save(new / _MARKS, marks)
        (new / _KEPT).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
