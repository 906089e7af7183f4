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
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from spine.errors import PipelineError
from spine.files import replacing
from spine.settings import Settings
from spine.warehouse import warehouse_lock

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
    folder = settings.dbt / "manifests"
    path = folder / f"{_project_hash(settings.dbt_project)}.json"
    if not path.exists():
        from dbt.parser.manifest import extended_mashumaro_encoder

        manifest = _parse(settings)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with replacing(path.with_suffix(".msgpack")) as temporary:
            temporary.write_bytes(manifest.to_msgpack(extended_mashumaro_encoder))
        with replacing(path) as temporary:  # last: whoever finds it finds both
            content = manifest.writable_manifest().to_dict(omit_none=False)
            temporary.write_text(json.dumps(content, default=str), encoding="utf-8")
    return path


def build(settings: Settings, manifest: Path, selector: str, as_of: date) -> list[NodeResult]:
    """Build and test what `selector` of dbt_project/selectors.yml names, of the project as `manifest` describes it.

    Returns:
        One result for each node that was reached, in the order they ended.

    Raises:
        PipelineError: dbt could not start.
    """
    arguments = ["build", "--selector", selector, "--exclude-resource-type", "unit_test"]
    arguments += ["--vars", json.dumps({"as_of": as_of.isoformat()}), *_places(settings), *_SILENT]
    with warehouse_lock(settings.warehouse):
        outcome = _runner(settings, _manifest(manifest)).invoke(arguments)
    if outcome.result is None:
        raise PipelineError(
            f"dbt could not start: {type(outcome.exception).__name__}. Run `make check` to find the fault."
        )
    return [
        NodeResult(r.node.unique_id, str(r.status), r.failures, float(r.execution_time)) for r in outcome.result.results
    ]


@cache
def _manifest(path: Path) -> Any:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    return Manifest.from_msgpack(path.with_suffix(".msgpack").read_bytes(), decoder=extended_mashumuro_decoder)


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
