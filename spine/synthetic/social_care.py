"""Adult social care Client Level Data: a county's quarterly return of events.

Put here: who is known to adult social care, their events, errors and file. Never here: other sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from spine.synthetic import households as hh
from spine.synthetic.codes import COUNTY, COUNTY_CODE, source
from spine.synthetic.delivery import Output, SourceResult, write_text
from spine.synthetic.draws import chance, pick
from spine.synthetic.faults import Faults, person_faults
from spine.synthetic.identifiers import break_check_digit
from spine.synthetic.population import Region

_RATES = {
    "maiden_name": 0.015,
    "punctuation": 0.12,
    "transliteration": 0.12,
    "nickname": 0.05,
    "typo_first_name": 0.01,
    "typo_surname": 0.012,
    "swapped_names": 0.005,
    "day_month_swap": 0.008,
    "first_of_january": 0.018,
    "wrong_birth_date": 0.006,
    "no_birth_date": 0.012,
    "dummy_birth_date": 0.006,
}
_REASONS = (
    "Physical Support: Personal care support",
    "Physical Support: Access & mobility only",
    "Support with Memory & Cognition",
    "Learning Disability Support",
    "Mental Health Support",
    "Sensory Support: Support for visual impairment",
    "Social Support: Support for Social Isolation/Other",
)
_REASON_WEIGHTS = (45, 12, 14, 12, 11, 3, 3)
_HOMES = (
    "Owner occupier or shared ownership",
    "Tenant",
    "Tenant - private landlord",
    "Settled mainstream housing with family/friends",
    "Sheltered/extra care",
    "Unknown",
)
_SERVICES = (
    ("Long term support: Community", "Home support"),
    ("Long term support: Community", "Day support"),
    ("Long term support: Community", "Direct payment"),
    ("Short term support: ST-Max", "Reablement"),
    ("Short term support: Ongoing low level", "Equipment"),
    ("Short term support: Other short term", "Respite"),
)
_SERVICE_WEIGHTS = (34, 10, 16, 16, 18, 6)
_MECHANISMS = ("CASSR Managed Personal Budget", "Direct Payment", "CASSR Commissioned Support")
_REQUEST_OUTCOMES = (
    "Progress to assessment, review or reassessment",
    "Progress to support planning or services",
    "NFA: Information and advice or signposting",
    "NFA: Support declined",
    "Progress to reablement/ST-Max",
)
_END_OUTCOMES = (
    "NFA: Support ended as planned",
    "NFA: Support ended for other reason",
    "Admitted to hospital",
    "Continuation of support or services",
)

#: The return's headers and where each comes from.
_COLUMNS = {
    "LA_Code": "la_code",
    "LA_Name": "la_name",
    "Reporting_Period_Start_Date": "period_start",
    "Reporting_Period_End_Date": "period_end",
    "NHS_Number": "nhs_number",
    "LA_Person_Unique_Identifier": "la_id",
    "First_Name": "first_name",
    "Last_Name": "surname",
    "Date_of_Birth": "date_of_birth",
    "Date_of_Death": "died_on",
    "Postcode": "postcode",
    "GP_Practice_Code": "practice",
    "Gender": "gender",
    "Ethnicity": "ethnicity",
    "Client_Type": "client_type",
    "Primary_Support_Reason": "reason",
    "Accommodation_Status": "home",
    "Has_Unpaid_Carer": "has_carer",
    "Event_Type": "event",
    "Event_Reference": "reference",
    "Event_Start_Date": "start",
    "Event_End_Date": "end",
    "Event_Outcome": "outcome",
    "Service_Type": "service",
    "Service_Component": "component",
    "Delivery_Mechanism": "mechanism",
}


def reporting_period(as_of: date) -> tuple[date, date]:
    """The twelve months to the last day of the quarter before `as_of`."""
    first_of_quarter = date(as_of.year, 3 * ((as_of.month - 1) // 3) + 1, 1)
    end = first_of_quarter - timedelta(days=1)
    return date(first_of_quarter.year - 1, first_of_quarter.month, 1), end


def build_social_care(region: Region) -> SourceResult:
    """The latest return. A few people have two ids with the council."""
    name = source(COUNTY, "social_care")
    period = reporting_period(region.draws.as_of)
    faults = Faults(region.draws.stream(name))
    clients = _clients(region, period)
    held = _as_held(region, clients, faults)
    events = _events(region, held, faults, period)
    table = _layout(events, period)
    day = min(period[1] + timedelta(days=30), region.draws.as_of - timedelta(days=2))

    def write(folder: Path) -> None:
        write_text(folder / f"CLD_{COUNTY_CODE}_{period[1]:%Y%m}.csv", table.write_csv())

    records = held.select(pl.format("{}:social_care:{}", pl.lit(COUNTY), "la_id").alias("record_id"), "person")
    return SourceResult(name, (Output(COUNTY, "social_care", day, write),), records, faults.counts)


def _clients(region: Region, period: tuple[date, date]) -> pl.DataFrame:
    """About one adult in twenty-two, most in care homes and the oldest, some of them carers."""
    rng = region.draws.stream("clients")
    people = region.people
    age = people["age"].to_numpy()
    likely = np.select([age >= 85, age >= 75, age >= 65, age >= 18], [0.27, 0.1, 0.045, 0.017], 0.0)
    likely = np.where(
        people["kind"].to_numpy() == hh.CARE_HOME,
        0.72,
        np.where(people["kind"].to_numpy() == hh.NO_ABODE, 0.25, likely),
    )
    adult = pl.col("date_of_birth").dt.offset_by("18y") <= period[1]
    alive = pl.col("died_on").is_null() | (pl.col("died_on") > period[0] + timedelta(days=30))
    clients = people.filter(pl.Series(chance(rng, people.height, likely)) & adult & alive)
    again = clients.filter(pl.Series(chance(rng, clients.height, 0.015)))
    clients = pl.concat((clients, again))
    number = pl.Series("la_id", 1_000_000 + rng.permutation(clients.height * 4)[: clients.height]).cast(pl.String)
    carer = pl.Series("is_carer", chance(rng, clients.height, 0.14))
    return clients.with_columns(number, carer & (pl.col("kind") != hh.CARE_HOME))


def _as_held(region: Region, clients: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    """The person as the council's system holds them, with errors."""
    postcodes = region.stock.properties["postcode"]
    blank = pl.lit(None, pl.String)
    held = clients.with_columns(
        pl.when(pl.col("is_female")).then(pl.lit("Female")).otherwise(pl.lit("Male")).alias("gender"),
        pl.Series([*postcodes, "ZZ99 3VZ"]).gather(clients["property"].fill_null(postcodes.len())).alias("postcode"),
        pl.Series([*postcodes, None]).gather(clients["old_property"].fill_null(postcodes.len())).alias("old_postcode"),
    )
    held = faults.apply(
        held, "old_address", 0.4, {"postcode": pl.col("old_postcode")}, pl.col("old_postcode").is_not_null()
    )
    held = _number_faults(region, held, faults)
    recent = pl.col("renamed_on") > region.draws.as_of - timedelta(days=1095)
    held = faults.apply(held, "maiden_name", 0.25, {"surname": pl.col("former_surname")}, recent)
    held = person_faults(held, faults, _RATES)
    held = faults.apply(held, "no_postcode", 0.02, {"postcode": blank})
    held = faults.apply(held, "address_not_known", 0.004, {"postcode": pl.lit("ZZ99 3WZ")})
    held = faults.apply(held, "unmapped_gender", 0.004, {"gender": pl.lit("Not stated")})
    held = faults.apply(
        held,
        "wrong_sex",
        0.003,
        {"gender": pl.when(pl.col("gender") == "Male").then(pl.lit("Female")).otherwise(pl.lit("Male"))},
    )
    return faults.apply(
        held, "death_not_recorded", 0.15, {"died_on": pl.lit(None, pl.Date)}, pl.col("died_on").is_not_null()
    )


def _number_faults(region: Region, held: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    """NHS numbers that are missing, superseded, somebody else's, mistyped or written with spaces."""
    # a wrong number is nobody's, or somebody else's
    rng = region.draws.stream("wrong numbers")
    spare = region.spare_numbers.gather(rng.integers(0, len(region.spare_numbers), held.height))
    others = region.people["nhs_number"].gather(rng.integers(0, region.people.height, held.height))
    wrong = pl.select(
        pl.when(pl.Series(chance(rng, held.height, 0.6)))
        .then(spare)
        .otherwise(pl.coalesce(others, spare))
        .alias("wrong")
    ).to_series()
    held = faults.apply(
        held,
        "superseded_nhs_number",
        0.5,
        {"nhs_number": pl.col("old_nhs_number")},
        pl.col("old_nhs_number").is_not_null(),
    )
    held = faults.apply(held, "missing_nhs_number", 0.12, {"nhs_number": pl.lit(None, pl.String)})
    held = faults.apply(
        held.with_columns(wrong),
        "other_nhs_number",
        0.008,
        {"nhs_number": pl.col("wrong")},
        pl.col("nhs_number").is_not_null(),
    )
    held = faults.apply(held, "bad_check_digit", 0.006, {"nhs_number": break_check_digit(pl.col("nhs_number"))})
    spaced = pl.col("nhs_number").str.replace(r"^(\d{3})(\d{3})(\d{4})$", "$1 $2 $3")
    return faults.apply(held, "spaced_nhs_number", 0.08, {"nhs_number": spaced})


def _events(region: Region, held: pl.DataFrame, faults: Faults, period: tuple[date, date]) -> pl.DataFrame:
    """Requests, assessments, services and reviews, in order of person, start and reference."""
    rng = region.draws.stream("care events")
    size = held.height
    held = held.with_columns(
        pl.Series("reason", _REASONS).gather(pick(rng, size, _REASON_WEIGHTS)),
        pl.Series("home", _HOMES).gather(pick(rng, size, (45, 25, 8, 14, 6, 2))),
        pl.Series("has_carer", np.where(chance(rng, size, 0.35), "Yes", "No")),
    )
    service = chance(rng, size, 0.8)
    kinds = {
        "Request": chance(rng, size, 0.55) | ~service,
        "Assessment": chance(rng, size, 0.5),
        "Service": service,
        "Review": chance(rng, size, 0.4),
        "More": chance(rng, size, 0.18) & service,
    }
    blocks = [_block(rng, held.filter(pl.Series(mask)), kind, period) for kind, mask in kinds.items()]
    events = pl.concat(blocks)
    number = pl.Series("reference", 20_000_000 + rng.permutation(events.height * 2)[: events.height]).cast(pl.String)
    events = events.with_columns((pl.lit("EV") + number).alias("reference")).sort("la_id", "start", "reference")
    events = faults.apply(
        events,
        "unmapped_service_type",
        0.004,
        {"service": pl.lit("Long term: Extra care")},
        pl.col("service").is_not_null(),
    )
    early = {"end": pl.col("start") - pl.duration(days=3)}
    events = faults.apply(events, "ends_before_start", 0.001, early, pl.col("end").is_not_null())
    return faults.apply(events, "nhs_number_on_some_events", 0.003, {"nhs_number": pl.lit(None, pl.String)})


def _block(rng: np.random.Generator, held: pl.DataFrame, kind: str, period: tuple[date, date]) -> pl.DataFrame:
    """One event of a kind for each person given."""
    size = held.height
    days = (period[1] - period[0]).days
    is_service = kind in ("Service", "More")
    before = np.where(chance(rng, size, 0.55 if is_service else 0.0), rng.exponential(700, size), 0).astype(np.int64)
    start = np.datetime64(period[0]) + (np.where(before > 0, -before, rng.integers(0, days - 20, size))).astype(
        "timedelta64[D]"
    )
    length = rng.integers(20, 500, size) if is_service else rng.integers(0, 40, size)
    ongoing = chance(rng, size, 0.65 if is_service else 0.04)
    end = np.maximum(
        start + length.astype("timedelta64[D]"),
        np.datetime64(period[0]) + rng.integers(0, days, size).astype("timedelta64[D]") if is_service else start,
    )
    services = pl.Series([f"{kind}|{part}" for kind, part in _SERVICES]).gather(pick(rng, size, _SERVICE_WEIGHTS))
    ends = pl.Series("ends", end).cast(pl.Date)
    died = pl.col("died_on")
    frame = held.with_columns(
        pl.lit("Service" if is_service else kind).alias("event"),
        pl.min_horizontal(pl.Series("start", start).cast(pl.Date), died - pl.duration(days=1)).alias("start"),
        pl.when(died.is_not_null())
        .then(pl.min_horizontal(ends, died))
        .when(pl.Series(~ongoing & (end <= np.datetime64(period[1]))))
        .then(ends)
        .alias("end"),
        services.str.split("|").alias("pair"),
        pl.Series("mechanism", _MECHANISMS).gather(pick(rng, size, (50, 18, 32))),
        _outcomes(rng, size, kind).alias("outcome"),
    )
    return frame.with_columns(
        *_service_columns(is_service),
        pl.when(died.is_not_null())
        .then(pl.lit("NFA: Deceased"))
        .when(pl.col("end").is_not_null())
        .then("outcome")
        .alias("outcome"),
    )


def _service_columns(is_service: bool) -> Sequence[pl.Expr]:
    if not is_service:
        return [pl.lit(None, pl.String).alias(name) for name in ("service", "component", "mechanism")]
    nursing = (
        pl.when(pl.col("person") % 3 == 0)
        .then(pl.lit("Long term support: Nursing care"))
        .otherwise(pl.lit("Long term support: Residential care"))
    )
    in_home = pl.col("kind") == hh.CARE_HOME
    carer = pl.col("is_carer")
    return [
        pl.when(carer)
        .then(pl.lit("Unpaid carer support: Direct to unpaid carer"))
        .when(in_home)
        .then(nursing)
        .otherwise(pl.col("pair").list.get(0))
        .alias("service"),
        pl.when(carer)
        .then(pl.lit("Carer support"))
        .when(in_home)
        .then(pl.lit("Care home placement"))
        .otherwise(pl.col("pair").list.get(1))
        .alias("component"),
        pl.col("mechanism"),
    ]


def _outcomes(rng: np.random.Generator, size: int, kind: str) -> pl.Series:
    choices = _REQUEST_OUTCOMES if kind in ("Request", "Assessment") else _END_OUTCOMES
    return pl.Series(choices).gather(rng.integers(0, len(choices), size))


def _layout(events: pl.DataFrame, period: tuple[date, date]) -> pl.DataFrame:
    """The return's columns; ethnicity and others that no contract asks for are in it, as in real returns."""
    slash = "%d/%m/%Y"
    kind = pl.col("kind")
    outside = pl.when(kind == hh.NO_ABODE).then(pl.lit("Rough sleeper/squatting")).otherwise("home")
    home = pl.when(kind == hh.CARE_HOME).then(pl.lit("Registered care home")).otherwise(outside)
    reason = pl.when("is_carer").then(pl.lit("Social Support: Support to Carer")).otherwise("reason")
    shown = events.with_columns(
        pl.col("date_of_birth", "died_on", "start", "end").dt.strftime(slash),
        pl.lit(COUNTY_CODE).alias("la_code"),
        pl.lit("Wexmoor").alias("la_name"),
        pl.lit(period[0].strftime(slash)).alias("period_start"),
        pl.lit(period[1].strftime(slash)).alias("period_end"),
        pl.lit(None, pl.String).alias("practice"),
        pl.lit("No data: Undeclared or not known").alias("ethnicity"),
        pl.when("is_carer").then(pl.lit("Carer")).otherwise(pl.lit("Service User")).alias("client_type"),
        reason.alias("reason"),
        home.alias("home"),
    )
    return shown.select(pl.col(column).alias(header) for header, column in _COLUMNS.items())
