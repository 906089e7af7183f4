"""The two social landlords: what one's system writes and how it differs from the other's.

Put here: references, codes and dialects of both, and writing tables in them. Never here: who rents (tenancies).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from spine.synthetic.codes import HARCOMBE, SALTMARSH, WEXMOOR_HOMES, district_of
from spine.synthetic.delivery import Export, with_dates, write_tables


@dataclass(frozen=True, kw_only=True)
class Landlord(Export):
    """How one landlord's system exports.

    Attributes:
        area: the district that its homes are in.
        is_upper: headers and names in capitals.
        has_addresses: True where addresses are a file of their own, False where they stand in properties.
        has_balances: weekly balances in a file of their own; else elements of the charge are.
        person, tenancy, home, payment: formats of references, with a number for `{}`.
        tenures: type and tenure of a usual tenancy, then of a fixed-term or starter one, then of a leaseholder's.
        relations: codes of a tenant, partner, child, parent and other.
    """

    area: str
    is_upper: bool
    has_addresses: bool
    has_balances: bool
    person: str
    tenancy: str
    home: str
    payment: str
    tenures: tuple[tuple[str, str], ...]
    relations: tuple[str, str, str, str, str]
    snapshots: tuple[int, ...] = (4, 35)

    @property
    def district(self) -> int:
        """The place of its area among the districts."""
        return district_of(self.area)


LANDLORDS = (
    Landlord(
        partner=HARCOMBE,
        area=HARCOMBE,
        is_upper=True,
        has_addresses=False,
        has_balances=True,
        day="%d-%b-%Y",
        person="{}",
        tenancy="{}",
        home="HD{}",
        payment="7{}",
        tenures=(("SEC", "SECURE"), ("INT", "NONSEC"), ("LEA", "LEASEHOLD")),
        relations=("TENANT", "SPOUSE", "CHILD", "PARENT", "OTHER"),
        encoding="cp1252",
        separator=",",
        line_end="\r\n",
        quotes="always",
        file="HOU_{table}_{day:%Y%m%d}.csv",
    ),
    Landlord(
        partner=WEXMOOR_HOMES,
        area=SALTMARSH,
        is_upper=False,
        has_addresses=True,
        has_balances=False,
        day="%Y-%m-%d",
        person="P{}",
        tenancy="T{}/1",
        home="{}",
        payment="WH-{}",
        tenures=(("ASY", "NONSEC"), ("ASH", "NONSEC"), ("SHO", "LEASEHOLD")),
        relations=("TEN", "PART", "SONDAU", "PAR", "OTH"),
        encoding="utf-8",
        separator=";",
        line_end="\n",
        quotes="necessary",
        file="{table}.csv",
    ),
)


def numbered(pattern: str, number: pl.Expr, digits: int = 7) -> pl.Expr:
    """A reference: the number at a fixed length in the landlord's pattern."""
    return pl.format(pattern, number.cast(pl.String).str.zfill(digits))


def writer(landlord: Landlord, tables: Callable[[], Mapping[str, pl.DataFrame]], day: date) -> Callable[[Path], None]:
    """What writes the tables of one day as the landlord's system does: one file each."""

    def write(folder: Path) -> None:
        shown = {name: with_dates(table, landlord) for name, table in tables().items()}
        if landlord.is_upper:
            shown = {name: table.rename(str.upper) for name, table in shown.items()}
        write_tables(folder, shown, landlord, day)

    return write
