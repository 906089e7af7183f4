"""The hard cases of families and surnames: who must link, and who must not, as tables of records.

Each case must hold alone and in a crowd. How a table is read: `linkage_tables`. Where specialists could differ, the
case's name gives the reason for the answer. One name written in several ways: `test_linkage_hard_names`; births and
homes: `test_linkage_hard_homes`; numbers, restrictions, overrides and deaths: `test_linkage_hard_numbers`.
"""

from __future__ import annotations

import pytest

from tests.spec.linkage_tables import Case, solve

TWINS_AND_NAMESAKES = {
    "twins of alike names, each in two sources": Case(
        """
        G | Marla | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        G | Marlo | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        C | Marla | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        C | Marlo | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        """,
        "13 24",
    ),
    "twins Hassan and Hussain, whose names look like two spellings of one": Case(
        """
        G | Hassan  | Tregarrow | 2015-02-03 |  | 1,WX1 1AA
        G | Hussain | Tregarrow | 2015-02-03 |  | 1,WX1 1AA
        C | Hassan  | Tregarrow | 2015-02-03 |  | 1,WX1 1AA
        C | Hussain | Tregarrow | 2015-02-03 |  | 1,WX1 1AA
        """,
        "13 24",
    ),
    "one twin only in the other source": Case(
        """
        G | Orla | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        G | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        C | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        """,
        "1 23",
    ),
    "twins of different sources only": Case(
        """
        G | Orla  | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        C | Bruno | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "one person by two forenames, and three sources that each know one": Case(
        """
        G | Orla | Penhallow | 1962-07-23 |  | 1,WX1 1AA | sex=female
        C | Iris | Penhallow | 1962-07-23 |  | 1,WX1 1AA | sex=female
        L | Iris | Penhallow | 1962-07-23 |  | 1,WX1 1AA | sex=female
        """,
        "123",
    ),
    "twins, of whom one source of three knows both": Case(
        """
        G | Orla | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        G | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        C | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        L | Orla | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        """,
        "14 23",
    ),
    "a boy and a girl, of whom each source knows one": Case(
        """
        G | Orla  | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        C | Bruno | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=male
        L | Orla  | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        """,
        "13 2",
    ),
    "triplets, of whom each source knows one": Case(
        """
        G | Orla  | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        C | Iris  | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        L | Wenna | Penhallow | 2015-02-03 |  | 1,WX1 1AA | sex=female
        """,
        "1 2 3",
    ),
    "a person called by the second name": Case(
        """
        G | Ramiro | Penhallow | 1962-07-23 |  | 1,WX1 1AA | middle=Manuel
        C | Ramiro | Penhallow |            |  | 1,WX1 1AA |
        T | Manuel | Penhallow |            |  | 1,WX1 1AA |
        """,
        "123",
    ),
    "a person called by the second name, of whom a third source has both": Case(
        """
        G | Ramiro | Penhallow | 1962-07-23 |  | 1,WX1 1AA | middle=Manuel
        C | Ramiro | Penhallow | 1962-07-23 |  | 1,WX1 1AA |
        L | Manuel | Penhallow | 1962-07-23 |  | 1,WX1 1AA |
        """,
        "123",
    ),
    "twins who moved with their family": Case(
        """
        G | Orla | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        G | Iris | Penhallow | 2015-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow | 2015-02-03 |  | 7,WX9 9ZZ
        C | Iris | Penhallow | 2015-02-03 |  | 7,WX9 9ZZ
        """,
        "13 24",
    ),
    "father and son of one name, and a bill without date of birth that fits both": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        G | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        T | Oscar | Penhallow |            |  | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "father and son of one name, each in two sources": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        G | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        C | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        C | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        """,
        "14 23",
    ),
    "father and son of one name, one in each source": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        C | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
}

SURNAMES = {
    "married name, same home": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA | sex=female
        C | Orla | Tregarrow | 1951-02-03 |  | 1,WX1 1AA | sex=female
        """,
        "12",
    ),
    "married name and a new home, known by middle name and phone": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA | sex=female middle=Morwenna phone=07700900123
        C | Orla | Tregarrow | 1951-02-03 |  | 7,WX9 9ZZ | sex=female middle=Morwenna phone=07700900123
        """,
        "12",
    ),
    "a forename, a sex and a birthday, another surname, another home: too little, unless among few "
    "strangers no other woman shares them and a married name says more": Case(
        """
        G | Anne | Penhallow | 1951-02-03 |  | 1,WX1 1AA | sex=female
        C | Anne | Tregarrow | 1951-02-03 |  | 7,WX9 9ZZ | sex=female
        """,
        "1 2 or 12",
    ),
    "double-barrelled and half of it, another home": Case(
        """
        G | Orla | Penhallow-Tregarrow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Tregarrow           | 1951-02-03 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "double-barrelled in either order, same home": Case(
        """
        G | Orla | Penhallow-Tregarrow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Tregarrow Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "a double-barrelled child and its parents": Case(
        """
        G | Orla  | Penhallow           | 1981-02-03 |  | 1,WX1 1AA
        G | Oscar | Tregarrow           | 1979-08-21 |  | 1,WX1 1AA
        C | Olive | Penhallow-Tregarrow | 2015-05-06 |  | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "patronymic: the middle of three names stands once with the first, once with the last": Case(
        """
        G | Amina       | Yusuf Warsame | 1988-04-17 |  | 1,WX1 1AA
        C | Amina Yusuf | Warsame       | 1988-04-17 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "patronymic: own name and father's name in either order": Case(
        """
        G | Kavitha   | Rajendran | 1988-04-17 |  | 1,WX1 1AA
        C | Rajendran | Kavitha   | 1988-04-17 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "patronymic: brothers share father's and grandfather's name": Case(
        """
        G | Abdi | Yusuf Warsame | 1988-04-17 |  | 1,WX1 1AA
        C | Adan | Yusuf Warsame | 1990-11-02 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "apostrophes of all kinds": Case(
        """
        G | Orla | O'Penhallow  | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | O’Penhallow  | 1951-02-03 |  | 7,WX9 9ZZ
        T | Orla | O Penhallow  |            |  | 1,WX1 1AA
        L | Orla | OPENHALLOW   | 1951-02-03 |  | 4,WX5 5EE
        """,
        "1234",
    ),
    "a hyphenated forename, in one word, and as two names": Case(
        """
        G | Anne-Marie | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Annemarie  | Penhallow | 1951-02-03 |  | 7,WX9 9ZZ
        T | Anne       | Penhallow |            |  | 1,WX1 1AA | middle=Marie
        """,
        "123",
    ),
    "sisters Anne-Marie and Anne-Louise": Case(
        """
        G | Anne-Marie  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Anne-Louise | Penhallow | 1953-09-14 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
}

CASES = {**TWINS_AND_NAMESAKES, **SURNAMES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_for_the_records_alone(case: Case) -> None:
    assert solve(case, among_others=False) in case.answers(among_others=False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_among_others(case: Case) -> None:
    assert solve(case, among_others=True) in case.answers(among_others=True)
