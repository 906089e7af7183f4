"""Which deliveries lie in the landing folder, and which files each one holds.

Put here: the walk over folders and the identity of what lies there. Never here: what is inside
a file (read_csv, read_fhir), or a partner's file name in any message: names may hold personal data.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from spine.contracts.model import Contract
from spine.errors import DeliveryError
from spine.files import sha256_of

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")
#: Beside a delivery's files and never data: "all is sent", and the control totals (control).
MARKER, CONTROL = "_complete", "_control.json"
#: Letters and pictures that partners put beside their tables: not opened, unless a table's name says that it is one.
DOCUMENTS = (
    *(".doc", ".docx", ".odt", ".rtf", ".pdf", ".ppt", ".pptx", ".odp", ".msg", ".eml", ".htm", ".html"),
    *(".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".svg"),
)
_NOT_SHOWN = "(a name that is not shown)"
_GUIDE = "see docs/add-a-partner-extract.md"


@dataclass(frozen=True)
class Delivery:
    """One partner's extract of one dataset on one date, as a folder in landing."""

    partner: str
    dataset: str
    date: date
    folder: Path

    @property
    def key(self) -> str:
        """`partner/dataset/YYYY-MM-DD`."""
        return f"{self.partner}/{self.dataset}/{self.date.isoformat()}"


@dataclass(frozen=True)
class Found:
    """What lies in landing.

    Attributes:
        deliveries: to be judged, sorted by partner, dataset and date.
        future: dated after the run's as-of date, so left alone.
        unrecognised: folder (as text) and the reason why it is not taken.
    """

    deliveries: tuple[Delivery, ...]
    future: tuple[Delivery, ...]
    unrecognised: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SourceFile:
    """One file of a delivery. `label` is what a message may say of it.

    Attributes:
        name: path inside the delivery's folder. Never shown.
        number: place among the delivery's files in order of name, from 1.
    """

    name: str
    path: Path
    number: int
    of: int
    sha256: str
    size: int

    @property
    def label(self) -> str:
        """`file 3 of 19 (.json)`."""
        suffix = Path(self.name).suffix.lower()
        kind = suffix if re.fullmatch(r"\.[a-z]{1,8}", suffix) else "no known suffix"
        return f"file {self.number} of {self.of} ({kind})"


@dataclass(frozen=True)
class Content:
    """The bytes of a delivery.

    Attributes:
        files: in order of name.
        sha256: of names and bytes.
        files_sha256: of the bytes alone, whatever the files are called and in whatever order.
        control: the control file, where there is one. It is not among the files.
        unread: letters and pictures that cannot be opened. They are not among the files.
    """

    files: tuple[SourceFile, ...]
    sha256: str
    files_sha256: str = ""
    control: Path | None = None
    control_sha256: str = ""
    unread: int = 0


def contract_for(contracts: Iterable[Contract], partner: str, dataset: str, day: date) -> Contract | None:
    """The contract whose layout the partner sends for that dataset on that day."""
    for contract in contracts:
        if contract.dataset == dataset and any(s.partner == partner and s.covers(day) for s in contract.supplies):
            return contract
    return None


def find_deliveries(landing: Path, contracts: Iterable[Contract], as_of: date) -> Found:
    """Walk `landing/<partner>/<dataset>/<YYYY-MM-DD>/`.

    Args:
        landing: the landing folder.
        contracts: all input contracts.
        as_of: deliveries dated after it are returned apart, as `future`.

    Returns:
        Deliveries that a contract covers, and everything else with the reason in plain words. The
        name of a folder is shown only where it is a partner or dataset of the contracts, or a date:
        any other may be a person's.
    """
    contracts = tuple(contracts)
    names = _Names.of(contracts)
    deliveries: list[Delivery] = []
    future: list[Delivery] = []
    unrecognised: list[tuple[str, str]] = []
    for folder, shown, problem in _dated_folders(landing, names):
        fault = problem or names.fault(folder)
        if fault is not None:
            unrecognised.append((shown, fault))
            continue
        delivery = Delivery(folder.parts[-3], folder.parts[-2], date.fromisoformat(folder.name), folder)
        fault = _not_covered(contracts, delivery) or _unfit(folder)
        if fault is not None:
            unrecognised.append((shown, fault))
        else:
            (future if delivery.date > as_of else deliveries).append(delivery)
    order = sorted(deliveries, key=lambda d: (d.partner, d.dataset, d.date))
    return Found(tuple(order), tuple(sorted(future, key=lambda d: d.key)), tuple(sorted(set(unrecognised))))


def read_content(delivery: Delivery) -> Content:
    """List and hash the files of a delivery.

    Hidden files, files that are still being sent (`.part`, `.tmp`) and the marker `_complete` are left out.

    Raises:
        DeliveryError: a file cannot be read, is none, or is a link that leaves the partner's folder.
    """
    faults: list[str] = []
    found: list[tuple[str, Path, str, int]] = []
    unread = 0
    paths = sorted(_data_files(delivery.folder, delivery.key), key=lambda p: p.relative_to(delivery.folder).as_posix())
    for number, path in enumerate(paths, start=1):
        try:
            fault = _unnameable(path.name) or _unsafe(path, delivery)
            if fault is None:
                found.append((path.relative_to(delivery.folder).as_posix(), path, sha256_of(path), path.stat().st_size))
        except OSError as error:
            if path.suffix.lower() in DOCUMENTS:
                unread += 1
                continue
            fault = f"cannot be opened ({type(error).__name__}). Check its permissions"
        if fault is not None:
            faults.append(f"{delivery.key}: file {number} of {len(paths)} {fault}")
    control, control_sha256 = _control_of(delivery, faults)
    if faults:
        raise DeliveryError("\n".join(faults))
    files = tuple(SourceFile(n, p, i, len(found), sha, size) for i, (n, p, sha, size) in enumerate(found, start=1))
    return Content(
        files,
        _hash(f"{file.name}\0{file.sha256}\n" for file in files),
        _hash(sorted(file.sha256 for file in files)),
        control,
        control_sha256,
        unread,
    )


def is_unfinished(name: str) -> bool:
    """True for the name of a file that is still being sent."""
    return name.lower().endswith(_UNFINISHED)


def _control_of(delivery: Delivery, faults: list[str]) -> tuple[Path | None, str]:
    """The control file and its hash; what is wrong with it goes to `faults`."""
    for path in sorted(delivery.folder.iterdir()):
        if path.name.casefold() == CONTROL:
            try:
                fault = _unsafe(path, delivery)
                if fault is None:
                    return path, sha256_of(path)
            except OSError as error:
                fault = f"cannot be opened ({type(error).__name__}). Check its permissions"
            faults.append(f"{delivery.key}: {CONTROL} {fault}")
    return None, ""


def _unnameable(name: str) -> str | None:
    """What is wrong with the characters of a file's name, without the name."""
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        return "has a line break or another control character in its name. Ask the partner to rename and resend it"
    return None


def _unsafe(path: Path, delivery: Delivery) -> str | None:
    """Why a file of a delivery must not be opened."""
    landing = delivery.folder.parents[2].resolve()
    try:
        target = path.resolve()
    except RuntimeError:  # links in a circle
        return "is a link that leads nowhere. Put the file itself there"
    if not target.is_relative_to(landing):
        return "is a link that leaves the landing folder. Put the file itself there"
    if not target.is_relative_to(landing / delivery.partner):
        return "is a link that leaves the partner's own folder. Put the file itself there"
    if path.is_dir():
        return "is a link to a folder. Put the folder itself there"
    if path.exists() and not path.is_file():
        return "is no regular file. Put the file itself there"
    return None


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class _Names:
    """The folder names that contracts know, and what to say of others without repeating them."""

    partners: frozenset[str]
    datasets: frozenset[str]

    @classmethod
    def of(cls, contracts: tuple[Contract, ...]) -> _Names:
        partners = frozenset(supply.partner for contract in contracts for supply in contract.supplies)
        return cls(partners, frozenset(contract.dataset for contract in contracts))

    def shown(self, name: str, depth: int) -> str:
        """The name of a folder `depth` levels below landing, where it is one of ours."""
        is_ours = (name in self.partners, name in self.datasets, _is_date(name))[depth - 1]
        return name if is_ours else _NOT_SHOWN

    def fault(self, folder: Path) -> str | None:
        """What is wrong with the names of a date folder and the two above it."""
        partner, dataset, day = folder.parts[-3:]
        if partner not in self.partners:
            return f"no server entry of a contract names this partner folder: {_one_of(self.partners)}; {_GUIDE}"
        if dataset not in self.datasets:
            return f"no contract is named after this dataset folder: {_one_of(self.datasets)}; {_GUIDE}"
        return None if _is_date(day) else "the date folder's name is no date: expected YYYY-MM-DD"


def _one_of(names: Iterable[str]) -> str:
    return f"expected one of: {', '.join(sorted(names))}"


def _dated_folders(landing: Path, names: _Names) -> Iterator[tuple[Path, str, str | None]]:
    """Every folder three levels down; what stops short of that comes with the reason."""
    level: list[tuple[Path, str]] = [(landing, "")]
    for depth, kind in enumerate(("a partner", "a dataset", "a date"), start=1):
        below: list[tuple[Path, str]] = []
        for folder, shown in level:
            for entry in _entries(folder):
                if entry is None:
                    yield folder, shown or "landing itself", "the folder cannot be read: check its permissions"
                    continue
                name = f"{shown}/{names.shown(entry.name, depth)}".lstrip("/")
                if not entry.is_dir():
                    yield entry, shown or "landing itself", f"a file lies where the folder of {kind} should be"
                elif not entry.resolve().is_relative_to(landing.resolve()):
                    yield entry, name, "a link that leaves the landing folder"
                elif not entry.resolve().is_relative_to(landing.resolve() / entry.relative_to(landing).parts[0]):
                    yield entry, name, "a link that leaves the partner's own folder"
                elif depth == 3:
                    yield entry, name, None
                else:
                    below.append((entry, name))
        level = below


def _entries(folder: Path) -> Iterator[Path | None]:
    """Visible entries in order of name; None where the folder cannot be read."""
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError:
        yield None
        return
    # Without the right to enter, the names can be listed and nothing can be asked of them.
    yield from (entry for entry in found if not _is_hidden(entry)) if os.access(folder, os.X_OK) else (None,)


def _data_files(folder: Path, shown: str) -> Iterator[Path]:
    """Files of a delivery that may hold data, in folders below it too."""
    for path in _visible_files(folder, shown):
        if path.parent != folder or path.name.casefold() not in (MARKER, CONTROL):
            yield path


def _visible_files(folder: Path, shown: str) -> Iterator[Path]:
    for entry in _entries(folder):
        if entry is None:
            raise DeliveryError(f"{shown}: a folder of the delivery cannot be read. Check its permissions")
        if entry.is_dir() and not entry.is_symlink():
            yield from _visible_files(entry, shown)
        else:
            yield entry


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or is_unfinished(path.name)


def _is_date(name: str) -> bool:
    if not _DATE.fullmatch(name):
        return False
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True


def _not_covered(contracts: tuple[Contract, ...], delivery: Delivery) -> str | None:
    if contract_for(contracts, delivery.partner, delivery.dataset, delivery.date):
        return None
    mine = [contract for contract in contracts if contract.dataset == delivery.dataset]
    senders = {supply.partner for contract in mine for supply in contract.supplies}
    if delivery.partner not in senders:
        return f"no server entry of the dataset's contracts names this partner: {_one_of(senders)}; {_GUIDE}"
    return "the contract's server entry of this partner is not valid on this date"


def _unfit(folder: Path) -> str | None:
    try:
        return None if any(True for _ in _data_files(folder, "landing")) else "the folder holds no file yet"
    except DeliveryError:
        return "the folder cannot be read: check its permissions"
