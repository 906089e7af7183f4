"""Where households lived before: recent moves, and one earlier home of some that have settled.

Put here: former homes as facts. Never here: what a council or landlord still holds of them.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.draws import chance
from spine.synthetic.population import RECENT_DAYS, Region

#: Settled households moved in at most this long ago to have an earlier home on file.
_REMEMBERED_DAYS = 4_000
_ANYWHERE = -1


def former_homes(region: Region) -> pl.DataFrame:
    """One row per household and dwelling that it left, in order of household.

    Returns:
        household, kind (of household), property (the one left), now (where the household lives),
        lead and other (persons, adults then; other may be null), start, until (first and last day).
    """
    heads = region.people.filter(
        (pl.col("role") == hh.HEAD)
        & (pl.col("kind") < hh.NO_ABODE)
        & (pl.col("old_property").is_not_null() | (pl.col("moved_on").is_null() & pl.col("died_on").is_null()))
    )
    recent = heads.filter(pl.col("old_property").is_not_null()).select(
        "household", "kind", "person", "date_of_birth", "property", pl.col("old_property"), pl.col("moved_on")
    )
    left = pl.concat(
        (recent.rename({"old_property": "left", "moved_on": "until"}), _earlier(region, heads)), how="vertical"
    ).sort("household")
    return _with_people(region, left)


def _earlier(region: Region, heads: pl.DataFrame) -> pl.DataFrame:
    """A settled household's home before this one: the dwelling whose household moved in next.

    So a dwelling is left before those who live in it now arrive. Most stayed in their district.
    """
    rng = region.draws.stream("earlier homes")
    size = heads.height
    remembered = pl.Series(chance(rng, size, 0.4))
    far = pl.Series(chance(rng, size, 0.4))
    settled = pl.col("lived_since").is_between(
        region.draws.as_of - timedelta(days=_REMEMBERED_DAYS), region.draws.as_of - timedelta(days=RECENT_DAYS)
    )
    area = pl.when(far).then(_ANYWHERE).otherwise(pl.col("district")).alias("area")
    return (
        heads.with_columns(area)
        .filter(remembered & settled & pl.col("old_property").is_null())
        .sort("area", "lived_since", "household")
        .with_columns(pl.col("property").shift(-1).over("area", order_by=["lived_since", "household"]).alias("left"))
        .drop_nulls("left")
        .select(
            "household", "kind", "person", "date_of_birth", "property", "left", pl.col("lived_since").alias("until")
        )
    )


def _with_people(region: Region, left: pl.DataFrame) -> pl.DataFrame:
    """The head and perhaps the partner, where they were of age, and the day they had moved in."""
    rng = region.draws.stream("former occupants")
    partners = region.people.filter(pl.col("role") == hh.PARTNER).select(
        "household", pl.col("person").alias("other"), pl.col("date_of_birth").alias("other_born")
    )
    length = pl.lit(pl.Series(rng.integers(200, 3_000, left.height)))
    together = pl.Series(chance(rng, left.height, 0.75))
    of_age = pl.col("date_of_birth").dt.offset_by("18y")
    dated = left.with_columns(
        pl.max_horizontal(pl.col("until") - pl.duration(days=length), of_age).alias("start"), together.alias("together")
    ).filter(of_age < pl.col("until") - pl.duration(days=60))
    joined = dated.join(partners, on="household", how="left", maintain_order="left")
    with_other = pl.col("together") & (pl.col("other_born").dt.offset_by("18y") <= pl.col("start"))
    return joined.select(
        "household",
        "kind",
        pl.col("left").alias("property"),
        pl.col("property").alias("now"),
        pl.col("person").alias("lead"),
        pl.when(with_other).then("other").alias("other"),
        "start",
        "until",
    )


def last_left(former: pl.DataFrame, day: date) -> pl.DataFrame:
    """The last day that each dwelling was left by former occupants up to `day`: property, emptied_on."""
    return (
        former.filter(pl.col("until") <= day)
        .group_by("property", maintain_order=True)
        .agg(pl.col("until").max().alias("emptied_on"))
    )
