"""GP registrations as FHIR R4 UK Core Patient resources, as the demographics service returns them.

Put here: who is registered, errors, and the resource as JSON. Never here: JSON's grammar (fhir_json).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from spine.synthetic.codes import ICB, source
from spine.synthetic.delivery import Output, SourceResult
from spine.synthetic.draws import chance, pick
from spine.synthetic.faults import Faults, person_faults
from spine.synthetic.fhir_json import array, constant, day, period, record, text, words
from spine.synthetic.identifiers import break_check_digit
from spine.synthetic.population import Region

_PATIENTS_PER_FILE = 50_000
_BUNDLED = 200
_NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
_ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
_STATUS = {
    "01": "Number present and verified",
    "02": "Number present but not traced",
    "03": "Trace required",
    "04": "Trace attempted - No match or multiple match found",
    "05": "Trace needs to be resolved - (NHS number or patient detail conflict)",
    "06": "Trace in progress",
}
_RATES = {
    "maiden_name": 0.004,
    "punctuation": 0.05,
    "transliteration": 0.02,
    "nickname": 0.012,
    "typo_first_name": 0.003,
    "typo_surname": 0.003,
    "no_middle_names": 0.08,
    "swapped_names": 0.001,
    "day_month_swap": 0.0015,
    "first_of_january": 0.003,
    "wrong_birth_date": 0.002,
    "no_birth_date": 0.001,
}


def build_gp_registrations(region: Region) -> SourceResult:
    """The latest snapshot: NDJSON parts, and the last patients as one Bundle."""
    name = source(ICB, "gp_registrations")
    faults = Faults(region.draws.stream(name))
    patients = _with_errors(region, _registered(region), faults)
    patients = _with_details(region, patients)
    taken = region.draws.as_of - timedelta(days=5)

    def write(folder: Path) -> None:
        bundled = min(_BUNDLED, patients.height // 10)
        plain = patients.height - bundled
        for number, start in enumerate(range(0, plain, _PATIENTS_PER_FILE), start=1):
            part = patients.slice(start, min(_PATIENTS_PER_FILE, plain - start)).select(_patient())
            part.write_csv(
                folder / f"patients-{number:03d}.ndjson", include_header=False, quote_style="never", separator="\x1f"
            )
        _write_bundle(folder / "patients-late-bundle.json", patients.slice(plain).select(_patient()).to_series())

    records = patients.select(
        pl.format("{}:gp_registrations:{}", pl.lit(ICB), "patient_id").alias("record_id"), "person"
    )
    return SourceResult(name, (Output(ICB, "gp_registrations", taken, write),), records, faults.counts)


def _registered(region: Region) -> pl.DataFrame:
    """Ninety-seven in a hundred; those whose old number was never merged are registered twice."""
    rng = region.draws.stream("registered")
    people = region.people
    known = (
        pl.Series(chance(rng, people.height, 0.98)) | pl.col("old_nhs_number").is_not_null() | pl.col("is_restricted")
    )
    registered = people.filter(known & pl.col("nhs_number").is_not_null())
    merged = pl.when("is_merged").then("old_nhs_number").alias("superseded")
    twice = registered.filter(pl.col("old_nhs_number").is_not_null() & ~pl.col("is_merged") & ~pl.col("is_restricted"))
    main = registered.with_columns(pl.col("nhs_number").alias("patient_id"), merged, pl.lit(False).alias("is_second"))
    second = twice.with_columns(
        pl.col("old_nhs_number").alias("patient_id"),
        pl.lit(None, pl.String).alias("superseded"),
        pl.lit(True).alias("is_second"),
    )
    return pl.concat((main, second)).sort("patient_id")


def _with_errors(region: Region, patients: pl.DataFrame, faults: Faults) -> pl.DataFrame:
    rng = region.draws.stream("patient errors")
    size = patients.height
    gender = pl.when("is_female").then(pl.lit("female")).otherwise(pl.lit("male"))
    patients = patients.with_columns(
        gender.alias("gender"),
        pl.col("patient_id").alias("number"),
        pl.lit("day").alias("precision"),
        pl.Series(list(_STATUS)).gather(pick(rng, size, (965, 20, 7, 4, 2, 2))).alias("status"),
        pl.lit(False).alias("at_old_address"),
    )
    faults.add("registered_twice", int(patients["is_second"].sum()))
    faults.add("number_not_verified", int((patients["status"] != "01").sum()))
    patients = faults.apply(
        patients, "old_address", 0.3, {"at_old_address": pl.lit(True)}, pl.col("old_property").is_not_null()
    )
    patients = patients.with_columns(
        (pl.col("at_old_address") | (pl.col("is_second") & pl.col("old_property").is_not_null())).alias(
            "at_old_address"
        )
    )
    recent = pl.col("renamed_on") > region.draws.as_of - timedelta(days=1095)
    maiden = {"surname": pl.col("former_surname"), "former_surname": pl.lit(None, pl.String)}
    patients = faults.apply(patients, "maiden_name", 0.2, maiden, recent)
    patients = person_faults(patients, faults, _RATES)
    patients = faults.apply(patients, "bad_check_digit", 0.0003, {"number": break_check_digit(pl.col("number"))})
    patients = faults.apply(
        patients, "year_only", 0.002, {"precision": pl.lit("year")}, pl.col("date_of_birth").is_not_null()
    )
    patients = faults.apply(
        patients, "year_and_month_only", 0.001, {"precision": pl.lit("month")}, pl.col("date_of_birth").is_not_null()
    )
    patients = faults.apply(patients, "unknown_sex", 0.002, {"gender": pl.lit("unknown")})
    return faults.apply(
        patients, "death_not_recorded", 0.05, {"died_on": pl.lit(None, pl.Date)}, pl.col("died_on").is_not_null()
    )


def _with_details(region: Region, patients: pl.DataFrame) -> pl.DataFrame:
    """Practice, contact details and the two addresses' lines."""
    rng = region.draws.stream("patient details")
    size = patients.height
    lines = _address_table(region)
    nowhere = lines.height - 1
    home = pl.when("at_old_address").then("old_property").otherwise("property").fill_null(nowhere)
    gathered = patients.select(home.alias("home"), pl.col("old_property").fill_null(nowhere).alias("old"))
    practices = max(2, region.draws.residents // 90_000)
    practice = (patients["outward"].fill_null(1) - 1) * practices + pl.Series(rng.integers(1, practices + 1, size))
    # 01632 is an area code that no place has; a household shares a number
    phone = pl.lit("01632") + (200_000 + (pl.col("household") * 7919) % 790_000).cast(pl.String)
    mail = pl.concat_str(
        [pl.col("first_name"), pl.col("surname"), pl.col("person").cast(pl.String)], separator=".", ignore_nulls=True
    )
    mail = mail.str.to_lowercase().str.replace_all("[^a-z0-9.]", "") + "@example.com"
    homes = lines[gathered["home"].to_numpy()].rename({name: f"home_{name}" for name in lines.columns})
    olds = lines[gathered["old"].to_numpy()].rename({name: f"old_{name}" for name in lines.columns})
    return (
        patients.hstack(homes)
        .hstack(olds)
        .with_columns(
            (pl.lit("X9") + practice.cast(pl.String).str.zfill(4)).alias("practice"),
            pl.when(pl.Series(chance(rng, size, 0.62))).then(phone).alias("phone"),
            pl.when(pl.Series(chance(rng, size, 0.45)) & pl.col("is_adult")).then(mail).alias("email"),
            pl.Series("has_key", chance(rng, size, 0.72)),
            pl.Series("has_history", chance(rng, size, 0.45)),
            pl.Series("is_upper", chance(rng, size, 0.25)),
            pl.Series("version", rng.integers(1, 12, size)).cast(pl.String),
        )
    )


def _address_table(region: Region) -> pl.DataFrame:
    """JSON lines, postcode and UPRN of each property; the last row is for those of no fixed abode."""
    street = pl.when(pl.col("building").is_null()).then(pl.col("number") + " " + pl.col("street")).otherwise("street")
    building = pl.concat_str(["flat", "building"], separator=", ", ignore_nulls=True)
    building = pl.when(pl.col("building").is_not_null()).then(building)
    lines = region.stock.properties.select(
        array(text(building), text(street), text(pl.col("town"))).alias("lines"), "postcode", "uprn"
    )
    nowhere = pl.DataFrame(
        {"lines": ['["No fixed abode"]'], "postcode": ["ZZ99 3VZ"], "uprn": [None]}, schema=lines.schema
    )
    return pl.concat((lines, nowhere))


def _patient() -> pl.Expr:
    """The whole resource. A restricted patient has no address, contact details or practice."""
    open_ = ~pl.col("is_restricted")
    return record(
        resourceType=constant("Patient"),
        id=text(pl.col("patient_id")),
        meta=_meta(),
        identifier=_identifiers(),
        name=_names(),
        telecom=pl.when(open_).then(_telecom()),
        gender=text(pl.col("gender")),
        birthDate=_birth_date(),
        deceasedDateTime=pl.lit('"') + pl.col("died_on").dt.strftime("%Y-%m-%dT00:00:00+00:00") + pl.lit('"'),
        address=pl.when(open_).then(_addresses()),
        generalPractitioner=pl.when(open_).then(_practice()),
        link=_links(),
    ).alias("patient")


def _meta() -> pl.Expr:
    system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
    labels = [
        constant([{"code": code, "display": shown, "system": system}])
        for code, shown in (("R", "restricted"), ("U", "unrestricted"))
    ]
    return record(
        versionId=text(pl.col("version")), security=pl.when("is_restricted").then(labels[0]).otherwise(labels[1])
    )


def _identifiers() -> pl.Expr:
    """The number with its verification status, and a superseded one marked old."""
    url = f"{_CORE}NHSNumberVerificationStatus"
    system = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus"
    coded = {
        code: constant(
            [
                {
                    "url": url,
                    "valueCodeableConcept": {
                        "coding": [{"code": code, "display": shown, "system": system, "version": "1.0.0"}]
                    },
                }
            ]
        )
        for code, shown in _STATUS.items()
    }
    status = constant([])
    for code, literal in coded.items():
        status = pl.when(pl.col("status") == code).then(literal).otherwise(status)
    current = record(extension=status, system=constant(_NHS_NUMBER), value=text(pl.col("number")))
    old = record(system=constant(_NHS_NUMBER), use=constant("old"), value=text(pl.col("superseded")))
    return array(current, pl.when(pl.col("superseded").is_not_null()).then(old))


def _names() -> pl.Expr:
    """The usual name, and the name before marriage with the end of its use."""
    given = _given()
    family = pl.when("is_upper").then(pl.col("surname").str.to_uppercase()).otherwise("surname")
    since = pl.when(pl.col("former_surname").is_not_null()).then("renamed_on").otherwise("date_of_birth")
    usual = record(
        id=text(pl.lit("n") + pl.col("patient_id").str.slice(3, 6)),
        use=constant("usual"),
        period=period(since),
        family=text(family),
        given=given,
        prefix=array(text(pl.col("title"))),
    )
    bore = pl.col("former_surname").is_not_null() & pl.col("renamed_on").is_not_null() & pl.col("has_history")
    born = record(
        use=constant("old"),
        period=period(pl.col("date_of_birth"), pl.col("renamed_on")),
        family=text(pl.col("former_surname")),
        given=given,
    )
    return array(usual, pl.when(bore).then(born))


def _given() -> pl.Expr:
    """First name as one given name, compound or not; each middle name as another."""
    return array(text(pl.col("first_name")), words(pl.col("middle_names")).str.slice(1).str.strip_suffix("]"))


def _birth_date() -> pl.Expr:
    born = pl.col("date_of_birth")
    year = pl.lit('"') + born.dt.strftime("%Y") + pl.lit('"')
    month = pl.lit('"') + born.dt.strftime("%Y-%m") + pl.lit('"')
    return (
        pl.when(pl.col("precision") == "year")
        .then(year)
        .when(pl.col("precision") == "month")
        .then(month)
        .otherwise(day(born))
    )


def _telecom() -> pl.Expr:
    """Contact details with their period; movers have the number of the old home as ended."""
    phone = record(
        system=constant("phone"),
        value=text(pl.col("phone")),
        use=constant("home"),
        period=period(pl.col("lived_since")),
    )
    mail = record(
        system=constant("email"),
        value=text(pl.col("email")),
        use=constant("home"),
        period=period(pl.col("lived_since")),
    )
    number = pl.lit("01632") + (200_000 + (pl.col("old_property") * 104_729) % 790_000).cast(pl.String)
    start = pl.max_horizontal(pl.col("moved_on") - pl.duration(days=900), "date_of_birth")
    old = record(
        system=constant("phone"), value=text(number), use=constant("home"), period=period(start, pl.col("moved_on"))
    )
    past = pl.col("has_history") & pl.col("old_property").is_not_null() & ~pl.col("at_old_address")
    return array(
        pl.when(pl.col("phone").is_not_null()).then(phone),
        pl.when(pl.col("email").is_not_null()).then(mail),
        pl.when(past).then(old),
    )


def _addresses() -> pl.Expr:
    """Home with the UPRN as its key where the practice matched it, and the address before a move as old."""
    before = pl.max_horizontal(pl.col("moved_on") - pl.duration(days=900), "date_of_birth")
    since = pl.when("at_old_address").then(before).otherwise("lived_since")
    home = record(
        id=text(pl.lit("a") + pl.col("patient_id").str.slice(3, 6)),
        use=constant("home"),
        period=period(since),
        line=pl.col("home_lines"),
        postalCode=text(pl.col("home_postcode")),
        extension=pl.when("has_key").then(_address_key("home_uprn")),
    )
    old = record(
        use=constant("old"),
        period=period(before, pl.col("moved_on")),
        line=pl.col("old_lines"),
        postalCode=text(pl.col("old_postcode")),
    )
    past = pl.col("has_history") & pl.col("old_property").is_not_null() & ~pl.col("at_old_address")
    return array(home, pl.when(past).then(old))


def _address_key(column: str) -> pl.Expr:
    kind = constant(
        {
            "url": "type",
            "valueCoding": {"code": "UPRN", "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-AddressKeyType"},
        }
    )
    value = record(url=constant("value"), valueString=text(pl.col(column)))
    key = record(extension=array(kind, value), url=constant(f"{_CORE}AddressKey"))
    return pl.when(pl.col(column).is_not_null()).then(array(key))


def _practice() -> pl.Expr:
    identifier = record(period=period(pl.col("lived_since")), system=constant(_ODS), value=text(pl.col("practice")))
    return array(record(id=constant("gp"), identifier=identifier, type=constant("Organization")))


def _links() -> pl.Expr:
    """The record of a superseded number, which this one replaces."""
    other = record(
        reference=text(pl.lit("Patient/") + pl.col("superseded")),
        identifier=record(system=constant(_NHS_NUMBER), value=text(pl.col("superseded"))),
    )
    return pl.when(pl.col("superseded").is_not_null()).then(array(record(type=constant("replaces"), other=other)))


def _write_bundle(path: Path, patients: pl.Series) -> None:
    entries = ",\n".join(f'{{"resource":{patient}}}' for patient in patients.to_list())
    path.write_text(
        f'{{"resourceType":"Bundle","type":"collection","total":{len(patients)},"entry":[\n{entries}\n]}}\n',
        encoding="utf-8",
    )
