"""Control totals: what a partner says a delivery holds, compared with what it does hold.

Put here: `_control.json`, its forms and its faults. Never here: a file's name in a message: names may
hold personal data, so a fault says "file 2 of 4", and of the control file "entry 2 of 4".

Forms: `{"rows": 120, "sha256": "..."}` for one file; `{"files": {"<name>": {"rows": ..., "sha256": ...}}}`,
or a list of `{"name": ..., "rows": ..., "sha256": ...}`, for several. Either total may be left out, and
other keys are passed over. `rows` are data rows, the header not counted; of a zip, all rows in it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from spine.errors import DeliveryError
from spine.extract.deliveries import CONTROL, MARKER, Content, Delivery, SourceFile, read_content

#: A control file of a delivery of thousands of files is still far below this, in bytes.
MAX_SIZE = 20_000_000
_ASK = "Ask the partner to resend"
#: Files beside the data that a partner need not list.
_NOTE = re.compile(r"(licen[cs]e|copying|notice|readme|changelog)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class Total:
    """What is said of one file, or of all: data rows and the hash of the bytes, None where it is not said."""

    rows: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Control:
    """A control file. `files` is None where it lists none; keys are names in one spelling (`_spelt`)."""

    total: Total
    files: Mapping[str, Total] | None

    def of(self, file: SourceFile) -> Total | None:
        """What is said of a file; None where it is not listed."""
        return (self.files or {}).get(_spelt(file.name))


def read_control(content: Content, delivery: str) -> Control | None:
    """The delivery's control totals; None where it has no control file.

    Args:
        delivery: its key, for messages.

    Raises:
        DeliveryError: the file is damaged, or says nothing.
    """
    if content.control is None:
        return None
    where = f"{delivery}: {CONTROL}"
    try:
        size = content.control.stat().st_size
        raw = json.loads(content.control.read_bytes()) if size <= MAX_SIZE else None
    except (OSError, ValueError, RecursionError) as error:
        fault = f"{where} cannot be read as JSON ({type(error).__name__}), perhaps cut off"
        raise DeliveryError(f"{fault}. {_ASK} it") from None
    top = _keys({"files": raw} if isinstance(raw, list) else raw)
    if top is None or not top.keys() & {"rows", "sha256", "files"}:
        raise DeliveryError(f"{where} says nothing: expected 'rows', 'sha256' or 'files'. {_ASK} it")
    return Control(_total(top, where), None if top.get("files") is None else _listed(top["files"], where))


def file_faults(control: Control, content: Content, delivery: str) -> list[str]:
    """What is wrong before any file is read: files missing or not listed, and hashes. Empty where all is well."""
    faults = []
    if control.files is not None:
        listed, sent = set(control.files), {_spelt(file.name) for file in content.files}
        if listed - sent:
            count = f"{len(listed - sent)} of the {len(listed)} files that {CONTROL} lists"
            faults.append(f"{delivery}: {count} did not arrive. Ask the partner to send what is missing")
        faults += [
            f"{delivery}: {file.label} is not listed in {CONTROL}. Ask the partner to list it, or to take it away"
            for file in content.files
            if control.of(file) is None and not _NOTE.fullmatch(PurePosixPath(file.name).name)
        ]
    elif control.total.sha256 and len(content.files) > 1:
        faults.append(
            f"{delivery}: {CONTROL} has one sha256 for {len(content.files)} files, which could mean any of them. "
            "Ask the partner to list the files, each with its own"
        )
    for file in content.files:
        said = _hash_of(control, content, file)
        if said is not None and said != file.sha256:
            faults.append(f"{delivery}: {file.label} is not what was sent: its sha256 is not that in {CONTROL}. {_ASK}")
    return faults


def row_faults(
    control: Control, content: Content, delivery: str, rows: Mapping[int, int], ignored: Mapping[int, int]
) -> list[str]:
    """What is wrong with the counts, once the files are read.

    A count is right with or without the rows that hold nothing the contract names (blank rows, resources
    of other types): partners count either way.

    Args:
        rows: rows read by file number; a file that no table of the contract names is not in it.
        ignored: how many of them hold nothing that the contract names.
    """
    faults: list[str] = []
    for file in content.files:
        total = control.of(file)
        if total is not None and total.rows is not None and file.number in rows:
            faults += _compare(total.rows, rows[file.number], ignored.get(file.number, 0), f"{delivery}: {file.label}")
    if control.total.rows is not None:
        faults += _compare(control.total.rows, sum(rows.values()), sum(ignored.values()), f"{delivery}: the delivery")
    return faults


def totals_match(delivery: Delivery) -> bool:
    """True where a control file has a hash of every file, and every hash is right."""
    try:
        content = read_content(delivery)
        control = read_control(content, delivery.key)
    except DeliveryError:
        return False
    if control is None or not content.files or file_faults(control, content, delivery.key):
        return False
    return all(_hash_of(control, content, f) or _NOTE.fullmatch(PurePosixPath(f.name).name) for f in content.files)


def _hash_of(control: Control, content: Content, file: SourceFile) -> str | None:
    listed = control.of(file)
    if listed is not None and listed.sha256 is not None:
        return listed.sha256
    return control.total.sha256 if len(content.files) == 1 else None


def _compare(said: int, read: int, ignored: int, where: str) -> Iterator[str]:
    if said not in (read, read - ignored):
        yield f"{where} holds {read - ignored} rows, expected {said} by {CONTROL}. {_ASK} it whole"


def _spelt(name: str) -> str:
    """A name in one spelling: no backslashes, one Unicode form, no difference of case."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./").casefold()


def _keys(value: Any) -> dict[str, Any] | None:
    """A JSON object with its keys in lower case; None for anything else."""
    return {str(key).lower(): entry for key, entry in value.items()} if isinstance(value, dict) else None


def _listed(raw: Any, where: str) -> dict[str, Total]:
    entries = list(raw.items()) if isinstance(raw, dict) else _named(raw, where) if isinstance(raw, list) else None
    if entries is None:
        raise DeliveryError(f"{where}: 'files' is neither a list nor an object. {_ASK} it")
    listed: dict[str, Total] = {}
    for number, (name, entry) in enumerate(entries, start=1):
        place = f"{where}, entry {number} of {len(entries)}"
        fields = _keys(entry)
        if fields is None:
            raise DeliveryError(f"{place} is no object. {_ASK} it")
        if _spelt(name) in (MARKER, CONTROL):
            continue
        if _spelt(name) in listed:
            raise DeliveryError(f"{place} names a file for the second time. {_ASK} it")
        listed[_spelt(name)] = _total(fields, place)
    return listed


def _named(raw: list[Any], where: str) -> list[tuple[str, Any]]:
    """The entries of a list with the names they carry."""
    found = []
    for number, entry in enumerate(raw, start=1):
        fields = _keys(entry) or {}
        name = fields.get("name", fields.get("file"))
        if not isinstance(name, str) or not name:
            raise DeliveryError(f"{where}, entry {number} of {len(raw)} names no file. {_ASK} it")
        found.append((name, entry))
    return found


def _total(fields: Mapping[str, Any], where: str) -> Total:
    rows, sha256 = fields.get("rows"), fields.get("sha256")
    if isinstance(rows, str) and rows.strip().isdecimal():
        rows = int(rows)
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or rows < 0):
        raise DeliveryError(f"{where}: 'rows' is no whole number of rows. {_ASK} it")
    if sha256 is not None and not (isinstance(sha256, str) and re.fullmatch(r"\s*[0-9a-fA-F]{64}\s*", sha256)):
        raise DeliveryError(f"{where}: 'sha256' is no SHA-256 in hexadecimal, 64 digits. {_ASK} it")
    return Total(rows, sha256.strip().lower() if sha256 is not None else None)
