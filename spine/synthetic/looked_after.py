"""Children looked after: header and episodes of the SSDA903 return.

Put here: who is and was looked after, their episodes, errors and files. Never here: other sources.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.codes import COUNTY, source
from spine.synthetic.delivery import Output, SourceResult, write_text
from spine.synthetic.draws import Days, Ints, Mask, chance, pick
from spine.synthetic.faults import Faults, person_faults
from spine.synthetic.identifiers import unique_pupil_numbers
from spine.synthetic.population import Region

_RATES = {"day_month_swap": 0.004, "wrong_birth_date": 0.006}
_ETHNIC = ("WBRI", "WOTH", "WIRI", "APKN", "AIND", "MWBC", "OOTH", "CHNE", "NOBT", "REFU")
_LEGAL = ("C1", "C2", "V2", "E1", "L1")
_PLACES = ("U1", "U4", "U6", "K1", "K2", "P1", "Z1", "R1")
_ENDS = ("E3", "E4A", "E11", "E13", "E8")


def build_looked_after(region: Region) -> SourceResult:
    """The return with the children in care, and the young adults who left it in the last years."""
    name = source(COUNTY, "looked_after")
    faults = Faults(region.draws.stream(name))
    children = _children(region)
    held = _as_held(region, children, faults)
    episodes = _episodes(region, held)
    header = _header(region, held)
    day = region.draws.as_of - timedelta(days=6)

    def write(folder: Path) -> None:
        write_text(folder / "header.csv", header.write_csv(line_terminator="\r\n"))
        write_text(folder / "episodes.csv", episodes.write_csv(line_terminator="\r\n"))

    records = held.select(pl.format("{}:looked_after:{}", pl.lit(COUNTY), "child").alias("record_id"), "person")
    return SourceResult(name, (Output(COUNTY, "looked_after", day, write),), records, faults.counts)


def _children(region: Region) -> pl.DataFrame:
    """Six in a thousand under 18 and about two in a hundred of 18 to 21."""
    rng = region.draws.stream("looked after")
    people = region.people
    age = people["age"].to_numpy()
    living = people["died_on"].is_null().to_numpy() & (people["kind"].to_numpy() != hh.CARE_HOME)
    chosen = chance(rng, people.height, np.select([age < 18, age < 21.5], [0.0061, 0.018], 0.0)) & living
    # the smallest region still has a child and a care leaver, so that each file has its rows
    for low, high in ((4, 18), (18, 26)):
        group = np.flatnonzero(living & (age >= low) & (age < high))
        if len(group) and not chosen[group].any():
            chosen[group[0]] = True
    children = people.filter(pl.Series(chosen))
    number = pl.Series("child", 300_000 + rng.permutation(children.height * 5)[: children.height]).cast(pl.String)
    return children.with_columns(number)


def _as_held(region: Region, children: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    """Each child's numbers and home as the council holds them. A third have a home other than where they live."""
    rng = region.draws.stream("looked after homes")
    size = children.height
    postcodes = region.stock.properties["postcode"]
    other = postcodes.gather(rng.integers(0, len(postcodes), size))
    valid = ~chance(rng, size, 0.03)
    years = children["date_of_birth"].dt.year().cast(pl.Int64).to_numpy()
    living = pl.Series([*postcodes, "ZZ99 3VZ"]).gather(children["property"].fill_null(len(postcodes)))
    held = children.with_columns(
        pl.when(pl.Series(chance(rng, size, 0.68))).then(living).otherwise(other).alias("home_post"),
        other.alias("other_post"),
        living.alias("living"),
        unique_pupil_numbers(years, valid),
    )
    faults.add("bad_upn_check_letter", int((~valid).sum()))
    held = held.with_columns(pl.when(pl.col("age") < 4.6).then(pl.lit("UN1")).otherwise("upn").alias("upn"))
    held = faults.apply(held, "upn_not_known", 0.05, {"upn": pl.lit("UN4")})
    held = faults.apply(held, "no_upn", 0.02, {"upn": pl.lit(None, pl.String)})
    held = faults.apply(held, "no_home_postcode", 0.05, {"home_post": pl.lit(None, pl.String)})
    held = faults.apply(
        held, "bad_postcode", 0.01, {"home_post": pl.col("home_post").str.replace(r"\d([A-Z]{2})$", "O$1")}
    )
    return person_faults(held, faults, _RATES)


def _header(region: Region, held: pl.DataFrame) -> pl.DataFrame:
    """Sex is 1 or 2 up to the 2024 return and M, F or U after it."""
    rng = region.draws.stream("looked after header")
    male, female = ("1", "2") if region.draws.as_of.year <= 2024 else ("M", "F")
    sex = pl.when("is_female").then(pl.lit(female)).otherwise(pl.lit(male))
    return held.select(
        pl.col("child").alias("CHILD"),
        sex.alias("SEX"),
        pl.col("date_of_birth").dt.strftime("%d/%m/%Y").alias("DOB"),
        pl.Series("ETHNIC", _ETHNIC).gather(pick(rng, held.height, (70, 5, 1, 4, 3, 4, 4, 1, 5, 3))),
        pl.col("upn").alias("UPN"),
        pl.when(pl.col("is_female")).then(pl.lit("0")).alias("MOTHER"),
        pl.lit(None, pl.String).alias("MC_DOB"),
    ).sort("CHILD")


def _spells(region: Region, held: pl.DataFrame) -> tuple[Days, Ints, Ints, Mask]:
    """When each child's care began, its days, its number of episodes, and whether it has ended."""
    rng = region.draws.stream("looked after spells")
    size = held.height
    last = region.draws.before(20)
    born = held["date_of_birth"].to_numpy().astype("datetime64[D]")
    eighteenth = held["date_of_birth"].dt.offset_by("18y").to_numpy().astype("datetime64[D]")
    left = chance(rng, size, 0.15) | (eighteenth <= last)
    care_end = np.minimum(
        np.where(eighteenth <= last, eighteenth, last - rng.integers(0, 120, size).astype("timedelta64[D]")), last
    )
    span = np.maximum((care_end - born).astype(np.int64), 1)
    length = np.minimum(rng.integers(40, 2200, size), span)
    start = care_end - length.astype("timedelta64[D]")
    count = np.minimum(1 + pick(rng, size, (5, 3, 1.5, 0.5)), np.maximum(length // 5, 1))
    return start, length, count, left


def _episodes(region: Region, held: pl.DataFrame) -> pl.DataFrame:
    """One to four episodes a child, each beginning the day the one before ended; care ends at 18 at the latest."""
    rng = region.draws.stream("looked after episodes")
    size = held.height
    start, length, count, left = _spells(region, held)
    row = np.repeat(np.arange(size), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    final = place == count[row] - 1
    begin = start[row] + (length[row] * place // count[row]).astype("timedelta64[D]")
    until = start[row] + (length[row] * (place + 1) // count[row]).astype("timedelta64[D]")
    closed = ~final | left[row]
    ended = pl.Series(_ENDS).gather(rng.integers(0, len(_ENDS), len(row)))
    at_home = pl.Series(chance(rng, len(row), 0.6))
    frame = held.select("child", "home_post", "living", "other_post")[row]
    return (
        frame.select(
            pl.col("child").alias("CHILD"),
            pl.Series("begin", begin).cast(pl.Date).alias("DECOM"),
            pl.Series("RNE", np.where(place == 0, "S", "P")),
            pl.Series("LS", _LEGAL).gather(pick(rng, size, (30, 40, 24, 4, 2))[row]),
            pl.Series("CIN", np.array([f"N{n}" for n in range(1, 9)])[rng.integers(0, 8, size)[row]]),
            pl.Series("PLACE", _PLACES).gather(rng.integers(0, len(_PLACES), len(row))),
            pl.Series("PLACE_PROVIDER", np.array(["PR1", "PR2", "PR4"])[rng.integers(0, 3, len(row))]),
            pl.when(pl.Series(closed)).then(pl.Series("until", until).cast(pl.Date)).alias("DEC"),
            pl.when(pl.Series(closed)).then(pl.when(pl.Series(final)).then(ended).otherwise(pl.lit("X1"))).alias("REC"),
            pl.lit(None, pl.String).alias("REASON_PLACE_CHANGE"),
            pl.col("home_post").alias("HOME_POST"),
            pl.when(at_home).then("living").otherwise("other_post").alias("PL_POST"),
            pl.lit(None, pl.String).alias("URN"),
        )
        .sort("CHILD", "DECOM")
        .with_columns(pl.col("DECOM", "DEC").dt.strftime("%d/%m/%Y"))
    )
