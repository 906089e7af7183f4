"""The shared SQL rules: a table of cases for each, and independent libraries as oracles.

Every number of a person is from the 999 range, which is never issued, or is published as an example.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import nhs_number
import pytest
from uk_postcodes_parsing import ukpostcode

from spine.contracts import install_functions
from spine.contracts.functions import FUNCTIONS

#: The form that the UK government published for bulk data, with one space.
PUBLISHED_POSTCODE = re.compile(
    r"GIR 0AA|(?:[A-PR-UWYZ][0-9][0-9]?|[A-PR-UWYZ][A-HK-Y][0-9][0-9]?|[A-PR-UWYZ][0-9][A-HJKPS-UW]"
    r"|[A-PR-UWYZ][A-HK-Y][0-9][ABEHMNPRV-Y]) [0-9][ABD-HJLNP-UW-Z]{2}"
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    opened = duckdb.connect()
    install_functions(opened)
    return opened


def apply(connection: duckdb.DuckDBPyConnection, function: str, values: Sequence[str | None]) -> list[Any]:
    """The function on a column of values, as it is used: not on constants."""
    connection.execute("CREATE OR REPLACE TEMP TABLE cases (n INTEGER, x VARCHAR)")
    connection.execute("INSERT INTO cases SELECT unnest(range(len($1))), unnest($1::VARCHAR[])", [list(values)])
    return [row[0] for row in connection.execute(f"SELECT {function}(x) FROM cases ORDER BY n").fetchall()]


CASES: list[tuple[str, str | None, Any]] = [
    ("clean_text", "  Mary \t Ann\r\n ", "Mary Ann"),
    ("clean_text", "", None),
    ("clean_text", " \t ", None),
    ("clean_text", "null", None),
    ("clean_text", "n/a", None),
    ("clean_text", "-", None),
    ("clean_text", ".", None),
    ("clean_text", "#N/A", None),
    ("clean_text", "Nullby", "Nullby"),
    ("clean_text", "0", "0"),
    ("as_date", "31/12/2020", date(2020, 12, 31)),
    ("as_date", "01/02/2020", date(2020, 2, 1)),
    ("as_date", " 2020-02-29 ", date(2020, 2, 29)),
    ("as_date", "2021-02-29", None),
    ("as_date", "12/31/2020", None),
    ("as_date", "31.12.2020", date(2020, 12, 31)),
    ("as_date", "31-Dec-2020", date(2020, 12, 31)),
    ("as_date", "01-APR-2015", date(2015, 4, 1)),
    ("as_date", "01-APR-2015 00:00:00", date(2015, 4, 1)),
    ("as_date", "01-apr-15", None),
    ("as_date", "1-April-2015", date(2015, 4, 1)),
    ("as_date", "1 January 1950", date(1950, 1, 1)),
    ("as_date", "20201231", date(2020, 12, 31)),
    ("as_date", "2020-Apr-25 00:00:00", date(2020, 4, 25)),
    ("as_date", "31/12/2020 00:00", date(2020, 12, 31)),
    ("as_date", "2026-04-03T00:00:00+01:00", date(2026, 4, 3)),
    ("as_date", "2020-12-31T10:11:12Z", date(2020, 12, 31)),
    ("as_date", "N/A", None),
    ("as_date", "1990", None),
    ("is_bad_date", "1990", True),
    ("is_bad_date", "31/12/2020", False),
    ("is_bad_date", "31/13/2020", True),
    ("is_bad_date", " ", False),
    ("as_end_date", "31/12/9999", None),
    ("as_end_date", "2099-12-31", None),
    ("as_end_date", "31/03/2028", date(2028, 3, 31)),
    ("as_birth_date", "01/01/1900", None),
    ("as_birth_date", "11/11/1911", None),
    ("as_birth_date", "01/01/1970", date(1970, 1, 1)),
    ("as_number", "£1,850.25", 1850.25),
    ("as_number", "12", 12.0),
    ("without_point_zero", "990700000000.0", "990700000000"),
    ("without_point_zero", "1.05", "1.05"),
    ("without_point_zero", "Flat 1.0", "Flat 1.0"),
    ("as_number", "twelve", None),
    ("as_number", "£1,234.50", 1234.5),
    ("as_number", "-£1,234.50", -1234.5),
    ("as_number", "£-8", -8.0),
    ("as_number", "1,234.50-", -1234.5),
    ("as_number", "8.00 CR", -8.0),
    ("as_number", "8.00cr", -8.0),
    ("as_number", "£1,000,000.00 DR", 1000000.0),
    ("as_number", "(2.50)", -2.5),
    ("as_number", "(£1,002.50)", -1002.5),
    ("as_number", "+.5", 0.5),
    ("as_number", ".50-", -0.5),
    ("as_number", "1,5", None),
    ("as_number", "1.234,50", None),
    ("as_number", "(2.50) CR", None),
    ("as_number", "-8.00 CR", None),
    ("as_number", "CR", None),
    ("as_number", "()", None),
    ("as_number", "12,34.00", None),
    ("is_bad_number", "(2.50)", False),
    ("is_bad_number", "1,5", True),
    ("as_date", "05-MAR-28", None),
    ("is_bad_date", "05-MAR-28", True),
    ("is_bad_number", "twelve", True),
    ("is_bad_number", "", False),
    ("is_bad_integer", "12.0", False),
    ("is_bad_integer", "12.5", True),
    ("is_nhs_number", "9000000009", True),
    ("is_nhs_number", "9000000017", True),
    ("is_nhs_number", "9000000025", True),
    ("is_nhs_number", "9000000033", True),
    ("is_nhs_number", "9912003888", True),
    ("is_nhs_number", "991 200 3888", True),
    ("is_nhs_number", "991-200-3888", True),
    ("is_nhs_number", "9000000015", False),
    ("is_nhs_number", "9876543210", False),
    ("is_nhs_number", "1234567890", False),
    ("is_nhs_number", "991200388", False),
    ("is_nhs_number", "99120038880", False),
    ("is_nhs_number", "99120038O8", False),
    *[("is_nhs_number", str(digit) * 10, False) for digit in range(10)],
    ("as_nhs_number", "991 200 3888", "9912003888"),
    ("as_nhs_number", "9000000015", None),
    ("is_bad_nhs_number", "9000000015", True),
    ("is_bad_nhs_number", "", False),
    ("as_uprn", "100012345678", "100012345678"),
    ("as_uprn", "000012345678", "12345678"),
    ("as_uprn", "1.0", "1"),
    ("as_uprn", "1.0E+11", "100000000000"),
    ("as_uprn", "0", None),
    ("as_uprn", "1234567890123", None),
    ("as_uprn", "U123", None),
    ("is_bad_uprn", "U123", True),
    ("is_bad_uprn", "N/A", False),
    ("as_nino", "AB 12 34 56 C", "AB123456"),
    ("as_nino", "ab123456", "AB123456"),
    ("as_nino", "QQ123456C", None),
    ("as_nino", "TN123456A", None),
    ("as_nino", "AO123456A", None),
    ("as_nino", "AB123456E", None),
    ("is_bad_nino", "AB 12 34 56 C", False),
    ("is_bad_nino", " ", False),
    ("is_bad_nino", "QQ123456C", True),
    ("is_upn", "A1234567890A", False),
    ("is_upn", "I123456789012", False),
    ("is_bad_upn", "UN1", False),
    ("is_bad_upn", "un7", False),
    ("is_bad_upn", "UN8", True),
    ("is_bad_upn", "", False),
    ("is_pseudo_postcode", "ZZ99 3VZ", True),
    ("is_pseudo_postcode", "zz993wz", True),
    ("is_pseudo_postcode", "ZZ99 3CZ", True),
    ("is_pseudo_postcode", "NF1 1AB", True),
    ("is_pseudo_postcode", "AB1 2CD", False),
    ("is_no_fixed_abode", "ZZ99 3VZ", True),
    ("is_no_fixed_abode", "NF1 1AB", True),
    ("is_no_fixed_abode", "ZZ99 3WZ", False),
    ("is_bad_postcode", "ZZ99 3VZ", False),
    ("is_bad_postcode", "EE28 7VZ", True),
    ("is_bad_postcode", "Y0 2RV", True),
    ("is_bad_postcode", "", False),
    ("as_postcode", "gir0aa", "GIR 0AA"),
    ("as_postcode", "ec1r1ub", "EC1R 1UB"),
    ("as_postcode", " M1  1AE ", "M1 1AE"),
    ("as_postcode", "NF1 1AB", None),
    ("as_postcode", "ZZ99 3VZ", None),
    ("as_postcode", "BF1 3AA", "BF1 3AA"),
]


@pytest.mark.parametrize("function", sorted({function for function, _, _ in CASES}))
def test_the_table_of_cases(connection: duckdb.DuckDBPyConnection, function: str) -> None:
    cases = [(given, expected) for name, given, expected in CASES if name == function]
    found = apply(connection, function, [given for given, _ in cases])
    wrong = [(given, expected, got) for (given, expected), got in zip(cases, found, strict=True) if got != expected]
    assert wrong == []


def test_every_macro_is_quiet_about_null_and_about_rubbish(connection: duckdb.DuckDBPyConnection) -> None:
    rubbish = [None, "", "'", "%", "{}", "\\", "9" * 400, "😀", "1e999", "-0", "٣", "\x00x"]
    query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'macro' AND NOT internal"
    names = [name for (name,) in connection.execute(query).fetchall()]
    assert {"clean_text", "as_date", "is_nhs_number"} <= set(names)
    for name in names:
        found = apply(connection, name, rubbish)
        assert found[0] in (None, False), name


def test_nhs_numbers_agree_with_the_library(connection: duckdb.DuckDBPyConnection) -> None:
    """Nine digits spread over the space, each with all ten last digits.

    Less 010 to 311, Scotland's range: there the library wants a date of birth in it as well.
    """
    stems = [f"{320_000_000 + n * 7_919_317 % 680_000_000:09d}" for n in range(400)] + [
        f"999{n:06d}" for n in range(0, 10**6, 9973)
    ]
    numbers = [stem + str(last) for stem in stems for last in range(10)]
    ours = apply(connection, "is_nhs_number", numbers)
    placeholders = {str(digit) * 10 for digit in range(10)} | {"9876543210"}
    theirs = [nhs_number.is_valid(number) and number not in placeholders for number in numbers]
    assert [n for n, a, b in zip(numbers, ours, theirs, strict=True) if a != b] == []
    assert 0.08 < sum(ours) / len(ours) < 0.1, "ten in eleven stems have one number"


def test_postcodes_agree_with_the_published_form_and_the_library(connection: duckdb.DuckDBPyConnection) -> None:
    """All six forms with every letter in every place, right and wrong ones."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    inward = ["1AA", "9ZZ", "0AB"]
    first = [f"{a}1" for a in letters] + [f"{a}12" for a in letters]
    second = [f"{a}{b}3" for a, b in itertools.product("ABCQVXZ", letters)]
    third = [f"A1{c}" for c in letters] + [f"W{n}{c}" for n in "19" for c in letters]
    fourth = [f"AB1{c}" for c in letters] + [f"SW1{c}" for c in letters] + ["AB12", "AB123", "ABC1", "A", "12"]
    codes = [f"{out} {tail}" for out in (*first, *second, *third, *fourth) for tail in inward]
    codes += [f"AB1 1{a}{b}" for a, b in itertools.product(letters, "ACIKMOV")]
    ours = apply(connection, "is_postcode", codes)
    published = [bool(PUBLISHED_POSTCODE.fullmatch(code)) for code in codes]
    assert [(code, a, b) for code, a, b in zip(codes, ours, published, strict=True) if a != b] == []
    unknown_to_the_library = [c for c, good in zip(codes, ours, strict=True) if good and not ukpostcode.is_valid(c)]
    assert unknown_to_the_library == [], "the library asks for less: whatever is good here is good there"
    assert 0.2 < sum(ours) / len(ours) < 0.8


def test_a_unique_pupil_number_has_one_check_letter(connection: duckdb.DuckDBPyConnection) -> None:
    """The letter is worked out here on its own: sum of digit times place, 2 to 13, modulo 23."""
    alphabet = "ABCDEFGHJKLMNPQRTUVWXYZ"
    digits = [f"{n * 49_979_687 % 10**12:012d}" for n in range(200)]
    right = [alphabet[sum(int(d) * place for place, d in enumerate(number, 2)) % 23] for number in digits]
    numbers = [letter + number for number in digits for letter in alphabet]
    found = apply(connection, "is_upn", numbers)
    expected = [letter == fit for _, fit in zip(digits, right, strict=True) for letter in alphabet]
    assert found == expected
    lower = apply(connection, "is_upn", [f" {right[0].lower()}{digits[0]} "])
    assert lower == [True]


def test_a_temporary_pupil_number_is_judged_by_its_form_only(connection: duckdb.DuckDBPyConnection) -> None:
    assert apply(connection, "is_upn", ["A12345678901B", "A12345678901S", "S12345678901B"]) == [True, False, False]


def test_a_function_by_itself_brings_those_that_it_calls() -> None:
    names = re.findall(r"MACRO (\w+)\(", FUNCTIONS.read_text(encoding="utf-8"))
    assert len(names) > 20
    with duckdb.connect() as connection:
        for number, name in enumerate(names):
            connection.execute(f"ATTACH ':memory:' AS alone_{number}; USE alone_{number}")
            install_functions(connection, name)
            assert connection.execute(f"SELECT {name}(NULL)").fetchone() is not None
        held = "SELECT count(*) FROM duckdb_functions() WHERE database_name = 'alone_0' AND NOT internal"
        assert (connection.execute(held).fetchone() or (0,))[0] < len(names)
