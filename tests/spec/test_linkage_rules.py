"""What links and what may not, as tables of records.

Each case is a table of person records and the clusters that it must give. Records are numbered by row; the
source is the letter of its first column. All people are fictional; NHS numbers are of the 999 range.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from spine.linkage import LinkageResult, link

SOURCES = {"G": "icb__gp", "C": "county__care", "T": "district__tax", "L": "county__looked_after"}
A, B, C = "9990000018", "9990000026", "9990000034"


def read(table: str) -> pl.DataFrame:
    """Records from a table: source | first | surname | born | nhs (+ = verified) | address | extras key=value."""
    rows = []
    for number, line in enumerate(filter(None, map(str.strip, table.strip().splitlines())), start=1):
        source, first, surname, born, nhs, address, *extra = (cell.strip() or None for cell in line.split("|"))
        assert source is not None
        house, _, postcode = (address or "").partition(",")
        row = {
            "record_id": f"{number}",
            "source": SOURCES[source],
            "first_name": first,
            "surname": surname,
            "date_of_birth": date.fromisoformat(born) if born else None,
            "nhs_number": nhs.rstrip("+") if nhs else None,
            "nhs_number_status": "01" if nhs and nhs.endswith("+") else None,
            "house_number": house or None,
            "postcode": postcode or None,
            "is_restricted": False,
            "sex": None,
            "former_surnames": None,
            "superseded_nhs_numbers": None,
        }
        for word in " ".join(filter(None, extra)).split():
            key, _, value = word.partition("=")
            names = {"former": "former_surnames", "old": "superseded_nhs_numbers", "sex": "sex"}
            row["is_restricted" if key == "restricted" else names[key]] = (
                True if key == "restricted" else value if key == "sex" else [value]
            )
        rows.append(row)
    lists = {"former_surnames": pl.List(pl.String), "superseded_nhs_numbers": pl.List(pl.String)}
    return pl.DataFrame(rows, schema_overrides={**lists, "date_of_birth": pl.Date, "sex": pl.String})


def clusters(result: LinkageResult) -> str:
    groups = result.clusters.sort("record_id").group_by("cluster_id", maintain_order=True).agg("record_id")
    return " ".join(sorted("".join(group) for group in groups["record_id"]))


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
        """,
        "1 2",
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


@pytest.fixture(scope="module")
def neighbours() -> pl.DataFrame:
    """People who have nothing to do with a case: rules must hold among others, too."""
    letters = "BDFGKLMNPRSTVZ"
    rows = [
        {
            "record_id": f"x{n:03d}",
            "source": SOURCES["G"],
            "first_name": f"{letters[n % 14]}e{letters[n // 14 % 14].lower()}{letters[n * 3 % 14].lower()}o",
            "surname": f"{letters[n * 5 % 14]}u{letters[n * 11 // 14 % 14].lower()}ra{letters[n // 14 % 14].lower()}",
            "date_of_birth": date(1930 + n % 70, 1 + n % 12, 2 + n % 26),
            "house_number": str(10 + n // 2),
            "postcode": f"WX2 {n % 10}BB",
        }
        for n in range(120)
    ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize(("table", "expected"), CASES.values(), ids=CASES)
def test_rule_holds_for_the_records_alone(table: str, expected: str) -> None:
    assert clusters(link(read(table))) == expected


@pytest.mark.parametrize(("table", "expected"), CASES.values(), ids=CASES)
def test_rule_holds_among_others(table: str, expected: str, neighbours: pl.DataFrame) -> None:
    result = link(pl.concat([read(table), neighbours], how="diagonal"))
    kept = result.clusters.filter(~pl.col("record_id").str.starts_with("x"))
    groups = kept.group_by("cluster_id", maintain_order=True).agg("record_id")
    assert " ".join(sorted("".join(group) for group in groups["record_id"])) == expected
