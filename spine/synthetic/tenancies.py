"""Social tenancies as they are: a landlord's stock, who rents which home from when until when, with whom.

Put here: facts of two landlords. Never here: their codes and files (housing, rents), or errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.accounts import ORGANISATIONS
from spine.synthetic.draws import chance
from spine.synthetic.former_homes import former_homes, last_left
from spine.synthetic.population import Region

#: About 17 in 100 households rent from a council or an association; more do so in the lower bands.
_SHARE = 0.17
_BAND_FACTORS = {"A": 1.76, "B": 1.52, "C": 1.05, "D": 0.58, "E": 0.22, "F": 0.0, "G": 0.0, "H": 0.0}
#: A death reaches the landlord after this many days.
_HEARD_DAYS = 45


@dataclass(frozen=True)
class Tenancies:
    """Attributes.

    stock: property (index), in order.
    tenancies: tenancy (a number that lasts), kind (home, garage, organisation), property (of a garage:
        the tenant's home), organisation (name or null), household (null for organisations), start, end.
    members: tenancy, person, role (of `households`; null for lodgers), is_main, is_joint, start, end.
        An end is null while it goes on or nobody has entered it.
    """

    stock: pl.DataFrame
    tenancies: pl.DataFrame
    members: pl.DataFrame

    def on(self, day: date) -> Tenancies:
        """What the landlord had on an earlier day: later starts and ends are not known yet."""
        known = pl.when(pl.col("end") <= day).then("end").alias("end")
        tenancies, members = (
            frame.filter(pl.col("start") <= day).with_columns(known) for frame in (self.tenancies, self.members)
        )
        return Tenancies(self.stock, tenancies, members)


def tenancies_of(region: Region, district: int, day: date) -> Tenancies:
    """Every tenancy of the social landlord of one district up to that day, ended ones too."""
    stock = _stock(region, district)
    former = former_homes(region)
    homes, members = _current(region, district, stock, last_left(former, day), day)
    ended, earlier = _ended(region, district, stock, former, day)
    garages, holders = _garages(region, district, homes, members, day)
    lodgers = _lodgers(region, district, homes, former)
    let = _organisations(region, district, stock)
    tenancies = pl.concat((homes, garages, let, ended)).filter(pl.col("start") <= day).sort("tenancy")
    people = pl.concat((members, earlier, holders, lodgers)).filter(pl.col("start") <= day)
    return Tenancies(stock, tenancies, people.sort("tenancy", "start", "person"))


def _stock(region: Region, district: int) -> pl.DataFrame:
    rng = region.draws.stream(f"social stock {district}")
    places = region.stock.properties.select("district", "is_care_home", "band").with_row_index("property")
    likely = places["band"].replace_strict(_BAND_FACTORS, return_dtype=pl.Float64).to_numpy() * _SHARE
    chosen = pl.Series(chance(rng, places.height, likely))
    here = (pl.col("district") == district) & ~pl.col("is_care_home")
    return places.filter(chosen & here).select(pl.col("property").cast(pl.Int64))


def _current(
    region: Region, district: int, stock: pl.DataFrame, emptied: pl.DataFrame, day: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tenancies of households that live in the stock now, with all whom the landlord has been told of."""
    rng = region.draws.stream(f"tenants {district}")
    gone = (pl.col("died_on") < day - timedelta(days=_HEARD_DAYS)).fill_null(False)
    people = (
        region.people.join(stock, on="property", how="semi", maintain_order="left")
        .with_columns(gone.alias("gone"), (pl.col("role") == hh.HEAD).alias("is_head"))
        .join(emptied, on="property", how="left", maintain_order="left")
        .sort("property", "gone", "role", "person")
    )
    begun = pl.max_horizontal(pl.col("lived_since").filter("is_head").first(), pl.col("emptied_on").first())
    people = people.with_columns(
        begun.over("property").alias("begun"), pl.col("property").is_first_distinct().alias("is_main")
    )
    size = people.height
    partner = (pl.col("role") == hh.PARTNER) & ~pl.col("is_main") & pl.Series(chance(rng, size, 0.6))
    was_tenant = (pl.col("role") == hh.HEAD) & ~pl.col("is_main")
    told = pl.Series(chance(rng, size, 0.9)) | pl.col("role").is_in([hh.HEAD, hh.PARTNER])
    joined = people.with_columns((partner | was_tenant).alias("is_joint")).filter(told | pl.col("is_main"))
    members = joined.select(
        pl.col("property").alias("tenancy"),
        "person",
        "role",
        "is_main",
        "is_joint",
        pl.max_horizontal("begun", "lived_since").alias("start"),
        pl.when("gone").then("died_on").alias("end"),
    )
    homes = people.filter("is_main").select(
        pl.col("property").alias("tenancy"),
        pl.lit("home").alias("kind"),
        "property",
        pl.lit(None, pl.String).alias("organisation"),
        "household",
        pl.col("begun").alias("start"),
        pl.lit(None, pl.Date).alias("end"),
    )
    return homes, members


def _ended(
    region: Region, district: int, stock: pl.DataFrame, former: pl.DataFrame, day: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Earlier tenancies of the stock's homes; of three in ten the people were never taken off."""
    rng = region.draws.stream(f"former tenants {district}")
    number = 2 * region.stock.properties.height
    left = former.join(stock, on="property", how="semi", maintain_order="left").filter(pl.col("until") <= day)
    left = left.with_columns(
        (pl.col("household") + number).alias("tenancy"), pl.Series("untidy", chance(rng, left.height, 0.3))
    )
    tenancies = left.select(
        "tenancy",
        pl.lit("home").alias("kind"),
        "property",
        pl.lit(None, pl.String).alias("organisation"),
        "household",
        "start",
        pl.col("until").alias("end"),
    )
    there = pl.col("role").is_in([hh.CHILD, hh.ADULT_CHILD]) & (pl.col("date_of_birth") < pl.col("until"))
    adults = (pl.col("person") == pl.col("lead")) | (pl.col("person") == pl.col("other")).fill_null(False)
    columns = left.select("tenancy", "household", "lead", "other", pl.col("start").alias("begun"), "until", "untidy")
    members = columns.join(
        region.people.select("household", "person", "role", "date_of_birth"),
        on="household",
        how="inner",
        maintain_order="left_right",
    ).filter(adults | there)
    return tenancies, members.select(
        "tenancy",
        "person",
        "role",
        (pl.col("person") == pl.col("lead")).alias("is_main"),
        (pl.col("person") == pl.col("other")).fill_null(False).alias("is_joint"),
        pl.max_horizontal("begun", "date_of_birth").alias("start"),
        pl.when(~pl.col("untidy")).then("until").alias("end"),
    )


def _garages(
    region: Region, district: int, homes: pl.DataFrame, members: pl.DataFrame, day: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One main tenant in fourteen rents a garage too: a second tenancy of one person."""
    rng = region.draws.stream(f"garages {district}")
    size = homes.height
    later = pl.col("start") + pl.duration(days=pl.lit(pl.Series(rng.integers(1, 900, size))))
    end = later + pl.duration(days=pl.lit(pl.Series(rng.integers(60, 1_500, size))))
    rented = homes.with_columns(
        pl.lit("garage").alias("kind"),
        (pl.col("tenancy") + region.stock.properties.height).alias("tenancy"),
        later.alias("start"),
        pl.when(pl.Series(chance(rng, size, 0.3)) & (end <= day)).then(end).alias("end"),
    ).filter(pl.Series(chance(rng, size, 0.07)))
    main = members.filter(pl.col("is_main") & pl.col("end").is_null()).select(
        pl.col("tenancy").alias("property"), "person"
    )
    holders = rented.join(main, on="property", how="inner", maintain_order="left").select(
        "tenancy",
        "person",
        pl.lit(hh.HEAD, pl.Int64).alias("role"),
        pl.lit(True).alias("is_main"),
        pl.lit(False).alias("is_joint"),
        "start",
        "end",
    )
    return rented.filter(pl.col("tenancy").is_in(holders["tenancy"].implode())), holders


def _lodgers(region: Region, district: int, homes: pl.DataFrame, former: pl.DataFrame) -> pl.DataFrame:
    """People who lived in a tenant's household until they took the home they have now."""
    rng = region.draws.stream(f"lodgers {district}")
    single = region.people.filter(
        (pl.col("kind") == hh.LONE)
        & (pl.col("district") == district)
        & pl.col("moved_on").is_null()
        & pl.col("died_on").is_null()
        & ~pl.col("household").is_in(former["household"].implode())
    ).select("person", "lived_since", "date_of_birth")
    size = min(single.height, homes.height // 12)
    guests = single[rng.permutation(single.height)[:size]]
    hosts = homes.select("tenancy", pl.col("start").alias("begun"))[rng.permutation(homes.height)[:size]]
    stay = pl.lit(pl.Series(rng.integers(100, 1_500, size), dtype=pl.Int64))
    pairs = guests.hstack(hosts).with_columns(
        pl.max_horizontal(
            "begun", pl.col("lived_since") - pl.duration(days=stay), pl.col("date_of_birth").dt.offset_by("16y")
        ).alias("start")
    )
    return pairs.filter(pl.col("start") < pl.col("lived_since")).select(
        "tenancy",
        "person",
        pl.lit(None, pl.Int64).alias("role"),
        pl.lit(False).alias("is_main"),
        pl.lit(False).alias("is_joint"),
        "start",
        pl.col("lived_since").alias("end"),
    )


def _organisations(region: Region, district: int, stock: pl.DataFrame) -> pl.DataFrame:
    """A third of the stock's homes without residents are let to organisations, the rest stand empty."""
    rng = region.draws.stream(f"organisations that rent {district}")
    empty = stock.filter(pl.col("property").is_in(pl.Series(np.sort(region.vacant)).implode()))
    size = empty.height
    since = region.draws.before() - rng.integers(60, 4_000, size).astype("timedelta64[D]")
    return empty.select(
        pl.col("property").alias("tenancy"),
        pl.lit("organisation").alias("kind"),
        "property",
        pl.Series("organisation", ORGANISATIONS).gather(rng.integers(0, len(ORGANISATIONS), size)),
        pl.lit(None, pl.Int64).alias("household"),
        pl.Series("start", since).cast(pl.Date),
        pl.lit(None, pl.Date).alias("end"),
    ).filter(pl.Series(chance(rng, size, 0.35)))
