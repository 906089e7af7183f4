"""What `spine link` writes: a folder that is whole or not there.

Put here: the files of a result and whose folder it is. Never here: what they say.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spine.errors import UsageError
from spine.files import recover_folder, replacing, replacing_folder

if TYPE_CHECKING:
    from spine.linkage import LinkageResult

#: What report.json says it was made by: how a folder of ours is known.
MADE_BY = "spine link"
_OURS = {
    "residents.parquet",
    "links.parquet",
    "model.json",
    "report.json",
    "report.html",
    "run.json",
    "state",
    "explain",
}
_PAIRS = ("number", "left_record_id", "right_record_id")


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not there to be replaced.

    Raises:
        UsageError: it holds something that `spine link` did not write, is no folder, or is where the command runs.
    """
    if Path.cwd().is_relative_to(folder.resolve()):
        raise UsageError(f"--out {folder}: is the folder that you are in, and would be replaced. Name one below it")
    recover_folder(folder.resolve())
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"--out {folder}: is a file. Expected a folder, or a name that is free")
    names = {path.name for path in folder.iterdir()}
    if names and not is_ours(folder):
        raise UsageError(f"--out {folder}: holds files that `spine link` did not write. Choose another folder")
    if strange := sorted(names - _OURS):
        raise UsageError(
            f"--out {folder}: holds {len(strange)} more files beside an earlier result, which would be lost. Move "
            f"them, "
            "or choose another folder"
        )


def is_ours(folder: Path) -> bool:
    """True where the folder holds a result of `spine link`."""
    with suppress(OSError, ValueError):
        return bool(read_json(folder / "report.json").get("made_by") == MADE_BY)
    return False


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def write_result(
    folder: Path, result: LinkageResult, report: Mapping[str, Any], told: Mapping[str, Any], *, keep_state: bool
) -> None:
    """Write all files of a result; what was there before is replaced as a whole.

    Args:
        folder: of the result.
        result: what linkage found.
        report: its report, with what was measured beside it.
        told: what the run was told (see `link.told_of`).
        keep_state: write what changed records can be linked against.

    Raises:
        PipelineError: the disk is full or cannot be written to; what was there before stands.
    """
    from spine.reports.linkage import linkage_page

    with replacing_folder(folder.resolve()) as new, ThreadPoolExecutor(1) as beside:
        kept = beside.submit(result.state.save, new / "state") if keep_state and result.state is not None else None
        residents = result.clusters.rename({"cluster_id": "resident_id"})
        residents.select("record_id", "source", "resident_id", "method", "confidence").write_parquet(
            new / "residents.parquet", compression="lz4", statistics=False
        )
        result.links.write_parquet(new / "links.parquet", compression="lz4", statistics=False)
        _write_json(new / "model.json", result.model)
        _write_json(new / "report.json", {"made_by": MADE_BY, **report})
        (new / "report.html").write_text(linkage_page(report), encoding="utf-8")
        _write_json(new / "run.json", told)
        if kept is not None:
            kept.result()


def write_explanation(folder: Path, left: str, right: str, number: int, page: str) -> Path:
    """Write the page of one pair, and note in `explain/pairs.csv` which records it is about."""
    path = folder / "explain" / f"{number}.html"
    listed = _explained(folder) | {number: (left, right)}
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    with replacing(path.with_name("pairs.csv")) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_PAIRS)
        writer.writerows((n, *pair) for n, pair in sorted(listed.items()))
    return path


def number_of(folder: Path, left: str, right: str) -> int:
    """Number of a pair's explanation: the one it had, else the next."""
    before = _explained(folder)
    return next((n for n, pair in before.items() if set(pair) == {left, right}), max(before, default=0) + 1)


def _explained(folder: Path) -> dict[int, tuple[str, str]]:
    path = folder / "explain" / "pairs.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {int(row["number"]): (row[_PAIRS[1]], row[_PAIRS[2]]) for row in csv.DictReader(file)}


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Keys stand in the order they were made in: that of comparisons and levels."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
