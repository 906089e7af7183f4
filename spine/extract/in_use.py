"""Which accepted deliveries are in use, and the raw views over their Parquet.

Put here: the meaning of snapshot, append and rolling. Never here: a change to the lake or ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from spine.contracts.functions import install_functions
from spine.contracts.model import Contract, Table
from spine.errors import PipelineError, ReconciliationError
from spine.extract.deliveries import contract_for
from spine.extract.ledger import LedgerEntry
from spine.extract.workspace import identifier, literal, scalar, sql_type
from spine.failpoints import reach

PROVENANCE = (
    ("_partner", "VARCHAR"),
    ("_delivery", "VARCHAR"),
    ("_delivery_date", "DATE"),
    ("_revision", "INTEGER"),
    ("_contract_version", "VARCHAR"),
    ("_file_sha256", "VARCHAR"),
    ("_file_no", "INTEGER"),
    ("_row_no", "BIGINT"),
)


@dataclass(frozen=True)
class Part:
    """One delivery in use.

    Attributes:
        replaced_from: for `rolling`, the first day that later deliveries cover: events that reach
            it come from those. None where nothing later is in use.
    """

    entry: LedgerEntry
    replaced_from: date | None = None


@dataclass(frozen=True)
class _Lake:
    """Where the Parquet lies, and every layout in it by contract id."""

    folder: Path
    layouts: Mapping[str, Contract]


@dataclass(frozen=True)
class InUse:
    """What the spine uses of one partner's dataset.

    Attributes:
        parts: oldest first; empty where no delivery was ever accepted.
        history: every date's newest accepted revision, in use or not, oldest first.
        is_stale: a delivery newer than the newest in use was refused.
    """

    partner: str
    dataset: str
    parts: tuple[Part, ...]
    history: tuple[LedgerEntry, ...]
    is_stale: bool

    @property
    def latest(self) -> LedgerEntry | None:
        """The newest delivery in use."""
        return self.parts[-1].entry if self.parts else None


def in_use(entries: Iterable[LedgerEntry], contracts: Sequence[Contract], as_of: date) -> tuple[InUse, ...]:
    """Decide which deliveries count, for each partner and dataset that a contract names.

    snapshot: the newest date with an accepted revision. append: every date. rolling: every date,
    each without what later windows replace. Where a partner's layout changed, the newest accepted
    delivery says how the dataset is delivered.

    Args:
        entries: the ledger.
        as_of: later deliveries are left out.
    """
    sources = sorted({(s.partner, c.dataset) for c in contracts for s in c.supplies})
    known = [e for e in entries if e.date <= as_of and contract_for(contracts, e.partner, e.dataset, e.date)]
    by_id = {contract.id: contract for contract in contracts}
    return tuple(
        _decide(partner, dataset, [e for e in known if (e.partner, e.dataset) == (partner, dataset)], by_id, as_of)
        for partner, dataset in sources
    )


def create_raw_views(
    connection: duckdb.DuckDBPyConnection,
    entries: Iterable[LedgerEntry],
    contracts: Sequence[Contract],
    lake: Path,
    as_of: date,
) -> tuple[InUse, ...]:
    """Create schema raw: one view `<contract_id>__<table>` for each contracted table, and table `deliveries`.

    Views name files by absolute path, so that they work whenever the database is opened again. A
    table with nothing in use is an empty view of the same columns and types.

    Returns:
        What is in use, as `in_use`.

    Raises:
        PipelineError: a Parquet file of an accepted delivery is gone or damaged.
        ReconciliationError: a file does not hold the rows that its record says.
    """
    sources = in_use(entries, contracts, as_of)
    store = _Lake(lake.absolute(), {contract.id: contract for contract in contracts})
    reach("raw_views.before")
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    install_functions(connection, "as_end_date")
    connection.execute("""
        CREATE OR REPLACE TABLE raw.deliveries (partner VARCHAR, dataset VARCHAR, layout VARCHAR, table_name VARCHAR,
            delivery VARCHAR, delivery_date DATE, revision INTEGER, rows_kept BIGINT, rows_replaced BIGINT,
            rows_in_use BIGINT, is_stale BOOLEAN)""")
    for contract in contracts:
        mine = [source for source in sources if source.dataset == contract.dataset]
        for table in contract.tables:
            try:
                _create_view(connection, contract, table, mine, store)
                reach("raw_views.each")
            except duckdb.Error as error:
                raise _unreadable(connection, contract, table, mine, store, error) from None
    _drop_others(connection, contracts)
    reach("raw_views.after")
    return sources


def _drop_others(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Drop the views of layouts that no contract describes any more: nothing may read what nobody answers for."""
    known = {f"{contract.id}__{table.name}" for contract in contracts for table in contract.tables}
    views = "SELECT view_name FROM duckdb_views() WHERE schema_name = 'raw' AND database_name = current_database()"
    for (name,) in connection.execute(views).fetchall():
        if name not in known:
            connection.execute(f"DROP VIEW raw.{identifier(name)}")


def _decide(
    partner: str, dataset: str, entries: Sequence[LedgerEntry], contracts: dict[str, Contract], as_of: date
) -> InUse:
    newest: dict[date, LedgerEntry] = {}
    for entry in sorted(entries, key=lambda e: (e.date, e.revision)):
        before = newest.get(entry.date)
        if before is not None and before.waived and before.content_sha256 == entry.content_sha256:
            del newest[entry.date]  # the same bytes were judged again: what a waiver had let in stands no longer
        if entry.may_be_used(as_of) and entry.contract_id in contracts:
            newest[entry.date] = entry
    history = tuple(newest.values())
    if not history:
        return InUse(partner, dataset, (), (), bool(entries))
    last = history[-1]
    mode = contracts[last.contract_id].mode
    same_mode = [entry for entry in history if contracts[entry.contract_id].mode == mode]
    parts: tuple[Part, ...]
    if mode == "snapshot":
        parts = (Part(last),)
    elif mode == "append":
        parts = tuple(Part(entry) for entry in same_mode)
    else:
        parts = tuple(Part(e, _earliest_window(same_mode[n + 1 :])) for n, e in enumerate(same_mode))
    stale = any(not e.may_be_used(as_of) and (e.date, e.revision) > (last.date, last.revision) for e in entries)
    return InUse(partner, dataset, parts, history, stale)


def _earliest_window(later: Sequence[LedgerEntry]) -> date | None:
    starts = [entry.window_start for entry in later if entry.window_start]
    return min(starts) if starts else None


def _create_view(
    connection: duckdb.DuckDBPyConnection, contract: Contract, table: Table, sources: Sequence[InUse], lake: _Lake
) -> None:
    selects = [_empty(table)]
    for source in sources:
        for part in source.parts:
            if part.entry.contract_id == contract.id:
                selects.append(_select(connection, contract, table, source, part, lake))
                _record(connection, contract, table, source, part, lake)
    name = f"raw.{identifier(f'{contract.id}__{table.name}')}"
    connection.execute(f"DROP VIEW IF EXISTS {name}")
    connection.execute(f"CREATE VIEW {name} AS {' UNION ALL '.join(selects)}")


def _empty(table: Table) -> str:
    columns = [(c.name, sql_type(c.nested)) for c in table.columns]
    columns += [*PROVENANCE, ("_first_delivered", "DATE")]
    return f"SELECT {', '.join(f'NULL::{kind} AS {identifier(name)}' for name, kind in columns)} WHERE false"


def _select(
    connection: duckdb.DuckDBPyConnection, contract: Contract, table: Table, source: InUse, part: Part, lake: _Lake
) -> str:
    """One delivery's rows in the contract's present shape, with the date on which each key was first delivered."""
    held = _types(connection, f"SELECT * FROM read_parquet({literal(_parquet(lake, part.entry, table))})")
    due = _types(connection, _empty(table))
    columns = [
        _cropped(contract, table, part, c.name) or f"d.{identifier(c.name)}"
        if held.get(c.name) == due[c.name]
        else f"NULL::{due[c.name]} AS {identifier(c.name)}"
        for c in table.columns
    ]
    columns += [f"d.{name}" for name, _ in PROVENANCE]
    rows = f"read_parquet({literal(_parquet(lake, part.entry, table))}) d"
    where = _survives(contract, table, source, part, lake)
    history = _with_these_keys(table, [e for e in source.history if e.date <= part.entry.date], lake)
    if sum(map(len, history.values())) < 2 or not table.keys or not set(table.keys) <= set(held):
        first = f"DATE {literal(part.entry.date)}"
        return f"SELECT {', '.join(columns)}, {first} AS _first_delivered FROM {rows} WHERE {where}"
    keys = ", ".join(identifier(key) for key in table.keys)
    delivered = " UNION ALL ".join(
        f"SELECT {keys}, _delivery_date FROM read_parquet([{', '.join(map(literal, files))}], union_by_name=true)"
        for files in history.values()
    )
    join = " AND ".join(f"d.{identifier(key)} IS NOT DISTINCT FROM f.{identifier(key)}" for key in table.keys)
    firsts = f"SELECT {keys}, min(_delivery_date) AS _first FROM ({delivered}) GROUP BY ALL"
    columns.append("f._first AS _first_delivered")
    return f"SELECT {', '.join(columns)} FROM {rows} LEFT JOIN ({firsts}) f ON {join} WHERE {where}"


def _with_these_keys(table: Table, entries: Sequence[LedgerEntry], lake: _Lake) -> dict[str, list[Path]]:
    """Parquet files by layout: of this table, and of the one table of another layout that names its keys alike."""
    keys = [(column.name, column.nested) for column in table.columns if column.key]
    found: dict[str, list[Path]] = {}
    for entry in entries:
        others = lake.layouts[entry.contract_id].tables
        alike = [t for t in others if keys == [(c.name, c.nested) for c in t.columns if c.key]]
        same = [table] if table in others else alike if len(alike) == 1 else []
        found.setdefault(entry.contract_id, []).extend(_parquet(lake, entry, other) for other in same)
    return {layout: files for layout, files in found.items() if files}


def _is_replaced(contract: Contract, table: Table, part: Part) -> bool:
    return part.replaced_from is not None and contract.window is not None and contract.window.table == table.name


def _survives(contract: Contract, table: Table, source: InUse, part: Part, lake: _Lake) -> str:
    """SQL: the row still counts beside later deliveries.

    That is so where the event ended before later windows begin, and where it was open and no later
    delivery knows it: it then ended with its own period (rule of the national client level data guidance).
    """
    window = contract.window
    if window is None or not _is_replaced(contract, table, part):
        return "true"
    same = " AND ".join(f"n.{identifier(c)} IS NOT DISTINCT FROM d.{identifier(c)}" for c in window.identity)
    tests = []
    for layout in lake.layouts.values():
        later = [p.entry for p in source.parts if p.entry.date > part.entry.date and p.entry.contract_id == layout.id]
        # Of a later layout too, where it tells events apart by columns of the same names.
        if later and layout.window is not None and layout.window.identity == window.identity:
            events = layout.table(layout.window.table)
            files = ", ".join(literal(_parquet(lake, entry, events)) for entry in later)
            tests.append(f"EXISTS (SELECT 1 FROM read_parquet([{files}], union_by_name=true) n WHERE {same})")
    known = f"({' OR '.join(tests)})" if tests else "false"
    end = f"as_end_date(d.{identifier(window.event_end)})"
    return f"({end} < DATE {literal(part.replaced_from)} OR ({end} IS NULL AND NOT {known}))"


def _cropped(contract: Contract, table: Table, part: Part, column: str) -> str | None:
    """SQL: the end of an event that was open in a delivery that later ones replace; None for any other column."""
    window = contract.window
    if window is None or column != window.event_end or not _is_replaced(contract, table, part):
        return None
    end = literal((part.entry.window_end or part.entry.date).isoformat())
    name = identifier(column)
    return f"CASE WHEN as_end_date(d.{name}) IS NULL THEN {end} ELSE d.{name} END AS {name}"


def _record(
    connection: duckdb.DuckDBPyConnection, contract: Contract, table: Table, source: InUse, part: Part, lake: _Lake
) -> None:
    entry = part.entry
    path = literal(_parquet(lake, entry, table))
    kept = entry.tables[table.name].kept if table.name in entry.tables else 0
    held = scalar(connection, f"SELECT count(*) FROM read_parquet({path})")
    if held != kept:
        raise ReconciliationError(
            f"{entry.delivery} r{entry.revision:03d}, table '{table.name}': the ledger says {kept} rows, "
            f"the lake holds {held}. {_remedy(entry)}"
        )
    survives = _survives(contract, table, source, part, lake)
    used = scalar(connection, f"SELECT count(*) FROM read_parquet({path}) d WHERE {survives}")
    texts = (entry.partner, entry.dataset, contract.layout, table.name, entry.delivery)
    numbers = f"{entry.revision}, {kept}, {kept - used}, {used}, {source.is_stale}"
    # Literals: with parameters DuckDB would import pandas, which takes seconds.
    connection.execute(
        f"INSERT INTO raw.deliveries VALUES ({', '.join(map(literal, texts))}, DATE {literal(entry.date)}, {numbers})"
    )


def _parquet(lake: _Lake, entry: LedgerEntry, table: Table) -> Path:
    path = lake.folder / entry.folder / f"{table.name}.parquet"
    if not path.exists():
        raise PipelineError(
            f"{entry.delivery} r{entry.revision:03d}: table '{table.name}' is not in the lake, although the delivery "
            f"was accepted. {_remedy(entry)}"
        )
    return path


def _unreadable(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    sources: Sequence[InUse],
    lake: _Lake,
    fault: duckdb.Error,
) -> PipelineError:
    """What to say of DuckDB's error, whose message may quote a cell: which lake file is damaged, where one is."""
    for entry in (e for source in sources for e in source.history if e.contract_id == contract.id):
        try:
            _types(connection, f"SELECT * FROM read_parquet({literal(_parquet(lake, entry, table))})")
        except duckdb.Error as error:
            return PipelineError(
                f"the lake file of {entry.delivery} r{entry.revision:03d}, table '{table.name}', cannot be read "
                f"({type(error).__name__}). {_remedy(entry)}"
            )
    return PipelineError(
        f"raw.{contract.id}__{table.name}: the view over the lake could not be created ({type(fault).__name__}). "
        "Check disk and memory, or restore the lake from a backup"
    )


def _remedy(entry: LedgerEntry) -> str:
    command = f"spine replay --partner {entry.partner} --dataset {entry.dataset} --date {entry.date.isoformat()}"
    return f"Read it again from landing with `{command}`, or restore the lake from a backup"


def _types(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Columns of a query with their types."""
    return {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {query}").fetchall()}
