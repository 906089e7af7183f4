"""The shared SQL rules were made faster: on any text they say what they said as they were first written."""

from __future__ import annotations

import random

import duckdb
import pytest

from spine.contracts import install_functions

#: The rules as they were first written, each in one plain expression.
FIRST = r"""
CREATE MACRO first_clean_text(x) AS
    CASE WHEN list_contains(['', 'NULL', 'N/A', '-', '.', '#N/A'], upper(trim(x, e' \t\r\n' || chr(160)))) THEN NULL
         ELSE trim(regexp_replace(x, '[\s\x{a0}]+', ' ', 'g'), e' \t\r\n' || chr(160)) END;
CREATE MACRO first_is_bad_date(x) AS as_date(x) IS NULL AND first_clean_text(x) IS NOT NULL;
CREATE MACRO first_is_bad_number(x) AS first_clean_text(x) IS NOT NULL AND as_number(x) IS NULL;
CREATE MACRO first_is_bad_integer(x) AS
    first_clean_text(x) IS NOT NULL AND (as_number(x) IS NULL OR as_number(x) <> floor(as_number(x)));
CREATE MACRO first_is_nhs_number(x) AS
    coalesce(
        regexp_full_match(regexp_replace(x, '[\s-]', '', 'g'), '\d{10}')
        AND NOT regexp_full_match(regexp_replace(x, '[\s-]', '', 'g'),
            '0{10}|1{10}|2{10}|3{10}|4{10}|5{10}|6{10}|7{10}|8{10}|9{10}|9876543210')
        AND (11 - list_sum(list_transform(range(1, 10), lambda i:
                (11 - i) * try_cast(substr(regexp_replace(x, '[\s-]', '', 'g'), i::INTEGER, 1) AS INTEGER))) % 11) % 11
            = try_cast(substr(regexp_replace(x, '[\s-]', '', 'g'), 10, 1) AS INTEGER),
        false);
CREATE MACRO first_is_bad_nhs_number(x) AS first_clean_text(x) IS NOT NULL AND NOT first_is_nhs_number(x);
CREATE MACRO first_is_bad_postcode(x) AS
    first_clean_text(x) IS NOT NULL AND NOT is_postcode(x) AND NOT is_pseudo_postcode(x);
CREATE MACRO first_is_bad_uprn(x) AS first_clean_text(x) IS NOT NULL AND as_uprn(x) IS NULL;
"""
NAMES = (
    *("clean_text", "is_bad_date", "is_bad_number", "is_bad_integer", "is_nhs_number"),
    *("is_bad_nhs_number", "is_bad_postcode", "is_bad_uprn"),
)
SPACES = (" ", "  ", "\t", "\n", "\r", "\f", "\v", "\xa0", "\u2003")
PARTS = (
    *(
        "",
        "NULL",
        "null",
        "N/A",
        "-",
        ".",
        "#N/A",
        "nan",
        "inf",
        "1e3",
        "12",
        "0",
        "000",
        "1_0",
        "£",
        "5.0",
        "999",
        "é",
    ),
    *("03/04/1980", "1980-04-03", "31/02/1980", "2028-03-31T00:00", "WX1 2AB", "wx12ab", "GIR 0AA", "ZZ99 3VZ"),
    *("Q1 1AA", "999 000 0018", "9990000018", "9876543210", "1111111111", "100012345678", "1.0E+11", "A", "Mary Ann"),
)
DIGITS = "0123456789"


def texts(count: int) -> list[str]:
    """Parts and digits in any order, between and within white space of every kind."""
    draw = random.Random(28)
    found = [space + part + other for part in PARTS for space in ("", *SPACES) for other in ("", *SPACES)]
    for _ in range(count):
        pieces = draw.choices((*PARTS, *SPACES, *DIGITS, *DIGITS), k=draw.randint(1, 5))
        found.append("".join(pieces))
        found.append("".join(draw.choices(DIGITS, k=draw.randint(8, 13))))
        found.append("999" + "".join(draw.choices(DIGITS, k=7)))
    return found


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    install_functions(connection)
    connection.execute(FIRST)
    connection.execute("CREATE TABLE texts (x VARCHAR)")
    connection.execute("INSERT INTO texts SELECT unnest(?)", [texts(3000)])
    connection.execute("INSERT INTO texts VALUES (NULL)")
    return connection


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_first_said(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    differing = f"SELECT x FROM texts WHERE {name}(x) IS DISTINCT FROM first_{name}(x)"
    assert connection.execute(differing).fetchall() == []
    different = connection.execute(f"SELECT count(DISTINCT {name}(x)) FROM texts").fetchone()
    assert different is not None
    assert different[0] >= 2, "the texts must tell the two apart"
