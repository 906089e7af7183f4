"""Stage 1: values in one form, and values that are no evidence. Each function takes the distinct values of a column."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from spine.linkage import standardise as clean
from spine.linkage.config import LinkageConfig


@pytest.mark.parametrize(
    ("given", "first", "others"),
    [
        ("mrs Orla", "ORLA", None),
        ("Dr. Prof Orla Mae", "ORLA", "MAE"),
        ("Mr", None, None),
        ("Zoë-Anne", "ZOE", "ANNE"),
        ("Łukasz", "LUKASZ", None),
        ("D'Arcy", "DARCY", None),
        ("BABY", None, None),
        ("Twin 1", None, None),
        ("  ", None, None),
        ("J R", "J", "R"),
        ("Missy", "MISSY", None),
        ("Orla Jane Mae", "ORLA", "JANE MAE"),
        (None, None, None),
    ],
)
def test_forenames_take_one_form(config: LinkageConfig, given: str, first: str | None, others: str | None) -> None:
    found = clean.given_names(pl.Series([given], dtype=pl.String), config.standardise)
    assert [values.to_list() for values in found] == [[first], [others]]


@pytest.mark.parametrize(
    ("given", "surname"),
    [
        ("Penhallow-Roe", "PENHALLOW ROE"),
        ("O’Penhallow", "OPENHALLOW"),
        ("Not known", None),
        ("N/A", None),
        ("Groß", "GROSS"),
        ("12", None),
        (None, None),
    ],
)
def test_surnames_take_one_form(config: LinkageConfig, given: str | None, surname: str | None) -> None:
    assert clean.surnames(pl.Series([given], dtype=pl.String), config.standardise).to_list() == [surname]


@pytest.mark.parametrize(
    ("given", "letters"),
    [
        ("李娜", "李娜"),
        ("محمد", "محمد"),
        ("Тихая", "ТИХАЯ"),
        ("Ωμέγα", "ΩΜΕΓΑ"),
        ("Zoë", "ZOE"),
        ("Zoe\u0308", "ZOE"),
        ("Øye Æsir", "OYE AESIR"),
        ("Işık", "ISIK"),
        ("🧑‍🍼", None),
    ],
)
def test_letters_of_any_script_are_kept(given: str, letters: str | None) -> None:
    assert clean.letters(pl.Series([given, "Orla"])).to_list() == [letters, "ORLA"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (date(1984, 7, 9), 19840709),
        (date(1900, 1, 1), 0),
        ("1984-07-09", 19840709),
        ("09/07/1984", 19840709),
        ("1984-07", 19840700),
        ("1984", 19840000),
        ("1984-13", 0),
        ("1901-01-01", 0),
        ("July 1984", 0),
        (None, 0),
    ],
)
def test_births_whole_partial_and_no_evidence(config: LinkageConfig, given: object, code: int) -> None:
    dtype = pl.Date if isinstance(given, date) else pl.String
    assert clean.births(pl.Series([given], dtype=dtype), config.standardise).tolist() == [code]


def test_partial_births_of_a_column_of_their_own() -> None:
    assert clean.partial_births(pl.Series(["1984-07", "1984", "84", None])).tolist() == [19840700, 19840000, 0, 0]
    assert clean.partial_births(pl.Series([1984, None])).tolist() == [19840000, 0]


@pytest.mark.parametrize(
    ("line", "house", "street"),
    [
        ("12 Mill Lane, Harcombe", "12", "MILLLANE"),
        ("Flat 3, 12A Mill Lane", "12A", "MILLLANE"),
        ("12 a Mill Ln", "12A", "MILLLANE"),
        ("Rose Cottage, Mill Lane", "ROSECOTTAGE", None),
        ("Ashmerestraße 12, 10115 Ashmere", "12", "ASHMERESTRASSE"),
        ("Ashmerestr. 12a, 10115 Ashmere", "12A", "ASHMERESTRASSE"),
        ("2/36 Venn Street", "36", "VENNSTREET"),
        ("Unit 4, 36 Venn St, Quarry", "36", "VENNSTREET"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_house_and_street_of_an_address_line(line: str | None, house: str | None, street: str | None) -> None:
    lines = pl.Series([line], dtype=pl.String)
    assert (clean.houses(lines).to_list(), clean.streets_in_lines(lines).to_list()) == ([house], [street])


@pytest.mark.parametrize(
    ("given", "street"),
    [
        ("Quay Rd", "QUAYROAD"),
        ("QUAY ROAD", "QUAYROAD"),
        ("Quay Rd.", "QUAYROAD"),
        ("St John St", "STJOHNSTREET"),
        ("Venn Ave", "VENNAVENUE"),
        ("Venn Av.", "VENNAVENUE"),
        ("Orchard Cl", "ORCHARDCLOSE"),
        ("Harcombe Cres", "HARCOMBECRESCENT"),
        ("Hauptstr.", "HAUPTSTRASSE"),
        ("Hauptstraße", "HAUPTSTRASSE"),
        ("Strand", "STRAND"),
        ("7", None),
    ],
)
def test_short_forms_at_the_end_of_a_street_are_written_out(given: str, street: str | None) -> None:
    assert clean.streets(pl.Series([given])).to_list() == [street]


@pytest.mark.parametrize(
    ("given", "postcode"),
    [
        ("wx1 1aa", "WX11AA"),
        ("30001-1234", "30001"),
        ("30001", "30001"),
        ("2000", "2000"),
        ("ZZ99 3VZ", None),
        ("zz993wz", None),
        (" - ", None),
    ],
)
def test_postcodes_and_those_of_no_place(config: LinkageConfig, given: str, postcode: str | None) -> None:
    assert clean.postcodes(pl.Series([given]), config.standardise).to_list() == [postcode]


@pytest.mark.parametrize(
    "given",
    ["07700900123", "+447700900123", "+44 7700 900123", "00447700900123", "+44 (0)7700 900123", "7700 900 123"],
)
def test_one_telephone_in_many_forms(given: str) -> None:
    assert clean.phones(pl.Series([given, None])).tolist() == [7_700_900_123, 0]


def test_what_is_no_telephone() -> None:
    assert clean.phones(pl.Series(["123456", "none", "", "0000000000", "+44"])).tolist() == [0] * 5
    assert clean.phones(pl.Series([7_700_900_123.0, float("nan")])).tolist() == [7_700_900_123, 0]


@pytest.mark.parametrize(
    ("given", "sex"), [("M", 2), ("female", 1), ("F ", 1), ("Male", 2), ("unknown", 0), ("1", 0), ("", 0)]
)
def test_sexes(given: str, sex: int) -> None:
    assert clean.sexes(pl.Series([given, None])).tolist() == [sex, 0]


def test_numbers_by_value_and_other_text_by_its_letters_and_digits() -> None:
    codes = clean.digits_or_text(pl.Series(["0077", "77", " 77", "77.0", "999 000 0018", "999-000-0018", "", None]))
    assert codes.tolist() == [77, 77, 77, 77, 9_990_000_018, 9_990_000_018, 0, 0]
    words = clean.digits_or_text(pl.Series(["ab 1", "AB1", "ab2"]))
    assert words[0] == words[1] != words[2]
    assert (words > 0).all()
    assert clean.digits_or_text(pl.Series([77.0, None, -3.0])).tolist() == [77, 0, 0]


def test_emails_and_further_columns() -> None:
    codes = clean.emails(pl.Series(["Orla@Mail.example", "orla@mail.example ", "none", None]))
    assert codes[0] == codes[1] > 0
    assert codes[2:].tolist() == [0, 0]
    assert clean.extras(pl.Series(["a  b", "A B", " "])).to_list() == ["A B", "A B", None]
