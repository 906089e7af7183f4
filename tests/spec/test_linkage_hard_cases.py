"""The hard cases of families and names: who must link, and who must not, as tables of records.

Each case must hold alone and in a crowd. How a table is read: `linkage_tables`. Where specialists could differ, the
case's name gives the reason for the answer. Births and homes: `test_linkage_hard_homes`; numbers, restrictions,
overrides and deaths: `test_linkage_hard_numbers`.
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

SPELLINGS = {
    "Mohammed and Muhammad": Case(
        """
        G | Mohammed | Tregarrow | 1978-05-16 |  | 1,WX1 1AA
        C | Muhammad | Tregarrow | 1978-05-16 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "Yusuf and Youssef": Case(
        """
        G | Yusuf   | Tregarrow | 1978-05-16 |  | 1,WX1 1AA
        C | Youssef | Tregarrow | 1978-05-16 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "Yusuf and Youssef, Hussain and Hossein, same home": Case(
        """
        G | Yusuf   | Hussain | 1978-05-16 |  | 1,WX1 1AA
        C | Youssef | Hossein | 1978-05-16 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "Mohammed and Muhammad are brothers": Case(
        """
        G | Mohammed | Tregarrow | 1978-05-16 |  | 1,WX1 1AA
        C | Muhammad | Tregarrow | 1981-10-28 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "Mohammed and Mahmoud of one year, two homes": Case(
        """
        G | Mohammed | Khan | 1978-05-16 |  | 1,WX1 1AA
        C | Mahmoud  | Khan | 1978-10-28 |  | 7,WX9 9ZZ
        """,
        "1 2",
    ),
    "accents, whole and decomposed": Case(
        """
        G | Zoë   | Muñoz-Łuczak | 1951-02-03 |  | 1,WX1 1AA
        C | Zoë  | Muñoz-Łuczak | 1951-02-03 |  | 7,WX9 9ZZ
        L | Zoe   | Munoz Luczak | 1951-02-03 |  | 4,WX5 5EE
        """,
        "123",
    ),
    "an umlaut, written out": Case(
        """
        G | Jörg  | Müller-Groß    | 1951-02-03 |  | 1,WX1 1AA
        C | Joerg | Mueller-Gross  | 1951-02-03 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "two people are not one because accents fall away": Case(
        """
        G | René  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Renée | Penhallow | 1954-10-28 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "a name in letters that are not Latin is compared as it stands": Case(
        """
        G | Ярослава | Тихая | 1988-04-17 |  | 1,WX1 1AA
        C | Ярослава | ТИХАЯ | 1988-04-17 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "letters that are not Latin do not make everybody alike": Case(
        """
        G | Ярослава | Тихая | 1988-04-17 |  | 1,WX1 1AA
        C | 李娜      | 王    | 1988-04-17 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
}

FORENAMES = {
    "an initial that fits one person of the home": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        G | Bruno | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        T | O     | Penhallow |            |  | 1,WX1 1AA
        """,
        "13 2",
    ),
    "an initial that fits nobody of the home": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        T | B    | Penhallow |            |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "an initial with a date of birth, another home": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | O.   | Penhallow | 1951-02-03 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "joint names split in two": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        G | Bruno | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        T | O     | Penhallow |            |  | 1,WX1 1AA
        T | B     | Penhallow |            |  | 1,WX1 1AA
        """,
        "13 24",
    ),
    "a couple of two surnames on one bill": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        G | Bruno | Tregarrow | 1949-08-21 |  | 1,WX1 1AA
        T | Orla  | Penhallow |            |  | 1,WX1 1AA
        T | Bruno | Tregarrow |            |  | 1,WX1 1AA
        """,
        "13 24",
    ),
    "a surname alone fits each of a couple": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        G | Bruno | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        T |       | Penhallow |            |  | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "a nickname, another home": Case(
        """
        G | Margaret | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Peggy    | Penhallow | 1951-02-03 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "two nicknames of one name": Case(
        """
        G | Peggy | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Meg   | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "mother Margaret and daughter Peggy": Case(
        """
        G | Margaret | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Peggy    | Penhallow | 1979-08-21 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "names changed places, another home": Case(
        """
        G | Orla      | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Penhallow | Orla      | 1951-02-03 |  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "Ali Hassan and Hassan Ali are brothers": Case(
        """
        G | Ali    | Hassan | 1988-04-17 |  | 1,WX1 1AA
        C | Hassan | Ali    | 1991-12-05 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "a single name, in either column": Case(
        """
        G | Tamsin |        | 1951-02-03 |  | 1,WX1 1AA
        C |        | Tamsin | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "a single name, repeated to fill the form": Case(
        """
        G | Tamsin |        | 1951-02-03 |  | 1,WX1 1AA
        C | Tamsin | Tamsin | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12",
    ),
    "two people of single names at one home": Case(
        """
        G | Tamsin |  | 1951-02-03 |  | 1,WX1 1AA
        C | Wenna  |  | 1953-09-14 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "words that stand for no name are no evidence": Case(
        """
        G | Unknown | FNU     | 1951-02-03 |  | 1,WX1 1AA
        C | FNU     | Unknown | 1953-09-14 |  | 1,WX1 1AA
        L | Unknown | LNU     | 1960-05-06 |  | 7,WX9 9ZZ
        """,
        "1 2 3",
    ),
}

CASES = {**TWINS_AND_NAMESAKES, **SURNAMES, **SPELLINGS, **FORENAMES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_for_the_records_alone(case: Case) -> None:
    assert solve(case, among_others=False) in case.answers(among_others=False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_among_others(case: Case) -> None:
    assert solve(case, among_others=True) in case.answers(among_others=True)
