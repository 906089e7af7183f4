"""Zip and gzip files, opened with suspicion: what is announced is checked, and what comes out is counted.

Put here: the limits of an archive and its unpacking into scratch files under names of our own.
Never here: what its files hold. No name of an entry is ever a path, or part of a message.
"""

from __future__ import annotations

import gzip
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from spine.errors import DeliveryError

#: What comes out of one archive, in bytes, at most.
MAX_UNPACKED = 5_000_000_000
#: A larger ratio than this is a bomb, once so many bytes have come out.
MAX_RATIO = 200
RATIO_COUNTS_FROM = 50_000_000
MAX_ENTRIES = 1_000
_MAX_DIRECTORY = 64_000_000
_CHUNK = 1_048_576
_RESEND = "Ask the partner to resend it"
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, OSError, ValueError, IndexError)


@dataclass(frozen=True)
class Unpacked:
    """One file of an archive.

    Attributes:
        name: as in the archive. Never shown.
        number: place among the archive's files, from 1.
    """

    name: str
    path: Path
    number: int
    of: int


class ArchiveError(Exception):
    """What is wrong with an archive, in words that follow "file 1 of 1 (.zip): "."""


def directory(path: Path) -> list[zipfile.ZipInfo]:
    """The entries of an archive; none where it is damaged, which unpacking it then tells."""
    try:
        with _opened(path) as archive:
            return archive.infolist()
    except ArchiveError:
        return []


def unpack(path: Path, folder: Path, where: str) -> list[Unpacked]:
    """Write the files of an archive to `folder`, in order of name.

    Folders, hidden files and the notes of macOS are left out.

    Raises:
        DeliveryError: damaged, protected by a password, a bomb, or an entry that is a link or whose
            name leaves the archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _opened(path) as archive:
            entries = sorted(_files(archive), key=lambda entry: entry.filename)
            if not entries:
                raise ArchiveError("is an empty archive; expected at least one file in it")
            left = _Budget(path.stat().st_size)
            found = []
            for number, entry in enumerate(entries, start=1):
                target = folder / f"entry_{number}"
                with target.open("wb") as out:
                    for chunk in _chunks(archive, entry, left):
                        out.write(chunk)
                found.append(Unpacked(entry.filename, target, number, len(entries)))
            return found
    except ArchiveError as error:
        raise DeliveryError(f"{where}: {error}. {_RESEND}") from None


def gunzip(path: Path, folder: Path, where: str) -> Path:
    """Write what a gzip file holds to `folder`, within the limits of an archive.

    Raises:
        DeliveryError: damaged, cut off or a bomb.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, left = folder / "entry_1", _Budget(path.stat().st_size)
    try:
        with gzip.open(path) as packed, target.open("wb") as out:
            while chunk := _read(packed):
                left.take(len(chunk))
                out.write(chunk)
    except ArchiveError as error:
        raise DeliveryError(f"{where}: {error}. {_RESEND}") from None
    return target


def _read(packed: gzip.GzipFile) -> bytes:
    try:
        return packed.read(_CHUNK)
    except _DAMAGED:
        raise ArchiveError("is a damaged or cut-off gzip file; expected a whole one") from None


def check(path: Path, limit: int, where: str) -> None:
    """Unpack a workbook into nothing: every byte is there, and there are not more than `limit`.

    Raises:
        DeliveryError: as for `unpack`.
    """
    try:
        with _opened(path) as archive:
            left = _Budget(path.stat().st_size, limit)
            for entry in archive.infolist():
                for _ in _chunks(archive, entry, left):
                    pass
    except ArchiveError as error:
        raise DeliveryError(f"{where}: {error}. {_RESEND}") from None


class _Budget:
    """Bytes that may still come out of an archive of `size` bytes."""

    def __init__(self, size: int, limit: int | None = None) -> None:
        self.size = max(size, 1)
        self.limit = MAX_UNPACKED if limit is None else limit
        self.out = 0

    def take(self, count: int) -> None:
        self.out += count
        if self.out > self.limit:
            raise ArchiveError(
                f"unpacks to more than {self.limit / 1e9:g} GB, which is the limit; expected less, or delimited text"
            )
        if self.out > RATIO_COUNTS_FROM and self.out > MAX_RATIO * self.size:
            raise ArchiveError(
                f"unpacks to more than {MAX_RATIO} times its size, as archives do that are made to do harm; "
                "expected an archive of data"
            )


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        count, size = _announced(path)
        if count > MAX_ENTRIES or size > _MAX_DIRECTORY:
            raise ArchiveError(f"has {count} entries; expected at most {MAX_ENTRIES}")
        archive = zipfile.ZipFile(path)
    except _DAMAGED:
        raise ArchiveError("is a damaged or cut-off archive; expected a whole one") from None
    if len(archive.filelist) > MAX_ENTRIES:
        archive.close()
        raise ArchiveError(f"has {len(archive.filelist)} entries; expected at most {MAX_ENTRIES}")
    return archive


def _announced(path: Path) -> tuple[int, int]:
    """Entries and bytes of the archive's directory, as its end says, before any of it is held in memory.

    Source: PKWARE APPNOTE 6.3, sections 4.3.14 to 4.3.16.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65_577))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0:
            raise zipfile.BadZipFile
        count, size = struct.unpack_from("<HL", tail, at + 10)
        locator = tail.rfind(b"PK\x06\x07", 0, at)
        if locator >= 0 and (count == 0xFFFF or size == 0xFFFFFFFF):
            file.seek(struct.unpack_from("<Q", tail, locator + 8)[0])
            count, size = struct.unpack_from("<32x2Q", file.read(56))[:2]
    return count, size


def _files(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    for entry in archive.infolist():
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if entry.filename.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", entry.filename):
            raise ArchiveError("holds an entry whose name leads out of the archive; expected plain names")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ArchiveError("holds an entry that is a link; expected files only")
        if not entry.is_dir() and not any(part.startswith(".") or part == "__MACOSX" for part in parts):
            yield entry


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: _Budget) -> Iterator[bytes]:
    if entry.flag_bits & 0x1 or entry.compress_type == 99:
        raise ArchiveError("is protected by a password; expected an archive without one")
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                left.take(len(chunk))
                yield chunk
    except NotImplementedError:
        raise ArchiveError("is compressed in a way that is not read here; expected ordinary zip (deflate)") from None
    except _DAMAGED:
        raise ArchiveError("is a damaged or cut-off archive; expected a whole one") from None
