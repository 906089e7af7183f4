"""From a delivery's files to the rows of its contracted tables.

Put here: which file belongs to which table, and the reader that fits it. Never here: how a format
is read (read_csv, read_fhir), or what becomes of the rows (land).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from spine.contracts.model import Contract
from spine.errors import DeliveryError
from spine.extract.deliveries import Content, Delivery, SourceFile
from spine.extract.read_csv import read_csv
from spine.extract.read_fhir import SUFFIXES, read_fhir
from spine.extract.workspace import FileRead

#: Files that say something about a delivery and are no part of it.
_ABOUT = re.compile(r"(licen[cs]e|copying|notice|readme|changelog)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class Reads:
    """What reading a delivery gave: for each table what each of its files held, and how many files were read."""

    tables: Mapping[str, list[FileRead]]
    files: int


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
    groups = _assign(delivery, contract, content)
    reads: dict[str, list[FileRead]] = {table.name: [] for table in contract.tables}
    faults: list[str] = []
    if contract.format == "fhir-json":
        for file in groups[contract.tables[0].name]:
            try:
                found = read_fhir(connection, contract.tables, file, folder, f"{delivery.key}: {file.label}")
                for name, read in found.items():
                    reads[name].append(read)
            except DeliveryError as error:
                faults.append(str(error))
    else:
        for table in contract.tables:
            for file in groups[table.name]:
                try:
                    where = f"{delivery.key}: {file.label}"
                    reads[table.name].append(read_csv(connection, table, file, folder, where, contract.version))
                except DeliveryError as error:
                    faults.append(str(error))
    if faults:
        raise DeliveryError("\n".join(faults))
    return Reads(reads, len({file.number for group in groups.values() for file in group}))


def _assign(delivery: Delivery, contract: Contract, content: Content) -> dict[str, list[SourceFile]]:
    """Files by table (CSV: by file name; FHIR: every JSON file may hold every table).

    Raises:
        DeliveryError: a table that must come has no file.
    """
    candidates = [file for file in content.files if not _ABOUT.fullmatch(Path(file.name).name)]
    groups: dict[str, list[SourceFile]] = {}
    for table in contract.tables:
        if contract.format == "fhir-json":
            groups[table.name] = [file for file in candidates if Path(file.name).suffix.lower() in SUFFIXES]
        else:
            taken = {file.number for group in groups.values() for file in group}
            pattern = re.compile(table.source, re.IGNORECASE)
            groups[table.name] = [
                f for f in candidates if f.number not in taken and pattern.fullmatch(Path(f.name).name)
            ]
    faults = [
        f"{delivery.key}: table '{table.name}' has no file: none of {len(content.files)} has a name or kind that the "
        f"contract knows ({contract.id} {contract.version}). Ask the partner to send it"
        for table in contract.tables
        if table.required and not groups[table.name]
    ]
    if faults:
        raise DeliveryError("\n".join(faults))
    return groups
