"""Landing: a delivery becomes immutable Parquet in the lake, in a temporary folder first.

Put here: the folder of one revision, reconciliation. Never here: the verdict (judge), or how a
delivery's files are read (read).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from spine.contracts.model import Contract, Table
from spine.contracts.profile import TableProfile
from spine.errors import DeliveryError, PipelineError, ReconciliationError
from spine.extract.control import Control, file_faults, read_control, row_faults
from spine.extract.deliveries import Content, Delivery
from spine.extract.ledger import Ledger, LedgerEntry, TableCounts
from spine.extract.read import Reads, read_delivery
from spine.extract.workspace import SPILL, FileRead, identifier, literal, open_workspace, rows_of, scalar, scrubbed
from spine.failpoints import reach
from spine.files import fsync, make_folder, sha256_of, write_json

#: Measures a profile in the workspace: Parquet files by table, and by table the columns that are absent.
Measure = Callable[
    [duckdb.DuckDBPyConnection, Mapping[str, Path], Mapping[str, Sequence[str]]], Mapping[str, TableProfile]
]
_TEMPORARY = ".tmp-"
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Staged:
    """A delivery that was read, in a temporary folder of the lake.

    Attributes:
        tables: Parquet file of each table, contracted columns and provenance.
        manifest: size and hash of each of its files.
        faults: reasons to refuse it that are known already (control totals, too much quarantine).
        profile: of each table, where it was measured.
    """

    delivery: Delivery
    contract: Contract
    revision: int
    content: Content
    folder: Path
    tables: Mapping[str, Path]
    counts: Mapping[str, TableCounts]
    files: int
    files_ignored: int
    manifest: Mapping[str, Mapping[str, Any]]
    window: tuple[date | None, date | None] = (None, None)
    faults: tuple[str, ...] = field(default=())
    profile: Mapping[str, TableProfile] = field(default_factory=dict)

    @property
    def lake_sha256(self) -> str:
        """One hash of its files."""
        return _hash_of(self.manifest)


def stage(
    delivery: Delivery, contract: Contract, lake: Path, revision: int, content: Content,
    threads: int = 0, measure: Measure | None = None,
) -> Staged:  # fmt: skip
    """Read a delivery into `<table>.parquet` and `quarantine.parquet` in a temporary folder of the lake.

    The quarantine holds places and rules, not the rows: these may carry columns that nobody contracted.

    Args:
        content: files of the delivery (deliveries.read_content).
        threads: for DuckDB; 0 means all. The Parquet is the same whatever the number.
        measure: measures the profile while the workspace is open.

    Raises:
        DeliveryError: every fault of structure, one to a line; or control totals that do not fit the files.
        ReconciliationError: rows read are not rows kept, quarantined and ignored.
    """
    control = _control(content, delivery.key)
    folder = lake / f"{_TEMPORARY}{os.getpid()}-{_dashed(delivery)}"
    tables = {table.name: folder / f"{table.name}.parquet" for table in contract.tables}
    with _kept_if_whole(folder):
        reach("lake.revision.before_write")
        with open_workspace(folder, contract.tables, threads) as connection:
            reads = read_delivery(connection, delivery, contract, content, folder)
            counts = {t.name: _count(connection, t, reads.tables[t.name], delivery) for t in contract.tables}
            with scrubbed(delivery.key, "could not be written to the lake"), _one_thread(connection, threads):
                _write_tables(connection, delivery, contract, revision, reads, counts, tables)
                _write_quarantine(connection, folder)
            with scrubbed(delivery.key, "could not be measured"):
                window = _window(connection, contract, delivery, tables)
            measured = measure(connection, tables, _absent(counts)) if measure else {}
        shutil.rmtree(folder / SPILL, ignore_errors=True)
        manifest = _manifest(folder)
    totals = control and row_faults(control, content, delivery.key, reads.rows_by_file, reads.ignored_by_file)
    faults = (*(totals or ()), *_too_much_quarantine(contract, counts))
    return Staged(
        delivery, contract, revision, content, folder, tables, counts, reads.files,
        len(content.files) - reads.files + content.unread, manifest, window, faults, measured,
    )  # fmt: skip


def _absent(counts: Mapping[str, TableCounts]) -> dict[str, Any]:
    return {name: count.columns_absent for name, count in counts.items()}


@contextmanager
def _kept_if_whole(folder: Path) -> Iterator[None]:
    """A new folder that is gone again where what fills it fails."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _one_thread(connection: duckdb.DuckDBPyConnection, threads: int) -> Iterator[None]:
    """One thread and rows in order: row groups, and so the bytes, never depend on the machine."""
    connection.execute("SET threads = 1")
    yield
    connection.execute(f"SET threads = {threads}" if threads else "RESET threads")


def settle(staged: Staged, entry: LedgerEntry, lake: Path, ledger: Ledger) -> LedgerEntry:
    """Give a judged delivery its final folder, with a manifest, and only then its ledger record.

    Accepted or refused alike, nothing is lost. A crash between the two leaves a folder that no
    record names: `sweep` removes it and the delivery is judged again.

    Raises:
        PipelineError: the final folder is there already. What is in the lake is never replaced.
    """
    final = lake / entry.folder
    if final.exists():
        raise PipelineError(
            f"{entry.delivery} r{entry.revision:03d}: its folder in the lake is there already, perhaps from another "
            "run at the same time. Nothing was replaced; run again"
        )
    _place(staged, entry, final)
    ledger.add(entry)
    return entry


def restore(staged: Staged, entry: LedgerEntry, lake: Path) -> None:
    """Put a delivery that was judged again in the place of its damaged or lost folder.

    The damaged one is set aside first and removed last. A crash in between leaves the revision without
    a folder, and the next run of the delivery restores it.

    Args:
        entry: the record that stands: `staged` has the same result.
    """
    final = lake / entry.folder
    aside = lake / f"{_TEMPORARY}{os.getpid()}-damaged-{_dashed(staged.delivery)}"
    if final.exists():
        os.rename(final, aside)
        reach("lake.restore.aside")
    _place(staged, entry, final)
    shutil.rmtree(aside, ignore_errors=True)


def is_whole(entry: LedgerEntry, lake: Path) -> bool:
    """True where the revision's folder holds every file of its manifest, byte for byte, and no other.

    A delivery that was refused for its structure has no folder, and nothing to be damaged.
    """
    folder = lake / entry.folder
    if not entry.tables:
        return True
    try:
        noted = json.loads((folder / _MANIFEST).read_bytes())["files"]
        return bool(noted == _manifest(folder) and entry.lake_sha256 in ("", _hash_of(noted)))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def is_there(entry: LedgerEntry, lake: Path) -> bool:
    """True where the revision's folder was not lost; `is_whole` reads every byte of it, this none."""
    return not entry.tables or (lake / entry.folder / _MANIFEST).exists()


def discard(staged: Staged) -> None:
    """Remove a staged delivery that cannot be judged."""
    shutil.rmtree(staged.folder, ignore_errors=True)


def sweep(delivery: Delivery, lake: Path, ledger: Ledger) -> int:
    """Remove what a crash left of one delivery: temporary folders, and revisions that no ledger record names.

    Returns:
        How many folders were removed. The delivery is still in landing and is judged again.
    """
    known = {lake / entry.folder for entry in ledger.of_delivery(delivery.key)}
    revisions = lake.glob(f"{delivery.dataset}__*/{delivery.partner}/{delivery.date.isoformat()}/r*")
    left = [*lake.glob(f"{_TEMPORARY}*-{_dashed(delivery)}"), *(path for path in revisions if path not in known)]
    for path in left:
        shutil.rmtree(path)
    return len(left)


def _control(content: Content, delivery: str) -> Control | None:
    """The delivery's control totals, which fit its files.

    Raises:
        DeliveryError: they do not, or cannot be read.
    """
    control = read_control(content, delivery)
    faults = file_faults(control, content, delivery) if control else []
    if faults:
        raise DeliveryError("\n".join(faults))
    return control


def _place(staged: Staged, entry: LedgerEntry, final: Path) -> None:
    """Write the manifest, force everything to disk and give the folder its final name."""
    noted = {"delivery": entry.delivery, "revision": entry.revision, "files": staged.manifest}
    write_json(staged.folder / _MANIFEST, noted, point="lake.manifest")
    for path in (*(staged.folder / name for name in staged.manifest), staged.folder):
        fsync(path, point="lake.revision")
    make_folder(final.parent)
    reach("lake.revision.before_rename")
    os.rename(staged.folder, final)
    reach("lake.revision.after_rename")
    fsync(final.parent)


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of every file of a revision's folder but the manifest itself."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != _MANIFEST)
    return {path.name: {"size": path.stat().st_size, "sha256": sha256_of(path)} for path in files}


def _hash_of(manifest: Mapping[str, Mapping[str, Any]]) -> str:
    lines = sorted(f"{name}\0{file['sha256']}\n" for name, file in manifest.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _dashed(delivery: Delivery) -> str:
    return delivery.key.replace("/", "-")


def _count(
    connection: duckdb.DuckDBPyConnection, table: Table, reads: list[FileRead], delivery: Delivery
) -> TableCounts:
    """Count what the workspace holds and compare it with what the readers counted in the source."""
    counts = TableCounts(
        rows_read=sum(read.rows_read for read in reads),
        kept=sum(read.kept for read in reads) + scalar(connection, f"SELECT count(*) FROM {rows_of(table)}"),
        quarantined=scalar(connection, f"SELECT count(*) FROM quarantine WHERE table_name = {literal(table.name)}"),
        ignored=sum(read.ignored for read in reads),
        columns_dropped=max((read.columns_dropped for read in reads), default=0),
        columns_absent=tuple(c.name for c in table.columns if any(c.name in read.columns_absent for read in reads)),
        columns_dropped_names=tuple(sorted({name for read in reads for name in read.columns_dropped_names})),
    )
    if counts.rows_read != counts.kept + counts.quarantined + counts.ignored:
        raise ReconciliationError(
            f"{delivery.key}, table '{table.name}': {counts.rows_read} rows read, but {counts.kept} kept, "
            f"{counts.quarantined} quarantined and {counts.ignored} ignored. This is a fault of the spine: report it"
        )
    return counts


def _rows(table: Table, reads: list[FileRead]) -> str:
    """SQL: every kept row of a table, in order of file and row.

    Most readers leave the rows where they were read, part after part: nothing is copied or sorted. FHIR resources
    stand in the row table.
    """
    parts = [read.rows for read in reads if read.rows]
    return " UNION ALL ".join(parts) or f"SELECT * FROM {rows_of(table)} ORDER BY _file_no, _row_no, _place"


def _with_provenance(rows: str, table: Table, delivery: Delivery, contract: Contract, revision: int) -> str:
    columns = ", ".join(identifier(column.name) for column in table.columns)
    return f"""
        SELECT {columns}, {literal(delivery.partner)} AS _partner, {literal(delivery.key)} AS _delivery,
               DATE {literal(delivery.date)} AS _delivery_date, {revision}::INTEGER AS _revision,
               {literal(contract.version)} AS _contract_version, _file_sha256, _file_no::INTEGER AS _file_no,
               _row_no::BIGINT AS _row_no
        FROM ({rows})"""


def _write_tables(
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    contract: Contract,
    revision: int,
    reads: Reads,
    counts: Mapping[str, TableCounts],
    paths: Mapping[str, Path],
) -> None:
    for table in contract.tables:
        rows = _with_provenance(_rows(table, reads.tables[table.name]), table, delivery, contract, revision)
        where = f"{delivery.key}, table '{table.name}'"
        _write(connection, rows, paths[table.name], counts[table.name].kept, where)


def _write(connection: duckdb.DuckDBPyConnection, rows: str, path: Path, kept: int, where: str) -> None:
    """Write the rows of a table.

    Args:
        kept: how many they are.

    Raises:
        PipelineError: not all were written.
    """
    query = f"COPY ({rows}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
    written = connection.execute(query).fetchone()
    if written is None or written[0] != kept:
        raise PipelineError(f"{where}: not every row was written to the lake. Check the disk")


def _write_quarantine(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    connection.execute(f"""
        COPY (SELECT * FROM quarantine ORDER BY table_name, file_no, row_no, rule)
        TO {literal(folder / "quarantine.parquet")} (FORMAT parquet, COMPRESSION zstd)""")


def _window(
    connection: duckdb.DuckDBPyConnection, contract: Contract, delivery: Delivery, tables: Mapping[str, Path]
) -> tuple[date | None, date | None]:
    """First and last day that a rolling delivery covers: the period that most of its rows name, the latest of equals.

    The extremes of all rows would let one mistyped year replace every earlier delivery.

    Raises:
        DeliveryError: no row says so.
    """
    if contract.mode != "rolling" or contract.window is None:
        return None, None
    window = contract.window
    row = connection.execute(f"""
        SELECT as_date(period_start) AS first_day, as_date(period_end) AS last_day FROM (
            SELECT {identifier(window.period_start)} AS period_start, {identifier(window.period_end)} AS period_end,
                   count(*) AS n
            FROM read_parquet({literal(tables[window.table])}) GROUP BY ALL)
        WHERE first_day <= last_day
        GROUP BY ALL ORDER BY sum(n) DESC, last_day DESC, first_day DESC LIMIT 1""").fetchone()
    if row is None:
        raise DeliveryError(
            f"{delivery.key}: no row of table '{window.table}' says which period it covers: expected a date in "
            f"'{window.period_start}' and the same or a later one in '{window.period_end}'. "
            "Ask the partner to resend it"
        )
    return row[0], row[1]


def _too_much_quarantine(contract: Contract, counts: Mapping[str, TableCounts]) -> tuple[str, ...]:
    faults = []
    for name, count in counts.items():
        rows = count.kept + count.quarantined
        percent = 100.0 * count.quarantined / rows if rows else 0.0
        if percent > contract.quarantine_max_percent:
            faults.append(
                f"table '{name}': {count.quarantined} of {rows} rows ({percent:.2f} %) cannot be used; "
                f"the contract allows {contract.quarantine_max_percent:g} %. Ask the partner to correct and resend"
            )
    return tuple(faults)
