"""The hard cases of numbers, restrictions, overrides, sources and deaths, as tables of records.

Each case must hold alone and in a crowd. How a table is read: `linkage_tables`. Families and names:
`test_linkage_hard_cases`; births and homes: `test_linkage_hard_homes`.
"""

from __future__ import annotations

import polars as pl
import pytest

from spine.errors import PipelineError
from spine.linkage import link
from tests.spec.linkage_tables import Case, clusters, read, solve

NUMBERS = {
    "a wrong NHS number: somebody else's on a record that is otherwise another's": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        G | Wenna | Tregarrow | 1962-08-21 | 9990000026+ | 7,WX9 9ZZ
        C | Wenna | Tregarrow | 1962-08-21 | 9990000018  | 7,WX9 9ZZ
        """,
        "1 23",
    ),
    "a wrong NHS number: a twin's": Case(
        """
        G | Orla | Penhallow | 2015-02-03 | 9990000018+ | 1,WX1 1AA
        G | Iris | Penhallow | 2015-02-03 | 9990000026+ | 1,WX1 1AA
        C | Iris | Penhallow | 2015-02-03 | 9990000018  | 1,WX1 1AA
        """,
        "1 23 or 1 2 3",
    ),
    "one NHS number on two people of two homes": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Bruno | Tregarrow | 1987-08-21 | 9990000018  | 7,WX9 9ZZ
        """,
        "1 2",
    ),
    "one verified NHS number on two people of one source": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        G | Bruno | Penhallow | 1979-08-21 | 9990000018+ | 1,WX1 1AA
        C | Bruno | Penhallow | 1979-08-21 |             | 1,WX1 1AA
        """,
        "1 23",
    ),
    "a new forename and an equal NHS number with the date of birth": Case(
        """
        G | Orla  | Penhallow | 1991-02-03 | 9990000018+ | 1,WX1 1AA
        C | Bruno | Penhallow | 1991-02-03 | 9990000018  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "a superseded number with a married name": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA | old=9990000026
        C | Orla | Tregarrow | 1951-02-03 | 9990000026  | 7,WX9 9ZZ
        """,
        "12",
    ),
    "a superseded number that two claim leads to neither": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA | old=9990000034
        G | Bruno | Tregarrow | 1962-08-21 | 9990000026+ | 7,WX9 9ZZ | old=9990000034
        C | Wenna | Nankervis | 1973-05-06 | 9990000034  | 4,WX5 5EE
        """,
        "1 2 3",
    ),
    "two NHS numbers of which one is not verified": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 | 9990000026  | 1,WX1 1AA
        """,
        "12",
    ),
    "two NHS numbers, traced but not verified": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018 | 1,WX1 1AA | status=02 sex=female middle=Morwenna
        C | Orla | Penhallow | 1951-02-03 | 9990000026 | 1,WX1 1AA | status=02 sex=female middle=Morwenna
        """,
        "12",
    ),
    "two verified NHS numbers in two sources, all else equal": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 | 9990000026+ | 1,WX1 1AA
        """,
        "1 2",
    ),
    "two verified NHS numbers and an equal record without one": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 | 9990000026+ | 1,WX1 1AA
        T | Orla | Penhallow | 1951-02-03 |             | 1,WX1 1AA
        L | Orla | Penhallow | 1951-02-03 |             | 1,WX1 1AA
        """,
        "1 2 34 or 1 2 3 4 or 134 2 or 1 234",
    ),
}

NO_NUMBERS = {
    "a number that stands for none is no evidence": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 | 0000000000+ | 1,WX1 1AA
        C | Wenna | Tregarrow | 1951-02-03 | 0000000000  | 7,WX9 9ZZ
        L | Mary  | Brown     | 1962-08-21 | 0000000000  | 4,WX5 5EE
        """,
        "1 2 3",
    ),
    "two numbers that fail their check digit cannot tell a person apart": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000019+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 | 9990000027+ | 1,WX1 1AA
        """,
        "12",
    ),
    "a number written with spaces or hyphens": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 999 000 0018+ | 1,WX1 1AA
        C | Orla | Tregarrow | 1951-02-03 | 999-000-0018  | 7,WX9 9ZZ
        """,
        "12",
    ),
}

RESTRICTED = {
    "a restricted record equal to another in all but the number is not one node with it": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA | restricted
        C | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        T | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "1 23",
    ),
    "a restricted record does not link by phone and e-mail": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ |           | restricted phone=07700900123 email=o@mail.example
        C | Orla | Penhallow | 1951-02-03 |             | 1,WX1 1AA | phone=07700900123 email=o@mail.example
        """,
        "1 2",
    ),
    "a restricted record and another NHS number": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ |           | restricted
        C | Orla | Penhallow | 1951-02-03 | 9990000026  | 1,WX1 1AA |
        """,
        "1 2",
    ),
    "a restricted mother's number on her child's record": Case(
        """
        G | Orla | Penhallow | 1981-02-03 | 9990000018+ |           | restricted
        C | Finn | Penhallow | 2019-11-30 | 9990000018  | 1,WX1 1AA |
        """,
        "1 2",
    ),
    "two restricted records of one person, by number": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ |  | restricted
        C | Orla | Penhallow | 1951-02-03 | 9990000018  |  | restricted
        """,
        "12",
    ),
}

OVERRIDES = {
    "an identity before and after adoption": Case(
        """
        G | Iris | Penhallow | 2015-02-03 | 9990000018+ | 1,WX1 1AA
        G | Iris | Tregarrow | 2015-02-03 | 9990000026  | 7,WX9 9ZZ
        """,
        "1 2",
        cannot="12",
    ),
    "before and after adoption, each in two sources": Case(
        """
        G | Iris | Penhallow | 2015-02-03 | 9990000018+ | 1,WX1 1AA
        G | Iris | Tregarrow | 2015-02-03 | 9990000026+ | 7,WX9 9ZZ
        C | Iris | Penhallow | 2015-02-03 | 9990000018  | 1,WX1 1AA
        C | Iris | Tregarrow | 2015-02-03 | 9990000026  | 7,WX9 9ZZ
        """,
        "13 24",
        cannot="12",
    ),
    "before and after adoption, and a record that fits both": Case(
        """
        G | Iris | Penhallow           | 2015-02-03 |  | 1,WX1 1AA
        G | Iris | Tregarrow           | 2015-02-03 |  | 7,WX9 9ZZ
        C | Iris | Penhallow-Tregarrow | 2015-02-03 |  | 7,WX9 9ZZ
        """,
        "1 2 3 or 1 23 or 13 2",
        cannot="12",
    ),
    "equal records that may not link are not one node": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "1 2",
        cannot="12",
    ),
    "equal records of one source that may not link": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018 | 1,WX1 1AA
        G | Orla | Penhallow | 1951-02-03 | 9990000018 | 1,WX1 1AA
        G | Orla | Penhallow | 1951-02-03 | 9990000018 | 1,WX1 1AA
        """,
        "1 23 or 13 2 or 1 2 3",
        cannot="12",
    ),
    "a cannot-link wins over equal verified NHS numbers": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        """,
        "1 2",
        cannot="12",
    ),
    "a must-link of records that have nothing in common": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Wenna | Tregarrow | 1962-08-21 |  | 7,WX9 9ZZ
        """,
        "12",
        must="12",
    ),
    "a reviewer's must-link wins over two verified NHS numbers": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        G | Orla | Penhallow | 1951-02-03 | 9990000026+ | 1,WX1 1AA
        """,
        "12",
        must="12",
    ),
    "must-links make a chain, and a cannot-link keeps its other end away": Case(
        """
        G | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Wenna | Tregarrow | 1962-08-21 |  | 7,WX9 9ZZ
        T | Orla  | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "12 3",
        must="12",
        cannot="23",
    ),
}

SOURCES_AND_CHAINS = {
    "one person twice in one source, known by number": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        G | Orla | Tregarrow | 1951-02-03 | 9990000018+ | 7,WX9 9ZZ
        """,
        "12",
    ),
    "one person twice in one source, re-registered after a move": Case(
        """
        G | Orla | Penhallow | 1951-02-03 | 9990000018+ | 1,WX1 1AA | sex=female middle=Morwenna
        G | Orla | Penhallow | 1951-02-03 |             | 7,WX9 9ZZ | sex=female middle=Morwenna
        """,
        "12",
    ),
    "one person has two bills of one name, no date of birth, two homes: too little": Case(
        """
        G | Mary | Brown | 1951-02-03 |  | 1,WX1 1AA
        T | Mary | Brown |            |  | 1,WX1 1AA
        T | Mary | Brown |            |  | 7,WX9 9ZZ
        """,
        "12 3",
    ),
    "a source that promises one record for each person": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "1 2",
        one_each="G",
    ),
    "a promise of one source does not bind another": Case(
        """
        C | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        C | Orla | Penhallow | 1951-02-03 |  | 7,WX9 9ZZ
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA
        """,
        "123",
        one_each="G",
    ),
    "a record that fits two of such a source joins the better one": Case(
        """
        G | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA | sex=female middle=Morwenna
        G | Orla | Penhallow | 1951-02-13 |  | 7,WX9 9ZZ | sex=female middle=Jenifer
        C | Orla | Penhallow | 1951-02-03 |  | 1,WX1 1AA | sex=female middle=Morwenna
        """,
        "13 2",
        one_each="G",
    ),
    "a chain whose ends hold two verified NHS numbers keeps its stronger half": Case(
        """
        G | Orla | Penhallow           | 1951-02-03 | 9990000018+ | 1,WX1 1AA
        C | Orla | Penhallow-Tregarrow | 1951-02-03 | 9990000018  | 1,WX1 1AA
        G | Orla | Tregarrow           | 1951-02-03 | 9990000026+ | 1,WX1 1AA
        """,
        "12 3",
    ),
    "a chain whose ends are father and son": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 | 9990000018+ | 1,WX1 1AA
        C | Oscar | Penhallow |            | 9990000018  | 1,WX1 1AA
        G | Oscar | Penhallow | 1979-01-12 | 9990000026+ | 1,WX1 1AA
        """,
        "12 3",
    ),
}

DEATHS = {
    "an address that starts four years after death": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | died=2020-01-05
        C | Oscar | Penhallow | 1949-08-21 |  | 7,WX9 9ZZ | from=2024-05-01
        """,
        "1 2",
    ),
    "an address that starts after death, at the same home": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | died=2020-01-05
        C | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | from=2024-05-01
        """,
        "1 2",
    ),
    "an account opened in the weeks after death, while papers are put in order": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | died=2020-01-05
        T | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | from=2020-01-20
        """,
        "12",
    ),
    "an address that began before death": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | died=2020-01-05
        C | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | from=1998-05-01
        """,
        "12",
    ),
    "two dates of death that are years apart": Case(
        """
        G | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | died=2012-01-05
        C | Oscar | Penhallow | 1949-08-21 |  | 1,WX1 1AA | died=2020-03-30
        """,
        "1 2",
    ),
}

CASES = {**NUMBERS, **NO_NUMBERS, **RESTRICTED, **OVERRIDES, **SOURCES_AND_CHAINS, **DEATHS}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_for_the_records_alone(case: Case) -> None:
    assert solve(case, among_others=False) in case.answers(among_others=False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case_holds_among_others(case: Case) -> None:
    assert solve(case, among_others=True) in case.answers(among_others=True)


@pytest.mark.parametrize(
    "rows",
    [
        [("1", "2", "must_link"), ("2", "1", "cannot_link")],
        [("1", "2", "must_link"), ("2", "3", "must_link"), ("1", "3", "cannot_link")],
        [("1", "1", "cannot_link")],
    ],
    ids=["one pair both ways", "a chain of must-links", "a record and itself"],
)
def test_overrides_that_contradict_each_other_are_refused(rows: list[tuple[str, str, str]]) -> None:
    records = read("\n".join(f"G | Orla | Penhallow{n} | 1951-02-03 | | {n},WX1 1AA" for n in "abc"))
    pairs = pl.DataFrame(rows, schema=["left_record_id", "right_record_id", "decision"], orient="row")
    with pytest.raises(PipelineError) as caught:
        link(records, overrides=pairs)
    assert "Penhallow" not in str(caught.value)


def test_an_override_of_an_unknown_record_is_no_error() -> None:
    records = read("G | Orla | Penhallow | 1951-02-03 | | 1,WX1 1AA")
    pairs = pl.DataFrame({"left_record_id": ["1"], "right_record_id": ["gone"], "decision": ["must_link"]})
    assert clusters(link(records, overrides=pairs)) == "1"
