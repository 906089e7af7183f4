"""Telephone numbers and e-mail addresses that a landlord holds of its tenants.

Put here: contacts, old ones too. Never here: the people themselves (housing).
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from spine.synthetic.draws import chance
from spine.synthetic.landlords import Landlord
from spine.synthetic.population import Region

_ADULT_AGE = 16
#: Share of adults who have told the landlord; `old` is a former e-mail address, `past` a former landline.
_SHARES = {"mobile": 0.72, "work": 0.08, "email": 0.42, "old": 0.08, "past": 0.4}
_CODES = {
    "landline": "HOMETEL",
    "mobile": "MOBILETEL",
    "work": "WORKTEL",
    "email": "EMAIL",
    "old": "EMAIL",
    "past": "HOMETEL",
}


def landline(household: pl.Expr) -> pl.Expr:
    """A household's number; 01632 is an area code that no place has."""
    return pl.lit("01632") + (200_000 + (household * 7919) % 790_000).cast(pl.String)


def mail(surname: str, site: str) -> pl.Expr:
    """A person's address at an example domain, which is nobody's."""
    words = [pl.col("first_name"), pl.col(surname), pl.col("person").cast(pl.String)]
    name = pl.concat_str(words, separator=".", ignore_nulls=True)
    return name.str.to_lowercase().str.replace_all("[^a-z0-9.]", "") + f"@{site}"


def contact_table(region: Region, landlord: Landlord, people: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """One row per contact of the adults: a household shares a landline, some contacts are old or ended."""
    since = members.group_by("reference", maintain_order=True).agg(pl.col("start").min())
    true = region.people.select("person", "first_name", "surname", "former_surname", "moved_on")
    adults = (
        people.select("reference", "person", "household", "age")
        .filter(pl.col("age") >= _ADULT_AGE)
        .join(since, on="reference", maintain_order="left")
        .join(true, on="person", maintain_order="left")
    )
    adults = adults.with_columns(_held(region, landlord, adults))
    ended = {
        "past": pl.col("moved_on"),
        "old": pl.when(pl.col("person") % 2 == 0).then(pl.col("start").dt.offset_by("2y")),
    }
    rows = [
        adults.select(
            pl.col("reference").alias("lcde_legacy_ref"),
            pl.lit("PAR").alias("lcde_legacy_type"),
            pl.lit(code).alias("lcde_frv_cme_code"),
            pl.col(name).alias("lcde_contact_value"),
            pl.min_horizontal("start", "moved_on").alias("lcde_start_date"),
            _past(region, ended.get(name, pl.lit(None, pl.Date))).alias("lcde_end_date"),
            pl.lit(9 if name in ended else 1).alias("lcde_precedence"),
        ).drop_nulls("lcde_contact_value")
        for name, code in _CODES.items()
    ]
    return pl.concat(rows).sort("lcde_legacy_ref", "lcde_frv_cme_code", "lcde_precedence")


def _held(region: Region, landlord: Landlord, adults: pl.DataFrame) -> list[pl.Expr]:
    """A column for each kind of contact, null for those of whom the landlord has none."""
    rng = region.draws.stream(f"contacts {landlord.partner}")
    households = int(region.people["household"].max()) + 1  # type: ignore[arg-type]
    shared = pl.Series(chance(rng, households, 0.5)).gather(adults["household"])
    has = {name: pl.Series(chance(rng, adults.height, rate)) for name, rate in _SHARES.items()}
    # personal numbers begin with 070: nobody's mobile does
    mobile = pl.lit("07000") + (pl.col("person").cast(pl.Int64) * 7919 % 1_000_000).cast(pl.String).str.zfill(6)
    work = pl.lit("01632 1") + (pl.col("person") % 900 * 37 % 1_000).cast(pl.String).str.zfill(3) + "00"
    maiden = pl.when(pl.col("former_surname").is_not_null()).then(mail("former_surname", "example.com"))
    values = {
        "landline": pl.when(shared).then(landline(pl.col("household"))),
        "mobile": pl.when(has["mobile"]).then(mobile),
        "work": pl.when(has["work"]).then(work),
        "email": pl.when(has["email"]).then(mail("surname", "example.com")),
        "old": pl.when(has["old"]).then(maiden.otherwise(mail("surname", "example.net"))),
        "past": pl.when(has["past"] & pl.col("moved_on").is_not_null()).then(landline(pl.col("household") + 1_000_003)),
    }
    return [value.alias(name) for name, value in values.items()]


def _past(region: Region, day: pl.Expr) -> pl.Expr:
    """A day that has been; an end that lies ahead is not known yet."""
    return pl.when(day < region.draws.as_of - timedelta(days=60)).then(day)
