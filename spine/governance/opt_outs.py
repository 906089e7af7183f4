"""Who has set a national data opt-out, as residents.

Put here: matching the opt-out list to residents, and refusing a list that is missing, old or unusable.
Never here: removing anyone from a table (spine.release), or a number or name in a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from spine.contracts import Contract, install_functions
from spine.errors import GovernanceError

DATASET = "opt_out"

# Digits only on both sides, without asking whether the number is valid: a number with a wrong check
# digit that stands both on the list and on a record must still hide that record's resident.
_DIGITS = r"regexp_replace(regexp_replace({column}, '\.0+$', ''), '[^0-9]', '', 'g')"


@dataclass(frozen=True)
class OptOuts:
    """Residents who are opted out, and the date of the oldest list that says so (None where none was needed)."""

    resident_ids: tuple[str, ...]
    list_date: date | None


def opted_out_residents(
    connection: duckdb.DuckDBPyConnection,
    contracts: Sequence[Contract],
    as_of: date,
    max_age_days: int,
    *,
    catalog: str = "warehouse",
) -> OptOuts:
    """Every resident any of whose NHS numbers is on an opt-out list that is in use.

    Args:
        connection: has the warehouse attached as `catalog`, with `raw.deliveries`, the opt-out layouts'
            raw views and `core.bridge_resident_nhs_number`. Gets the shared rules installed.
        max_age_days: how old a list may be on `as_of`.

    Raises:
        GovernanceError: a partner that supplies the list has none in use, only an old one, or one
            without a single valid number, which can hide nobody.
    """
    layouts = [contract for contract in contracts if contract.dataset == DATASET]
    dates = _list_dates(connection, catalog, as_of)
    suppliers = sorted({s.partner for layout in layouts for s in layout.supplies if s.covers(as_of)})
    if not suppliers:
        raise GovernanceError(f"no partner supplies the opt-out list on {as_of}: add a server entry to its contract")
    for partner in suppliers:
        _refuse_unless_recent(partner, dates.get(partner), as_of, max_age_days)
    lists = " UNION ALL ".join(
        f"SELECT _partner AS partner, {_DIGITS.format(column='nhs_number')} AS number "
        f'FROM {catalog}.raw."{layout.id}__{table.name}"'
        for layout in layouts
        for table in layout.tables
    )
    _refuse_unless_usable(connection, lists, suppliers)
    rows = connection.execute(
        f"""SELECT DISTINCT resident_id FROM {catalog}.core.bridge_resident_nhs_number
            WHERE {_DIGITS.format(column="nhs_number")} IN (SELECT number FROM ({lists}) WHERE number <> '')
            ORDER BY resident_id"""
    ).fetchall()
    return OptOuts(tuple(row[0] for row in rows), min(dates[partner] for partner in suppliers))


def _refuse_unless_usable(connection: duckdb.DuckDBPyConnection, lists: str, suppliers: Sequence[str]) -> None:
    """The door refuses a list of the wrong column; one that came in by another way is caught here."""
    install_functions(connection, "is_nhs_number")
    rows = connection.execute(f"SELECT DISTINCT partner FROM ({lists}) WHERE is_nhs_number(number)").fetchall()
    useless = sorted(set(suppliers) - {row[0] for row in rows})
    if useless:
        raise GovernanceError(
            f"the opt-out list in use of {', '.join(useless)} holds no valid NHS number: expected one a row. "
            f"It is taken for a damaged file, since it would opt nobody out. {', '.join(useless)} must send it again"
        )


def _list_dates(connection: duckdb.DuckDBPyConnection, catalog: str, as_of: date) -> dict[str, date]:
    rows = connection.execute(
        f"""SELECT partner, max(delivery_date) FROM {catalog}.raw.deliveries
            WHERE dataset = ? AND delivery_date <= ? AND rows_in_use > 0 GROUP BY partner""",
        [DATASET, as_of],
    ).fetchall()
    return dict(rows)


def _refuse_unless_recent(partner: str, newest: date | None, as_of: date, max_age_days: int) -> None:
    if newest is None:
        raise GovernanceError(
            "no accepted opt-out list is in use, so nobody can be left out as the agreement demands. "
            f"{partner} must send one"
        )
    if as_of - newest > timedelta(days=max_age_days):
        raise GovernanceError(
            f"the opt-out list in use is of {newest}, {(as_of - newest).days} days before {as_of}; "
            f"the agreement allows {max_age_days}. {partner} must send a new one"
        )
