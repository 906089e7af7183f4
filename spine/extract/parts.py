"""Which part of a delivery belongs to which table: files, files of archives, and sheets of workbooks.

Put here: unpacking, kinds and names. Never here: how a kind is read (read_*), or a name in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from spine.contracts.model import Contract, Table
from spine.errors import DeliveryError
from spine.extract.archive import gunzip, unpack
from spine.extract.deliveries import DOCUMENTS, Content, Delivery, SourceFile
from spine.extract.load_rows import Part
from spine.extract.read_workbook import fitting, read_sheets
from spine.extract.sniff import Kind, Sniffed, check_size, sniff

#: Files that say something about a delivery and are no part of it.
_ABOUT = re.compile(r"(licen[cs]e|copying|notice|readme|changelog)\b.*", re.IGNORECASE)
#: A file with one of these suffixes is looked for under the name that it would have as CSV.
_TABULAR = (
    *(".csv", ".txt", ".tsv", ".tab", ".psv", ".dat", ".asc", ".json", ".ndjson", ".jsonl", ".xml"),
    *(".parquet", ".pq", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".zip"),
)
_JSON_SUFFIXES = (".json", ".ndjson", ".jsonl")


@dataclass
class Parts:
    """The parts of each table, each with its kind, in order of file; and what is wrong with the delivery so far."""

    by_table: dict[str, list[tuple[Part, Kind]]]
    faults: list[str] = field(default_factory=list)


def find_parts(delivery: Delivery, contract: Contract, content: Content, folder: Path) -> Parts:
    """Give every file of a delivery to a table, or to none.

    Args:
        folder: takes what comes out of archives; the caller deletes it.

    Raises:
        DeliveryError: every file that holds data and cannot be read, or a table that must come and has no file.
    """
    found = Parts({table.name: [] for table in contract.tables})
    for file in content.files:
        if not _is_beside(file.name, contract):
            try:
                for part, aliases in _opened(file, f"{delivery.key}: {file.label}", contract, folder):
                    _give(part, aliases, contract, found)
            except DeliveryError as error:
                found.faults.append(str(error))
    if not found.faults:
        found.faults += [
            f"{delivery.key}: table '{table.name}' has no file: none of {len(content.files)} has a name or kind that "
            f"the contract knows ({contract.id} {contract.version}). Ask the partner to send it"
            for table in contract.tables
            if table.required and not found.by_table[table.name]
        ]
    if found.faults and not any(found.by_table.values()):
        raise DeliveryError("\n".join(found.faults))
    return found


def _is_beside(name: str, contract: Contract) -> bool:
    """True for a file that says something about a delivery and is no part of it."""
    path = Path(name)
    is_document = path.suffix.lower() in DOCUMENTS and _first_fitting([path.name], contract) is None
    return is_document or _ABOUT.fullmatch(path.name) is not None


def _opened(file: SourceFile, where: str, contract: Contract, folder: Path) -> Iterator[tuple[Part, tuple[str, ...]]]:
    """The file itself, or what its archive holds; each with other names under which a table may know it."""
    check_size(file.size, where)
    kind = sniff(file.path, file.name).kind
    if kind == "gzip":
        inner = gunzip(file.path, folder / f"archive_{file.number}", where)
        Part(file, file.name, file.path, where).check_unchanged()
        held = re.sub(r"(?i)\.gz(ip)?$", "", file.name)
        yield Part(file, held, inner, where), () if Path(held).suffix else (f"{Path(held).name}.csv",)
        return
    if kind != "zip":
        yield Part(file, file.name, file.path, where), ()
        return
    entries = unpack(file.path, folder / f"archive_{file.number}", where)
    Part(file, file.name, file.path, where).check_unchanged()
    files = [entry for entry in entries if not _is_beside(entry.name, contract)]
    outer = Path(file.name).with_suffix("").name
    for entry in files:
        suffix = Path(entry.name).suffix.lower()
        ending = suffix if re.fullmatch(r"\.[a-z]{1,8}", suffix) else "no known suffix"
        shown = f"{where}, entry {entry.number} of {entry.of} ({ending})"
        # One file in an archive may be meant by the archive's name.
        yield Part(file, entry.name, entry.path, shown), (outer, f"{outer}.csv") if len(files) == 1 else ()


def _give(part: Part, aliases: tuple[str, ...], contract: Contract, found: Parts) -> None:
    """Put a part into the list of its table.

    Raises:
        DeliveryError: it holds data and cannot be read.
    """
    sniffed = sniff(part.path, part.name)
    if contract.format == "fhir-json":
        if _is_json(part, sniffed):
            found.by_table[contract.tables[0].name].append((part, "json"))
        elif sniffed.kind in ("zip", "gzip"):
            raise _nested(part)
        return
    table = _table_of(part.name, aliases, sniffed, contract)
    if sniffed.kind is None:
        if table or sniffed.holds_data:
            raise DeliveryError(f"{part.where}: {sniffed.fault}")
    elif sniffed.kind in ("zip", "gzip"):
        raise _nested(part)
    elif sniffed.kind == "workbook":
        for owner, sheet in _sheets(part, table, contract):
            found.by_table[owner.name].append((sheet, "workbook"))
    elif table:
        found.by_table[table.name].append((part, sniffed.kind))


def _is_json(part: Part, sniffed: Sniffed) -> bool:
    return sniffed.kind == "json" or Path(part.name).suffix.lower() in _JSON_SUFFIXES


def _nested(part: Part) -> DeliveryError:
    return DeliveryError(
        f"{part.where}: is an archive inside an archive; expected one level. "
        "Ask the partner to resend its files in one zip"
    )


def _table_of(name: str, aliases: tuple[str, ...], sniffed: Sniffed, contract: Contract) -> Table | None:
    """The first table whose pattern fits the file's name, or the name that it would have as CSV."""
    path = Path(name)
    names = [path.name, *aliases]
    if path.suffix.lower() in _TABULAR or sniffed.kind in ("workbook", "parquet"):
        names.append(f"{path.stem}.csv")
    return _first_fitting(names, contract)


def _first_fitting(names: list[str], contract: Contract) -> Table | None:
    for table in contract.tables:
        if any(re.fullmatch(table.source, name, re.IGNORECASE) for name in names):
            return table
    return None


def _sheets(part: Part, table: Table | None, contract: Contract) -> Iterator[tuple[Table, Part]]:
    """Sheets and their tables: by the sheet's name, or by what they hold where the whole file is of one table."""
    sheets = read_sheets(part.path, part.where)
    owners = [(table, sheet) for sheet in fitting(sheets, table)] if table else []
    if table is None or len(contract.tables) > 1:
        named = [(owner, s) for s in sheets if (owner := _first_fitting([f"{s.name}.csv"], contract))]
        owners = named or owners
    for owner, sheet in owners:
        where = f"{part.where}, sheet {sheet.place + 1} of {len(sheets)}"
        yield owner, replace(part, sheet=sheet.place, where=where)
