"""The hard cases of births and homes, and of many people at one address, one phone, one name.

Each case must hold alone and in a crowd. How a table is read: `linkage_tables`. Families and names:
`test_linkage_hard_cases`; numbers, restrictions, overrides and deaths: `test_linkage_hard_numbers`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spine.linkage import link
from tests.spec.linkage_tables import SOURCES, Case, clusters, crowd, frame, nhs_number, solve

BIRTHS = {
    "day and month changed places, another home": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow | 1951-03-02 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "day and month changed places, a sister": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Iris | Penhallow | 1951-03-02 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "01/01 where only the year was known": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow | 1951-01-01 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "01/01 and a forename are no evidence between two homes": Case(
        """
        G | Orla | Penhallow | 1951-01-01 |  | 1,WX1 1AA
        C | Orla | Tregarrow | 1951-01-01 |  | 7,WX9 9ZZ
        """,
        "1 2",
    ),
    "01/01 on two people of one home": Case(
        """
        G | Ahmed | Tregarrow | 1990-01-01 |  | 1,WX1 1AA
        C | Bilal | Tregarrow | 1990-01-01 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "a common name, one day and month, another year that is no slip of one digit, another home": Case(
        """
        G | Mary | Brown | 1958-05-16 |  | 1,WX1 1AA
        C | Mary | Brown | 1981-05-16 |  | 7,WX9 9ZZ
        """,
        "1 2",
    ),
    "newborn twins who have no names yet": Case(
        """
        G | Twin 1 | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        G | Twin 2 | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        T | Wenna  | Carlyon   | 1988-11-30 |  | 9,WX4 2CD
        """,
        "1 2 3",
    ),
    "a newborn who has no name yet": Case(
        """
        G | Baby | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        C | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        """,
        "12",
    ),
    "a year of birth only": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow |            |  | 1,WX1 1AA | partial=1951
        """,
        "12",
    ),
    "no date of birth in either, one home": Case(
        """
        C | Orla | Penhallow |  |  | 1,WX1 1AA
        T | Orla | Penhallow |  |  | 1,WX1 1AA
        """,
        "12",
    ),
    "no date of birth in either, another home, one phone and e-mail": Case(
        """
        C | Orla | Penhallow |  |  | 1,WX1 1AA | phone=07700900123 email=orla@mail.example
        T | Orla | Penhallow |  |  | 7,WX9 9ZZ | phone=07700900123 email=orla@mail.example
        """,
        "12",
    ),
    "no date of birth in either, another home, no more than a usual name": Case(
        """
        C | Mary | Brown |  |  | 1,WX1 1AA
        T | Mary | Brown |  |  | 7,WX9 9ZZ
        """,
        "1 2",
    ),
}

HOMES = {
    "no fixed abode is no address that two could share": Case(
        """
        C | Mary | Brown |            |  | 1,ZZ99 3VZ
        T | Mary | Brown |            |  | 1,ZZ99 3VZ
        G | Mary | Jones | 1951-02-03 |  | ,ZZ99 3VZ
        L | Mary | Smith | 1951-11-19 |  | ,ZZ993VZ
        """,
        "1 2 3 4",
    ),
    "an address that was not known is none, either": Case(
        """
        C | Mary | Brown |  |  | 1,ZZ99 3WZ
        T | Mary | Brown |  |  | 1,ZZ99 3WZ
        """,
        "1 2",
    ),
    "people of no fixed abode link by what else is known": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | ,ZZ99 3VZ
        C | Orla | Penhallow | 1951-02-03 |  | ,ZZ99 3VZ
        T | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "123",
    ),
    "brothers of no fixed abode": Case(
        """
        G | Oscar | Penhallow | 1981-02-03 |  | ,ZZ99 3VZ
        C | Bruno | Penhallow | 1983-08-21 |  | ,ZZ99 3VZ
        """,
        "1 2",
    ),
    "a house of several lettings; an initial with the surname may wait for a reviewer": Case(
        """
        G | Maria | Silva    | 1990-03-14 |  | 1,WX1 1AA
        G | Maria | Santos   | 1991-07-22 |  | 1,WX1 1AA
        G | Joao  | Ferreira | 1988-09-30 |  | 1,WX1 1AA
        G | Pawel | Nowak    | 1985-12-11 |  | 1,WX1 1AA
        G | Piotr | Wrona    | 1985-10-02 |  | 1,WX1 1AA
        G | Aoife | Byrne    | 1997-05-08 |  | 1,WX1 1AA
        T | Maria | Silva    |            |  | 1,WX1 1AA
        T | Maria | Santos   |            |  | 1,WX1 1AA
        T | Pawel | Nowak    |            |  | 1,WX1 1AA
        T | P     | Wrona    |            |  | 1,WX1 1AA
        C | Aoife | Byrne    | 1997-05-08 |  | 1,WX1 1AA
        C | Ines  | Moreira  | 1999-01-25 |  | 1,WX1 1AA
        """,
        "17 28 3 49 5a 6b c or 17 28 3 49 5 6b a c",
    ),
    "one e-mail of a couple that lives apart": Case(
        """
        C | Orla  | Penhallow |  |  | 1,WX1 1AA | email=penhallow@mail.example
        T | Bruno | Penhallow |  |  | 7,WX9 9ZZ | email=penhallow@mail.example
        """,
        "1 2",
    ),
    "one phone of a family": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA | phone=07700900123
        G | Bruno | Penhallow | 1949-08-21 |  | 1,WX1 1AA | phone=07700900123
        C | Olive | Tregarrow | 1979-05-06 |  | 7,WX9 9ZZ | phone=07700900123
        C | Oscar | Penhallow | 2008-10-28 |  | 1,WX1 1AA | phone=07700900123
        T | Orla  | Penhallow |            |  | 1,WX1 1AA | phone=07700900123
        """,
        "15 2 3 4",
    ),
}

CASES = {**BIRTHS, **HOMES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_for_the_records_alone(case: Case) -> None:
    assert solve(case, among_others=False) in case.answers(among_others=False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_among_others(case: Case) -> None:
    assert solve(case, among_others=True) in case.answers(among_others=True)


def strangers(size: int, seed: int, **shared: Any) -> list[dict[str, Any]]:
    """People of invented names and of any age: records of the first source, with what all of them share."""
    rng = np.random.default_rng(seed)
    syllables = ["ka", "ro", "mi", "te", "lu", "va", "ne", "so", "di", "bra", "pel", "gwi", "tor", "hen", "cas", "mor"]
    word = rng.choice(syllables, size=(size, 5))
    return [
        {
            "record_id": f"{n:03d}",
            "source": SOURCES["G"],
            "first_name": (a + b).title(),
            "surname": (c + d + e).title(),
            "date_of_birth": date(1930, 1, 2) + timedelta(days=int(born)),
            **shared,
        }
        for n, ((a, b, c, d, e), born) in enumerate(zip(word, rng.integers(0, 26_000, size), strict=True))
    ]


def groups(rows: list[dict[str, Any]], *, among_others: bool) -> list[str]:
    """Clusters of more than one record."""
    records = pl.concat([frame(rows), crowd()], how="diagonal") if among_others else frame(rows)
    return [group for group in clusters(link(records)).split() if len(group) > 3]


@pytest.mark.parametrize("among_others", [False, True])
def test_a_care_home_of_200_is_neither_one_person_nor_left_out(among_others: bool) -> None:
    home = {"uprn": "100010001000", "house_number": "1", "street": "Quay Road", "postcode": "WX1 1AA"}
    residents = strangers(200, seed=1, **home)
    known = [{**row, "record_id": f"a{row['record_id']}", "source": SOURCES["C"]} for row in residents[:60]]
    billed = [
        {**row, "record_id": f"b{row['record_id']}", "source": SOURCES["T"], "date_of_birth": None}
        for row in residents[100:130]
    ]
    expected = [row["record_id"] + f"a{row['record_id']}" for row in residents[:60]]
    expected += [row["record_id"] + f"b{row['record_id']}" for row in residents[100:130]]
    assert sorted(groups(residents + known + billed, among_others=among_others)) == sorted(expected)


@pytest.mark.parametrize("among_others", [False, True])
def test_a_support_workers_phone_is_no_evidence_and_its_300_clients_still_link(among_others: bool) -> None:
    phone = {"phone": "07700900123"}
    clients = [
        {**row, "house_number": str(n), "postcode": f"WX{n % 9 + 1} {n % 7 + 1}AA"}
        for n, row in enumerate(strangers(300, seed=2, **phone))
    ]
    clients[1] |= {"first_name": clients[0]["first_name"], "surname": clients[0]["surname"]}
    clients[3] |= {"first_name": clients[2]["first_name"], "date_of_birth": clients[2]["date_of_birth"]}
    again = [{**row, "record_id": f"a{row['record_id']}", "source": SOURCES["C"]} for row in clients[100:140]]
    expected = [f"{row['record_id']}a{row['record_id']}" for row in clients[100:140]]
    assert sorted(groups(clients + again, among_others=among_others)) == sorted(expected)


@pytest.mark.parametrize("among_others", [False, True])
def test_no_fixed_abode_drops_nobody(among_others: bool) -> None:
    rough = [
        {**row, "nhs_number": nhs_number(n), "nhs_number_status": "01"}
        for n, row in enumerate(strangers(60, seed=3, postcode="ZZ99 3VZ"))
    ]
    for n in range(0, 60, 2):  # every second one shares a forename with the next and a year of birth
        rough[n + 1] |= {"first_name": rough[n]["first_name"]}
        rough[n + 1] |= {"date_of_birth": rough[n]["date_of_birth"] + timedelta(days=40)}
    again = [
        {**row, "record_id": f"a{row['record_id']}", "source": SOURCES["C"], "nhs_number": None} for row in rough[:40]
    ]
    expected = [f"{row['record_id']}a{row['record_id']}" for row in rough[:40]]
    assert sorted(groups(rough + again, among_others=among_others)) == sorted(expected)


@pytest.mark.parametrize("among_others", [False, True])
def test_a_common_name_and_01_01_tell_nobody_apart(among_others: bool) -> None:
    """Sixty people of one name, most of them born on 1 January, it says: a record elsewhere joins none of them."""
    named = [
        {
            "record_id": f"{n:03d}",
            "source": SOURCES["G"],
            "first_name": "Ahmed",
            "surname": "Ali",
            "date_of_birth": date(1950 + n, 1, 1) if n % 4 else date(1950 + n, 3 + n % 9, 2 + n % 25),
            "house_number": str(n),
            "postcode": f"WX{n % 9 + 1} {n % 7 + 1}AA",
        }
        for n in range(60)
    ]
    other = {**named[21], "record_id": "a00", "source": SOURCES["C"], "house_number": "99", "postcode": "WX5 5EE"}
    rest = strangers(100, seed=4)
    for n, row in enumerate(rest):
        row |= {"record_id": f"b{n:02d}", "house_number": str(n), "postcode": f"WX{n % 9 + 1} {n % 7 + 1}ZZ"}
    assert groups([*named, other, *rest], among_others=among_others) == []


@pytest.mark.parametrize("among_others", [False, True])
@pytest.mark.parametrize("several", ["home", "homes", "numbered homes"])
def test_one_person_eighty_times_is_one_person(several: str, among_others: bool) -> None:
    """A source of events has a record for each visit: that many agree on a value does not make it nobody's."""
    person = {"first_name": "Orla", "surname": "Penhallow", "date_of_birth": date(1951, 2, 3)}
    if several == "numbered homes":
        person |= {"nhs_number": nhs_number(1)}
    visits = [
        {
            **person,
            "record_id": f"{n:03d}",
            "source": SOURCES["C"],
            "house_number": "1" if several == "home" else str(n),
            "postcode": "WX1 1AA" if several == "home" else f"WX{n % 9 + 1} {n % 7 + 1}AA",
            "middle_names": "Jane" if n % 2 else None,
            "phone": f"07700{900_000 + n}",
        }
        for n in range(80)
    ]
    assert groups(visits, among_others=among_others) == ["".join(f"{n:03d}" for n in range(80))]
