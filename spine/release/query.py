"""Asking a published release: read only, cut off from files, network and other databases.

Put here: opening a published file. Never here: the warehouse, which analysts never open. A
release holds no direct identifier, so DuckDB's own message about a faulty query may be shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from spine.errors import UsageError
from spine.release.shelf import Shelf
from spine.release.sql import quoted

#: Set when the database is opened and locked, so that no query can change it.
LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "enable_external_access": False,
    "python_enable_replacements": False,
    "lock_configuration": True,
}


@dataclass(frozen=True)
class Published:
    """One published release."""

    purpose: str
    version: int
    as_of: date
    agreement: str
    rows: Mapping[str, int]
    is_demo: bool
    path: Path


#: How often a version may be replaced and removed between being chosen and being opened.
_ATTEMPTS = 10


def query(releases: Path, purpose: str, sql: str) -> pl.DataFrame:
    """Run one query on the published release of a purpose.

    Args:
        releases: the folder of all purposes.
        sql: one SELECT; also DESCRIBE, SHOW, SUMMARIZE, EXPLAIN.

    Raises:
        UsageError: nothing is published for the purpose, or the query is faulty or not allowed.
    """
    for _ in range(_ATTEMPTS):
        path = _current(releases, purpose)
        try:
            return _ask(path, sql)
        except duckdb.Error as error:
            if path.exists():
                raise UsageError(f"the query failed: {str(error).splitlines()[0]}") from None
    raise UsageError("the release was replaced again and again while it was opened. Ask again")


def _ask(path: Path, sql: str) -> pl.DataFrame:
    statements = duckdb.extract_statements(sql)
    allowed = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
    if len(statements) != 1 or statements[0].type not in allowed:
        raise UsageError("a query is exactly one SELECT statement; a release can be read and nothing else")
    with duckdb.connect(str(path), read_only=True, config=LOCKED) as connection:
        return connection.execute(statements[0]).pl()


def published(releases: Path) -> list[Published]:
    """What is published, by purpose."""
    found = []
    for folder in sorted(releases.iterdir()) if releases.exists() else []:
        shelf = Shelf(folder)
        path = shelf.versions.get(shelf.current or 0)
        facts = release_facts(path)
        if path and facts:
            agreement = f"{facts['agreement_id']} {facts['agreement_version']}"
            rows = json.loads(facts["table_rows"])
            found.append(
                Published(folder.name, facts["version"], facts["as_of"], agreement, rows, facts["is_demo"], path)
            )
    return found


def release_facts(path: Path | None) -> dict[str, Any] | None:
    """The one row of `_release`; None where there is no file or it cannot be read."""
    if path is None:
        return None
    try:
        # Attached, not opened: within one process a file cannot be opened under two configurations.
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH {quoted(str(path))} AS release (READ_ONLY)")
            return connection.execute("FROM release._release").pl().row(0, named=True)
    except (duckdb.Error, pl.exceptions.PolarsError):
        return None


def _current(releases: Path, purpose: str) -> Path:
    # The version's own file, not the link: a reader then keeps one version from start to end.
    shelves = {folder.name: Shelf(folder) for folder in sorted(releases.iterdir())} if releases.exists() else {}
    current = {name: shelf.path_of_current for name, shelf in shelves.items()}
    path = current.get(purpose)
    if path is None:
        if purpose in shelves and shelves[purpose].withdrawn_up_to:
            raise UsageError(
                f"no release of purpose '{purpose}'; it was withdrawn: `spine audit show --kind withdrawal` says when "
                "and why, `spine agreement list` who must act"
            )
        names = ", ".join(name for name, there in current.items() if there)
        there = f"published are: {names}" if names else "nothing is published yet; run the pipeline first"
        raise UsageError(f"no release of purpose '{purpose}'; {there}")
    return path
