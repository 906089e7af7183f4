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
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spine.errors import ContractError
from spine.failpoints import reach
from spine.files import fsync, make_folder, remove, temporary_beside, write_json

#: Lines due in the audit log once a publication or withdrawal is done: kind and facts of each.
Lines = Sequence[tuple[str, dict[str, Any]]]

CURRENT = "current.duckdb"
_VERSION = re.compile(r"v(\d{6,})(-demo)?\.duckdb")
_RECORD = re.compile(r"v(\d{6,})\.json")


class Terms(BaseModel):
    """Until when one version may be there, as its agreement said when it was published.

    Attributes:
        agreement: its id; what this home has seen said of it holds for the version.
        ends_on: the last day on which the agreement permits anything.
        keep_until: the last day on which the version may be kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    agreement: str
    ends_on: date
    keep_until: date

    @property
    def last_day(self) -> date:
        """The last day on which the version may be there."""
        return min(self.ends_on, self.keep_until)


@dataclass(frozen=True)
class Shelf:
    """`releases/<purpose>/`: `v<NNNNNN>.duckdb` (`v<NNNNNN>-demo.duckdb` in a demonstration), `current.duckdb` (a
    link to the newest), `version.json`, and `history/`, what is remembered of each version.

    `version.json` holds the last number given out, so that a withdrawn version's number is never
    used again and a purpose that was once published is known even when nothing of it is left, and
    the last number withdrawn, so that a withdrawal that was interrupted is never undone. It also
    holds the audit lines of the last change until they are in the log: a run that dies in between
    leaves them to the next one. It holds why a purpose was withdrawn by hand, until it is restored. And it holds
    the terms of each version, so that what is over can be known where nothing else can be read.
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
    def path_of_current(self) -> Path | None:
        """The published version's own file, None where nothing is published."""
        link = self.folder / CURRENT
        return self.folder / os.readlink(link) if link.is_symlink() and link.exists() else None

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

    @property
    def withdrawn_up_to(self) -> int:
        """The highest number that was withdrawn; 0 where none was."""
        return self._noted("withdrawn")

    @property
    def hold(self) -> str | None:
        """Why nothing of the purpose may be published until somebody restores it; None where it may."""
        hold = self._read().get("hold")
        return str(hold) if hold is not None else None

    def path_of(self, version: int, *, is_demo: bool) -> Path:
        """Where that version is, once it is published. The name of a demonstration's says what it is."""
        return self.folder / f"v{version:06d}{'-demo' if is_demo else ''}.duckdb"

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
        self._forget_unpublished(max(newest or 0, self._noted("withdrawn")))
        if newest is None:
            self._take_away()
            return
        if newest != self.current:
            self._point_to(newest)
        withdrawn = self._noted("withdrawn")
        self.remove(version for version in self.versions if version > newest or version <= withdrawn)

    @property
    def terms(self) -> dict[int, Terms]:
        """The terms of each version that is there; a version made before terms were noted has none."""
        noted = self._read().get("terms", {})
        return {
            version: Terms.model_validate(noted[str(version)]) for version in self.versions if str(version) in noted
        }

    def note_terms(self, version: int, terms: Terms) -> None:
        """Note the terms of a version that is there already, where they are not known."""
        if version not in self.terms:
            self._note(terms=self._with_terms(version, terms))

    def _with_terms(self, version: int, terms: Terms) -> dict[str, Any]:
        return {str(v): t.model_dump(mode="json") for v, t in {**self.terms, version: terms}.items()}

    def put(self, build: Path, version: int, lines: Lines = (), *, is_demo: bool, terms: Terms) -> Path:
        """Publish a finished build: note its number, rename it, then point `current` at it.

        Whoever opens `current` before the last step gets the old version, afterwards the new one;
        whoever has the old one open keeps it. Where the disk refuses a step, nothing of the new
        version stays.

        Args:
            lines: due in the audit log; noted until `logged`.
            terms: under which it is published.
        """
        target = self.path_of(version, is_demo=is_demo)
        self._note(last=version, to_log=lines, terms=self._with_terms(version, terms))
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

    def withdraw(self, lines: Lines = (), hold: str | None = None) -> list[int]:
        """Take the purpose off the shelf; returns the numbers of its versions.

        The withdrawal is noted first, so that a kill at any later step cannot bring a version back.

        Args:
            lines: due in the audit log; noted until `logged`.
            hold: why nothing may be published until `restore`; None where the next run may.
        """
        if hold is not None:
            make_folder(self.folder)
        if not self.folder.exists():
            return []
        if self.versions or hold is not None:
            reach("withdrawal.before_note")
            self._note(last=self.last, withdrawn=self.last, to_log=lines, **({"hold": hold} if hold else {}))
            reach("withdrawal.after_note")
        return self._take_away()

    def restore(self, lines: Lines = ()) -> None:
        """Let the next run publish again; nothing that was withdrawn comes back."""
        self._note(hold=None, to_log=lines)

    @property
    def unlogged(self) -> Lines:
        """Audit lines of the last change that may not be in the log; none of a version that was never published."""
        lines = [(str(kind), dict(facts)) for kind, facts in self._read().get("to_log", ())]
        return [(kind, facts) for kind, facts in lines if facts.get("version") in (None, self.current)]

    def logged(self) -> None:
        """Note that the last change is in the audit log."""
        if self._read().get("to_log"):
            self._note(to_log=())

    def _forget_unpublished(self, newest: int) -> None:
        """Remove the records of versions that a run wrote and died before it published them."""
        for path in (self.folder / "history").glob("v*.json"):
            match = _RECORD.fullmatch(path.name)
            if match and int(match[1]) > newest:
                path.unlink()

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

    def _note(self, **changes: Any) -> None:
        noted = {name: value for name, value in {**self._read(), **changes}.items() if value not in (None, (), [], {})}
        write_json(self.folder / "version.json", noted, point="release.note")

    def _noted(self, what: str) -> int:
        return int(self._read().get(what, 0))

    def _read(self) -> dict[str, Any]:
        path = self.folder / "version.json"
        try:
            noted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            for terms in noted.get("terms", {}).values():
                Terms.model_validate(terms)
            return {"to_log": (), **noted, **{name: int(noted.get(name, 0)) for name in ("last", "withdrawn")}}
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise ContractError(
                f"{path.parent.name}/version.json is damaged: expected the numbers 'last' and 'withdrawn', and terms. "
                "Restore it from a backup"
            ) from None
