"""The identity folder: a history that only grows, and the state after its last entry, each file whole or absent.

Put here: reading and writing. Never here: how an id is chosen (assign.py).

    current                the name of the generation that holds; replacing this file is the commit
    g000007/               the state after a run: crosswalk, spells, events, register, ...; two generations are kept
    history/000003/        what one run changed: its events, and the records whose resident it changed; never altered

A generation says how many entries of the history it stands on. What a run that died left behind it belongs to no
generation and goes with the next one. Each entry holds the hash of the entry before and of its own files, so the
history cannot lose or change one without a word.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from spine.errors import PipelineError
from spine.files import new_folder, replacing, sha256_of, write_json
from spine.identity.assign import IdentityResult
from spine.identity.crosswalk import CROSSWALK, DECISIONS, PRINTS, RUNS, SPELLS, Crosswalk
from spine.identity.events import EVENTS
from spine.identity.history import register, supersessions

_GENERATION = re.compile(r"g\d{6,}")
_KEPT = 2
#: A record's resident after a run that changed it; null where the record was no longer there.
MOVES: Final[dict[str, pl.DataType]] = {"record_id": pl.String(), "resident_id": pl.String()}
_STATE: Final = {"current": CROSSWALK, "spells": SPELLS, "runs": RUNS, "prints": PRINTS, "decisions": DECISIONS}
_ENTRY: Final = ("events", "moves")
#: Changed whenever the files of a generation have another form; 1 was not written down.
_FORM: Final = 2
_STATED: Final = frozenset({"high_water", "seed", "history", "head"})


@dataclass(frozen=True)
class IdentityFiles:
    """Paths of the Parquet files of one generation."""

    crosswalk: Path
    events: Path
    spells: Path
    runs: Path
    register: Path
    supersessions: Path

    @classmethod
    def of(cls, generation: Path) -> IdentityFiles:
        """The files of a generation's folder."""
        names = ("crosswalk", "events", "spells", "runs", "register", "supersessions")
        return cls(**{name: generation / f"{name}.parquet" for name in names})


class IdentityStore:
    """Generations of the crosswalk under one folder; one writer at a time (the run's lock sees to it)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.history = folder / "history"

    def current(self) -> IdentityFiles | None:
        """The files that hold now, or None before the first save.

        Raises:
            PipelineError: the current generation is named but not there.
        """
        generation = self._generation()
        return None if generation is None else IdentityFiles.of(generation)

    def load(self) -> Crosswalk | None:
        """The crosswalk of the last run, or None before the first.

        Raises:
            PipelineError: generation or history cannot be read or do not fit together. Ids are never minted afresh
                over a damaged store.
        """
        generation = self._generation()
        if generation is None:
            return None
        try:
            state = _json(generation / "state.json")
            self._require_form(state)
            frames = {
                name: pl.read_parquet(generation / _file(name), columns=list(schema)) for name, schema in _STATE.items()
            }
            given: dict[str, Any] = {"high_water": int(state["high_water"]), "seed": str(state["seed"]), **frames}
            found = Crosswalk(**given, form=str(state.get("fingerprints", "")))
            if found.last_run != state["history"] or self._head(int(state["history"])) != state["head"]:
                raise self._damaged("the history is not the one that it stands on")
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            raise self._damaged(type(error).__name__) from None
        return found

    def events(self) -> pl.DataFrame:
        """All events since the first run, in order of the runs."""
        files = self.current()
        return pl.DataFrame(schema=EVENTS) if files is None else pl.read_parquet(files.events)

    def moves(self) -> pl.DataFrame:
        """Every change of a record's resident, from the entries of the history: number and the columns of `MOVES`.

        Raises:
            PipelineError: the history is damaged.
        """
        previous = self.load()
        entries = [self._entry(number) for number in range(1, (previous.last_run if previous else 0) + 1)]
        parts = [
            pl.read_parquet(entry / "moves.parquet").select(pl.lit(int(entry.name), pl.Int64).alias("number"), *MOVES)
            for entry in entries
        ]
        return pl.concat([pl.DataFrame(schema={"number": pl.Int64(), **MOVES}), *parts])

    def save(self, result: IdentityResult) -> IdentityFiles:
        """Store a run's result as the new current generation, and what it changed as an entry of the history.

        A result that changes nothing leaves everything as it is.

        Raises:
            PipelineError: the result does not follow from what is stored.
        """
        previous, crosswalk, files = self.load(), result.crosswalk, self.current()
        last = previous.last_run if previous else 0
        if previous is not None and files is not None:
            if crosswalk.high_water < previous.high_water or crosswalk.last_run not in (last, last + 1):
                raise PipelineError(
                    "identity: the high-water mark of resident ids, or the number of runs, would not follow from what "
                    "is stored. Load before assigning."
                )
            if result.events.is_empty() and _same(previous, crosswalk):
                return files
        self._clear_beyond(last)
        if crosswalk.last_run > last:
            self._write_entry(crosswalk, result.events)
        generation = self._write_generation(crosswalk, pl.concat([self.events(), result.events.select(*EVENTS)]))
        with replacing(self.folder / "current", point="identity.current") as temporary:
            temporary.write_text(generation.name + "\n", encoding="utf-8")
        self._prune(generation.name)
        return IdentityFiles.of(generation)

    def _write_entry(self, crosswalk: Crosswalk, events: pl.DataFrame) -> None:
        number = crosswalk.last_run
        spells = crosswalk.spells
        begun = spells.filter(pl.col("known_from") == number).select(*MOVES)
        ended = spells.filter(pl.col("known_to") == number).join(begun, on="record_id", how="anti")
        gone = ended.select("record_id", pl.lit(None, pl.String).alias("resident_id"))
        _, run, as_of = crosswalk.runs.row(-1)
        facts = {"number": number, "run": run, "run_as_of": as_of, "high_water": crosswalk.high_water}
        with new_folder(self._entry(number), point="identity.history") as temporary:
            events.select(*EVENTS).write_parquet(temporary / "events.parquet")
            pl.concat([begun, gone]).sort("record_id").write_parquet(temporary / "moves.parquet")
            hashes = {name: sha256_of(temporary / _file(name)) for name in _ENTRY}
            chain = {"seed": crosswalk.seed, "previous": self._hash(number - 1), **hashes}
            write_json(temporary / "entry.json", {**facts, **chain}, point="identity.entry")

    def _write_generation(self, crosswalk: Crosswalk, events: pl.DataFrame) -> Path:
        generation = self.folder / f"g{self._last_number() + 1:06d}"
        number = crosswalk.last_run
        state = {
            "high_water": crosswalk.high_water,
            "seed": crosswalk.seed,
            "history": number,
            "head": self._hash(number),
            "form": _FORM,
            "fingerprints": crosswalk.form,
        }
        with new_folder(generation, point="identity.generation") as temporary:
            for name, schema in _STATE.items():
                getattr(crosswalk, name).select(*schema).write_parquet(temporary / _file(name))
            events.write_parquet(temporary / "events.parquet")
            register(crosswalk).write_parquet(temporary / "register.parquet")
            supersessions(crosswalk).write_parquet(temporary / "supersessions.parquet")
            write_json(temporary / "state.json", state, point="identity.state")
        return generation

    def _entry(self, number: int) -> Path:
        return self.history / f"{number:06d}"

    def _hash(self, number: int) -> str:
        """Hash of an entry's facts, which hold those of its files and of the entry before; empty before the first."""
        return sha256_of(self._entry(number) / "entry.json") if number else ""

    def _head(self, number: int) -> str:
        """Hash of the entry of that number, after the whole history before it was found to be as it was written."""
        before = ""
        for entry in (self._entry(n) for n in range(1, number + 1)):
            facts = _json(entry / "entry.json")
            if facts["previous"] != before or any(facts[name] != sha256_of(entry / _file(name)) for name in _ENTRY):
                raise self._damaged(f"entry {entry.name} of the history was changed")
            before = sha256_of(entry / "entry.json")
        return before

    def _generation(self) -> Path | None:
        pointer = self.folder / "current"
        if not pointer.exists():
            # A first run that died leaves the first entry at most: a further one was written beside a pointer.
            if any(number > 1 for number, _ in self._entries()):
                raise self._damaged("the file 'current' is not there")
            return None
        name = pointer.read_text("utf-8").strip()
        if not _GENERATION.fullmatch(name) or not (self.folder / name).is_dir():
            raise self._damaged("the named generation is not there")
        return self.folder / name

    def _require_form(self, state: dict[str, Any]) -> None:
        """Forms 1 and 2 differ in what they say of fingerprints only; what came before 1 lacks what it stands on."""
        form = state.get("form", 1 if state.keys() >= _STATED else 0)
        if form not in (1, _FORM):
            raise PipelineError(
                f"identity store: it is kept in form {form}, this version reads forms 1 and {_FORM}. Nothing is "
                "damaged, and nothing was changed. Run the version of the spine that wrote it, or restore an identity "
                "folder that this version wrote; do not start afresh, or every id changes."
            )

    def _damaged(self, found: str) -> PipelineError:
        return PipelineError(
            f"identity store: the current generation cannot be read ({found}). Expected the folder that the file "
            "'current' names, and the history beside it. Restore the identity folder from a backup; do not start "
            "afresh, or every id changes."
        )

    def _names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("g*") if _GENERATION.fullmatch(path.name))

    def _last_number(self) -> int:
        return max((int(name[1:]) for name in self._names()), default=0)

    def _clear_beyond(self, last: int) -> None:
        """Remove entries that a dead run wrote and did not come to commit."""
        for number, path in self._entries():
            if number > last:
                shutil.rmtree(path)

    def _entries(self) -> list[tuple[int, Path]]:
        """Entries of the history by their numbers."""
        return [(int(path.name), path) for path in self.history.glob("[0-9]*") if path.name.isdigit()]

    def _prune(self, current: str) -> None:
        """Keep the current generation and the one before: a reader may still hold its files."""
        for name in [name for name in self._names() if name != current][: -(_KEPT - 1)]:
            shutil.rmtree(self.folder / name, ignore_errors=True)


def _file(name: str) -> str:
    return "crosswalk.parquet" if name == "current" else f"{name}.parquet"


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _same(one: Crosswalk, other: Crosswalk) -> bool:
    return (one.high_water, one.form) == (other.high_water, other.form) and all(
        getattr(one, name).equals(getattr(other, name).select(*schema)) for name, schema in _STATE.items()
    )
