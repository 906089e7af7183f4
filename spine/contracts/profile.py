"""What one delivery looks like in counts: the material of the drift checks.

Put here: the shape of a profile, and which columns have what in it. Never here: how it is measured (spine.extract),
what is usual (spine.quality), or a value of a cell: the only texts are columns and codes that a contract lists.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spine.contracts.model import Contract, Table

#: A group of fewer rows than this is written down as `A_FEW` rows.
LEAST = 10
A_FEW = 5
#: A column with more codes than this is no coded column: counts of each would say too much.
MOST_CODES = 200


class DateProfile(BaseModel):
    """The dates of one column.

    Attributes:
        dates: rows with a date that can be read.
        late_days: of those, the rows whose day of the month is above 12: no month can be mistaken for it.
        days: rows by day of the month, 31 counts.
        months: rows by month, 12 counts.
        compared: rows whose key is in the delivery before too, with a date in both.
        swapped: of those, the rows whose day is the earlier month and whose month is the earlier day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dates: int
    late_days: int
    days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    compared: int = 0
    swapped: int = 0


class KeptRows(BaseModel):
    """Rows of a table whose key the source's delivery before has too, once in each.

    Attributes:
        rows: how many.
        lost: of those, the rows that had a value before and have none now, by column that came both times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    lost: dict[str, int]


class TableProfile(BaseModel):
    """One table of a delivery.

    Attributes:
        rows: rows that were kept.
        nulls: rows without a value, by contracted column. A column that did not come is left out.
        codes: by coded column, rows of each code that the contract lists; a code without a row is left out.
        dates: by date column.
        kept: what became of the rows of the delivery before; None without a key or a delivery before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    nulls: dict[str, int] = {}
    codes: dict[str, dict[str, int]] = {}
    dates: dict[str, DateProfile] = {}
    kept: KeptRows | None = None


def coarse(rows: int) -> int:
    """A count that tells no small group apart."""
    return A_FEW if 0 < rows < LEAST else rows


def coded_columns(contract: Contract, table: Table) -> dict[str, tuple[str, ...]]:
    """Codes by column, where a rule of the contract lists them: text columns of at most `MOST_CODES` codes."""
    texts = {column.name for column in table.columns if column.nested == "VARCHAR"}
    listed: dict[str, tuple[str, ...]] = {}
    for rule in contract.rules:
        values = rule.arguments.get("validValues") if rule.metric == "invalidValues" else None
        if rule.table == table.name and rule.column in texts and isinstance(values, list):
            listed[rule.column] = tuple(dict.fromkeys(str(value).strip() for value in values))
    return {column: codes for column, codes in listed.items() if len(codes) <= MOST_CODES}


def date_columns(table: Table) -> tuple[str, ...]:
    """The table's columns of dates that come as text."""
    return tuple(c.name for c in table.columns if c.logical_type == "date" and c.nested == "VARCHAR")
