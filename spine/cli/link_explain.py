"""`spine link explain`: one pair of an earlier result.

Put here: where a pair's levels and what became of it are found. Never here: words for them (spine.linkage.explain).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from spine.cli.link import Options, configured, linked, state_folder
from spine.cli.link_input import marks, read_records
from spine.cli.link_output import is_ours, number_of, read_json, write_explanation
from spine.cli.link_show import show_waterfall
from spine.errors import UsageError
from spine.linkage.config import Thresholds
from spine.linkage.explain import Explanation, Outcome, explain
from spine.reports.linkage_pair import pair_page

if TYPE_CHECKING:
    from spine.linkage.state import State

_LEVEL = "level_"


def show_explanation(folder: Path, left: str, right: str) -> None:
    """Print and write why two records are one resident or not.

    Args:
        folder: an earlier result.
        left: record_id of one record.
        right: record_id of the other.

    Raises:
        UsageError: the folder holds no result, or a record is not in it.
    """
    if not is_ours(folder):
        raise UsageError(f"--out {folder}: holds no result of `spine link`. Link first, then explain")
    if left == right:
        raise UsageError("link explain: expected two different record_ids")
    residents = _residents(folder, left, right)
    together = residents[0] == residents[1]
    told = _of_link(folder, left, right) or _of_other(folder, left, right, together=together)
    number = number_of(folder, left, right)
    page = write_explanation(folder, left, right, number, pair_page(told, number))
    show_waterfall(told, page)


def _residents(folder: Path, left: str, right: str) -> tuple[str, str]:
    found = dict(
        pl.scan_parquet(folder / "residents.parquet")
        .filter(pl.col("record_id").is_in([left, right]))
        .select("record_id", "resident_id")
        .collect()
        .iter_rows()
    )
    if missing := [name for name, ident in (("LEFT", left), ("RIGHT", right)) if ident not in found]:
        names = " and ".join(missing)
        raise UsageError(f"link explain: {names} is no record_id of this result; see residents.parquet")
    return found[left], found[right]


def _of_link(folder: Path, left: str, right: str) -> Explanation | None:
    """The explanation of a pair that is a link; None where it is none."""
    one, other = pl.col("left_record_id"), pl.col("right_record_id")
    pair = ((one == left) & (other == right)) | ((one == right) & (other == left))
    rows = pl.scan_parquet(folder / "links.parquet").filter(pair).collect().to_dicts()
    if not rows:
        return None
    row: dict[str, Any] = rows[0]
    levels = {name.removeprefix(_LEVEL): level for name, level in row.items() if name.startswith(_LEVEL)}
    outcome = Outcome(bits=row["bits"], method=row["method"], together=True)
    return explain(levels, row["stratum"], _model(folder), _thresholds(folder), outcome)


def _of_other(folder: Path, left: str, right: str, *, together: bool) -> Explanation:
    """The explanation of a pair that is no link: from the state, or by doing the run again."""
    from spine.linkage.state import levels_of_pair, load_state

    kept = (folder / "state" / "state.json").is_file()
    state = load_state(state_folder(folder)) if kept else _done_again(folder)
    found = levels_of_pair(state, left, right)
    outcome = Outcome(bits=found.bits, veto=found.veto, together=together, compared=found.compared)
    return explain(found.levels, found.stratum, _model(folder), _thresholds(folder), outcome)


def _done_again(folder: Path) -> State:
    """The state of a run that kept none. The same files give the same run.

    Raises:
        UsageError: the files are no longer there, or are others.
    """
    told = read_json(folder / "run.json")
    paths = tuple(Path(path) for path in told["paths"])
    named = {name: Path(told[name]) if told[name] else None for name in ("config", "overrides")}
    read = (*paths, *(path for path in named.values() if path))
    if not all(path.is_file() for path in read) or marks(read) != told["marks"]:
        raise UsageError(
            "link explain: the pair is no link, and a file that was linked, or that --config or --overrides named, is "
            "gone or has changed. Link with --keep-state, and any pair can be explained later"
        )
    options = Options(
        paths, folder, named["config"], told["mapping"], tuple(told["extras"]), named["overrides"], None, told["seed"],
        state=None, withdrawn=None, keep_state=True,
    )  # fmt: skip
    config = configured(options)
    state = linked(read_records(paths, options.mapping, config.extras), config, options).state
    if state is None:
        raise UsageError("link explain: the run could not be done again. Link with --keep-state")
    return state


def _model(folder: Path) -> dict[str, Any]:
    return read_json(folder / "model.json")


def _thresholds(folder: Path) -> Thresholds:
    return Thresholds.model_validate(read_json(folder / "report.json")["thresholds"])
