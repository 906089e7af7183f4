"""Council tax extracts in the NFI flat layout, as two councils' systems write them.

Put here: each council's codes, references, errors and file. Never here: who is liable (accounts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from spine.synthetic.accounts import accounts_of
from spine.synthetic.codes import BRACKENFELL, DISTRICTS, SALTMARSH, source
from spine.synthetic.delivery import Output, SourceResult, write_text
from spine.synthetic.draws import chance
from spine.synthetic.faults import FOLDED_LETTERS, Faults, person_faults
from spine.synthetic.population import Region

#: Liability of a band as a share of band D, in ninths.
_NINTHS = {"A": 6, "B": 7, "C": 8, "D": 9, "E": 11, "F": 13, "G": 15, "H": 18}
_BASE_RATES = {
    "maiden_name": 0.05,
    "punctuation": 0.15,
    "transliteration": 0.15,
    "nickname": 0.03,
    "typo_first_name": 0.006,
    "typo_surname": 0.01,
    "swapped_names": 0.004,
    "day_month_swap": 0.006,
    "first_of_january": 0.006,
    "wrong_birth_date": 0.005,
    "no_middle_names": 0.35,
    "middle_initial": 0.5,
}


@dataclass(frozen=True)
class Supplier:
    """How one council's system exports.

    Attributes:
        codes: single adult, all adults disregarded: the council's own discount codes.
        disregards: its own codes of who is not counted.
    """

    partner: str
    first_reference: int
    band_d: float
    codes: tuple[str, str]
    disregards: tuple[str, ...]
    open_end: str | None
    encoding: str
    separator: str
    line_end: str
    is_upper: bool
    is_float_uprn: bool
    rates: Mapping[str, float]
    snapshots: tuple[int, ...]


SUPPLIERS = (
    Supplier(
        partner=BRACKENFELL,
        first_reference=70_000_000,
        band_d=2143.17,
        codes=("SPD25", "DIS50"),
        disregards=("STU", "SMI", "CARER", "APP"),
        open_end="31/12/9999",
        encoding="cp1252",
        separator=",",
        line_end="\r\n",
        is_upper=True,
        is_float_uprn=False,
        rates={**_BASE_RATES, "initial_only": 0.05, "no_birth_date": 0.58, "dummy_birth_date": 0.02},
        snapshots=(3, 34),
    ),
    Supplier(
        partner=SALTMARSH,
        first_reference=3_000_000_000,
        band_d=2088.4,
        codes=("D1", "D2"),
        disregards=("S1", "S4", "S7"),
        open_end=None,
        encoding="utf-8-sig",
        separator="|",
        line_end="\n",
        is_upper=False,
        is_float_uprn=True,
        rates={**_BASE_RATES, "initial_only": 0.02, "no_birth_date": 0.42, "dummy_birth_date": 0.008},
        snapshots=(3,),
    ),
)


def build_council_tax(region: Region, supplier: Supplier) -> SourceResult:
    """A council's extracts: the latest snapshot, and earlier ones where the supplier has any.

    An account that stands in several snapshots is the same in each, errors included.
    """
    district = next(index for index, entry in enumerate(DISTRICTS) if entry.id == supplier.partner)
    name = source(supplier.partner, "council_tax")
    days = [region.draws.as_of - timedelta(days=days) for days in supplier.snapshots]
    snapshots = [_with_references(region, supplier, accounts_of(region, district, day)) for day in days]
    every = pl.concat(snapshots).unique("account", keep="first", maintain_order=True).sort("property", "kind")
    faults = Faults(region.draws.stream(name))
    table = _table(region, supplier, every, faults)
    outputs = tuple(
        Output(
            supplier.partner,
            "council_tax",
            day,
            _writer(supplier, table.filter(every["account"].is_in(accounts["account"].implode())), day),
        )
        for day, accounts in zip(days, snapshots, strict=True)
    )
    latest = snapshots[0]
    people = pl.concat(
        [
            latest.select("account", pl.col(column).alias("person"), pl.lit(slot).alias("slot"))
            for column, slot in (("lead", "1"), ("other", "2"))
        ]
    )
    records = people.drop_nulls("person").select(
        pl.format("{}:council_tax:{}/{}", pl.lit(supplier.partner), "account", "slot").alias("record_id"),
        "person",
    )
    return SourceResult(name, outputs, records, faults.counts)


def _with_references(region: Region, supplier: Supplier, accounts: pl.DataFrame) -> pl.DataFrame:
    """Account references that last: a shuffle of the council's properties, the untold movers' apart."""
    rng = region.draws.stream(f"references {supplier.partner}")
    total = region.stock.properties.height
    number = pl.Series(supplier.first_reference + 1 + rng.permutation(2 * total) * 3)
    place = pl.col("property") + pl.when(pl.col("kind") == "not_told").then(total).otherwise(0)
    placed = accounts.with_columns(place.alias("place")).unique("place", keep="first", maintain_order=True)
    return placed.drop("place").with_columns(number.gather(placed["place"]).cast(pl.String).alias("account"))


def _table(region: Region, supplier: Supplier, accounts: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    """The extract's rows with every column of the layout, before encoding."""
    homes = region.stock.properties.drop("outward", "district", "is_care_home")
    frame = accounts.hstack(homes[accounts["property"].to_numpy()])
    for column, prefix in (("lead", "1"), ("other", "2")):
        frame = frame.hstack(_liable(region, accounts[column], supplier, faults, prefix))
    frame = _address_faults(_money(region, supplier, frame), faults)
    return frame.with_columns(
        pl.col("date_of_birth_1", "date_of_birth_2", "discount_start").dt.strftime("%d/%m/%Y")
    ).select(
        pl.col("account").alias("Council Tax account reference"),
        (pl.col("uprn") + ".0" if supplier.is_float_uprn else pl.col("uprn")).alias("UPRN"),
        pl.col("title_1").alias("Title"),
        pl.coalesce("organisation", "surname_1").alias("Surname"),
        pl.col("first_name_1").alias("Forename"),
        pl.col("middle_names_1").alias("Middle name/initial"),
        pl.col("date_of_birth_1").alias("Date of birth"),
        *_address_lines(supplier),
        pl.col("postcode").alias("Postcode"),
        pl.col("title_2").alias("Title of other liable person"),
        pl.col("surname_2").alias("Surname of other liable person"),
        pl.col("first_name_2").alias("Forename of other liable person"),
        pl.col("middle_names_2").alias("Middle name of other liable person"),
        pl.col("date_of_birth_2").alias("Date of birth of other liable person"),
        pl.col("discount_start").alias("Discount/exemption start date"),
        pl.when(pl.col("discount_start").is_not_null())
        .then(pl.lit(supplier.open_end, pl.String))
        .alias("Discount/exemption expiry date"),
        pl.col("discount_code").alias("Discount type/code"),
        pl.col("disregard_code").alias("Disregard type/code"),
        pl.col("exemption_code").alias("Exemption type/code"),
        pl.col("benefit").alias("Benefit recipient"),
        pl.col("disabled").alias("Disabled reduction indicator"),
        pl.col("band").alias("Council Tax band"),
        _amount("liability", supplier).alias("Council Tax amount"),
        _amount("discount", supplier).alias("Discount/Exemption amount"),
        pl.when(pl.col("kind") == "second_home").then(pl.lit("PO Box 7")).alias("Billing address 1"),
        pl.lit(None, pl.String).alias("Billing address 2"),
    )


def _liable(region: Region, person: pl.Series, supplier: Supplier, faults: Faults, slot: str) -> pl.DataFrame:
    """Names and date of birth as the council holds them, nulls where nobody stands in the place."""
    known = person.is_not_null()
    columns = ["title", "first_name", "middle_names", "surname", "former_surname", "renamed_on", "date_of_birth"]
    held = region.people.select(columns)[person.drop_nulls().to_numpy()]
    recent = pl.col("renamed_on") > region.draws.as_of - timedelta(days=1095)
    held = faults.apply(held, "maiden_name", 0.3, {"surname": pl.col("former_surname")}, recent)
    held = person_faults(held, faults, supplier.rates)
    if supplier.encoding == "cp1252":
        # most clerks fold the letters that the code page lacks; some systems write a question mark
        named = ("first_name", "middle_names", "surname")
        lost = {name: pl.col(name).str.replace_many(dict.fromkeys(FOLDED_LETTERS, "?")) for name in named}
        held = faults.apply(held, "letter_lost", 0.25, lost)
        held = held.with_columns(pl.col(name).str.replace_many(FOLDED_LETTERS) for name in named)
    else:
        inside = pl.col("title") + " " + pl.col("first_name")
        held = faults.apply(
            held,
            "title_in_first_name",
            0.004,
            {"first_name": inside, "title": pl.lit(None, pl.String)},
            pl.col("first_name").is_not_null(),
        )
    position = np.where(known.to_numpy(), np.cumsum(known.to_numpy()) - 1, held.height)
    blank = held.clear(1)
    shown = pl.concat((held, blank))[position].select("title", "first_name", "middle_names", "surname", "date_of_birth")
    return shown.rename({name: f"{name}_{slot}" for name in shown.columns})


def _reasons(supplier: Supplier, hit: Mapping[str, pl.Series]) -> pl.Expr:
    """Exemption class or discount code of each account, null where the full amount is due."""
    own = pl.col("kind") == "household"
    students = own & hit["students"] & (pl.col("adults") >= 3) & pl.col("other").is_not_null() & (pl.col("band") <= "C")
    single = own & (((pl.col("adults") == 1) & hit["claimed"]) | (pl.col("other").is_null() & hit["wrong"]))
    return (
        pl.when(pl.col("kind") == "exors")
        .then(pl.lit("F"))
        .when(students)
        .then(pl.lit("N"))
        .when(own & hit["none"])
        .then(pl.lit(supplier.codes[1]))
        .when(single)
        .then(pl.lit(supplier.codes[0]))
    )


def _money(region: Region, supplier: Supplier, frame: pl.DataFrame) -> pl.DataFrame:
    """Liability, discount or exemption and their amounts: a single adult pays three quarters."""
    rng = region.draws.stream(f"discounts {supplier.partner}")
    size = frame.height
    disregard = pl.Series(supplier.disregards).gather(rng.integers(0, len(supplier.disregards), size))
    hit = {
        name: pl.Series(chance(rng, size, rate))
        for name, rate in (
            ("claimed", 0.93),
            ("wrong", 0.012),
            ("none", 0.015),
            ("students", 0.5),
            ("benefit", 0.13),
            ("disabled", 0.01),
        )
    }
    shares = {"F": 1.0, "N": 1.0, supplier.codes[1]: 0.5, supplier.codes[0]: 0.25}
    ninths = pl.col("band").replace_strict(_NINTHS, return_dtype=pl.Float64)
    frame = frame.with_columns(
        _reasons(supplier, hit).alias("reason"), (ninths * supplier.band_d / 9).round(2).alias("liability")
    )
    share = pl.col("reason").replace_strict(shares, default=0.0, return_dtype=pl.Float64)
    exempt = pl.col("reason").is_in(["F", "N"])
    return frame.with_columns(
        pl.when(exempt).then("reason").alias("exemption_code"),
        pl.when(~exempt).then("reason").alias("discount_code"),
        pl.when(pl.col("reason") == supplier.codes[1]).then(disregard).alias("disregard_code"),
        (pl.col("liability") * share).round(2).alias("discount"),
        pl.when(pl.col("reason").is_not_null()).then("since").alias("discount_start"),
        *(
            pl.when(hit[name] & (pl.col("kind") == "household")).then(pl.lit("Y")).otherwise(pl.lit("N")).alias(name)
            for name in ("benefit", "disabled")
        ),
    )


def _amount(column: str, supplier: Supplier) -> pl.Expr:
    """Pounds with two decimals; the float-writing supplier puts a comma in thousands."""
    pence = (pl.col(column) * 100).round().cast(pl.Int64)
    pounds, rest = (pence // 100).cast(pl.String), (pence % 100).cast(pl.String).str.zfill(2)
    text = pounds + "." + rest
    return (
        pl.when(pl.col(column) >= 1000).then(pounds.str.replace(r"(\d{3})$", ",$1") + "." + rest).otherwise(text)
        if supplier.is_float_uprn
        else text
    )


def _address_faults(frame: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    nothing = pl.lit(None, pl.String)
    frame = faults.apply(frame, "no_postcode", 0.012, {"postcode": nothing})
    frame = faults.apply(frame, "postcode_without_space", 0.05, {"postcode": pl.col("postcode").str.replace(" ", "")})
    frame = faults.apply(
        frame, "bad_postcode", 0.002, {"postcode": pl.col("postcode").str.replace(r"\d([A-Z]{2})$", "O$1")}
    )
    frame = faults.apply(frame, "no_uprn", 0.03, {"uprn": nothing})
    return faults.apply(
        frame, "trailing_space", 0.02, {"surname_1": pl.col("surname_1") + "  "}, pl.col("surname_1").is_not_null()
    )


def _address_lines(supplier: Supplier) -> list[pl.Expr]:
    """Four lines: one system puts the flat and the building on one line, the other on two."""
    plain = pl.col("building").is_null()
    house = pl.col("number") + " " + pl.col("street")
    if supplier.is_upper:
        building = pl.concat_str(["flat", "building"], separator=" ", ignore_nulls=True)
        parts = [pl.when(plain).then(house).otherwise(building), pl.when(~plain).then("street"), pl.col("town")]
    else:
        parts = [
            pl.col("flat"),
            pl.when(plain).then(house).otherwise("building"),
            pl.when(~plain).then("street"),
            pl.col("town"),
        ]
    lines = pl.concat_list(parts).list.drop_nulls()
    return [lines.list.get(n, null_on_oob=True).alias(f"Address {n + 1}") for n in range(4)]


def _writer(supplier: Supplier, table: pl.DataFrame, day: date) -> Callable[[Path], None]:
    words = ("Surname", "Forename", "Middle", "Title", "Address")
    names = [name for name in table.columns if any(word in name for word in words)]

    def write(folder: Path) -> None:
        shown = table.with_columns(pl.col(names).str.to_uppercase()) if supplier.is_upper else table
        text = shown.write_csv(separator=supplier.separator, line_terminator=supplier.line_end)
        write_text(folder / f"NFI_CTAX_{day:%Y%m%d}.csv", text, supplier.encoding)

    return write
