"""Council tax extracts as tables of an Academy system: accounts, occupations and properties of two councils.

Put here: each council's references, codes, errors and files. Never here: who is liable where (occupations).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from spine.synthetic.academy_tables import account_table, occupation_table, property_table
from spine.synthetic.codes import HARCOMBE, TOR_VALLEY, district_of, source
from spine.synthetic.delivery import Export, Output, SourceResult, with_dates, write_tables
from spine.synthetic.draws import chance
from spine.synthetic.faults import Faults
from spine.synthetic.former_homes import former_homes
from spine.synthetic.occupations import Ledger, ledger_of
from spine.synthetic.one_line_names import with_names
from spine.synthetic.population import Region

#: Both councils number their accounts from here, so that references collide.
_FIRST_REFERENCE = 1_000_001


@dataclass(frozen=True, kw_only=True)
class System(Export):
    """How one council's system exports.

    Attributes:
        divisions: numbers of the divisions that share the range of references; none: the column is empty.
        never: vacation date of an occupation that goes on, as written.
        splits: share of accounts whose lead name stands in columns of its own too.
        joining: what stands between two people.
    """

    divisions: tuple[int, ...]
    never: str
    splits: float
    joining: str
    is_float_uprn: bool
    snapshots: tuple[int, ...] = (3, 34)

    @property
    def district(self) -> int:
        """Its place among the districts."""
        return district_of(self.partner)


SYSTEMS = (
    System(
        partner=HARCOMBE,
        divisions=(1, 2),
        never="2099-12-31 00:00:00",
        day="%Y-%m-%d 00:00:00",
        splits=0.9,
        joining=" & ",
        is_float_uprn=False,
        encoding="utf-8-sig",
        separator=",",
        line_end="\r\n",
        quotes="non_numeric",
        file="{table}_{day:%Y%m%d}.csv",
    ),
    System(
        partner=TOR_VALLEY,
        divisions=(),
        never="31/12/2999",
        day="%d/%m/%Y",
        splits=0.0,
        joining=" & ",
        is_float_uprn=True,
        encoding="cp1252",
        separator="|",
        line_end="\n",
        quotes="necessary",
        file="tvdc-{table}-{day:%d%b%Y}.csv",
    ),
)


def build_academy(region: Region, system: System) -> SourceResult:
    """A council's extracts: the latest snapshot and one a month before.

    An account that stands in both is the same in both, errors included; occupations are those of the day.
    """
    district = system.district
    name = source(system.partner, "council_tax")
    faults = Faults(region.draws.stream(name))
    former = former_homes(region)
    days = [region.draws.as_of - timedelta(days=days) for days in system.snapshots]
    ledgers = [ledger_of(region, former, district, day) for day in days]
    every = pl.concat([ledger.accounts for ledger in ledgers]).unique("key", keep="first", maintain_order=True)
    named = with_names(region, every, faults, system.joining, system.encoding == "cp1252")
    accounts = _with_references(region, system, named).sort("division", "reference")
    places = property_table(region, district, system.is_float_uprn, faults)
    outputs = tuple(
        Output(system.partner, "council_tax", day, _writer(region, system, accounts, ledger, places, day))
        for day, ledger in zip(days, ledgers, strict=True)
    )
    return SourceResult(name, outputs, _records(system, accounts, ledgers[0]), faults.counts)


def _with_references(region: Region, system: System, accounts: pl.DataFrame) -> pl.DataFrame:
    """division (null where the council has none), reference, and splits: who has a name in columns.

    Accounts of different divisions bear the same references.
    """
    rng = region.draws.stream(f"references {system.partner}")
    divisions = max(len(system.divisions), 1)
    span = int(region.people["household"].max()) + 1  # type: ignore[arg-type]
    number = pl.Series(_FIRST_REFERENCE + rng.permutation((2 * span + region.stock.properties.height) // divisions + 1))
    key = accounts["key"]
    division = pl.Series(system.divisions, dtype=pl.Int64).gather(key % divisions) if system.divisions else None
    return accounts.with_columns(
        pl.lit(division if division is not None else None, pl.Int64).alias("division"),
        number.gather(key // divisions).alias("reference"),
        pl.Series("splits", chance(rng, accounts.height, system.splits)),
    )


def _records(system: System, accounts: pl.DataFrame, latest: Ledger) -> pl.DataFrame:
    """One record for each person named on an account that goes on, as the spine calls it.

    Accounts of former occupiers are in the files too; nobody lives there under them.
    """
    live = latest.occupations.filter(pl.col("until").is_null())["key"]
    shown = accounts.filter(pl.col("key").is_in(live.implode()))
    account = pl.concat_str(["division", "reference"], separator="-", ignore_nulls=True).alias("account")
    people = pl.concat(
        [
            shown.select(account, pl.col(column).alias("person"), pl.lit(slot).alias("slot"))
            for column, slot in (("lead", "1"), ("other", "2"))
        ]
    )
    return people.drop_nulls("person").select(
        pl.format("{}:council_tax:{}/{}", pl.lit(system.partner), "account", "slot").alias("record_id"), "person"
    )


def _writer(
    region: Region, system: System, accounts: pl.DataFrame, ledger: Ledger, places: pl.DataFrame, day: date
) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        shown = accounts.filter(pl.col("key").is_in(ledger.accounts["key"].implode()))
        tables = {
            "ctaccount": account_table(region, shown, ledger.occupations),
            "ctoccupation": occupation_table(region, system.district, shown, ledger.occupations),
            "ctproperty": places,
        }
        write_tables(folder, {name: _as_written(system, table) for name, table in tables.items()}, system, day)

    return write


def _as_written(system: System, table: pl.DataFrame) -> pl.DataFrame:
    """The council's own dates, also for what never ends."""
    shown = with_dates(table, system)
    if "vacation_date" in table.columns:
        shown = shown.with_columns(pl.col("vacation_date").fill_null(system.never))
    # a council of one division has the column among its accounts only, empty
    return shown if system.divisions or "account_cd" in shown.columns else shown.drop("division_id")
