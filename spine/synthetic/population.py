"""The region as it truly is: every resident with home, history, numbers and choices.

Put here: facts. Never here: what a source holds of them, or any error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.addresses import Stock, build_stock
from spine.synthetic.codes import DISTRICTS
from spine.synthetic.draws import Draws, Ints, chance
from spine.synthetic.identifiers import nhs_numbers
from spine.synthetic.names import add_names

#: A move or marriage in this many days is recent: sources may not have heard of it.
RECENT_DAYS = 3 * 365


@dataclass(frozen=True)
class Region:
    """Attributes.

    people: one row per resident; the row's position is the person's index. Besides the columns of
        `households` and `names`: person, person_id, property (null where of no fixed abode),
        lived_since, old_property and moved_on (recent movers), nhs_number, old_nhs_number, is_merged
        (the old number was merged into the new), is_opted_out, is_restricted, is_adult, outward, district.
    vacant: indices of properties that no household lives in, shuffled.
    spare_numbers: valid NHS numbers that nobody holds, as text.
    """

    draws: Draws
    stock: Stock
    people: pl.DataFrame
    vacant: Ints
    spare_numbers: pl.Series


def build_region(draws: Draws) -> Region:
    """Draw the whole region."""
    people = add_names(draws, hh.build_people(draws)).with_row_index("person")
    first = people.filter(pl.col("household").is_first_distinct())
    kinds = first["kind"].to_numpy()
    care_homes = int((kinds == hh.CARE_HOME).sum())
    ordinary = int((kinds < hh.NO_ABODE).sum())
    stock = build_stock(draws, max(ordinary * 105 // 100, ordinary + 12), care_homes)
    home, vacant = _homes(draws, kinds, stock)
    people = _add_moves(draws, people, home)
    people = _add_places(people, stock)
    people, spare = _add_numbers(draws, people)
    return Region(draws, stock, _add_choices(draws, people), vacant, spare)


def _homes(draws: Draws, kinds: Ints, stock: Stock) -> tuple[Ints, Ints]:
    """The property of each household (-1: none) and the properties left empty."""
    rng = draws.stream("homes")
    care = stock.properties["is_care_home"].to_numpy()
    dwellings = rng.permutation(np.flatnonzero(~care))
    home = np.full(len(kinds), -1, dtype=np.int64)
    home[kinds == hh.CARE_HOME] = np.flatnonzero(care)
    ordinary = np.flatnonzero(kinds < hh.NO_ABODE)
    home[ordinary] = dwellings[: len(ordinary)]
    return home, dwellings[len(ordinary) :]


def _add_moves(draws: Draws, people: pl.DataFrame, home: Ints) -> pl.DataFrame:
    """One household in eight moved in the last three years, from another dwelling of the region."""
    rng = draws.stream("moves")
    count = len(home)
    dwellings = np.flatnonzero(home >= 0)
    moved = chance(rng, count, 0.125) & (home >= 0)
    ago = rng.integers(hh.SETTLED_DAYS + 1, RECENT_DAYS, count)
    settled = RECENT_DAYS + np.minimum(rng.exponential(3000, count), 16_000).astype(np.int64)
    old = home[dwellings[rng.integers(0, len(dwellings), count)]]
    by_household = pl.DataFrame(
        {
            "property": home,
            "old_property": old,
            "moved": moved & (old != home),
            "since": draws.before() - np.where(moved, ago, settled).astype("timedelta64[D]"),
        }
    )[people["household"].to_numpy()]
    took_part = (
        pl.col("moved")
        & (pl.col("date_of_birth") < pl.col("since"))
        & (pl.col("died_on").is_null() | (pl.col("died_on") > pl.col("since")))
    )
    return people.hstack(by_household).select(
        pl.exclude("property", "old_property", "moved", "since"),
        pl.when(pl.col("property") >= 0).then("property").alias("property"),
        pl.max_horizontal("since", "date_of_birth").cast(pl.Date).alias("lived_since"),
        pl.when(took_part).then("old_property").alias("old_property"),
        pl.when(took_part).then(pl.col("since").cast(pl.Date)).alias("moved_on"),
    )


def _add_places(people: pl.DataFrame, stock: Stock) -> pl.DataFrame:
    place = (
        stock.properties.select("outward", "district")
        .with_row_index("property")
        .with_columns(pl.col("property").cast(pl.Int64))
    )
    return people.join(place, on="property", how="left", maintain_order="left")


def _add_numbers(draws: Draws, people: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """NHS numbers: one in a hundred residents has none, eight in a thousand have had two."""
    rng = draws.stream("nhs numbers")
    numbers = pl.Series(nhs_numbers(rng)).cast(pl.String)
    size = people.height
    has_one = chance(rng, size, 0.99)
    has_old = chance(rng, size, 0.008) & has_one
    old = np.full(size, 0, dtype=np.int64)
    old[has_old] = size + np.arange(int(has_old.sum()))
    merged = chance(rng, size, 0.65)
    frame = people.with_columns(
        pl.when(pl.Series(has_one)).then(numbers[:size]).alias("nhs_number"),
        pl.when(pl.Series(has_old)).then(numbers.gather(old)).alias("old_nhs_number"),
        pl.Series("is_merged", merged & has_old),
        pl.format("W{}", (pl.col("person") + 1).cast(pl.String).str.zfill(7)).alias("person_id"),
    )
    return frame, numbers[size + int(has_old.sum()) :]


def _add_choices(draws: Draws, people: pl.DataFrame) -> pl.DataFrame:
    rng = draws.stream("choices")
    size = people.height
    return people.with_columns(
        (pl.Series(chance(rng, size, 0.04)) & pl.col("nhs_number").is_not_null()).alias("is_opted_out"),
        (pl.Series(chance(rng, size, 0.003)) & pl.col("nhs_number").is_not_null()).alias("is_restricted"),
        (pl.col("date_of_birth").dt.offset_by("18y") <= draws.as_of).alias("is_adult"),
    )


def truth_of_people(region: Region) -> pl.DataFrame:
    """`people.parquet` of the truth: one row per resident."""
    ids = pl.Series([district.id for district in DISTRICTS])
    district = region.people["district"]
    return region.people.select(
        "person_id",
        "date_of_birth",
        pl.when("is_female").then(pl.lit("female")).otherwise(pl.lit("male")).alias("sex"),
        "name_group",
        "is_opted_out",
        "is_restricted",
        pl.col("died_on").is_not_null().alias("is_deceased"),
        "is_adult",
        ids.gather(district).alias("district"),
        pl.format("H{}", (pl.col("household") + 1).cast(pl.String).str.zfill(7)).alias("household_id"),
        "nhs_number",
    )
