"""What identity knows: which resident each record is and was, since when, and what it knew by.

Put here: the state between two runs and what can be read from it. Never here: how a run changes it (assign), what a
change is called (events), or files (store).

Time is told twice. A *run number* says when the spine knew something: 1, 2, 3 in the order of the runs that changed a
record's resident. The as-of date of a run says for which day it spoke. What was known for a day is what the last
run up to that day said; so where a later run speaks for an earlier day, it replaces what was said after that day too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl

CROSSWALK: Final[dict[str, pl.DataType]] = {
    "record_id": pl.String(),
    "source": pl.String(),
    "resident_id": pl.String(),
    "method": pl.String(),
    "confidence": pl.Float64(),
}
#: A record was a resident's from one run up to another, which is null while it still is.
SPELLS: Final[dict[str, pl.DataType]] = {
    "record_id": pl.String(),
    "resident_id": pl.String(),
    "known_from": pl.Int64(),
    "known_to": pl.Int64(),
}
RUNS: Final[dict[str, pl.DataType]] = {"number": pl.Int64(), "run": pl.String(), "run_as_of": pl.Date()}
#: One number for all linking attributes of a record together; no value can be had from it.
PRINTS: Final[dict[str, pl.DataType]] = {"record_id": pl.String(), "fingerprint": pl.UInt64()}
#: Decisions by people that were in force in a run.
DECISIONS: Final[dict[str, pl.DataType]] = {
    "left_record_id": pl.String(),
    "right_record_id": pl.String(),
    "decision": pl.String(),
}


def none_of(schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """A frame of these columns without a row."""
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Crosswalk:
    """Which resident each record is, and was.

    Attributes:
        current: one row per record of the latest run, sorted by record_id, columns as `CROSSWALK`.
        spells: all that was ever said of any record, columns as `SPELLS`, sorted by record_id and known_from.
        runs: the runs that `spells` counts by, columns as `RUNS`.
        prints: fingerprint of each current record; null where none was given.
        decisions: in force in the latest run, left before right, sorted.
        high_water: the last serial number that was minted. It never goes down, whatever is deleted.
        seed: what the store's ids hang on.
        form: what the fingerprints are made of (see `evidence.form_of`); empty where that was not told.
    """

    current: pl.DataFrame
    spells: pl.DataFrame
    runs: pl.DataFrame
    prints: pl.DataFrame = field(default_factory=lambda: none_of(PRINTS))
    decisions: pl.DataFrame = field(default_factory=lambda: none_of(DECISIONS))
    high_water: int = 0
    seed: str = ""
    form: str = ""

    @property
    def last_run(self) -> int:
        """Number of the last run that changed anything; 0 before the first."""
        return self.runs.height

    @property
    def members(self) -> pl.DataFrame:
        """record_id, resident_id, known_from of the current records."""
        return self.spells.filter(pl.col("known_to").is_null()).drop("known_to")

    @property
    def absent(self) -> pl.DataFrame:
        """record_id, resident_id of records that a former run held and the latest did not, by their last resident."""
        latest = self.spells.filter(pl.col("known_from") == pl.col("known_from").max().over("record_id"))
        return latest.filter(pl.col("known_to").is_not_null()).select("record_id", "resident_id")

    def known_on(self, day: date, run: int | None = None) -> pl.DataFrame:
        """record_id, resident_id as known for a day: what the last run up to that as-of date said.

        Args:
            day: as-of date.
            run: the number of the last run that may have spoken; all, if left out.
        """
        heard = self.runs.filter((pl.col("run_as_of") <= day) & (pl.col("number") <= (run or self.last_run)))
        number = heard["number"].max() if heard.height else 0
        begun = self.spells.filter(pl.col("known_from") <= number)
        held = begun.filter(pl.col("known_to").is_null() | (pl.col("known_to") > number))
        return held.select("record_id", "resident_id").sort("record_id")


def empty() -> Crosswalk:
    """Before the first run."""
    return Crosswalk(none_of(CROSSWALK), none_of(SPELLS), none_of(RUNS))
