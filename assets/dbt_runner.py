"""Running dbt in this process, with a manifest that is parsed once for each state of the project.

Put here: how dbt is called. Never here: what its models mean or how they appear in Dagster.

Why not dagster-dbt's command-line resource: each call starts a new Python and parses again, which
costs half a minute. Why so silent: dbt's logs, its console and run_results.json quote the value of
a cast that fails, so none of them is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from assets import imports
from spine.errors import PipelineError
from spine.files import replacing
from spine.settings import Settings
from spine.warehouse import warehouse_lock

#: Each project tree and state of it has its own; two trees under work make a dozen.
_MANIFESTS_KEPT = 20
_SILENT = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-partial-parse"]


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test; `failures` are rows that break a test."""

    unique_id: str
    status: str
    failures: int | None
    seconds: float


def manifest_path(settings: Settings) -> Path:
    """The manifest of the project as it is now; parsed only when a file of the project changed."""
    folder = _manifest_folder(settings)
    path = folder / f"{_project_hash(settings.dbt_project)}.json"
    if path.exists():
        os.utime(path)  # in use: the last to be cleared away
    else:
        from dbt.parser.manifest import extended_mashumaro_encoder

        manifest = _parse(settings)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with replacing(path.with_suffix(".msgpack"), point="dbt.msgpack") as temporary:
            temporary.write_bytes(manifest.to_msgpack(extended_mashumaro_encoder))
        with replacing(path, point="dbt.manifest") as temporary:  # last: whoever finds it finds both
            content = manifest.writable_manifest().to_dict(omit_none=False)
            temporary.write_text(json.dumps(content, default=str), encoding="utf-8")
        _clear(folder)
    return path


def build(settings: Settings, manifest: Path, names: Sequence[str], as_of: date) -> list[NodeResult]:
    """Build the models and seeds and run the tests of these names, of the project as `manifest` describes it.

    Returns:
        One result for each node that was reached, in the order they ended.

    Raises:
        PipelineError: dbt could not start.
    """
    arguments = ["build", "--select", *names, "--indirect-selection", "empty", "--exclude-resource-type", "unit_test"]
    arguments += ["--vars", json.dumps({"as_of": as_of.isoformat()}), *_places(settings), *_SILENT]
    imports.wait()
    with warehouse_lock(settings.warehouse), _held_open():
        outcome = _runner(settings, _manifest(manifest)).invoke(arguments)
    if outcome.result is None:
        raise PipelineError(
            f"dbt could not start: {type(outcome.exception).__name__}. Run `make check` to find the fault."
        )
    return [
        NodeResult(r.node.unique_id, str(r.status), r.failures, float(r.execution_time)) for r in outcome.result.results
    ]


@contextmanager
def _held_open() -> Iterator[None]:
    """Open the warehouse once for all nodes: opening and closing it for each costs as much as building them."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    os.environ["SPINE_DBT_KEEP_OPEN"] = "True"
    try:
        yield
    finally:
        del os.environ["SPINE_DBT_KEEP_OPEN"]
        environment = DuckDBConnectionManager._ENV
        if environment is not None:
            environment.close()


def _manifest(path: Path) -> Any:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    return Manifest.from_msgpack(path.with_suffix(".msgpack").read_bytes(), decoder=extended_mashumuro_decoder)


def _manifest_folder(settings: Settings) -> Path:
    """Where manifests are kept: beside the installed packages, so that a new home need not parse again.

    A manifest says what SQL is run, so it is trusted as far as the code is and lies where the code does. Where
    there is no environment of our own to write to, each home keeps its own. It holds nothing of a home.
    """
    environment = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and environment.stat().st_uid == os.getuid() and os.access(environment, os.W_OK):
        return environment / "var" / "connected-spine" / "manifests"
    return settings.dbt / "manifests"


def _clear(folder: Path) -> None:
    """Remove all but the manifests that were used last."""
    for path in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)[_MANIFESTS_KEPT:]:
        path.unlink(missing_ok=True)
        path.with_suffix(".msgpack").unlink(missing_ok=True)


def _parse(settings: Settings) -> Any:
    outcome = _runner(settings, None).invoke(["parse", *_places(settings), *_SILENT])
    if not outcome.success:
        raise PipelineError(
            f"dbt_project could not be parsed ({type(outcome.exception).__name__}). "
            f"Run `dbt parse --project-dir dbt_project --profiles-dir dbt_project` to see where."
        )
    return outcome.result


def _runner(settings: Settings, manifest: Any) -> Any:
    os.environ["SPINE_HOME"] = str(settings.root)
    os.environ["DO_NOT_TRACK"] = "1"
    from dbt.cli.main import dbtRunner

    return dbtRunner(manifest=manifest)


def _places(settings: Settings) -> list[str]:
    project = str(settings.dbt_project)
    target, logs = str(settings.dbt / "target"), str(settings.dbt / "logs")
    return ["--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", logs]


def _project_hash(folder: Path) -> str:
    from dbt.version import __version__

    digest = hashlib.sha256(f"{__version__}|{folder}".encode())
    skipped = {"target", "logs", "dbt_packages"}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not skipped & set(p.relative_to(folder).parts)):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
