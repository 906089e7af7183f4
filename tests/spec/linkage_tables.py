"""Tables of person records, and the clusters that linking them gives.

Put here: how a table is read, the crowd that a case is embedded in, and how clusters are written. Never here: a case.

A table has one record a line: source | first name | surname | date of birth | NHS number (+ = verified) |
house, postcode | further words key=value. Records are numbered by row (1-9, then a-z); an underscore in a value is
a space. Clusters are written as the numbers of their records: `13 2` puts 1 and 3 together; ` or ` separates
answers that are equally right. All people are fictional; NHS numbers are of the 999 range.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from spine.linkage import LinkageConfig, LinkageResult, link, load_config
from spine.linkage.conform import INPUT
from tests.unit.linkage.conftest import build

SOURCES = {"G": "icb__gp", "C": "county__care", "T": "district__tax", "L": "county__looked_after"}
_NUMBERS = "123456789abcdefghijklmnopqrstuvwxyz"
_KEYS = {
    "former": "former_surnames",
    "old": "superseded_nhs_numbers",
    "middle": "middle_names",
    "status": "nhs_number_status",
    "died": "date_of_death",
    "from": "address_from",
    "to": "address_to",
    "partial": "date_of_birth_partial",
}
_CROWD = "crowd-"
#: Columns that the crowd shares with every table.
_COLUMNS = {name: dtype for name, dtype in INPUT.items() if name not in ("is_organisation", "address_line")}


@dataclass(frozen=True)
class Case:
    """A table and the clusters it must give.

    Attributes:
        table: see the module's docstring.
        expected: the clusters, or several answers separated by ` or `.
        in_crowd: answers that are as right as `expected` among others, where the weights are fitted to data.
        cannot: pairs of record numbers that an override keeps apart, as `12 34`.
        must: pairs of record numbers that an override puts together.
        one_each: letters of the sources that promise one record for each person.
    """

    table: str
    expected: str
    cannot: str = ""
    must: str = ""
    one_each: str = ""
    in_crowd: str = ""

    def answers(self, *, among_others: bool) -> list[str]:
        """The right answers."""
        return (f"{self.expected} or {self.in_crowd}" if among_others and self.in_crowd else self.expected).split(
            " or "
        )


def read(table: str) -> pl.DataFrame:
    """Person records from a table."""
    lines = filter(None, map(str.strip, table.strip().splitlines()))
    return frame([_record(number, line) for number, line in zip(_NUMBERS, lines, strict=False)])


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Person records from dictionaries; what a row does not name is null."""
    return pl.DataFrame([{**dict.fromkeys(_COLUMNS), **row} for row in rows], schema=_COLUMNS)


def _record(number: str, line: str) -> dict[str, Any]:
    source, first, surname, born, nhs, address, *extra = (cell.strip() or None for cell in line.split("|"))
    assert source is not None
    house, _, postcode = (address or "").partition(",")
    return {
        "record_id": number,
        "source": SOURCES[source],
        "first_name": first,
        "surname": surname,
        "date_of_birth": date.fromisoformat(born) if born else None,
        "nhs_number": nhs.rstrip("+") if nhs else None,
        "nhs_number_status": "01" if nhs and nhs.endswith("+") else None,
        "house_number": house or None,
        "postcode": postcode or None,
        "is_restricted": False,
        **dict(_word(word) for word in " ".join(filter(None, extra)).split()),
    }


def _word(word: str) -> tuple[str, Any]:
    key, _, text = word.partition("=")
    name, value = _KEYS.get(key, key), text.replace("_", " ")
    if key == "restricted":
        return "is_restricted", True
    if INPUT[name] == pl.Date:
        return name, date.fromisoformat(value)
    return name, [value] if INPUT[name] == pl.List(pl.String) else value


@cache
def crowd() -> pl.DataFrame:
    """Records of 150 other people: rules must hold among others, where the weights are fitted to data.

    Their postcodes and NHS numbers are none of those that cases use.
    """
    records, _ = build(150, seed=41)
    numbers = records["nhs_number"].drop_nulls().unique().sort()
    apart = pl.Series([_nhs(700_000 + 10 * place) for place in range(numbers.len())])
    return records.with_columns(
        (_CROWD + pl.col("record_id")).alias("record_id"),
        pl.col("nhs_number").replace_strict(numbers, apart, default=None),
        pl.col("postcode").str.replace("^WX", "QX"),
        pl.col("uprn").str.replace("^9", "8"),
    )


def _nhs(serial: int) -> str:
    """A number of the 999 range at or after a serial number, with its check digit."""
    while True:
        digits = f"999{serial:06d}"
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
        if check != 10:
            return digits + str(check % 11)
        serial += 1


def nhs_number(person: int) -> str:
    """A valid fictional NHS number, another one for each person."""
    return _nhs(400_000 + 10 * person)


def overrides(case: Case) -> pl.DataFrame | None:
    """The override pairs of a case; None where it has none."""
    pairs = [(pair, "cannot_link") for pair in case.cannot.split()] + [
        (pair, "must_link") for pair in case.must.split()
    ]
    rows = [{"left_record_id": pair[0], "right_record_id": pair[1], "decision": kind} for pair, kind in pairs]
    return pl.DataFrame(rows) if rows else None


@cache
def _shipped() -> LinkageConfig:
    return load_config()


def settings(case: Case) -> LinkageConfig:
    """The shipped settings, with the sources that promise one record for each person."""
    return _shipped().model_copy(update={"one_record_per_person": tuple(SOURCES[name] for name in case.one_each)})


def solve(case: Case, *, among_others: bool) -> str:
    """Link a case's table, alone or in the crowd, and write its clusters."""
    records = read(case.table)
    if among_others:
        records = pl.concat([records, crowd()], how="diagonal")
    # Columns that nobody holds are left out: cleaning them is most of the time that a small table takes.
    records = records.select(values for values in records if values.null_count() < records.height)
    pairs = overrides(case)
    more = {} if pairs is None else {"overrides": pairs}
    return clusters(link(records, settings(case), **more))


def clusters(result: LinkageResult) -> str:
    """Clusters of the records that are not of the crowd; one that holds somebody of the crowd is marked with a `*`."""
    crowded = pl.col("record_id").str.starts_with(_CROWD)
    own = result.clusters.sort("record_id").with_columns(crowded.any().over("cluster_id").alias("strange"))
    groups = own.filter(~crowded).group_by("cluster_id", "strange", maintain_order=True).agg("record_id")
    return " ".join(sorted("".join(group) + "*" * strange for _, strange, group in groups.rows()))
