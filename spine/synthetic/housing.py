"""Housing tenancies in the load tables of NEC Housing, as two landlords send them.

Put here: what each landlord holds of people and homes, with errors. Never here: who rents (tenancies), file dialects.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.codes import source
from spine.synthetic.contacts import contact_table
from spine.synthetic.delivery import Output, SourceResult
from spine.synthetic.draws import chance
from spine.synthetic.faults import FOLDED_LETTERS, Faults, person_faults
from spine.synthetic.identifiers import national_insurance_numbers
from spine.synthetic.landlords import Landlord, numbered, writer
from spine.synthetic.population import RECENT_DAYS, Region
from spine.synthetic.tenancies import Tenancies, tenancies_of

_RATES = {
    "maiden_name": 0.03,
    "punctuation": 0.12,
    "transliteration": 0.12,
    "nickname": 0.04,
    "typo_first_name": 0.008,
    "typo_surname": 0.01,
    "initial_only": 0.01,
    "no_middle_names": 0.5,
    "swapped_names": 0.004,
    "day_month_swap": 0.006,
    "first_of_january": 0.01,
    "wrong_birth_date": 0.006,
    "no_birth_date": 0.05,
    "dummy_birth_date": 0.012,
}
_NAMES = ("first_name", "middle_names", "surname")
_NINO_AGE = 16


def build_housing(region: Region, landlord: Landlord) -> SourceResult:
    """A landlord's extracts: the latest snapshot and one a month before. A person is the same in both."""
    name = source(landlord.partner, "housing_tenancies")
    faults = Faults(region.draws.stream(name))
    days = [region.draws.as_of - timedelta(days=days) for days in landlord.snapshots]
    latest = tenancies_of(region, landlord.district, days[0])
    members = _with_references(region, landlord, latest, faults)
    people = _people(region, landlord, members, faults)
    homes = _homes(region, landlord, latest, faults)
    contacts = contact_table(region, landlord, people, members)

    def tables(known: Tenancies) -> Mapping[str, pl.DataFrame]:
        shown = known.members.join(
            members.select("tenancy", "person", "reference"), on=["tenancy", "person"], maintain_order="left"
        )
        return {
            "people": _people_table(landlord, known, shown, people),
            "tenancies": _tenancy_table(region, landlord, known),
            "contacts": contacts.filter(pl.col("lcde_legacy_ref").is_in(shown["reference"].implode())),
            **_property_tables(landlord, known, homes),
        }

    outputs = tuple(
        Output(
            landlord.partner,
            "housing_tenancies",
            day,
            writer(landlord, partial(tables, latest.on(day)), day),
        )
        for day in days
    )
    record = pl.format("{}:housing_tenancies:{}", pl.lit(landlord.partner), "reference").alias("record_id")
    return SourceResult(name, outputs, people.select(record, "person"), faults.counts)


def _with_references(region: Region, landlord: Landlord, latest: Tenancies, faults: Faults) -> pl.DataFrame:
    """Members with a reference each: a person has one, save some whose earlier tenancy was under another."""
    rng = region.draws.stream(f"person references {landlord.partner}")
    everyone = region.people.height
    number = pl.Series(100_001 + rng.permutation(2 * everyone))
    ended = latest.tenancies.filter(pl.col("end").is_not_null() & (pl.col("kind") == "home"))["tenancy"]
    twice = pl.Series(chance(rng, everyone, 0.3))
    members = latest.members.with_columns(
        (
            twice.gather(latest.members["person"])
            & pl.col("tenancy").is_in(ended.implode())
            & (pl.col("person").len().over("person") > 1)
        ).alias("again")
    )
    faults.add("second_reference", int(members["again"].sum()))
    over = latest.tenancies.filter(pl.col("end").is_not_null())["tenancy"]
    listed = pl.col("tenancy").is_in(over.implode()) & pl.col("end").is_null()
    faults.add("listed_in_ended_tenancy", int(members.select(listed.sum()).item()))
    index = pl.col("person").cast(pl.Int64) + everyone * pl.col("again").cast(pl.Int64)
    return members.with_columns(
        numbered(landlord.person, pl.lit(number).gather(index)).alias("reference"),
    )


def _people(region: Region, landlord: Landlord, members: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    """One row per reference: the person as the landlord holds them."""
    rng = region.draws.stream(f"people of {landlord.partner}")
    referred = members.select("reference", "person").unique("reference", maintain_order=True).sort("reference")
    size = referred.height
    columns = ["title", *_NAMES, "former_surname", "renamed_on", "date_of_birth", "is_female", "age", "household"]
    held = referred.hstack(region.people.select(columns)[referred["person"].to_numpy()])
    recent = pl.col("renamed_on") > region.draws.as_of - timedelta(days=RECENT_DAYS)
    held = faults.apply(held, "maiden_name", 0.3, {"surname": pl.col("former_surname")}, recent)
    held = person_faults(held, faults, _RATES)
    if landlord.encoding == "cp1252":
        held = held.with_columns(pl.col(_NAMES).str.replace_many(FOLDED_LETTERS))
    sex = pl.when("is_female").then(pl.lit("F")).otherwise(pl.lit("M"))
    has_number = pl.Series(chance(rng, size, 0.82)) & (pl.col("age") >= _NINO_AGE)
    held = held.with_columns(
        pl.when(has_number).then(national_insurance_numbers(pl.col("person"))).alias("nino"),
        pl.when(pl.Series(chance(rng, size, 0.97))).then(sex).otherwise(pl.lit("U")).alias("sex"),
        pl.when(pl.Series(chance(rng, size, 0.005))).then(pl.lit("Y")).otherwise(pl.lit("N")).alias("at_risk"),
    )
    return _number_faults(held, faults)


def _number_faults(held: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    """Temporary numbers, a letter O for a nought, the partner's number in two digits the wrong way round."""
    nino = pl.col("nino")
    known = nino.is_not_null()
    temporary = "TN" + pl.col("date_of_birth").dt.strftime("%d%m%y") + pl.col("sex").replace({"U": "M"})
    held = faults.apply(
        held, "temporary_nino", 0.008, {"nino": temporary}, known & pl.col("date_of_birth").is_not_null()
    )
    held = faults.apply(held, "bad_nino", 0.012, {"nino": nino.str.replace("0", "O", literal=True)}, known)
    turned = nino.str.slice(0, 4) + nino.str.slice(5, 1) + nino.str.slice(4, 1) + nino.str.slice(6)
    return faults.apply(held, "wrong_nino", 0.006, {"nino": turned}, known)


def _homes(region: Region, landlord: Landlord, latest: Tenancies, faults: Faults) -> pl.DataFrame:
    """The stock with its addresses as the landlord holds them, one row per home."""
    homes = latest.stock.hstack(
        region.stock.properties.select(
            "uprn", "flat", "building", "number", "street", "town", "postcode", pl.col("band").alias("value_band")
        )[latest.stock["property"].to_numpy()]
    )
    nothing = pl.lit(None, pl.String)
    homes = faults.apply(homes, "no_uprn", 0.08, {"uprn": nothing})
    homes = faults.apply(homes, "no_postcode", 0.01, {"postcode": nothing})
    homes = faults.apply(homes, "postcode_without_space", 0.05, {"postcode": pl.col("postcode").str.replace(" ", "")})
    homes = faults.apply(
        homes, "bad_postcode", 0.002, {"postcode": pl.col("postcode").str.replace(r"\d([A-Z]{2})$", "O$1")}
    )
    texts = ["flat", "building", "street", "town"]
    return homes.with_columns(pl.col(texts).str.to_uppercase()) if landlord.is_upper else homes


def _people_table(landlord: Landlord, known: Tenancies, members: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """One row per person and tenancy; organisations follow the people."""
    tenant, partner, child, parent, other = landlord.relations
    relation = {hh.HEAD: tenant, hh.PARTNER: partner, hh.CHILD: child, hh.ADULT_CHILD: child, hh.GRANDPARENT: parent}
    party = (
        pl.when("is_main")
        .then(pl.lit(tenant))
        .otherwise(pl.col("role").replace_strict(relation, default=other, return_dtype=pl.String))
    )
    is_tenant = pl.col("is_main") | pl.col("is_joint")
    rows = members.join(people.drop("person"), on="reference", how="left", maintain_order="left").select(
        pl.col("reference").alias("lpar_per_alt_ref"),
        numbered(landlord.tenancy, pl.col("tenancy")).alias("lpar_tcy_alt_ref"),
        pl.lit("HOUP").alias("lpar_type"),
        pl.col("title").str.to_uppercase().alias("lpar_per_title"),
        pl.col("surname").alias("lpar_per_surname"),
        pl.col("first_name").alias("lpar_per_forename"),
        _initials().alias("lpar_per_initials"),
        pl.col("middle_names").alias("lpar_per_other_name"),
        pl.col("date_of_birth").alias("lpar_per_date_of_birth"),
        pl.col("sex").alias("lpar_per_frv_fge_code"),
        pl.lit("NS").alias("lpar_per_frv_feo_code"),
        pl.lit(None, pl.String).alias("lpar_per_frv_religion"),
        pl.col("nino").alias("lpar_per_ni_no"),
        pl.col("at_risk").alias("lpar_per_hou_at_risk_ind"),
        pl.col("start").alias("lpar_hop_start_date"),
        pl.col("end").alias("lpar_hop_end_date"),
        party.alias("lpar_hop_hrv_rel_code"),
        pl.when("is_main").then(pl.lit("Y")).otherwise(pl.lit("N")).alias("lpar_tin_main_tenant_ind"),
        pl.when(is_tenant).then("start").alias("lpar_tin_start_date"),
        pl.when(is_tenant).then("end").alias("lpar_tin_end_date"),
    )
    if landlord.is_upper:
        names = ["lpar_per_surname", "lpar_per_forename", "lpar_per_other_name"]
        rows = rows.with_columns(pl.col(names).str.to_uppercase())
    return pl.concat((rows, _organisation_rows(landlord, known)), how="diagonal")


def _initials() -> pl.Expr:
    """First letters of all first names."""
    given = pl.concat_str(["first_name", "middle_names"], separator=" ", ignore_nulls=True)
    letters = given.str.extract_all(r"\b\p{L}").list.join("").str.to_uppercase().str.slice(0, 5)
    return pl.when(letters != "").then(letters)


def _organisation_rows(landlord: Landlord, known: Tenancies) -> pl.DataFrame:
    let = known.tenancies.filter(pl.col("kind") == "organisation")
    return let.select(
        numbered(landlord.person, pl.col("tenancy") + 90_000_000, 8).alias("lpar_per_alt_ref"),
        numbered(landlord.tenancy, pl.col("tenancy")).alias("lpar_tcy_alt_ref"),
        pl.lit("ORG").alias("lpar_type"),
        pl.col("organisation").str.to_uppercase().alias("lpar_per_surname"),
        pl.col("start").alias("lpar_hop_start_date"),
        pl.col("end").alias("lpar_hop_end_date"),
        pl.lit("Y").alias("lpar_tin_main_tenant_ind"),
    )


def _tenancy_table(region: Region, landlord: Landlord, known: Tenancies) -> pl.DataFrame:
    """One row per tenancy; some tenants have given notice, and a few live elsewhere while their home is repaired."""
    rng = region.draws.stream(f"tenures {landlord.partner}")
    every = region.stock.properties.height + int(region.people["household"].max()) + 1  # type: ignore[arg-type]
    luck, notice = (pl.lit(pl.Series(rng.random(every))).gather(pl.col("tenancy") % every) for _ in range(2))
    kind, tenure = (_tenure(landlord, luck, part) for part in range(2))
    start, end = pl.col("start"), pl.col("end")
    is_home = end.is_null() & (pl.col("kind") == "home")
    served = is_home & (notice < 0.02) & (start < region.draws.as_of - timedelta(days=100))
    state = pl.when(served).then(pl.lit("NOTICE")).when(is_home & (notice > 0.997)).then(pl.lit("DECANT"))
    given = pl.lit(region.draws.as_of) - pl.duration(days=(pl.col("tenancy") % 50 + 40))
    return known.tenancies.select(
        numbered(landlord.tenancy, pl.col("tenancy")).alias("ltcy_alt_ref"),
        kind.alias("ltcy_tty_code"),
        tenure.alias("ltcy_hrv_ttyp_code"),
        start.alias("ltcy_act_start_date"),
        end.alias("ltcy_act_end_date"),
        state.alias("ltcy_hrv_tst_code"),
        pl.when(served).then(given).alias("ltcy_notice_given_date"),
        pl.when(served).then(given + pl.duration(days=3)).alias("ltcy_notice_rec_date"),
        home_reference(landlord, pl.col("property"), pl.col("kind")).alias("ltcy_tho_propref1"),
        start.alias("ltcy_tho_start_date1"),
        end.alias("ltcy_tho_end_date1"),
        pl.lit(None, pl.String).alias("ltcy_tho_propref2"),
    ).sort("ltcy_alt_ref")


def _tenure(landlord: Landlord, luck: pl.Expr, part: int) -> pl.Expr:
    """Type (part 0) or tenure (part 1): mostly the landlord's usual one, seldom a lease; a garage is none."""
    usual, starter, lease = landlord.tenures
    return (
        pl.when(pl.col("kind") == "garage")
        .then(pl.lit(("TGA", "NONRES")[part]))
        .when(luck < 0.83)
        .then(pl.lit(usual[part]))
        .when(luck < 0.96)
        .then(pl.lit(starter[part]))
        .otherwise(pl.lit(lease[part]))
    )


def home_reference(landlord: Landlord, place: pl.Expr, kind: pl.Expr) -> pl.Expr:
    """The landlord's reference of a home; a garage's is the home's with a letter."""
    home = numbered(landlord.home, place)
    return pl.when(kind == "garage").then(home + "G").otherwise(home)


#: Columns of an address in the file, and in the stock of homes.
_ADDRESS = {
    "ladr_uprn": "uprn",
    "ladr_flat": "flat",
    "ladr_building": "building",
    "ladr_street_number": "number",
    "lael_street": "street",
    "lael_town": "town",
    "lael_postcode": "postcode",
}


def _property_tables(landlord: Landlord, known: Tenancies, homes: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Properties, garages among them without address, and addresses where they are a file of their own."""
    let = known.tenancies.filter(pl.col("kind") != "garage", pl.col("end").is_null())["property"]
    flat = pl.col("flat").is_not_null()
    rows = homes.with_columns(
        numbered(landlord.home, pl.col("property")).alias("lpro_propref"),
        pl.when(pl.col("property").is_in(let.implode()))
        .then(pl.lit("OCC"))
        .otherwise(pl.lit("VOI"))
        .alias("lpro_sco_code"),
        pl.when(flat)
        .then(pl.lit("FLT"))
        .when(pl.col("value_band") == "A")
        .then(pl.lit("BUN"))
        .otherwise(pl.lit("HOU"))
        .alias("lpro_hou_ptv_code"),
        pl.lit("Y").alias("lpro_hou_residential_ind"),
        *(pl.col(column).alias(header) for header, column in _ADDRESS.items()),
    )
    own = ["lpro_propref", "lpro_sco_code", "lpro_hou_ptv_code", "lpro_hou_residential_ind"]
    garages = known.tenancies.filter(pl.col("kind") == "garage").select(
        home_reference(landlord, pl.col("property"), pl.col("kind")).alias("lpro_propref"),
        pl.when(pl.col("end").is_null()).then(pl.lit("OCC")).otherwise(pl.lit("VOI")).alias("lpro_sco_code"),
        pl.lit("GAR").alias("lpro_hou_ptv_code"),
        pl.lit("N").alias("lpro_hou_residential_ind"),
    )
    if not landlord.has_addresses:
        return {"properties": pl.concat((rows.select(*own, *_ADDRESS), garages), how="diagonal")}
    addresses = rows.select(
        pl.col("lpro_propref").alias("laus_legacy_ref"),
        pl.lit("PRO").alias("laus_aut_fao_code"),
        pl.lit(None, pl.Date).alias("laus_start_date"),
        pl.lit(None, pl.Date).alias("laus_end_date"),
        *_ADDRESS,
    )
    return {"properties": pl.concat((rows.select(own), garages)), "addresses": addresses}
