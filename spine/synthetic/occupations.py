"""Council tax accounts with their occupations: who was liable at which dwellings, from when until when.

Put here: a history of liability. Never here: a council's codes and file (academy), or errors in names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.accounts import accounts_of
from spine.synthetic.former_homes import last_left
from spine.synthetic.population import Region


@dataclass(frozen=True)
class Ledger:
    """A council's accounts on one day.

    Attributes:
        accounts: key (a number that stays the account's own on every day), lead, other, organisation,
            kind (as in `accounts_of`, or former where nothing is open).
        occupations: key, property, start, until (null: open).
    """

    accounts: pl.DataFrame
    occupations: pl.DataFrame


def ledger_of(region: Region, former: pl.DataFrame, district: int, day: date) -> Ledger:
    """The council's accounts and occupations on that day, those that have ended too.

    Households that moved within the council keep their account, save sharers. Those who left the council
    keep an account at the old address only.
    """
    live = _live(region, former, district, day)
    ended = _ended(region, former, district, day, live["key"])
    rows = pl.concat((live, ended))
    accounts = rows.select("key", "lead", "other", "organisation", "kind").unique(
        "key", keep="first", maintain_order=True
    )
    return Ledger(accounts, rows.select("key", "property", "start", "until"))


def _own_key(region: Region) -> pl.Expr:
    """Accounts that belong to a household's stay at one address only, apart from those of its present home."""
    households = int(region.people["household"].max()) + 1  # type: ignore[arg-type]
    return pl.col("household").cast(pl.Int64) + households + region.stock.properties.height


def _live(region: Region, former: pl.DataFrame, district: int, day: date) -> pl.DataFrame:
    where = region.stock.properties["district"]
    households = int(region.people["household"].max()) + 1  # type: ignore[arg-type]
    homes = region.people.select("property", pl.col("household").alias("resident")).drop_nulls().unique("property")
    leads = region.people.select(
        pl.col("person").alias("lead"),
        "household",
        "moved_on",
        pl.col("kind").alias("household_kind"),
        (where.gather(region.people["property"]) == district).alias("stays"),
    )
    untold = pl.col("kind") == "not_told"
    key = (
        pl.when(untold & pl.col("stays") & (pl.col("household_kind") != hh.SHARED))
        .then(pl.col("household").cast(pl.Int64))
        .when(untold)
        .then(_own_key(region))
        .otherwise(pl.coalesce(pl.col("resident").cast(pl.Int64), pl.col("property") + households))
    )
    rows = (
        accounts_of(region, district, day)
        .join(leads, on="lead", how="left", maintain_order="left")
        .join(homes, on="property", how="left", maintain_order="left")
        .join(last_left(former, day), on="property", how="left", maintain_order="left")
    )
    # who opens an account at the new address has told the council of the old one
    told = untold & pl.col("stays") & (pl.col("moved_on") <= day)
    start = pl.when(untold).then("since").otherwise(pl.max_horizontal("since", "emptied_on")).alias("start")
    return rows.filter(~told.fill_null(False)).select(
        key.alias("key"),
        "property",
        "lead",
        "other",
        "organisation",
        "kind",
        start,
        pl.lit(None, pl.Date).alias("until"),
    )


def _ended(region: Region, former: pl.DataFrame, district: int, day: date, live: pl.Series) -> pl.DataFrame:
    where = region.stock.properties["district"]
    here = where.gather(former["property"]) == district
    stays = (where.gather(former["now"]) == district) & (former["kind"] != hh.SHARED)
    keyed = former.with_columns(
        pl.when(stays).then(pl.col("household").cast(pl.Int64)).otherwise(_own_key(region)).alias("key"),
        stays.alias("stays"),
    ).filter(here & (pl.col("until") <= day))
    # an account at the old address is ended only once the council has heard of the move
    heard = pl.col("stays") | ~pl.col("key").is_in(live.implode())
    return keyed.filter(heard).select(
        "key",
        "property",
        "lead",
        "other",
        pl.lit(None, pl.String).alias("organisation"),
        pl.lit("former").alias("kind"),
        "start",
        "until",
    )
