"""What dbt makes of its project: SQL for each node, in order, with the assets and checks that stand for them.

dbt compiles the project once for each state of project, contracts and versions (dbt_compile); what comes of it is
kept, so that a run neither imports dbt nor compiles again. docs/adr/0012-compiled-once.md says why.

Put here: the plan, where it is kept, and what it is of. Never here: dbt, or the execution of a plan (dbt_runner).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from spine.contracts import Contract
from spine.files import replacing
from spine.settings import PROJECT_ROOT, Settings

#: The two halves of the project, on either side of linkage, by the folders of their models.
Half = Literal["conform", "core"]
BEFORE: Half = "conform"
AFTER: Half = "core"
FOLDERS: dict[Half, tuple[str, ...]] = {BEFORE: ("staging", "intermediate"), AFTER: ("core", "quality", "marts")}

#: Stands in a plan's SQL for the as-of date of the run. No project names this day: the compiler refuses one that does.
AS_OF = "9876-05-04"

#: Each state of a project has its own; two trees under work make a dozen.
_PLANS_KEPT = 20
_PACKAGES = ("dbt-core", "dbt-adapters", "dbt-duckdb", "dagster-dbt", "duckdb")
#: What else a plan depends on: how it is made, and which columns the raw views have.
_MAKERS = (
    "assets/dbt_compile.py",
    "assets/dbt_plan.py",
    "assets/extracts.py",
    "assets/lineage.py",
    "spine/extract/in_use.py",
)
_NOT_PROJECT = frozenset({"target", "logs", "dbt_packages"})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(_Frozen):
    """A table, view or test.

    Attributes:
        unique_id: as dbt names it, beginning with `model.`, `seed.` or `test.`.
        relation: schema and name of a table or view; empty for a test.
        sql: the query, with `AS_OF` for the as-of date.
        parents: models and seeds that it reads, those that are no relation replaced by what they read.
        waits_for: what must have gone well before: its parents, and the tests of what a model reads.
        contract: columns and their types in order, where dbt is to enforce them.
        columns: what the documentation says of columns.
        failures: of a test, the SQL that counts what breaks it.
        is_warning: of a test, that a failure stops nothing.
    """

    unique_id: str
    name: str
    kind: Literal["table", "view", "test"]
    half: Half
    relation: tuple[str, ...] = ()
    sql: str
    parents: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    contract: dict[str, str] = {}
    columns: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    failures: str = ""
    is_warning: bool = False


class PlannedAsset(_Frozen):
    """A model or seed as Dagster shows it; `table_schema` is a TableSchema as Dagster writes it down."""

    unique_id: str
    half: Half
    key: tuple[str, ...]
    deps: tuple[tuple[str, ...], ...]
    group: str
    description: str
    kinds: tuple[str, ...]
    code_version: str | None
    table_schema: str | None
    metadata: dict[str, str]


class PlannedCheck(_Frozen):
    """A test as Dagster shows it."""

    unique_id: str
    half: Half
    asset: tuple[str, ...]
    name: str
    description: str
    additional_deps: tuple[tuple[str, ...], ...]
    blocking: bool


class Plan(_Frozen):
    """A compiled project; nodes stand in an order in which each comes behind what it waits for.

    Attributes:
        behind: ids of the contracts that each purpose's tables are built from.
    """

    nodes: tuple[Node, ...]
    assets: tuple[PlannedAsset, ...]
    checks: tuple[PlannedCheck, ...]
    behind: dict[str, tuple[str, ...]] = {}


def load_plan(settings: Settings, contracts: Sequence[Contract]) -> Plan:
    """The plan of the project as it is now, compiled only where there is none of this state yet.

    Raises:
        PipelineError: the project cannot be compiled, or holds what a run does not do.
    """
    folder = _folder(settings)
    path = folder / f"{_state(settings)}.json"
    if path.exists():
        os.utime(path)  # in use: the last to be cleared away
        return Plan.model_validate_json(path.read_bytes())
    from assets.dbt_compile import compile_plan

    plan = compile_plan(settings, contracts)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replacing(path, point="dbt.plan") as temporary:
        temporary.write_text(plan.model_dump_json(), encoding="utf-8")
    for old in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)[_PLANS_KEPT:]:
        old.unlink(missing_ok=True)
    return plan


def project_files(folder: Path) -> list[Path]:
    """The files of a dbt project, without what dbt writes; sorted."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not _NOT_PROJECT & set(path.relative_to(folder).parts))


def _folder(settings: Settings) -> Path:
    """Where plans are kept: beside the installed packages, so that a new home need not compile again.

    A plan says what SQL is run, so it is trusted as far as the code is and lies where the code does. Where
    there is no environment of our own to write to, each home keeps its own. It holds nothing of a home.
    """
    environment = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and environment.stat().st_uid == os.getuid() and os.access(environment, os.W_OK):
        return environment / "var" / "connected-spine" / "plans"
    return settings.dbt / "plans"


def _state(settings: Settings) -> str:
    """One hash over all that a plan is made of; where the project lies is no part of it."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _PACKAGES).encode())
    _add(digest, settings.dbt_project, project_files(settings.dbt_project))
    contracts = sorted((settings.expectations / "contracts").glob("*.yaml"))
    _add(digest, settings.expectations, [*contracts, settings.expectations / "partners.yaml"])
    _add(digest, PROJECT_ROOT, [PROJECT_ROOT / name for name in _MAKERS])
    return digest.hexdigest()[:16]


def _add(digest: hashlib._Hash, root: Path, files: Iterable[Path]) -> None:
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root)} {len(content)}\n".encode())
        digest.update(content)
