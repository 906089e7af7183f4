"""The identity folder: crosswalk, events and high-water mark, replaced together or not at all.

Put here: reading and writing generations. Never here: how an id is chosen (assign.py).

A generation is a folder that is complete before it is named. The file `current` names the one that holds; replacing
that file is the commit, so a crash leaves the old generation or the new one, whole.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from spine.errors import PipelineError
from spine.files import new_folder, replacing, write_json
from spine.identity.assign import CROSSWALK, EVENTS, Crosswalk, IdentityResult

_GENERATION = re.compile(r"g\d{6,}")
_KEPT = 2


@dataclass(frozen=True)
class IdentityFiles:
    """Paths of the Parquet files of one generation."""

    crosswalk: Path
    events: Path


class IdentityStore:
    """Generations of the crosswalk under one folder; one writer at a time (the run's lock sees to it)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> IdentityFiles | None:
        """The files that hold now, or None before the first save.

        Raises:
            PipelineError: the current generation is named but not there.
        """
        generation = self._generation()
        if generation is None:
            return None
        return IdentityFiles(generation / "crosswalk.parquet", generation / "events.parquet")

    def load(self) -> Crosswalk | None:
        """The crosswalk of the last run, or None before the first.

        Raises:
            PipelineError: the generation cannot be read. Ids are never minted afresh over a damaged store.
        """
        generation = self._generation()
        if generation is None:
            return None
        try:
            state = json.loads((generation / "state.json").read_text("utf-8"))
            return Crosswalk(
                pl.read_parquet(generation / "crosswalk.parquet", columns=list(CROSSWALK)),
                pl.read_parquet(generation / "absent.parquet"),
                int(state["high_water"]),
            )
        except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
            raise self._damaged(type(error).__name__) from None

    def events(self) -> pl.DataFrame:
        """All events since the first run, in order of the runs."""
        files = self.current()
        return pl.DataFrame(schema=EVENTS) if files is None else pl.read_parquet(files.events)

    def save(self, result: IdentityResult) -> IdentityFiles:
        """Store a run's result as the new current generation.

        A result that changes nothing leaves the generation as it is.

        Raises:
            PipelineError: the high-water mark would go down.
        """
        previous = self.load()
        crosswalk = result.crosswalk
        files = self.current()
        if previous is not None and files is not None:
            if crosswalk.high_water < previous.high_water:
                raise PipelineError(
                    "identity: the high-water mark of resident ids would go down. Load before assigning."
                )
            if result.events.is_empty() and _same(previous, crosswalk):
                return files
        events = pl.concat([self.events(), result.events.select(*EVENTS)])
        generation = self.folder / f"g{self._last_number() + 1:06d}"
        with new_folder(generation, point="identity.generation") as temporary:
            crosswalk.current.select(*CROSSWALK).write_parquet(temporary / "crosswalk.parquet")
            crosswalk.absent.write_parquet(temporary / "absent.parquet")
            events.write_parquet(temporary / "events.parquet")
            write_json(temporary / "state.json", {"high_water": crosswalk.high_water}, point="identity.state")
        with replacing(self.folder / "current", point="identity.current") as temporary:
            temporary.write_text(generation.name + "\n", encoding="utf-8")
        self._prune(generation.name)
        return IdentityFiles(generation / "crosswalk.parquet", generation / "events.parquet")

    def _generation(self) -> Path | None:
        pointer = self.folder / "current"
        if not pointer.exists():
            return None
        name = pointer.read_text("utf-8").strip()
        if not _GENERATION.fullmatch(name) or not (self.folder / name).is_dir():
            raise self._damaged("the named generation is not there")
        return self.folder / name

    def _damaged(self, found: str) -> PipelineError:
        return PipelineError(
            f"identity store: the current generation cannot be read ({found}). Expected the folder that the file "
            "'current' names. Restore the identity folder from a backup; do not start afresh, or every id changes."
        )

    def _names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("g*") if _GENERATION.fullmatch(path.name))

    def _last_number(self) -> int:
        return max((int(name[1:]) for name in self._names()), default=0)

    def _prune(self, current: str) -> None:
        """Keep the current generation and the one before: a reader may still hold its files."""
        for name in [name for name in self._names() if name != current][: -(_KEPT - 1)]:
            shutil.rmtree(self.folder / name, ignore_errors=True)


def _same(one: Crosswalk, other: Crosswalk) -> bool:
    return (
        one.high_water == other.high_water
        and one.current.equals(other.current.select(*CROSSWALK))
        and one.absent.equals(other.absent)
    )
