"""The hard cases of one name written in several ways: spellings, alphabets, initials, nicknames, single names.

Each case must hold alone and in a crowd. How a table is read: `linkage_tables`. Families and changed surnames:
`test_linkage_hard_cases`.
"""

from __future__ import annotations

import pytest

from tests.spec.linkage_tables import Case, solve

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

CASES = {**SPELLINGS, **FORENAMES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_for_the_records_alone(case: Case) -> None:
    assert solve(case, among_others=False) in case.answers(among_others=False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_among_others(case: Case) -> None:
    assert solve(case, among_others=True) in case.answers(among_others=True)
