"""The hard cases of records that agree on names and home and so seem one person beyond doubt.

Each case must hold alone and in a crowd. How a table is read: `linkage_tables`. The unit tests of folding itself are
in tests/unit/linkage/test_collapse.
"""

from __future__ import annotations

import pytest

from tests.spec.linkage_tables import Case, solve

NAMESAKES = {
    "father born, it says, on 1 January, son of one name, and a bill that fits both": Case(
        """
        G | Oscar | Penhallow | 1949-01-01 |  | 1,WX1 1AA
        G | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        T | Oscar | Penhallow |            |  | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "father known by his year of birth, son of one name, and a bill that fits both": Case(
        """
        G | Oscar | Penhallow |            |  | 1,WX1 1AA | partial=1949
        G | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        T | Oscar | Penhallow |            |  | 1,WX1 1AA
        """,
        "1 2 3",
    ),
    "father whom an override names, son of one name, and a bill that fits both": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA
        G | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA
        T | Oscar | Penhallow |            |  | 1,WX1 1AA
        C | Wenna | Tregarrow | 1962-08-21 |  | 7,WX9 9ZZ
        """,
        "1 2 3 4",
        cannot="14",
    ),
    "a bill with a middle name fits the son of that middle name": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | middle=Jago
        G | Oscar | Penhallow | 1979-01-12 |  | 1,WX1 1AA | middle=Denzil
        T | Oscar | Penhallow |            |  | 1,WX1 1AA | middle=Denzil
        """,
        "1 23",
    ),
}

TWINS = {
    "twins of one first forename, told apart by the second, in one source": Case(
        """
        C | Muhammad | Tregarrow | 2015-02-03 |  | 1,WX1 1AA | middle=Ali
        C | Muhammad | Tregarrow | 2015-02-03 |  | 1,WX1 1AA | middle=Hamza
        G | Wenna    | Carlyon   | 1988-11-30 |  | 9,WX4 2CD
        """,
        "1 2 3",
    ),
    "twins of one first forename, told apart by number and second forename, each in two sources": Case(
        """
        G | Muhammad | Tregarrow | 2015-02-03 | 9990000018+ | 1,WX1 1AA | middle=Ali
        G | Muhammad | Tregarrow | 2015-02-03 | 9990000026+ | 1,WX1 1AA | middle=Hamza
        C | Muhammad | Tregarrow | 2015-02-03 |             | 1,WX1 1AA | middle=Ali
        C | Muhammad | Tregarrow | 2015-02-03 |             | 1,WX1 1AA | middle=Hamza
        """,
        "13 24",
    ),
}

PLACEHOLDERS = {
    "forenames that are not known are no evidence": Case(
        """
        G | Not Known | Tregarrow | 1951-02-03 |  | 1,WX1 1AA
        C | Not Known | Tregarrow | 1953-09-14 |  | 1,WX1 1AA
        """,
        "1 2",
    ),
    "names of vowel signs: Meena and Mona are two": Case(
        """
        G | मीना | Tregarrow | 1951-02-03 |  | 1,WX1 1AA
        C | मोना | Tregarrow |            |  | 1,WX1 1AA
        """,
        "1 2",
    ),
}

CASES = {**NAMESAKES, **TWINS, **PLACEHOLDERS}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_for_the_records_alone(case: Case) -> None:
    assert solve(case, among_others=False) in case.answers(among_others=False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_among_others(case: Case) -> None:
    assert solve(case, among_others=True) in case.answers(among_others=True)
