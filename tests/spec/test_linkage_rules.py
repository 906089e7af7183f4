"""What links and what may not, as tables of records: the rules of everyday.

Each case must hold alone and in a crowd. How a table is read: `linkage_tables`. The hard cases have modules of
their own.
"""

from __future__ import annotations

import pytest

from tests.spec.linkage_tables import Case, solve

CASES = {
    "equal NHS numbers and date of birth": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 | 9990000018  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "an equal NHS number, a new surname": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Tregarrow | 1951-02-03 | 9990000018  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "a mother's NHS number on her child's record": (
        """
        G | Orla | Penhallow | 1981-02-03 | 9990000018+ | 1,WX1 1AA
        C | Finn | Penhallow | 2019-11-30 | 9990000018  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "two verified NHS numbers, all else equal": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        G | Orla | Penhallow | 1951-02-03 | 9990000026+ | 1,WX1 1AA
        """,
        "1 2",
    ),
    "two verified NHS numbers, one of them superseded": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA | old=9990000026
        G | Orla | Penhallow | 1951-02-03 | 9990000026+ | 1,WX1 1AA
        """,
        "12",
    ),
    "a record that fits two verified people joins one at most": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        G | Orla | Penhallow | 1951-02-03 | 9990000026+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 |             | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "same name, date of birth and home": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 |             | 1,WX1 1AA
        """,
        "12",
    ),
    "same name and date of birth, an old address": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 |             | 7,WX9 9ZZ
        """,
        "12",
    ),
    "a nickname": (
        """
        G | Margaret | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Peggy    | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "names changed places": (
        """
        G | Orla      | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Penhallow | Orla      | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "day and month changed places": (
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow | 1951-03-02 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "a former surname, at another address": (
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA | former=Tregarrow
        C | Orla | Tregarrow | 1951-02-03 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "accents, hyphens, apostrophes and titles are no difference": (
        """
        G | Mrs Zoë | O'Penhallow-Roe | 1951-02-03 |  | 1,WX1 1AA
        C | ZOE     | OPENHALLOW ROE  | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "no date of birth, the full name at the same home": (
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        T | Orla | Penhallow |            |  | 1,WX1 1AA
        """,
        "12",
    ),
    "an initial that fits two people of one home joins neither": (
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        T | O     | Penhallow |            |  | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "father and son of one name": (
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        G | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        C | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        """,
        "1 23",
    ),
    "twins": (
        """
        G | Orla | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        G | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        C | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        """,
        "13 24",
    ),
    "twins of similar names": (
        """
        G | Marla | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        G | Marlo | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        T | Bruno | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "a household shares a surname and a home": (
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        G | Bruno | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        T | Orla  | Penhallow |            |  | 1,WX1 1AA
        T | Bruno | Penhallow |            |  | 1,WX1 1AA
        """,
        "13 24",
    ),
    "a dummy date of birth is no evidence": (
        """
        G | Orla | Smith | 1900-01-01 |  | 1,WX1 1AA
        C | Anne | Jones | 1900-01-01 |  | 7,WX9 9ZZ
        """,
        "1 2",
    ),
    "a restricted patient is not found by name": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ |           | restricted
        C | Orla | Penhallow | 1951-02-03 |             | 1,WX1 1AA |
        """,
        "1 2",
    ),
    "a restricted patient is found by NHS number": (
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ |           | restricted
        C | Orla | Penhallow | 1951-02-03 | 9990000018  | 1,WX1 1AA |
        """,
        "12",
    ),
    "a nameless child, alone with that birthday at that postcode": (
        """
        G | Orla |  Penhallow | 2015-02-03 | 9990000018+ | 1,WX1 1AA | sex=female
        L |      |            | 2015-02-03 |             | ,WX1 1AA  | sex=female
        """,
        "12",
    ),
    "a nameless child that fits twins joins neither": (
        """
        G | Orla | Penhallow | 2015-02-03 | 9990000018+ | 1,WX1 1AA | sex=female
        G | Iris | Penhallow | 2015-02-03 | 9990000026+ | 1,WX1 1AA | sex=female
        L |      |           | 2015-02-03 |             | ,WX1 1AA  | sex=female
        """,
        "1 2 3",
    ),
    "only a name, somewhere else": (
        """
        G | Anne | Smith | 1951-02-03 |  | 1,WX1 1AA
        T | Anne | Smith |            |  | 7,WX9 9ZZ
        """,
        "1 2",
    ),
}


@pytest.mark.parametrize(("table", "expected"), CASES.values(), ids=CASES)
def test_rule_holds_for_the_records_alone(table: str, expected: str) -> None:
    assert solve(Case(table, expected), among_others=False) == expected


@pytest.mark.parametrize(("table", "expected"), CASES.values(), ids=CASES)
def test_rule_holds_among_others(table: str, expected: str) -> None:
    assert solve(Case(table, expected), among_others=True) == expected
