"""The nine sources: whom each covers, how old its records are, what it holds and how often it errs.

Put here: rates. Never here: how a record is written from them (records) or what an error is (errors).

The rates are judgements from published completeness (NHS number 99 % in general practice, address disagreement about
one in ten at a time, council tax and electoral roll without dates of birth), set once and frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.truth.draws import Booleans, Draws, Floats
from benchmarks.truth.people import CHILD, ELDER, GROWN, HEAD, PARTNER, RESIDENT, SHARER, People


@dataclass(frozen=True)
class Households:
    """What is true of a home beyond its people: who rents from the council, who claims."""

    social: Booleans
    poor: Booleans


@dataclass(frozen=True)
class Source:
    """One source. `lag`: mean age of a record in years. `holds` and `slips`: a share for each field or error."""

    name: str
    covers: Callable[[People, Households], Floats]
    lag: float
    twice: float
    holds: dict[str, float]
    slips: dict[str, float]


def households(draws: Draws, people: People) -> Households:
    """Draw which homes are social housing and which have low incomes."""
    homes = people.homes.homes
    social = draws.chance("social", homes, 0.17)
    poor = draws.chance("poor", homes, np.where(social, 0.55, 0.12))
    return Households(social[people.homes.home], poor[people.homes.home])


def _general_practice(people: People, _: Households) -> Floats:
    young_men = ~people.female & (people.age > 19) & (people.age < 36)
    return np.where(young_men, 0.93, 0.98)


def _hospital(people: People, _: Households) -> Floats:
    base = np.where(people.age < 3, 0.80, 0.55 + 0.006 * people.age)
    return np.where(people.female & (people.age > 20) & (people.age < 42), base + 0.12, base)


def _council_tax(people: People, _: Households) -> Floats:
    pays = np.choose(people.homes.role, [0.95, 0.76, 0.0, 0.04, 0.05, 0.22, 0.0])
    return np.where((people.age < 18) | people.is_homeless, 0.0, pays)


def _electoral_roll(people: People, _: Households) -> Floats:
    registered = np.select([people.age < 18, people.age < 26, people.age < 45], [0.0, 0.68, 0.84], default=0.92)
    registered = np.where(people.homes.role == RESIDENT, 0.5, registered)
    return registered * np.where(people.group == 3, 0.55, 1.0) * np.where(people.is_homeless, 0.1, 1.0)


def _schools(people: People, _: Households) -> Floats:
    return np.where((people.age >= 4.2) & (people.age < 17.5), 0.93, 0.0)


def _looked_after(people: People, _: Households) -> Floats:
    return np.where(people.is_looked_after, 0.97, np.where((people.homes.role == CHILD), 0.004, 0.0))


def _housing(people: People, of: Households) -> Floats:
    member = np.choose(people.homes.role, [0.99, 0.92, 0.72, 0.75, 0.7, 0.6, 0.0])
    return np.where(of.social & ~people.is_homeless, member, 0.0)


def _benefits(people: People, of: Households) -> Floats:
    member = np.choose(people.homes.role, [0.93, 0.80, 0.35, 0.35, 0.3, 0.5, 0.2])
    return np.where(of.poor, member, np.where((people.age > 16) & (people.homes.role != SHARER), 0.02, 0.0))


def _social_care(people: People, _: Households) -> Floats:
    by_age = np.select([people.age < 18, people.age < 65, people.age < 80], [0.0, 0.018, 0.07], default=0.26)
    return np.where(people.homes.role == RESIDENT, 0.85, by_age)


#: Roles that the shares above are given for, in their order.
ROLES = (HEAD, PARTNER, CHILD, GROWN, ELDER, SHARER, RESIDENT)
_CAREFUL = {
    "first": 0.014, "last": 0.015, "spelling": 0.05, "nickname": 0.010, "initial": 0.002, "swap": 0.003,
    "middle": 0.010, "no_first": 0.001, "dob": 0.006, "sex": 0.002, "postcode": 0.006, "number": 0.012,
    "street": 0.03, "nhs": 0.0006, "phone": 0.01, "share": 0.02, "worker": 0.0, "short": 0.2,
}  # fmt: skip
_ALL = {
    "middle": 0.8, "sex": 0.99, "dob": 1.0, "nhs": 0.0, "nino": 0.0, "upn": 0.0, "uprn": 0.0, "phone": 0.7,
    "email": 0.3, "postcode": 0.99, "number": 0.97, "street": 0.97, "from": 0.0, "former": 0.0, "verified": 0.0,
}  # fmt: skip

SOURCES = (
    Source(
        "gp_register", _general_practice, 0.8, 0.02,
        _ALL | {"nhs": 0.993, "verified": 0.98, "phone": 0.82, "email": 0.35, "from": 0.6, "former": 0.4}, _CAREFUL,
    ),
    Source(
        "hospital", _hospital, 1.7, 0.03,
        _ALL | {"middle": 0.35, "nhs": 0.955, "verified": 0.94, "phone": 0.72, "email": 0.12, "postcode": 0.975},
        _CAREFUL | {"first": 0.02, "last": 0.02, "dob": 0.010, "nhs": 0.003, "spelling": 0.07},
    ),
    Source(
        "council_tax", _council_tax, 0.35, 0.02,
        _ALL | {"middle": 0.12, "sex": 0.0, "dob": 0.06, "uprn": 0.98, "phone": 0.48, "email": 0.42, "from": 0.9},
        _CAREFUL | {"initial": 0.34, "no_first": 0.01, "nickname": 0.03, "share": 0.08, "swap": 0.006, "short": 0.5},
    ),
    Source(
        "electoral_roll", _electoral_roll, 0.4, 0.008,
        _ALL | {"middle": 0.7, "sex": 0.0, "dob": 0.05, "uprn": 0.97, "phone": 0.06, "email": 0.10},
        _CAREFUL | {"nickname": 0.02, "initial": 0.03},
    ),
    Source(
        "school_census", _schools, 0.8, 0.02,
        _ALL | {"middle": 0.6, "upn": 0.995, "phone": 0.86, "email": 0.55},
        _CAREFUL | {"nickname": 0.03, "middle": 0.02, "spelling": 0.06},
    ),
    Source(
        "looked_after", _looked_after, 0.8, 0.02,
        _ALL | {"middle": 0.4, "upn": 0.8, "nhs": 0.55, "verified": 0.5, "phone": 0.3, "email": 0.05, "postcode": 0.93},
        _CAREFUL | {"dob": 0.012, "spelling": 0.10, "nickname": 0.05, "first": 0.02, "nhs": 0.01},
    ),
    Source(
        "housing", _housing, 1.4, 0.04,
        _ALL | {"middle": 0.2, "sex": 0.85, "dob": 0.74, "nino": 0.3, "uprn": 0.93, "phone": 0.75, "email": 0.4,
                "from": 0.95},
        _CAREFUL | {"initial": 0.08, "nickname": 0.03, "dob": 0.018, "share": 0.08, "swap": 0.008, "spelling": 0.10},
    ),
    Source(
        "benefits", _benefits, 1.2, 0.03,
        _ALL | {"middle": 0.3, "sex": 0.9, "dob": 0.94, "nino": 0.90, "uprn": 0.6, "phone": 0.7, "email": 0.55},
        _CAREFUL | {"dob": 0.008, "share": 0.08, "worker": 0.01},
    ),
    Source(
        "social_care", _social_care, 1.8, 0.06,
        _ALL | {"middle": 0.2, "nhs": 0.78, "verified": 0.75, "uprn": 0.4, "phone": 0.7, "email": 0.15,
                "postcode": 0.95},
        _CAREFUL | {"first": 0.025, "last": 0.025, "nickname": 0.06, "dob": 0.02, "nhs": 0.012, "share": 0.08,
                    "worker": 0.05,
                    "initial": 0.01, "spelling": 0.10},
    ),
)  # fmt: skip
