"""Linking a run's records: only what changed since the run that was kept, or all of them.

Put here: the choice between the two, and the folder in which a run is kept for the next one. Never here: how changed
records are linked (spine.linkage.delta), or ids.

The kept run is a convenience: without it, or where it is of other settings or another engine, all records are linked. A
run of changes keeps the weights of the last full link, so its result depends on the runs since; a full link does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

import spine.linkage
from spine.errors import PipelineError
from spine.files import recover_folder, replacing_folder
from spine.identity.decisions import APPLIED
from spine.identity.limits import DeltaLimits
from spine.linkage import LinkageConfig, LinkageResult, link, link_changes

_KEPT, _MARKS, _RUN = "kept.json", "marks.parquet", "run"
_SEED: Final = 20280331
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
    marks: pl.DataFrame


@dataclass(frozen=True)
class _Difference:
    """What is not as it was: ids of records to link again and of those that are gone, and the counts."""

    again: pl.Series
    withdrawn: Sequence[str]
    changed: int
    new: int
    decisions: int


def relink(
    folder: Path,
    records: pl.DataFrame,
    config: LinkageConfig,
    decisions: pl.DataFrame,
    as_of: date,
    limits: DeltaLimits,
    *,
    full: bool = False,
) -> Linked:
    """Link the records of a run and keep the run for the next one.

    Args:
        folder: of the kept run; it holds names.
        records: as `spine.linkage.link` reads them.
        decisions: those that hold, columns as `decisions.APPLIED`.
        as_of: date of the run.
        limits: up to where changes are linked on their own.
        full: link all records whatever has changed.

    Raises:
        PipelineError: as of `link`; the disk is full.
    """
    recover_folder(folder)
    marks = _marks(records, config)
    before = _before(folder, as_of, full)
    if isinstance(before, _Before):
        found = _difference(before.marks, marks, _decisions_before(folder), decisions)
        reason = _too_much(found, records.height, before.told, limits)
        linked = reason or _changes(folder, records, config, decisions, found, before.told, limits)
    else:
        linked = before
    if isinstance(linked, str):
        result = link(records, config, decisions, keep_state=True)
        linked = Linked(result, Linking("full", linked))
    _keep(folder, linked, marks, as_of)
    return linked


@cache
def engine() -> str:
    """A hash of linkage's own code and settings, and of the library whose hashes a kept run holds."""
    digest = hashlib.sha256(pl.__version__.encode())
    package = Path(spine.linkage.__file__).parent
    for path in sorted(path for pattern in _ENGINE_FILES for path in package.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _before(folder: Path, as_of: date, full: bool) -> _Before | str:
    """The kept run, or why it cannot be built on."""
    if full:
        return "it was asked for"
    if not (folder / _KEPT).is_file():
        return "no earlier run was kept"
    try:
        told = json.loads((folder / _KEPT).read_text("utf-8"))
        before = date.fromisoformat(told["as_of"])
        if told["engine"] != engine():
            return "the earlier run was made by another version of linkage"
        if before > as_of:
            return f"the earlier run was as of {before}, which is later"
        return _Before(told, pl.read_parquet(folder / _MARKS))
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return "the earlier run cannot be read"


def _decisions_before(folder: Path) -> pl.DataFrame:
    path = folder / _RUN / "overrides.parquet"
    return pl.read_parquet(path).select(*APPLIED) if path.is_file() else pl.DataFrame(schema=APPLIED)


def _marks(records: pl.DataFrame, config: LinkageConfig) -> pl.DataFrame:
    """record_id, and a hash of everything that linkage reads of the record."""
    from spine.linkage.conform import INPUT

    read = [name for name in (*INPUT, *config.extras) if name in records.columns and name != "record_id"]
    return records.select("record_id", mark=pl.struct(read).hash(_SEED)).sort("record_id")


def _difference(
    marks_before: pl.DataFrame, marks: pl.DataFrame, decided_before: pl.DataFrame, decided: pl.DataFrame
) -> _Difference:
    """Changed, new and withdrawn records, and how many decisions came or went."""
    both = marks.join(marks_before, on="record_id", how="left", suffix="_before", maintain_order="left")
    is_new = both["mark_before"].is_null()
    is_changed = (both["mark"] != both["mark_before"]).fill_null(False)
    gone = marks_before.join(marks, on="record_id", how="anti")["record_id"].sort()
    turned = pl.concat(
        [
            decided.join(decided_before, on=[*APPLIED], how="anti"),
            decided_before.join(decided, on=[*APPLIED], how="anti"),
        ]
    )
    again = both.filter(is_new | is_changed)["record_id"]
    return _Difference(again, gone.to_list(), int(is_changed.sum()), int(is_new.sum()), turned.height)


def _too_much(found: _Difference, records: int, told: dict[str, Any], limits: DeltaLimits) -> str:
    """Why all records are linked though a run was kept; empty where the changes are few."""
    changes = found.changed + found.new + len(found.withdrawn)
    if changes * 100 > records * limits.most_changed_percent:
        return f"{changes:,} of {records:,} records changed, more than {limits.most_changed_percent:g} in 100"
    since = changes + int(told["since_full"])
    if since * 100 > records * limits.settle_after_percent:
        return (
            f"{since:,} records changed since the last full link of {records:,}, "
            f"more than {limits.settle_after_percent:g} in 100"
        )
    return ""


def _changes(
    folder: Path,
    records: pl.DataFrame,
    config: LinkageConfig,
    decisions: pl.DataFrame,
    found: _Difference,
    told: dict[str, Any],
    limits: DeltaLimits,
) -> Linked | str:
    """The run of changes, or why the kept run cannot be built on."""
    from spine.linkage.drift import share_that_would_turn
    from spine.linkage.state import load_state

    try:
        state = load_state(folder / _RUN)
    except (PipelineError, OSError, EOFError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return "the earlier run cannot be read"
    if state.config != config:
        return "the settings of linkage changed"
    changed = records.filter(pl.col("record_id").is_in(found.again.implode()))
    result = link_changes(state, changed, found.withdrawn, decisions)
    count = found.changed + found.new + len(found.withdrawn)
    drift = share_that_would_turn(result.state) if count and result.state else float(told["drift"])
    if drift * 100 > limits.most_drift_percent:
        return f"weights learned anew would turn {drift:.2%} of the links, more than {limits.most_drift_percent:g}%"
    # What blocks left out is known of a full link only: a run of changes looks into the blocks of its own records.
    result = replace(result, report={**result.report, "blocking": told["blocking"]})
    linking = Linking(
        kind="changes",
        because=f"{count:,} of {records.height:,} records and {found.decisions:,} decisions",
        changed=found.changed,
        new=found.new,
        withdrawn=len(found.withdrawn),
        decisions=found.decisions,
        since_full=int(told["since_full"]) + count,
        drift=drift,
    )
    return Linked(result, linking)


def _keep(folder: Path, linked: Linked, marks: pl.DataFrame, as_of: date) -> None:
    """Put this run in the place of the one before; the old one stands until it is whole."""
    state = linked.result.state
    if state is None:
        return
    told = {
        "engine": engine(),
        "as_of": as_of.isoformat(),
        "since_full": linked.linking.since_full,
        "drift": linked.linking.drift,
        "blocking": linked.result.report["blocking"],
    }
    with replacing_folder(folder, point="linkage.state") as new:
        state.save(new / _RUN)
        marks.write_parquet(new / _MARKS)
        (new / _KEPT).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
