"""Rent accounts in the load tables of NEC Housing: charges, balances and what was done about arrears.

Put here: money. Never here: who rents (tenancies) or file dialects (landlords).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial

import polars as pl

from spine.synthetic.codes import source
from spine.synthetic.delivery import Output, SourceResult
from spine.synthetic.draws import chance
from spine.synthetic.housing import home_reference
from spine.synthetic.landlords import Landlord, numbered, writer
from spine.synthetic.population import Region
from spine.synthetic.tenancies import Tenancies, tenancies_of

_RENTS = {"A": 88.4, "B": 97.15, "C": 106.3, "D": 118.6, "E": 131.9, "F": 140.0, "G": 150.0, "H": 160.0}
#: Actions in order of gravity, and the weeks of rent owed from which each is taken.
_ACTIONS = (("NRA1", 2.0), ("NRA2", 4.0), ("NOSP", 7.0), ("CORT", 14.0), ("EVIC", 26.0))
_SERVICE, _HEAT = 6.85, 11.2


def build_rents(region: Region, landlord: Landlord) -> SourceResult:
    """A landlord's extracts: the latest snapshot and one a month before. They hold no person."""
    days = [region.draws.as_of - timedelta(days=days) for days in landlord.snapshots]
    latest = tenancies_of(region, landlord.district, days[0])
    outputs = tuple(
        Output(
            landlord.partner,
            "rent_accounts",
            day,
            writer(landlord, partial(_tables, region, landlord, latest.on(day), day), day),
        )
        for day in days
    )
    none = pl.DataFrame(schema={"record_id": pl.String, "person": pl.UInt32})
    return SourceResult(source(landlord.partner, "rent_accounts"), outputs, none)


def _tables(region: Region, landlord: Landlord, known: Tenancies, day: date) -> Mapping[str, pl.DataFrame]:
    accounts = _accounts(region, landlord, known, day)
    tables = {"revenue_accounts": _account_table(landlord, accounts, day), "arrears_actions": _actions(accounts, day)}
    if landlord.has_balances:
        return tables | {"account_balances": _balances(accounts, day)}
    return tables | {"debit_breakdowns": _elements(landlord, accounts)}


def _accounts(region: Region, landlord: Landlord, known: Tenancies, day: date) -> pl.DataFrame:
    """Every tenancy's account with its weekly charge and the weeks owed; a third of the open ones owe."""
    rng = region.draws.stream(f"rents {landlord.partner}")
    every = 3 * region.stock.properties.height + int(region.people["household"].max()) + 1  # type: ignore[arg-type]
    owes, weeks, credit = pl.Series(chance(rng, every, 0.34)), pl.Series(rng.exponential(4.5, every)), rng.random(every)
    tenancies = known.tenancies
    at = tenancies["tenancy"]
    band = region.stock.properties["band"].gather(tenancies["property"])
    is_open = pl.col("end").is_null()
    # arrears grow while nobody pays: the snapshot of a month before shows less
    grown = pl.lit((region.draws.as_of - day).days / 7 * 0.12)
    owed = pl.when(owes.gather(at) & (is_open | (pl.col("tenancy") % 5 == 0))).then(weeks.gather(at) - grown)
    spare = -pl.Series(credit).gather(at) * 1.4
    rent = band.replace_strict(_RENTS, return_dtype=pl.Float64)
    return (
        tenancies.with_columns(
            numbered(landlord.payment, pl.col("tenancy") * 7 + 11, 9).alias("payment"),
            pl.when(pl.col("kind") == "garage").then(12.4).otherwise(rent).alias("rent"),
            pl.when(owed > 0).then(owed).when(is_open).then(spare).otherwise(0.0).alias("weeks"),
            pl.Series("has_service", chance(rng, every, 0.3)).gather(at).alias("has_service"),
        )
        .with_columns(
            (pl.col("rent") + pl.when("has_service").then(_SERVICE + _HEAT).otherwise(0.0)).round(2).alias("charge")
        )
        .with_columns((pl.col("weeks") * pl.col("charge")).round(2).alias("balance"))
        .sort("payment")
    )


def _account_table(landlord: Landlord, accounts: pl.DataFrame, day: date) -> pl.DataFrame:
    """One row per account; who sends the elements of the charge leaves their sum out."""
    is_garage = pl.col("kind") == "garage"
    columns = [
        pl.col("payment").alias("lrac_pay_ref"),
        numbered(landlord.tenancy, pl.col("tenancy")).alias("lrac_tcy_alt_ref"),
        pl.when(is_garage).then(pl.lit("GAR")).otherwise(pl.lit("REN")).alias("lrac_hrv_ate_code"),
        pl.lit("REN").alias("lrac_class_code"),
        pl.col("start").alias("lrac_start_date"),
        pl.col("end").alias("lrac_end_date"),
        _money(pl.col("balance")).alias("lrac_last_aba_balance"),
        pl.lit(_monday(day)).alias("lrac_last_aba_date"),
        pl.lit("DD").alias("lrac_pmy_code"),
    ]
    if landlord.has_balances:
        columns.append(_money(pl.col("charge")).alias("lrac_gross_rent"))
    return accounts.select(columns)


def _actions(accounts: pl.DataFrame, day: date) -> pl.DataFrame:
    """Each action that the weeks owed have reached, the gravest the latest; a few were withdrawn."""
    steps = [
        accounts.filter(pl.col("weeks") >= weeks).select(
            pl.col("payment").alias("laca_pay_ref"),
            pl.lit(code).alias("laca_ara_code"),
            pl.max_horizontal(
                pl.col("start") + pl.duration(days=step),
                pl.lit(day) - pl.duration(days=((pl.col("weeks") - weeks) * 7).floor().cast(pl.Int64).clip(1, 900)),
            ).alias("laca_created_date"),
            pl.when(pl.col("tenancy") % 31 == step).then(pl.lit("DEL")).otherwise(pl.lit("COMP")).alias("laca_status"),
            _money(pl.lit(weeks) * pl.col("charge")).alias("laca_balance"),
        )
        for step, (code, weeks) in enumerate(_ACTIONS)
    ]
    return pl.concat(steps).sort("laca_pay_ref", "laca_created_date", "laca_ara_code")


def _balances(accounts: pl.DataFrame, day: date) -> pl.DataFrame:
    """The balance of each of the last four Mondays, each week's charge less than what was paid."""
    weeks = [
        accounts.filter(pl.col("start") <= _monday(day) - timedelta(weeks=ago)).select(
            pl.col("payment").alias("laba_pay_ref"),
            pl.lit(_monday(day) - timedelta(weeks=ago)).alias("laba_date"),
            _money(pl.col("balance") * (1 - 0.05 * ago)).alias("laba_balance"),
        )
        for ago in range(4)
    ]
    return pl.concat(weeks).sort("laba_pay_ref", "laba_date")


def _elements(landlord: Landlord, accounts: pl.DataFrame) -> pl.DataFrame:
    """The rent of each account, and service and heating where they are charged."""
    parts = (("RENT", pl.col("rent"), pl.lit(True)), ("SERV", pl.lit(_SERVICE), pl.col("has_service")))
    rows = [
        accounts.filter(where).select(
            pl.col("payment").alias("ldbr_pay_ref"),
            home_reference(landlord, pl.col("property"), pl.col("kind")).alias("ldbr_pro_refno"),
            pl.lit(code).alias("ldbr_ele_code"),
            pl.col("start").alias("ldbr_start_date"),
            pl.col("end").alias("ldbr_end_date"),
            _money(value).alias("ldbr_ele_value"),
        )
        for code, value, where in (*parts, ("HEAT", pl.lit(_HEAT), pl.col("has_service")))
    ]
    return pl.concat(rows).sort("ldbr_pay_ref", "ldbr_ele_code")


def _monday(day: date) -> date:
    """The last Monday up to that day: balances close weekly."""
    return day - timedelta(days=day.weekday())


def _money(amount: pl.Expr) -> pl.Expr:
    """Pounds with two decimals as text."""
    pence = (amount * 100).round().cast(pl.Int64)
    text = (pence.abs() // 100).cast(pl.String) + "." + (pence.abs() % 100).cast(pl.String).str.zfill(2)
    return pl.when(pence < 0).then("-" + text).otherwise(text)
