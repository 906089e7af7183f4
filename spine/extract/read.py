"""From a delivery's files to the rows of its contracted tables.

Put here: the reader that fits each part of a delivery. Never here: which part belongs to which table
(parts), how a format is read (read_*), or what becomes of the rows (land).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from spine.contracts.model import Contract, Table
from spine.errors import DeliveryError
from spine.extract.deliveries import Content, Delivery
from spine.extract.load_rows import Part
from spine.extract.parts import find_parts
from spine.extract.read_csv import read_csv
from spine.extract.read_fhir import read_fhir
from spine.extract.read_json import read_json
from spine.extract.read_parquet import read_parquet
from spine.extract.read_workbook import read_workbook
from spine.extract.read_xml import read_xml
from spine.extract.sniff import Kind
from spine.extract.workspace import FileRead


@dataclass(frozen=True)
class Reads:
    """What reading a delivery gave: for each table what each of its files held, and how many files were read.

    Attributes:
        rows_by_file, ignored_by_file: by file number, the counts of `FileRead` over all tables.
    """

    tables: Mapping[str, list[FileRead]]
    files: int
    rows_by_file: Mapping[int, int]
    ignored_by_file: Mapping[int, int]


def read_delivery(
    connection: duckdb.DuckDBPyConnection, delivery: Delivery, contract: Contract, content: Content, folder: Path
) -> Reads:
    """Fill the workspace's row tables and `quarantine` from every file of a delivery.

    Args:
        connection: a workspace (spine.extract.workspace) with the contract's tables.
        content: the delivery's files (deliveries.read_content).
        folder: scratch folder, which the caller deletes.

    Raises:
        DeliveryError: every fault of structure, one to a line.
    """
    unpacked = folder / "unpacked"
    try:
        parts = find_parts(delivery, contract, content, unpacked)
        reader = _Reader(connection, contract, folder)
        for table in contract.tables:
            for part, kind in parts.by_table[table.name]:
                try:
                    reader.read(table, part, kind)
                except DeliveryError as error:
                    parts.faults.append(str(error))
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    if parts.faults:
        raise DeliveryError("\n".join(parts.faults))
    return Reads(reader.tables, len(reader.rows), reader.rows, reader.ignored)


class _Reader:
    """Reads part after part and counts."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, folder: Path) -> None:
        self.connection = connection
        self.contract = contract
        self.folder = folder
        self.tables: dict[str, list[FileRead]] = {table.name: [] for table in contract.tables}
        self.rows: Counter[int] = Counter()
        self.ignored: Counter[int] = Counter()
        self._before: Counter[tuple[str, int]] = Counter()
        self._order = 0

    def read(self, table: Table, part: Part, kind: Kind) -> None:
        """Read one part.

        Raises:
            DeliveryError: every fault of its structure.
        """
        number = part.source.number
        self._order += 1
        part = replace(part, base=self._before[table.name, number], order=self._order)
        if self.contract.format == "fhir-json":
            found = read_fhir(self.connection, self.contract.tables, part, self.folder)
        else:
            found = {table.name: self._tabular(table, part, kind)}
        for name, read in found.items():
            self.tables[name].append(read)
            self.rows[number] += read.rows_read
            self.ignored[number] += read.ignored
            self._before[table.name, number] += read.rows_read

    def _tabular(self, table: Table, part: Part, kind: Kind) -> FileRead:
        version = self.contract.version
        match kind:
            case "json":
                return read_json(self.connection, table, part, self.folder, version)
            case "xml":
                return read_xml(self.connection, table, part, self.folder, version)
            case "workbook":
                return read_workbook(self.connection, table, part, version)
            case "parquet":
                return read_parquet(self.connection, table, part, version)
            case _:
                return read_csv(self.connection, table, part, self.folder, version)
