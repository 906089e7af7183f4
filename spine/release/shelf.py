"""The folder of one purpose's published files: version numbers, the swap, withdrawal and sweeping.

Put here: file operations on `releases/<purpose>/`. Never here: what is inside a file, or whether
it may be published.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spine.errors import ContractError
from spine.files import fsync, write_json

CURRENT = "current.duckdb"
_VERSION = re.compile(r"v(\d{6,})\.duckdb")


@dataclass(frozen=True)
class Shelf:
    """`releases/<purpose>/`: `v<NNNNNN>.duckdb`, `current.duckdb` (a link to the newest), `version.json`.

    `version.json` holds the last number given out, so that a withdrawn version's number is never
    used again and a purpose that was once published is known even when nothing of it is left, and
    the last number withdrawn, so that a withdrawal that was interrupted is never undone.
    """

    folder: Path

    @property
    def current(self) -> int | None:
        """The published version's number, None where nothing is published."""
        link = self.folder / CURRENT
        if not link.is_symlink():
            return None
        match = _VERSION.fullmatch(os.readlink(link))
        return int(match[1]) if match and link.exists() else None

    @property
    def versions(self) -> dict[int, Path]:
        """Files by version number, oldest first."""
        matches = ((_VERSION.fullmatch(path.name), path) for path in self.folder.glob("v*.duckdb"))
        return dict(sorted((int(match[1]), path) for match, path in matches if match))

    @property
    def last(self) -> int:
        """The highest number ever given out; 0 where the purpose was never published."""
        return max([self._noted("last"), *self.versions])

    @property
    def newest(self) -> int | None:
        """The current version, or where its link was lost the one that the link must have pointed to.

        A copy of the home that follows links turns `current.duckdb` into a file. The versions are
        all there then, and the newest finished one has a number that was noted before it was put here.
        """
        withdrawn, last = self._noted("withdrawn"), self.current or self._noted("last") or self.last
        return max((version for version in self.versions if withdrawn < version <= last), default=None)

    def build_path(self, version: int) -> Path:
        """Where that version is built and checked."""
        return self.folder / f".build-{version:06d}.duckdb"

    def sweep(self) -> None:
        """Remove what an interrupted run left: unfinished builds, and files that never became current.

        A lost link is set again before anything is judged by it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (*self.folder.glob(".build-*"), *self.folder.glob(".tmp-*")):
            path.unlink()
        newest = self.newest
        if newest is None:
            self.withdraw()
            return
        if newest != self.current:
            self._point_to(newest)
        withdrawn = self._noted("withdrawn")
        self.remove(version for version in self.versions if version > newest or version <= withdrawn)

    def put(self, build: Path, version: int) -> Path:
        """Publish a finished build: note its number, rename it, then point `current` at it.

        Whoever opens `current` before the last step gets the old version, afterwards the new one;
        whoever has the old one open keeps it.
        """
        target = self.folder / f"v{version:06d}.duckdb"
        self._note(version, self._noted("withdrawn"))
        fsync(build)
        os.replace(build, target)
        fsync(self.folder)
        self._point_to(version)
        return target

    def remove(self, versions: Iterable[int]) -> list[int]:
        """Delete versions; returns the numbers that were there, in order."""
        present = self.versions
        gone = sorted(set(versions) & set(present))
        for version in gone:
            present[version].unlink()
        fsync(self.folder)
        return gone

    def withdraw(self) -> list[int]:
        """Take the purpose off the shelf; returns the numbers of its versions.

        The withdrawal is noted first, so that a kill at any later step cannot bring a version back.
        """
        if not self.folder.exists():
            return []
        if self.versions:
            self._note(self.last, self.last)
        (self.folder / CURRENT).unlink(missing_ok=True)
        return self.remove(self.versions)

    def _point_to(self, version: int) -> None:
        link = self.folder / f".tmp-{os.getpid()}-{CURRENT}"
        link.unlink(missing_ok=True)
        os.symlink(self.versions[version].name, link)
        os.replace(link, self.folder / CURRENT)
        fsync(self.folder)

    def _note(self, last: int, withdrawn: int) -> None:
        write_json(self.folder / "version.json", {"last": last, "withdrawn": withdrawn})

    def _noted(self, what: str) -> int:
        path = self.folder / "version.json"
        try:
            return int(json.loads(path.read_text(encoding="utf-8")).get(what, 0)) if path.exists() else 0
        except (ValueError, AttributeError, TypeError):
            raise ContractError(
                f"{path.parent.name}/version.json is damaged: expected the numbers 'last' and 'withdrawn'. "
                "Restore it from a backup"
            ) from None
