"""How many residents each group of a purpose has, rounded and suppressed so that nobody stands out.

Put here: counts from the warehouse for people who decide. Never here: an exact small number, or a row.

The rule is that of NHS Hospital Episode Statistics since 2018: 1 to 7 is not shown, everything else is rounded to 5;
the stricter profile does not show fewer than 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from spine.governance.agreements import Agreement
from spine.warehouse import warehouse_lock

#: The smallest number that is shown, by disclosure profile.
_SMALLEST = {"hes": 8, "t10": 10}
#: A column with more values than this tells groups apart too finely to be listed.
_MOST_VALUES = 12


@dataclass(frozen=True)
class Counts:
    """Residents of a purpose.

    Attributes:
        groups: heading, and name and count of each of its groups.
        rule: what was done to the counts, in a sentence.
    """

    total: str
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    rule: str


def shown(count: int, smallest: int) -> str:
    """A count as it may be shown."""
    if 0 < count < smallest:
        return f"fewer than {smallest}"
    return f"{5 * round(count / 5):,}"


def count_residents(warehouse: Path, agreement: Agreement, population: str) -> Counts | None:
    """Count the residents of a purpose by every released column with few values, and by the partners who know them.

    Args:
        population: the purpose's table with one row for each resident.

    Returns:
        None where the warehouse is missing or lacks the table.
    """
    if not warehouse.exists():
        return None
    smallest = _SMALLEST[agreement.output.disclosure_profile]
    try:
        with warehouse_lock(warehouse), duckdb.connect(str(warehouse), read_only=True) as connection:
            (total,) = _rows(connection, f'SELECT count(*) FROM "{agreement.purpose}"."{population}"')[0]
            groups = [("known to", _rows(connection, _PARTNERS.format(purpose=agreement.purpose, table=population)))]
            for column in agreement.release.tables.get(population, ()):
                found = _values(connection, agreement.purpose, population, column)
                groups += [(column.replace("_", " "), found)] if found else []
    except duckdb.Error:
        return None  # the message could quote a value; what could not be counted is said to be so
    shown_groups = tuple(
        (heading, tuple((str(name), shown(count, smallest)) for name, count in found)) for heading, found in groups
    )
    rule = f"1 to {smallest - 1} people are not counted out; other counts are rounded to 5."
    return Counts(shown(total, smallest), shown_groups, rule)


_PARTNERS = """
    SELECT partner, count(DISTINCT resident_id) FROM core.bridge_resident_record
    SEMI JOIN "{purpose}"."{table}" USING (resident_id) GROUP BY partner ORDER BY partner
"""


def _values(connection: duckdb.DuckDBPyConnection, purpose: str, table: str, column: str) -> list[tuple[Any, ...]]:
    """Groups of a flag or of a column of few texts; none of dates, numbers and codes of many values."""
    kinds = _rows(
        connection,
        "SELECT data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? AND column_name = ?",
        [purpose, table, column],
    )
    if not kinds or kinds[0][0] not in ("BOOLEAN", "VARCHAR"):
        return []
    found = _rows(
        connection,
        f'SELECT coalesce(CAST("{column}" AS VARCHAR), \'not known\') AS value, count(*) FROM "{purpose}"."{table}" '
        f"GROUP BY value ORDER BY value LIMIT {_MOST_VALUES + 1}",
    )
    return found if len(found) <= _MOST_VALUES else []


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: list[str] | None = None) -> list[tuple[Any, ...]]:
    return connection.execute(sql, values or []).fetchall()
