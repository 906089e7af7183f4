"""Council tax accounts as they should be: who is liable where, with which discount.

Put here: liability. Never here: a council's codes and file (council_tax), or errors in names.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.draws import chance, pick
from spine.synthetic.population import Region

_KINDS = ("second_home", "occupier", "organisation", "blank")
#: Landlords and others that hold dwellings.
ORGANISATIONS = (
    "Wexmoor Homes Ltd",
    "Larkmere Housing Association",
    "Gullholm Lettings Limited",
    "Heronsfold Property Management Ltd",
    "Harbour Trust",
    "Wexmoor County Council",
    "Samphire Estates LLP",
    "Torbridge Student Lettings Ltd",
)
_ESTATES = ("Exors of", "Executors of", "Reps of", "Pers Reps of")


def accounts_of(region: Region, district: int, day: date) -> pl.DataFrame:
    """The live accounts of one council on one day, in order of property.

    Returns:
        property, lead and other (person indices, null where nobody is named), organisation (text in
        place of a person), since, kind (household, exors, second_home, occupier, organisation, blank,
        not_told), adults.
    """
    parts = (_households(region, district, day), _empty(region, district), _not_told(region, district, day))
    columns = ["property", "lead", "other", "organisation", "since", "kind", "adults"]
    return (
        pl.concat([part.select(columns) for part in parts])
        .filter(pl.col("since") <= day)
        .sort("property", "kind", "lead")
    )


def _households(region: Region, district: int, day: date) -> pl.DataFrame:
    """Dwellings with adults: the head is liable with a partner; sharers jointly, or their landlord."""
    rng = region.draws.stream(f"liability {district}")
    grouped = _adults(region, district, day)
    size = grouped.height
    let = pl.Series(chance(rng, size, 0.3)) & (pl.col("household_kind") == hh.SHARED)
    estate = pl.concat_str(
        [
            pl.Series(_ESTATES).gather(rng.integers(0, len(_ESTATES), size)),
            pl.col("late_first"),
            pl.col("late_surname"),
        ],
        separator=" ",
        ignore_nulls=True,
    )
    landlord = pl.Series(ORGANISATIONS).gather(rng.integers(0, len(ORGANISATIONS), size))
    joint = pl.col("second_role").is_in([hh.PARTNER, hh.SHARER]) & ~pl.Series(chance(rng, size, 0.04))
    empty = pl.col("lead").is_null()
    return grouped.with_columns(
        pl.when(~let).then("lead").alias("lead"),
        pl.when(~let & joint).then("second").alias("other"),
        pl.when(empty).then(estate).when(let).then(landlord).alias("organisation"),
        pl.when(empty)
        .then(pl.lit("exors"))
        .when(let)
        .then(pl.lit("organisation"))
        .otherwise(pl.lit("household"))
        .alias("kind"),
    )


def _adults(region: Region, district: int, day: date) -> pl.DataFrame:
    """The adults of each dwelling in order of role, those left out whose death the council has heard of."""
    told = pl.col("died_on") < day - timedelta(days=60)
    adults = region.people.filter(
        (pl.col("district") == district) & pl.col("is_adult") & (pl.col("kind") < hh.NO_ABODE)
    )
    here = pl.col("person").filter(~pl.col("gone"))
    return (
        adults.sort("property", "role", "person")
        .with_columns(told.fill_null(False).alias("gone"))
        .group_by("property", maintain_order=True)
        .agg(
            here.first().alias("lead"),
            here.get(1, null_on_oob=True).alias("second"),
            pl.col("role").filter(~pl.col("gone")).get(1, null_on_oob=True).alias("second_role"),
            pl.col("surname").first().alias("late_surname"),
            pl.col("first_name").first().alias("late_first"),
            pl.col("lived_since").max().alias("since"),
            pl.col("kind").first().alias("household_kind"),
            pl.col("gone").not_().sum().cast(pl.Int64).alias("adults"),
        )
    )


def _empty(region: Region, district: int) -> pl.DataFrame:
    """Dwellings without residents: second homes, organisations, unknown occupiers, blank accounts."""
    rng = region.draws.stream(f"empty homes {district}")
    where = region.stock.properties["district"].to_numpy()
    vacant = region.vacant[where[region.vacant] == district]
    size = len(vacant)
    heads = region.people.filter((pl.col("role") == hh.HEAD) & pl.col("died_on").is_null() & (pl.col("age") > 35))[
        "person"
    ]
    kind = pl.Series("kind", _KINDS).gather(pick(rng, size, (0.3, 0.25, 0.3, 0.15)))
    owner = (
        heads.gather(rng.integers(0, max(len(heads), 1), size))
        if len(heads)
        else pl.Series([None] * size, dtype=pl.UInt32)
    )
    since = region.draws.before() - rng.integers(60, 4000, size).astype("timedelta64[D]")
    frame = pl.DataFrame({"property": vacant, "kind": kind, "owner": owner, "since": since}).with_columns(
        pl.Series("landlord", ORGANISATIONS).gather(rng.integers(0, len(ORGANISATIONS), size))
    )
    return frame.with_columns(
        pl.when(pl.col("kind") == "second_home").then("owner").alias("lead"),
        pl.lit(None, pl.UInt32).alias("other"),
        pl.when(pl.col("kind") == "occupier")
        .then(pl.lit("The Occupier"))
        .when(pl.col("kind") == "organisation")
        .then("landlord")
        .alias("organisation"),
        pl.col("since").cast(pl.Date),
        pl.lit(0, pl.Int64).alias("adults"),
    )


def _not_told(region: Region, district: int, day: date) -> pl.DataFrame:
    """Accounts at the old address: of movers who have not told the council, or who moved after that day."""
    rng = region.draws.stream(f"not told {district}")
    silent = pl.Series(chance(rng, region.people.height, 0.25)) & pl.col("moved_on").is_between(
        day - timedelta(days=120), day
    )
    head = (pl.col("role") == hh.HEAD) & pl.col("died_on").is_null()
    movers = region.people.filter(head & (silent | (pl.col("moved_on") > day)))
    there = region.stock.properties["district"].gather(movers["old_property"]) == district
    return movers.filter(there).select(
        pl.col("old_property").alias("property"),
        pl.col("person").alias("lead"),
        pl.lit(None, pl.UInt32).alias("other"),
        pl.lit(None, pl.String).alias("organisation"),
        (pl.col("moved_on") - pl.duration(days=900)).alias("since"),
        pl.lit("not_told").alias("kind"),
        pl.lit(1, pl.Int64).alias("adults"),
    )
