"""Twelve months in the life of the benchmark's region, at the level of person records.

Put here: what happens to people in a month and what sources then write. Never here: the region itself, which is frozen
(linkage_truth), or a measurement (identity_months).

Homes move into each other's place, so that a new family stands where the last one was; most sources learn of it, some
do not. People are born or come, die or leave, marry, and sources put errors right from what another source holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.linkage_truth import write_truth

MONTHS = 12
#: A month's shares of residents: who move with their home, come (a third of them are born), leave or die, and marry.
MOVE, COME, GO, MARRY = 0.02, 0.002, 0.002, 0.0004
#: Share of records that are put right in a month, and of a person's records that learn of a move or a marriage.
CORRECT, LEARN = 0.005, 0.85
_ADDRESS = ("uprn", "house_number", "street", "postcode")
_CORRECTED = ("first_name", "surname", "date_of_birth")


@dataclass(frozen=True)
class Month:
    """What the sources hold at the end of a month, sorted by record_id, and who is who."""

    number: int
    records: pl.DataFrame
    truth: pl.DataFrame


def months(folder: Path, residents: int, seed: int = 1) -> Iterator[Month]:
    """Month 0, then one month after the other.

    Args:
        folder: for the region's files.
        residents: of month 0, roughly; those who come later are made at once and held back.
    """
    paths = write_truth(folder, round(residents * (1 + COME * MONTHS)), seed)
    everybody = pl.read_parquet(paths[0]).join(pl.read_parquet(paths[1]), on="record_id").sort("record_id")
    rng = np.random.default_rng([seed, 2028])
    arrives = _arrivals(everybody["person_id"].unique().sort(), rng)
    everybody = everybody.join(arrives, on="person_id", maintain_order="left")
    here = everybody.filter(pl.col("arrives") == 0).drop("arrives")
    for number in range(MONTHS + 1):
        if number:
            come = everybody.filter(pl.col("arrives") == number).drop("arrives")
            here = pl.concat([_month(here, rng), come]).sort("record_id")
        yield Month(number, here.drop("person_id"), here.select("record_id", "person_id"))


def _arrivals(people: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    """The month in which each person comes; 0 for those who are there from the start."""
    late = rng.random(len(people)) < COME * MONTHS / (1 + COME * MONTHS)
    return pl.DataFrame({"person_id": people, "arrives": np.where(late, rng.integers(1, MONTHS + 1, len(people)), 0)})


def _month(records: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    people = records.select(pl.col("person_id").unique().sort())
    goes = people.filter(pl.Series(rng.random(people.height) < GO))
    stay = records.join(goes, on="person_id", how="anti", maintain_order="left")
    return _corrected(_married(_moved(stay, rng), rng), rng)


def _learns(records: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    return pl.Series("learns", rng.random(records.height) < LEARN)


def _moved(records: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Whole homes take each other's place: each moves to where the next one was."""
    full = records.drop_nulls(["postcode", "house_number"])
    lives = full.group_by("person_id").agg(pl.col(name).drop_nulls().sort().first() for name in _ADDRESS)
    keys = ["postcode", "house_number"]
    homes = lives.group_by(keys).agg(pl.col("uprn", "street").sort().first()).sort(keys)
    moving = homes.filter(pl.Series(rng.random(homes.height) < MOVE))
    moving = moving.sample(moving.height, shuffle=True, seed=int(rng.integers(1 << 31)))
    to = pl.concat([moving.tail(1), moving.head(-1)]).rename({name: f"new_{name}" for name in _ADDRESS})
    movers = lives.select("person_id", *keys).join(pl.concat([moving, to], how="horizontal"), on=keys)
    told = records.with_columns(_learns(records, rng)).join(
        movers.select("person_id", *to.columns), on="person_id", how="left", maintain_order="left"
    )
    moves = pl.col("learns") & pl.col("new_postcode").is_not_null()
    # A source that has no column for a part of an address does not get one by a move.
    written = [
        pl.when(moves & pl.col(name).is_not_null()).then(f"new_{name}").otherwise(name).alias(name) for name in _ADDRESS
    ]
    return told.with_columns(written).select(records.columns)


def _married(records: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Some women take the surname of another resident; those who ask for former surnames are told the old one."""
    people = records.filter(pl.col("sex") == records["sex"].drop_nulls().sort().first())["person_id"].unique().sort()
    brides = people.filter(pl.Series(rng.random(len(people)) < 2 * MARRY))
    names = records["surname"].drop_nulls().sample(len(brides), with_replacement=True, seed=int(rng.integers(1 << 31)))
    found = records.with_columns(_learns(records, rng)).join(
        pl.DataFrame({"person_id": brides, "married": names}), on="person_id", how="left", maintain_order="left"
    )
    marries = pl.col("learns") & pl.col("married").is_not_null()
    keeps = marries & (pl.col("source") == "gp_register")
    return found.with_columns(
        former_surnames=pl.when(keeps).then("surname").otherwise("former_surnames"),
        surname=pl.when(marries).then("married").otherwise("surname"),
    ).select(records.columns)


def _corrected(records: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Some records take over a name or date of birth that most records of the person hold."""
    usual = records.group_by("person_id").agg(
        pl.col(name).drop_nulls().sort().mode().sort().first().alias(f"usual_{name}") for name in _CORRECTED
    )
    drawn = pl.Series("drawn", rng.random(records.height) < CORRECT)
    found = records.with_columns(drawn).join(usual, on="person_id", how="left", maintain_order="left")
    usually = [
        pl.when(pl.col("drawn") & pl.col(name).is_not_null()).then(f"usual_{name}").otherwise(name).alias(name)
        for name in _CORRECTED
    ]
    return found.with_columns(usually).select(records.columns)
