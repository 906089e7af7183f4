"""Stage 5: one level for each comparison, and the facts that anchor or forbid a link."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from spine.linkage.compare import VETOES, compare
from spine.linkage.config import LinkageConfig
from spine.linkage.dates import outlives, two_deaths
from tests.unit.linkage.rows import ORLA, encoded, first_two, folded, levels_of


def person(first: str | None = "Orla", surname: str | None = "Penhallow", **more: Any) -> dict[str, Any]:
    return {"first_name": first, "surname": surname, "former_surnames": None, "middle_names": None, **more}


@pytest.mark.parametrize(
    ("one", "other", "first", "surname"),
    [
        (person(), person(None, None), "missing", "missing"),
        (person("William"), person("Bill"), "nickname", "exact"),
        (person("William"), person("W"), "initial", "exact"),
        (person("William"), person("B"), "different", "exact"),
        (person("Orla"), person("Penhallow", "Orla"), "swapped", "missing"),  # told once
        (person("Orla"), person("Tom", "Orla"), "crossed", "missing"),
        (person("William"), person("Elizabeth"), "different", "exact"),
        (person("Yusuf"), person("Youssef"), "sounds_alike", "exact"),
        (person("Katharine"), person("Katherine", "Penhalow"), "close", "close"),
        (person("Ali", middle_names="Hassan"), person("Hassan"), "middle_name", "exact"),
        (person(surname="Penhallow-Roe"), person(surname="Roe"), "exact", "part"),
        (person(former_surnames=["Tregarrow"]), person(surname="Tregarrow"), "exact", "former"),
    ],
)
def test_levels_of_names(
    config: LinkageConfig, one: dict[str, Any], other: dict[str, Any], first: str, surname: str
) -> None:
    found = levels_of(config, one, other)
    assert found["first_name"].startswith(first)
    assert found["surname"].startswith(surname)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("1984-07-09", "1984-07-09", "exact"),
        ("1984-01-01", "1984-01-01", "partial"),  # says no more than the year
        ("1984-07-09", "1984-09-07", "swapped"),
        ("1984-07-09", "1984-01-01", "default_day"),
        ("1984-07-09", "1984-07-19", "one_digit"),
        ("1984-07-09", "1974-07-09", "one_digit"),
        ("1984-07-19", "1984-07-28", "one_part"),
        ("1984-07-12", "1984-07-21", "one_digit"),  # two digits changed places
        ("1984-07-09", "1984-08-01", "near"),
        ("1984-12-20", "1985-01-04", "near"),
        ("1984-07-09", "1985-02-20", "year_apart"),
        ("1984-07-09", "1979-02-20", "different"),
        ("1984-07-09", "1950-02-20", "generation"),
        ("1984-07-09", None, "missing"),
    ],
)
def test_levels_of_dates(config: LinkageConfig, one: str, other: str | None, level: str) -> None:
    rows = [{"date_of_birth": date.fromisoformat(value) if value else None} for value in (one, other)]
    assert levels_of(config, *rows)["date_of_birth"] == level
    assert levels_of(config, *reversed(rows))["date_of_birth"] == level


def test_a_partial_date_fits_or_not(config: LinkageConfig) -> None:
    full = {"date_of_birth": date(1984, 7, 9), "date_of_birth_partial": None}
    for partial, level in (
        ("1984", "partial"),
        ("1984-07", "partial"),
        ("1984-08", "different"),
        ("1983", "different"),
    ):
        other = {"date_of_birth": None, "date_of_birth_partial": partial}
        assert levels_of(config, full, other)["date_of_birth"] == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        (("1", "Mill Lane", "WX1 1AA", "77"), ("2", "Mill Lane", "WX9 9AA", "0077"), "same_home"),
        (("1", "Mill Lane", "WX1 1AA", None), ("1", None, "WX11AA", None), "same_home"),
        (("1", "Mill Lane", "WX1 1AA", "77"), ("1", "Mill Lane", "WX1 1AA", "78"), "house_and_street"),
        (("1", None, "WX1 1AA", None), (None, None, "WX1 1AA", None), "postcode"),
        (("1", "Mill Lane", None, None), ("2", "MILL LANE", None, None), "street"),
        (("1", None, "WX1 1AA", None), ("1", None, "WX1 1ZZ", None), "sector"),
        (("1", None, "WX1 1AA", None), ("1", None, "WX7 1ZZ", None), "different"),
        (("1", None, "WX1 1AA", None), (None, None, None, None), "missing"),
    ],
)
def test_levels_of_addresses(config: LinkageConfig, one: tuple[Any, ...], other: tuple[Any, ...], level: str) -> None:
    names = ("house_number", "street", "postcode", "uprn")
    rows = [dict(zip(names, values, strict=True)) for values in (one, other)]
    assert levels_of(config, *rows)["address"] == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("Mae", "MAE", "agree"),
        ("Mae", "M", "agree"),
        ("Mae", "Jane", "differ"),
        ("Mae", None, "missing"),
    ],
)
def test_levels_of_middle_names(config: LinkageConfig, one: str, other: str | None, level: str) -> None:
    assert levels_of(config, {"middle_names": one}, {"middle_names": other})["middle_name"] == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ({"nino": "QQ123456A"}, {"nino": "QQ 12 34 56 A"}, "agree"),
        ({"nino": "QQ123456A"}, {"nino": "QQ123465A"}, "close"),
        ({"nino": "QQ123456A"}, {"nino": "ZZ987654B"}, "differ"),
        ({"nino": "QQ123456A", "upn": "A1"}, {"nino": None, "upn": "A1"}, "agree"),
        ({"nino": "QQ123456A", "upn": None}, {"nino": None, "upn": "A1"}, "missing"),
    ],
)
def test_levels_of_other_numbers(config: LinkageConfig, one: dict[str, Any], other: dict[str, Any], level: str) -> None:
    assert levels_of(config, one, other)["other_number"] == level


def test_one_of_two_telephones_in_common_is_enough(config: LinkageConfig) -> None:
    phones = ("07700900123", "07700900129")
    rows = [{**ORLA, "source": f"s{n}", "phone": phone} for n, phone in enumerate(phones)]
    others = [{**ORLA, "first_name": "Iris", "source": "s", "phone": phone} for phone in (*phones, "07700900100")]
    nodes = folded(config, *rows, *(row | {"house_number": str(n)} for n, row in enumerate(others, start=2)))
    orla, *iris = nodes.of_record[[0, 2, 3, 4]]
    found = compare(nodes.encoded, np.full(3, orla), np.array(iris))
    assert [config.scheme.levels["phone"][value] for value in found.levels["phone"]] == ["agree", "agree", "differ"]


def test_the_source_says_something_only_where_there_are_several(config: LinkageConfig) -> None:
    assert levels_of(config, {}, {})["same_source"] == "missing"
    assert levels_of(config, {"source": "a"}, {"source": "a"}, {"source": "b"})["same_source"] == "agree"
    assert levels_of(config, {"source": "a"}, {"source": "b"})["same_source"] == "differ"


def test_a_crowded_address_is_no_home(config: LinkageConfig) -> None:
    few = config.model_copy(update={"household": 2})
    rows = [{**ORLA, "first_name": name} for name in ("Orla", "Iris", "Anne")]
    for size, home, level in ((2, True, "same_home"), (3, False, "house_and_street")):
        nodes = folded(few, *rows[:size]).encoded
        found = compare(nodes, np.array([0]), np.array([1]))
        assert found.home.tolist() == [home]
        assert few.scheme.levels["address"][found.levels["address"][0]] == level


NUMBER = {"nhs_number": "9990000018", "nhs_number_status": "01"}
OTHER_NUMBER = {"nhs_number": "9990000026", "nhs_number_status": "01"}
STRANGER = {"first_name": "Wenna", "surname": "Tregarrow", "date_of_birth": date(1962, 8, 21)}


@pytest.mark.parametrize(
    ("one", "other", "anchor", "veto"),
    [
        ({}, {}, False, "none"),
        (NUMBER, NUMBER, True, "none"),
        (NUMBER, {**NUMBER, "surname": "Tregarrow"}, True, "none"),
        (NUMBER, {**NUMBER, "first_name": "Wenna"}, True, "none"),
        (NUMBER, {**NUMBER, **STRANGER}, False, "nhs_number_on_another_person"),
        (NUMBER, OTHER_NUMBER, False, "verified_nhs_numbers_differ"),
        (NUMBER, {**OTHER_NUMBER, "nhs_number_status": "02"}, False, "none"),
        ({"first_name": "Marla"}, {"first_name": "Marlo"}, False, "twins"),
        ({"first_name": "Marla", "source": "gp"}, {"first_name": "Marlo", "source": "care"}, False, "none"),
        (
            {"date_of_death": date(2012, 1, 5)},
            {"date_of_death": date(2020, 3, 30)},
            False,
            "dates_of_death_differ",
        ),
        (
            {"date_of_death": date(2012, 1, 5), "address_from": None},
            {"date_of_death": None, "address_from": date(2020, 3, 30)},
            False,
            "event_after_death",
        ),
    ],
)
def test_anchors_and_vetoes(
    config: LinkageConfig, one: dict[str, Any], other: dict[str, Any], anchor: bool, veto: str
) -> None:
    for rows in ((one, other), (other, one)):
        found = first_two(config, *({**ORLA, **row} for row in rows), {"source": "c__d"})
        assert found.anchor.tolist() == [anchor]
        assert VETOES[found.veto[0]] == veto


def test_two_records_of_a_promising_source_are_two_people(config: LinkageConfig) -> None:
    promising = config.model_copy(update={"one_record_per_person": ("gp",)})
    for source, veto in (("gp", "one_record_per_person"), ("care", "none")):
        found = first_two(promising, ORLA, ORLA, {"source": "gp"}, source=source)
        assert VETOES[found.veto[0]] == veto


@pytest.mark.parametrize(
    ("one", "other", "kin"),
    [
        ({}, {}, False),
        ({}, {"first_name": "Bruno", "date_of_birth": None}, True),
        ({}, {"first_name": "Bruno"}, False),  # one birthday: a new forename, or a twin
        ({"nino": "QQ123456A"}, {"first_name": "Bruno", "date_of_birth": None, "nino": "QQ123456A"}, False),
        ({"phone": "07700900123"}, {"first_name": "Bruno", "date_of_birth": None, "phone": "07700900123"}, True),
    ],
)
def test_what_a_family_shares_makes_relatives_only(
    config: LinkageConfig, one: dict[str, Any], other: dict[str, Any], kin: bool
) -> None:
    rows = [{"nino": None, "phone": None, **ORLA, **row} for row in (one, other)]
    assert first_two(config, *rows).kin.tolist() == [kin]


@pytest.mark.parametrize(
    ("other", "thin"),
    [
        ({"date_of_birth": None}, True),  # a full name
        ({"surname": "Tregarrow"}, True),  # a forename and a birthday
        ({}, False),
        ({"surname": "Tregarrow", "phone": "07700900123"}, False),
        ({"surname": "Tregarrow", "house_number": "1", "postcode": "WX1 1AA"}, False),  # at home nothing is thin
    ],
)
def test_between_homes_less_than_three_things_is_thin(config: LinkageConfig, other: dict[str, Any], thin: bool) -> None:
    rows = [
        {**ORLA, "phone": "07700900123"},
        {**ORLA, "phone": None, "house_number": "7", "postcode": "WX9 9ZZ", **other},
    ]
    assert first_two(config, *rows).thin.tolist() == [thin]


def test_what_starts_long_after_a_death_outlives_it() -> None:
    death, start = np.array([100, 100, 0, 100]), np.array([192, 193, 500, 0])
    assert outlives(death, start).tolist() == [False, True, False, False]


def test_two_readings_of_one_death_are_no_two_deaths() -> None:
    assert two_deaths(np.array([100, 100, 0]), np.array([131, 132, 500])).tolist() == [False, True, False]


def test_pairs_are_compared_alike_in_either_direction(config: LinkageConfig) -> None:
    records = encoded(
        config, ORLA, {**ORLA, "first_name": "Bill"}, {**ORLA, "surname": "Penhalow"}, {"surname": "Orla"}
    )
    one, other = np.triu_indices(4, k=1)
    forth, back = compare(records, one, other), compare(records, other, one)
    for name, values in forth.levels.items():
        np.testing.assert_array_equal(values, back.levels[name], err_msg=name)
