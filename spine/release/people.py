"""The residents of one release: their pseudonyms, who is left out and why, who is restricted.

Put here: the list that every table of the release is cut by. Never here: columns or files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from spine.contracts import Contract
from spine.errors import PipelineError, ReconciliationError
from spine.files import machine_fault
from spine.governance import Key, opted_out_residents, pseudonym_column, pseudonyms
from spine.release.formers import find_formers
from spine.release.output_contracts import FORMER, OutputTable
from spine.release.plan import Plan
from spine.release.sql import counted, quoted
from spine.warehouse import configure, warehouse_lock

#: Why a resident is left out, in the order in which one who is left out twice is counted.
REASONS = ("deceased", "national_opt_out")


@dataclass(frozen=True)
class People:
    """Residents of the purpose's tables.

    Attributes:
        frame: resident_id, pseudonym, reason (null where released), is_opted_out, is_restricted;
            one row per resident, excluded ones included.
        formers: earlier ids that the purpose's tables name (see `formers.find_formers`).
        opt_out_list: date of the list that was applied, None where the opt-out does not apply.
        opted_out_fingerprint: keyed hash of the records of all opted-out residents. Where it
            differs from that of an older release, someone may have opted out since.
    """

    frame: pl.DataFrame
    formers: pl.DataFrame
    opt_out_list: date | None
    opted_out_fingerprint: str
    key_version: int


@contextmanager
def attach_warehouse(path: Path, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty database in memory with the warehouse attached, read only, as `warehouse`.

    Holds the warehouse's lock until it is closed.

    Raises:
        PipelineError: for every fault in DuckDB, by class only, since its messages can quote values.
    """
    try:
        with (
            warehouse_lock(path),
            duckdb.connect(config={"python_enable_replacements": False}) as connection,
        ):
            configure(connection, path, threads)
            connection.execute(f"ATTACH {quoted(str(path))} AS warehouse (READ_ONLY)")
            yield connection
    except duckdb.Error as error:
        raise machine_fault(error) or PipelineError(
            f"the release could not be made from the warehouse ({type(error).__name__}); "
            "what was published before stands. Run the pipeline again; if that does not help, compare the marts "
            "with the output contracts"
        ) from None


def warehouse_tables(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, str]]:
    """Column types by column by table of one schema of the warehouse."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = 'warehouse' AND schema_name = ? ORDER BY table_name, column_index",
        [schema],
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def find_people(connection: duckdb.DuckDBPyConnection, plan: Plan, key: Key, contracts: Sequence[Contract]) -> People:
    """Every resident of the planned tables, with pseudonym and reason of exclusion.

    Leaves the frame in the connection as table `people`, and the earlier ids as `formers`.

    Raises:
        GovernanceError: the opt-out list is missing, too old or without a valid number.
        ReconciliationError: a table holds residents whom core does not know, or who are not in
            the population table.
    """
    exclusions = plan.agreement.exclusions
    opted_out: tuple[str, ...] = ()
    list_date = None
    if exclusions.national_opt_out == "applies":
        result = opted_out_residents(connection, contracts, plan.as_of, exclusions.opt_out_max_age_days)
        opted_out, list_date = result.resident_ids, result.list_date
    connection.register(
        "opted_out_ids", pl.DataFrame({"resident_id": opted_out}, schema={"resident_id": pl.String}).to_arrow()
    )
    frame = connection.execute(
        _PEOPLE.format(purpose=plan.purpose, population=plan.tables[0].name), [exclusions.deceased]
    ).pl()
    frame = frame.with_columns(pseudonym=pseudonym_column(key, frame["resident_id"]))
    connection.register("people_frame", frame.to_arrow())
    connection.execute("CREATE TABLE people AS SELECT * FROM people_frame")
    _refuse_strangers(connection, plan)
    formers = find_formers(connection, plan, key)
    records = connection.execute(
        "SELECT record_id FROM warehouse.core.bridge_resident_record SEMI JOIN opted_out_ids USING (resident_id) "
        "ORDER BY record_id"
    ).fetchall()
    whole = hashlib.sha256("\n".join(row[0] for row in records).encode()).hexdigest()
    fingerprint = pseudonyms(key, [f"records of opted-out residents|{whole}"])[0]
    return People(frame, formers, list_date, fingerprint, key.version)


# A resident whose marker is not known counts as restricted: what is not known is not shown.
_PEOPLE = """
    SELECT p.resident_id,
           CASE WHEN r.is_deceased AND ? THEN 'deceased'
                WHEN o.resident_id IS NOT NULL THEN 'national_opt_out' END AS reason,
           o.resident_id IS NOT NULL AS is_opted_out,
           coalesce(r.is_restricted, true) AS is_restricted
    FROM (SELECT DISTINCT resident_id FROM warehouse."{purpose}"."{population}" WHERE resident_id IS NOT NULL) AS p
    JOIN warehouse.core.dim_resident AS r USING (resident_id)
    LEFT JOIN opted_out_ids AS o USING (resident_id)
    ORDER BY p.resident_id
"""


def _refuse_strangers(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Every row of every table must belong to exactly one resident of the population."""
    for table in plan.tables:
        (rows, known) = counted(
            connection,
            f'SELECT (SELECT count(*) FROM warehouse."{plan.purpose}"."{table.name}"), '
            f'(SELECT count(*) FROM warehouse."{plan.purpose}"."{table.name}" JOIN people USING (resident_id))',
        )
        if rows != known:
            raise ReconciliationError(
                f"{plan.purpose}.{table.name}: of {rows} rows, {known} belong to a resident of "
                f"'{plan.tables[0].name}' whom core.dim_resident knows once; all must. "
                "Nothing is published; mend the mart"
            )


def excluded_rows(connection: duckdb.DuckDBPyConnection, plan: Plan, table: OutputTable) -> Mapping[str, int]:
    """Rows of a warehouse table that are left out, by the first reason of their resident, or else of an earlier id."""
    formers = f"LEFT JOIN formers ON former_id = {FORMER}" if table.has_former else ""
    reason = "coalesce(reason, former_reason)" if table.has_former else "reason"
    rows = connection.execute(
        f'SELECT {reason}, count(*) FROM warehouse."{plan.purpose}"."{table.name}" JOIN people USING (resident_id) '
        f"{formers} WHERE {reason} IS NOT NULL GROUP BY ALL"
    ).fetchall()
    found = dict(rows)
    return {reason: found.get(reason, 0) for reason in REASONS}
