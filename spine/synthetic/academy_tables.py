"""The tables ctaccount, ctoccupation and ctproperty at their real width, before a council's way of writing.

Put here: columns and codes of the system. Never here: who is liable (occupations), or file dialects (academy).
Columns after LBHackney-IT/academy-resident-information-api, database/schema.sql.
"""

from __future__ import annotations

import polars as pl

from spine.synthetic.draws import chance
from spine.synthetic.faults import Faults
from spine.synthetic.population import Region

#: Codes of the lead's position: joint and several, tenant, owner, assumed, void, other.
_JOINT, _TENANT, _OWNER, _ASSUMED, _VOID, _OTHER = 1, 4, 7, 8, 9, 10
_ACCOUNT = """division_id account_ref account_cd lead_liab_name lead_liab_pos for_addr1 for_addr2 for_addr3 for_addr4
for_postcode for_district paymeth_code paymeth_type prev_paymeth prev_paymeth_type employee_ind employee_no
swipe_issue_date swipe_card_request hb_sar fast_track equal_access_code sched_code person_status transmission_date
lead_liab_title lead_liab_forename lead_liab_middlename lead_liab_surname lead_consent_ind for_addr_last_updated
hb_archive_ind party_ref for_addr_verified last_updated_int prohibit_code prohibit_end prohibit_set prohibit_user
prohibit_online_spd for_addr_abroad documerge_excl_ind"""
_OCCUPATION = """division_id property_ref account_ref occupation_date vacation_date live_ind transit_ind
inhibit_archive last_updated_int"""
_PROPERTY = """division_id property_ref fund_no parish_code street_code house_id addr1 addr2 addr3 addr4 postcode
grid_ref old_property_ref property_type owner_name own_addr1 own_addr2 own_addr3 own_addr4 own_postcode owner_away_ind
owner_liable crown_ind council_ha_ind institution planning_ind planning_desc planning_granted survey_code workarea
walking_order deleted_ind deleted_eff band_010493 cc_payable transit_93 transit_94 transit_95 transit_96 transit_97
inhibit_archive owner_code uprn wardcode owner_title owner_forename owner_middlename owner_surname inhibit_llpg
llpg_xref_key owner_addr_verified last_updated_int rented_prop own_telno own_email_addr no_beds annexe_ind
main_prop_ref own_is_charity own_addr_abroad"""


def account_table(region: Region, accounts: pl.DataFrame, occupations: pl.DataFrame) -> pl.DataFrame:
    """One row per account. A former occupier's letters go to where the household lives now."""
    now = region.people.select(pl.col("person").alias("lead"), pl.col("property").alias("now"))
    open_keys = occupations.filter(pl.col("until").is_null())["key"]
    away = ~pl.col("key").is_in(open_keys.implode()) | (pl.col("kind") == "second_home")
    joint = pl.col("lead").is_not_null() & pl.col("other").is_not_null()
    names = {"title": "title", "forename": "first_name", "middlename": "middle_names", "surname": "surname"}
    frame = accounts.join(now, on="lead", how="left", maintain_order="left").with_columns(
        pl.when(away).then("now").alias("now")
    )
    written = frame.hstack(_lines(region, frame["now"]).rename(lambda name: f"for_{name}")).with_columns(
        pl.col("division").alias("division_id"),
        pl.col("reference").alias("account_ref"),
        _check_letter("reference").alias("account_cd"),
        pl.col("name").alias("lead_liab_name"),
        _position(joint).alias("lead_liab_pos"),
        pl.when(pl.col("key") % 3 > 0).then(pl.lit("DD")).otherwise(pl.lit("CASH")).alias("paymeth_code"),
        pl.lit(0).alias("hb_sar"),
        (pl.col("key") + 500_000).alias("party_ref"),
        pl.lit(1).alias("paymeth_type"),
        *(pl.when("splits").then(f"{part}_1").alias(f"lead_liab_{name}") for name, part in names.items()),
    )
    return _at_width(written, _ACCOUNT)


def occupation_table(region: Region, district: int, accounts: pl.DataFrame, occupations: pl.DataFrame) -> pl.DataFrame:
    """One row per account and dwelling; an occupation that goes on has no vacation date here."""
    held = occupations.join(
        accounts.select("key", "division", "reference"), on="key", how="inner", maintain_order="left"
    ).sort("division", "reference", "start", "property")
    ended = pl.col("until").is_not_null()
    return _at_width(
        held.with_columns(
            pl.col("division").alias("division_id"),
            pl.col("reference").alias("account_ref"),
            _property_ref(region, district).alias("property_ref"),
            pl.col("start").alias("occupation_date"),
            pl.col("until").alias("vacation_date"),
            (~ended).cast(pl.Int64).alias("live_ind"),
            # an account in transit: it left one dwelling and its next is not known yet
            (ended & (pl.col("key") % 17 == 0)).cast(pl.Int64).alias("transit_ind"),
            pl.lit(0).alias("inhibit_archive"),
        ),
        _OCCUPATION,
    )


def property_table(region: Region, district: int, is_float_uprn: bool, faults: Faults) -> pl.DataFrame:
    """Every dwelling of the district, and some that are deleted: twins of a dwelling under an old reference."""
    rng = region.draws.stream(f"billing authority's properties {district}")
    homes = region.stock.properties.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("property")).filter(
        pl.col("district") == district
    )
    twins = homes.filter(pl.Series(chance(rng, homes.height, 0.006)))
    both = pl.concat((homes.with_columns(deleted=0), twins.with_columns(deleted=1)))
    gone = region.draws.before() - rng.integers(200, 6_000, both.height).astype("timedelta64[D]")
    both = (
        both.drop("postcode")
        .hstack(_lines(region, both["property"]))
        .with_columns(_property_ref(region, district).alias("property_ref"), pl.Series("gone", gone).cast(pl.Date))
    )
    ward = pl.format("WX{}", pl.col("outward").cast(pl.String).str.zfill(3))
    is_deleted = pl.col("deleted") == 1
    both = _property_faults(both, is_float_uprn, faults).with_columns(
        pl.when(is_deleted).then(pl.col("property_ref") + "X").otherwise("property_ref").alias("property_ref"),
        pl.lit(None if is_float_uprn else 1, pl.Int64).alias("division_id"),
        pl.col("deleted").alias("deleted_ind"),
        pl.when(is_deleted).then("gone").alias("deleted_eff"),
        pl.col("band").alias("band_010493"),
        ward.alias("wardcode"),
        (ward + "P").alias("parish_code"),
        pl.when("is_care_home").then(pl.lit("RESIDENTIAL INSTITUTION")).otherwise(_kind()).alias("property_type"),
        pl.col("is_care_home").cast(pl.Int64).alias("institution"),
        pl.lit(0).alias("annexe_ind"),
        pl.lit(1).alias("fund_no"),
    )
    return _at_width(both.sort("property_ref"), _PROPERTY)


def _property_faults(frame: pl.DataFrame, is_float_uprn: bool, faults: Faults) -> pl.DataFrame:
    nothing = pl.lit(None, pl.String)
    frame = faults.apply(frame, "no_postcode", 0.01, {"postcode": nothing})
    frame = faults.apply(frame, "postcode_without_space", 0.05, {"postcode": pl.col("postcode").str.replace(" ", "")})
    frame = faults.apply(
        frame, "bad_postcode", 0.002, {"postcode": pl.col("postcode").str.replace(r"\d([A-Z]{2})$", "O$1")}
    )
    frame = faults.apply(frame, "no_uprn", 0.03, {"uprn": nothing})
    if is_float_uprn:
        # what a spreadsheet makes of a number, and of a 1 that somebody typed to get on
        frame = frame.with_columns(pl.col("uprn") + ".0")
        frame = faults.apply(frame, "dummy_uprn", 0.01, {"uprn": pl.lit("1.0")}, pl.col("uprn").is_not_null())
    return frame


def _kind() -> pl.Expr:
    return pl.when(pl.col("flat").is_not_null()).then(pl.lit("FLAT")).otherwise(pl.lit("HOUSE"))


def _property_ref(region: Region, district: int) -> pl.Expr:
    """The council's own reference: street and place in it, from the first on, so that two councils' collide."""
    first = (region.stock.properties["district"] == district).arg_max() or 0
    number = pl.col("property").cast(pl.Int64) - first
    return (number // 16 + 1_000).cast(pl.String).str.zfill(6) + (number % 16 * 10 + 10).cast(pl.String).str.zfill(6)


def _position(joint: pl.Expr) -> pl.Expr:
    kind = pl.col("kind")
    return (
        pl.when(kind == "occupier")
        .then(_ASSUMED)
        .when(kind == "blank")
        .then(_VOID)
        .when(kind.is_in(["exors", "organisation"]))
        .then(_OTHER)
        .when(joint)
        .then(_JOINT)
        .when(pl.col("key") % 3 == 0)
        .then(_TENANT)
        .otherwise(_OWNER)
    )


def _check_letter(column: str) -> pl.Expr:
    letters = pl.Series("letter", list("ABCDEFGHJKL"))
    return pl.lit(letters).gather(pl.col(column) * 7 % len(letters))


def _lines(region: Region, where: pl.Series) -> pl.DataFrame:
    """addr1 … addr4 and postcode of properties in capitals, all null where `where` is.

    A flat and its building share a line, which is cut where the table's width ends.
    """
    places = region.stock.properties.select(
        pl.concat_str(["flat", "building"], separator=" ", ignore_nulls=True).alias("named"),
        pl.concat_str(["number", "street"], separator=" ", ignore_nulls=True).alias("street"),
        "town",
        "postcode",
        pl.int_range(pl.len(), dtype=pl.Int64).alias("where"),
    )
    wanted = where.cast(pl.Int64).to_frame("where").join(places, on="where", how="left", maintain_order="left")
    named = pl.when(pl.col("named") != "").then("named")
    lines = pl.concat_list(named, pl.col("street").str.slice(0, 32), "town").list.drop_nulls()
    return wanted.select(
        *(
            lines.list.get(n, null_on_oob=True).str.to_uppercase().str.slice(0, 35).alias(f"addr{n + 1}")
            for n in range(4)
        ),
        "postcode",
    )


def _at_width(frame: pl.DataFrame, columns: str) -> pl.DataFrame:
    """The table's columns in their order; those that this council does not fill are empty."""
    return frame.select(
        pl.col(name) if name in frame.columns else pl.lit(None, pl.String).alias(name) for name in columns.split()
    )
