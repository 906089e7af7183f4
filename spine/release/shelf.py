"""The folder of one purpose's published files: version numbers, the swap, withdrawal and sweeping.

Put here: file operations on `releases/<purpose>/`. Never here: what is inside a file, or whether
it may be published.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spine.errors import ContractError
from spine.failpoints import reach
from spine.files import fsync, make_folder, remove, temporary_beside, write_json

#: Lines due in the audit log once a publication or withdrawal is done: kind and facts of each.
Lines = Sequence[tuple[str, dict[str, Any]]]

CURRENT = "current.duckdb"
_VERSION = re.compile(r"v(\d{6,})\.duckdb")


@dataclass(frozen=True)
class Shelf:
    """`releases/<purpose>/`: `v<NNNNNN>.duckdb`, `current.duckdb` (a link to the newest), `version.json`.

    `version.json` holds the last number given out, so that a withdrawn version's number is never
    used again and a purpose that was once published is known even when nothing of it is left, and
    the last number withdrawn, so that a withdrawal that was interrupted is never undone. It also
    holds the audit lines of the last change until they are in the log: a run that dies in between
    leaves them to the next one.
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

    def path_of(self, version: int) -> Path:
        """Where that version is, once it is published."""
        return self.folder / f"v{version:06d}.duckdb"

    def build_path(self, version: int) -> Path:
        """Where that version is built and checked."""
        return self.folder / f".build-{version:06d}.duckdb"

    def sweep(self) -> None:
        """Remove what an interrupted run left: unfinished builds, and files that never became current.

        A lost link is set again before anything is judged by it.
        """
        make_folder(self.folder)
        for path in (*self.folder.glob(".build-*"), *self.folder.glob(".tmp-*")):
            remove(path)
        newest = self.newest
        if newest is None:
            self._take_away()
            return
        if newest != self.current:
            self._point_to(newest)
        withdrawn = self._noted("withdrawn")
        self.remove(version for version in self.versions if version > newest or version <= withdrawn)

    def put(self, build: Path, version: int, lines: Lines = ()) -> Path:
        """Publish a finished build: note its number, rename it, then point `current` at it.

        Whoever opens `current` before the last step gets the old version, afterwards the new one;
        whoever has the old one open keeps it. Where the disk refuses a step, nothing of the new
        version stays.

        Args:
            lines: due in the audit log; noted until `logged`.
        """
        target = self.path_of(version)
        self._note(version, self._noted("withdrawn"), lines)
        fsync(build, point="release.version")
        reach("release.version.before_rename")
        try:
            os.replace(build, target)
            reach("release.version.after_rename")
            fsync(self.folder)
            self._point_to(version)
        except BaseException:
            if self.current != version:
                target.unlink(missing_ok=True)
            raise
        return target

    def remove(self, versions: Iterable[int]) -> list[int]:
        """Delete versions; returns the numbers that were there, in order."""
        present = self.versions
        gone = sorted(set(versions) & set(present))
        for version in gone:
            present[version].unlink()
        fsync(self.folder)
        return gone

    def withdraw(self, lines: Lines = ()) -> list[int]:
        """Take the purpose off the shelf; returns the numbers of its versions.

        The withdrawal is noted first, so that a kill at any later step cannot bring a version back.

        Args:
            lines: due in the audit log; noted until `logged`.
        """
        if not self.folder.exists():
            return []
        if self.versions:
            reach("withdrawal.before_note")
            self._note(self.last, self.last, lines)
            reach("withdrawal.after_note")
        return self._take_away()

    @property
    def unlogged(self) -> Lines:
        """Audit lines of the last change that may not be in the log; none of a version that was never published."""
        lines = [(str(kind), dict(facts)) for kind, facts in self._read().get("to_log", ())]
        return [(kind, facts) for kind, facts in lines if facts.get("version") in (None, self.current)]

    def logged(self) -> None:
        """Note that the last change is in the audit log."""
        if self._read().get("to_log"):
            self._note(self._noted("last"), self._noted("withdrawn"))

    def _take_away(self) -> list[int]:
        (self.folder / CURRENT).unlink(missing_ok=True)
        reach("withdrawal.after_unlink")
        removed = self.remove(self.versions)
        reach("withdrawal.after_remove")
        return removed

    def _point_to(self, version: int) -> None:
        link = temporary_beside(self.folder / CURRENT)
        link.unlink(missing_ok=True)
        reach("release.current.before_write")
        os.symlink(self.versions[version].name, link)
        try:
            reach("release.current.before_rename")
            os.replace(link, self.folder / CURRENT)
        finally:
            link.unlink(missing_ok=True)
        reach("release.current.after_rename")
        fsync(self.folder)

    def _note(self, last: int, withdrawn: int, lines: Lines = ()) -> None:
        noted = {"last": last, "withdrawn": withdrawn, **({"to_log": lines} if lines else {})}
        write_json(self.folder / "version.json", noted, point="release.note")

    def _noted(self, what: str) -> int:
        return int(self._read().get(what, 0))

    def _read(self) -> dict[str, Any]:
        path = self.folder / "version.json"
        try:
            noted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            return {"to_log": (), **noted, **{name: int(noted.get(name, 0)) for name in ("last", "withdrawn")}}
        except (ValueError, AttributeError, TypeError):
            raise ContractError(
                f"{path.parent.name}/version.json is damaged: expected the numbers 'last' and 'withdrawn'. "
                "Restore it from a backup"
            ) from None
