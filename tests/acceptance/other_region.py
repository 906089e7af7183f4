"""A region from a generator that shares nothing with spine.synthetic: other headers, formats and habits.

It stands for the next council's suppliers. Every person is invented; NHS numbers are of the 999 range.
"""

from __future__ import annotations

import csv
import json
import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

DAY = "2028-02-15"
STATUS = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"


@dataclass
class Person:
    number: int
    forename: str
    surname: str
    born: date
    sex: str
    nhs: str
    house: int
    street: str
    postcode: str
    uprn: str
    restricted: bool = False

    @property
    def is_adult(self) -> bool:
        return self.born <= date(2010, 3, 31)


def nhs_number(serial: int) -> str | None:
    """A number of the reserved 999 range, or None where no check digit exists."""
    stem = f"999{serial:06d}"
    check = 11 - sum(int(d) * w for d, w in zip(stem, range(10, 1, -1), strict=True)) % 11
    return None if check == 10 else stem + str(check % 11)


def people(count: int, seed: int) -> list[Person]:
    chance = random.Random(seed)
    syllables = ["ba", "ne", "ri", "do", "lu", "ka", "mi", "so", "ve", "ta", "no", "shi", "par", "wen", "gor", "del"]
    surnames = ["".join(chance.sample(syllables, 3)).capitalize() for _ in range(max(count // 3, 5))]
    forenames = ["".join(chance.sample(syllables, 2)).capitalize() for _ in range(90)]
    numbers = (n for n in (nhs_number(s) for s in range(500_000, 900_000)) if n)
    found = []
    home = 0
    while len(found) < count:
        home += 1
        surname = chance.choice(surnames)
        for member in range(chance.choice([1, 1, 2, 2, 3, 4])):
            age = chance.randint(18, 92) if member < 2 else chance.randint(0, 17)
            born = date(2028, 1, 1) - timedelta(days=age * 365 + chance.randint(0, 364))
            found.append(
                Person(
                    number=len(found),
                    forename=chance.choice(forenames),
                    surname=surname,
                    born=born,
                    sex=chance.choice("FM"),
                    nhs=next(numbers),
                    house=home % 60 + 1,
                    street=f"{surnames[home // 60 % len(surnames)]} Lane",
                    postcode=f"WX{home // 240 % 9 + 1} {home // 24 % 9 + 1}A{'ABDEFGHJLN'[home // 6 % 10]}",
                    uprn=f"99{home:08d}",
                )
            )
    for person in found[:: max(count // 3, 1)]:
        person.restricted = True
    return found[:count]


def write(landing: Path, persons: list[Person], opted_out: list[Person], fhir: str = "bundle") -> None:
    """All datasets, dated DAY, opt-outs dated a few days before the run."""
    _council_tax(_folder(landing, "saltmarsh_district", "council_tax"), persons)
    _academy(_folder(landing, "harcombe_district", "council_tax"), persons)
    _tenancies(_folder(landing, "wexmoor_homes", "housing_tenancies"), persons)
    _rents(_folder(landing, "wexmoor_homes", "rent_accounts"), persons)
    _social_care(_folder(landing, "wexmoor_county", "social_care"), persons)
    _looked_after(_folder(landing, "wexmoor_county", "looked_after"), persons)
    _patients(_folder(landing, "wexmoor_icb", "gp_registrations"), persons, fhir)
    folder = _folder(landing, "wexmoor_icb", "opt_out", "2028-03-28")
    (folder / "ndo.txt").write_text("".join(f"{p.nhs}\n" for p in opted_out), encoding="ascii")
    _areas(_folder(landing, "reference", "area_lookup"), persons)


def in_council_tax(person: Person) -> bool:
    return person.is_adult and person.number % 4 != 1


def in_academy(person: Person) -> bool:
    """Liable under the other council's system, alone."""
    return person.is_adult and person.number % 4 == 1


def rents(person: Person) -> bool:
    """Of a household that rents from the housing association, children included."""
    return int(person.uprn[-6:]) % 5 == 0


def in_social_care(person: Person) -> bool:
    return person.is_adult and person.number % 5 == 0


def in_practice(person: Person) -> bool:
    return person.number % 11 != 3


def _folder(landing: Path, partner: str, dataset: str, day: str = DAY) -> Path:
    folder = landing / partner / dataset / day
    folder.mkdir(parents=True)
    return folder


def _write_csv(path: Path, rows: list[dict[str, Any]], **dialect: Any) -> None:
    with path.open("w", newline="", encoding=dialect.pop("encoding", "utf-8")) as file:
        writer = csv.DictWriter(file, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows(rows)


def _council_tax(folder: Path, persons: list[Person]) -> None:
    rows = [
        {
            "account_ref": f"{70000000 + p.number}",
            "uprn": p.uprn,
            "title": "Ms" if p.sex == "F" else "Mr",
            "surname": p.surname,
            "forename": p.forename,
            "middle_name": "",
            "dob": p.born.strftime("%d/%m/%Y") if p.number % 3 else "",
            "address_1": f"{p.house} {p.street}",
            "address_2": "Otherton",
            "address_3": "",
            "address_4": "",
            "postcode": p.postcode.replace(" ", ""),
            "other_title": "",
            "other_surname": "",
            "other_forename": "",
            "other_middle_name": "",
            "other_dob": "",
            "discount_start_date": "",
            "discount_expiry_date": "",
            "discount_code": "",
            "disregard_code": "",
            "exemption_code": "",
            "benefit_recipient": "N",
            "band": "C",
            "council_tax_amount": "1980.00",
            "discount_amount": "0.00",
            "internal_note": "not contracted",
        }
        for p in persons
        if in_council_tax(p)
    ]
    _write_csv(folder / "export (1).CSV", rows, delimiter="\t", encoding="utf-16")


def _academy(folder: Path, persons: list[Person]) -> None:
    """One division, headers in capitals, an open end of its own kind, and an account whose people are gone."""
    liable = [p for p in persons if in_academy(p)]
    gone = liable[::7]
    accounts = [
        {"ACCOUNT_REF": 500 + p.number, "LEAD_LIAB_NAME": f"{p.surname}, {p.forename}".upper(), "LEAD_LIAB_POS": "6",
         "LEAD_LIAB_TITLE": "", "LEAD_LIAB_FORENAME": "", "LEAD_LIAB_SURNAME": "", "FOR_ADDR1": "not contracted"}
        for p in liable
    ]  # fmt: skip
    accounts += [accounts[0] | {"ACCOUNT_REF": 90_000 + p.number, "LEAD_LIAB_NAME": "NOBODY, A"} for p in gone]
    # the properties' references are numbers that somebody's spreadsheet has had
    occupations = [
        {"PROPERTY_REF": f"{p.number}.0", "ACCOUNT_REF": 500 + p.number, "OCCUPATION_DATE": "01-MAY-2019",
         "VACATION_DATE": "9999-12-31", "LIVE_IND": 1, "TRANSIT_IND": 0}
        for p in liable
    ]  # fmt: skip
    occupations += [
        {"PROPERTY_REF": f"{p.number}.0", "ACCOUNT_REF": 90_000 + p.number, "OCCUPATION_DATE": "02-FEB-2011",
         "VACATION_DATE": "30-APR-2019", "LIVE_IND": 0, "TRANSIT_IND": 0}
        for p in gone
    ]  # fmt: skip
    properties = [
        {"PROPERTY_REF": p.number, "ADDR1": f"{p.house} {p.street}".upper(), "ADDR2": "OTHERTON", "ADDR3": "",
         "ADDR4": "", "POSTCODE": p.postcode, "UPRN": p.uprn, "BAND_010493": "B", "OWNER_NAME": "not contracted"}
        for p in liable
    ]  # fmt: skip
    _write_csv(folder / "Q3 CT_ACCOUNT extract.txt", accounts, delimiter="~")
    _write_csv(folder / "Q3 CT_OCCUPATION extract.txt", occupations, delimiter="~")
    _write_csv(folder / "Q3 CT_PROPERTY extract.txt", properties, delimiter="~")


def _tenancies(folder: Path, persons: list[Person]) -> None:
    """People in two tranches, dates with a time, an open end written as a date, addresses in the properties."""
    tenants = [p for p in persons if rents(p)]
    never = "31-DEC-2099 00:00:00"
    people = [
        {"LPAR_PER_ALT_REF": f"TP{p.number}", "LPAR_TCY_ALT_REF": f"TY{p.uprn}", "LPAR_TYPE": "P",
         "LPAR_PER_TITLE": "MS" if p.sex == "F" else "MR", "LPAR_PER_SURNAME": p.surname.upper(),
         "LPAR_PER_FORENAME": p.forename.upper(), "LPAR_PER_DATE_OF_BIRTH": f"{p.born:%d-%b-%Y} 00:00:00".upper(),
         "LPAR_PER_FRV_FGE_CODE": "FEMALE" if p.sex == "F" else "MALE", "LPAR_PER_NI_NO": f"xz{p.number:06d}a",
         "LPAR_HOP_START_DATE": "01-APR-2022 00:00:00", "LPAR_HOP_END_DATE": never,
         "LPAR_TIN_MAIN_TENANT_IND": "", "LPAR_COMMENTS": "not contracted"}
        for p in tenants
    ]  # fmt: skip
    homes = {p.uprn: p for p in tenants}
    tenancies = [
        {"LTCY_ALT_REF": f"TY{uprn}", "LTCY_TTY_CODE": "ASY", "LTCY_ACT_START_DATE": "01-APR-2022 00:00:00",
         "LTCY_ACT_END_DATE": never, "LTCY_THO_PROPREF1": f"R{uprn}"}
        for uprn in homes
    ]  # fmt: skip
    properties = [
        {"LPRO_PROPREF": f"R{uprn}", "UPRN": uprn, "LADR_STREET_NUMBER": p.house, "LAEL_STREET": p.street,
         "LAEL_TOWN": "Otherton", "POSTCODE": p.postcode.lower()}
        for uprn, p in homes.items()
    ]  # fmt: skip
    contacts = [
        {
            "LCDE_LEGACY_REF": f"TP{p.number}",
            "LCDE_FRV_CME_CODE": "EMAIL",
            "LCDE_CONTACT_VALUE": f"P{p.number}@EXAMPLE.ORG",
        }
        for p in tenants
        if p.is_adult
    ]
    _write_csv(folder / "HEM_PEOPLE_1a.csv", people[::2], quoting=csv.QUOTE_ALL)
    _write_csv(folder / "HEM_PEOPLE_1b.csv", people[1::2], quoting=csv.QUOTE_ALL)
    _write_csv(folder / "hem_tcy.csv", tenancies)
    _write_csv(folder / "HEM_PROPERTIES.CSV", properties, delimiter="\t")
    _write_csv(folder / "mad_cde.csv", contacts)


def _rents(folder: Path, persons: list[Person]) -> None:
    homes = sorted({p.uprn for p in persons if rents(p)})
    accounts = [
        {"PAYMENT_REF": f"9{uprn}", "TENANCY_REF": f"TY{uprn}", "LRAC_START_DATE": "01/04/2022",
         "BALANCE": "£1,204.50" if place % 3 == 0 else "-12.00", "BALANCE_DATE": "14/02/2028", "WEEKLY_RENT": "101.20"}
        for place, uprn in enumerate(homes)
    ]  # fmt: skip
    actions = [
        {"LACA_PAY_REF": f"9{uprn}", "LACA_ARA_CODE": "NTQ", "LACA_CREATED_DATE": "03/01/2028"} for uprn in homes[::3]
    ]
    _write_csv(folder / "rent_accounts.csv", accounts, encoding="cp1252")
    _write_csv(folder / "hra_aca.csv", actions)


def _social_care(folder: Path, persons: list[Person]) -> None:
    rows = [
        {
            "LA Code": "990",
            "Reporting Period Start Date": "2027-01-01",
            "Reporting Period End Date": "2027-12-31",
            "NHS Number": f"{p.nhs[:3]} {p.nhs[3:6]} {p.nhs[6:]}",
            "LA Person Unique Identifier": f"P{p.number:05d}",
            "Forename": p.forename,
            "Surname": p.surname.upper(),
            "Date of Birth": p.born.isoformat(),
            "Postcode": p.postcode,
            "Gender": "Female" if p.sex == "F" else "Male",
            "Client Type": "Service User",
            "Event Type": "Service",
            "Event Reference": f"E{p.number}",
            "Event Start Date": "2027-05-01",
            "Event End Date": "" if p.number % 2 else "2027-09-30",
            "Service Type": "Long Term Support: Community",
            "Ethnicity": "not contracted",
        }
        for p in persons
        if in_social_care(p)
    ]
    _write_csv(folder / "CLD return.csv", rows, quoting=csv.QUOTE_ALL)


def _looked_after(folder: Path, persons: list[Person]) -> None:
    children = [p for p in persons if not p.is_adult][:5]
    header = [
        {"CHILD": f"C{p.number}", "SEX": p.sex, "DOB": p.born.strftime("%d/%m/%Y"), "ETHNIC": "NOBT", "UPN": "UN1"}
        for p in children
    ]
    blank = dict.fromkeys(("PLACE_PROVIDER", "DEC", "REC", "REASON_PLACE_CHANGE", "PL_POST", "URN"), "")
    started = {"DECOM": "01/06/2027", "RNE": "S", "LS": "V2", "CIN": "N1", "PLACE": "U1"}
    episodes = [{"CHILD": f"C{p.number}", **started, "HOME_POST": p.postcode, **blank} for p in children]
    _write_csv(folder / "SSDA903_Header.csv", header)
    _write_csv(folder / "SSDA903_Episodes.csv", episodes)


def _patients(folder: Path, persons: list[Person], fhir: str) -> None:
    resources = [_patient(p) for p in persons if in_practice(p)]
    if fhir == "bundle":
        outcome = {"resourceType": "OperationOutcome", "issue": []}
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": r} for r in [*resources, outcome]],
        }
        (folder / "patients.json").write_text(json.dumps(bundle, indent=1), encoding="utf-8")
    else:
        lines = "\n".join(json.dumps(r) for r in resources)
        (folder / "Patient.ndjson").write_text(lines + "\n", encoding="utf-8")


def _patient(person: Person) -> dict[str, Any]:
    status = {"url": STATUS, "valueCodeableConcept": {"coding": [{"code": "01"}]}}
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": person.nhs, "extension": [status]}
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": person.nhs,
        "meta": {"versionId": "1", "security": [{"code": "R" if person.restricted else "U"}]},
        "identifier": [number],
        "name": [{"use": "official", "family": person.surname, "given": [person.forename]}],
        "gender": "female" if person.sex == "F" else "male",
        "birthDate": person.born.isoformat(),
    }
    if not person.restricted:
        patient["address"] = [
            {
                "use": "home",
                "line": [f"{person.house} {person.street}", "Otherton"],
                "postalCode": person.postcode,
                "period": {"start": "2020-01-01"},
            }
        ]
        practice = {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "L99001"}
        patient["generalPractitioner"] = [{"identifier": practice}]
    return patient


def _areas(folder: Path, persons: list[Person]) -> None:
    postcodes = sorted({p.postcode for p in persons})
    rows = [
        {"pcd": p.replace(" ", ""), "pcd2": p, "pcds": p, "dointr": "198001", "doterm": "", "oslaua": "E07900002",
         "lsoa11": f"E0190{n:04d}", "lsoa21": f"E0191{n:04d}"}
        for n, p in enumerate(postcodes)
    ]  # fmt: skip
    _write_csv(folder / "ONSPD_FEB_2028_UK.csv", rows)
