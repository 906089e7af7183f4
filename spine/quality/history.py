"""The quality history: numerator and denominator of every verdict, kept so that a new threshold can judge the past.

Put here: the shape of the history, its files, and the runs' own verdicts (linkage, identity). Never here: a verdict on
a delivery (those are told from the ledger, spine.verdicts), a threshold, or a value of a cell.

One Parquet file for each source, `quality/<partner>__<dataset>.parquet`, is told anew from the ledger, which is
append-only: the same ledger gives the same bytes. The verdicts of runs have no ledger: they are in
`quality/spine.parquet`, a revision for each as-of date and check, and a run that finds what stands adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from spine.contracts.rules import Outcome
from spine.errors import PipelineError
from spine.files import replacing

#: One row for each verdict.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "source": pl.String(),
    "asset": pl.String(),
    "date": pl.Date(),
    "revision": pl.Int32(),
    "rule": pl.String(),
    "outcome": pl.String(),
    "numerator": pl.Int64(),
    "denominator": pl.Int64(),
    "waived_until": pl.Date(),
    "contract_version": pl.String(),
    "judged_as_of": pl.Date(),
}
ORDER: Final = ("source", "asset", "date", "revision", "rule")
#: Source of the verdicts that are of the spine as a whole.
SPINE: Final = "spine"


@dataclass(frozen=True)
class RunVerdict:
    """A check's verdict on what a run made.

    Attributes:
        asset: what was judged, such as `linkage/links`.
        source: `<partner>__<dataset>` where the verdict is of one source's records, else `spine`.
    """

    asset: str
    rule: str
    outcome: Outcome
    numerator: int | None
    denominator: int | None
    source: str = SPINE


def read_history(folder: Path) -> pl.DataFrame:
    """Every verdict, in the order of `ORDER`.

    Raises:
        PipelineError: a file is damaged.
    """
    parts = [_read(path) for path in sorted(folder.glob("*.parquet"))]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).sort(ORDER)


def read_file(folder: Path, name: str) -> pl.DataFrame:
    """The verdicts of one file, named after its source; none where there is no file.

    Raises:
        PipelineError: it is damaged.
    """
    path = folder / f"{name}.parquet"
    return _read(path) if path.exists() else pl.DataFrame(schema=SCHEMA)


def write_file(folder: Path, name: str, verdicts: pl.DataFrame) -> bool:
    """Replace the verdicts of one file, whole or not at all. The same verdicts leave it as it is.

    Returns:
        True where it was written.

    Raises:
        PipelineError: the disk is full or cannot be written to.
    """
    path = folder / f"{name}.parquet"
    ordered = verdicts.select(list(SCHEMA)).sort(ORDER)
    if path.exists() and _is_same(path, ordered):
        return False
    with replacing(path, point="quality.history") as temporary:
        temporary.touch(mode=0o600)
        ordered.write_parquet(temporary, compression="zstd", statistics=False)
    return True


def record_run(folder: Path, as_of: date, verdicts: Iterable[RunVerdict]) -> bool:
    """Add the verdicts of a run to the history.

    A verdict that is the last one of its as-of date, source and check adds nothing; another one is a new revision.

    Returns:
        True where anything was added.

    Raises:
        PipelineError: the history is damaged, or the disk cannot be written to.
    """
    rows = [
        (v.source, v.asset, as_of, 1, v.rule, v.outcome, v.numerator, v.denominator, None, "", as_of) for v in verdicts
    ]
    told = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    known = read_file(folder, SPINE)
    what, found = ["source", "asset", "date", "rule"], ["outcome", "numerator", "denominator"]
    last = known.sort("revision").group_by(what).last().select(*what, *found, before="revision")
    same = told.join(last, on=[*what, *found], how="anti", nulls_equal=True)
    new = (
        same.join(last.select(*what, "before"), on=what, how="left")
        .with_columns(revision=(pl.col("before").fill_null(0) + 1).cast(pl.Int32))
        .select(list(SCHEMA))
    )
    return not new.is_empty() and write_file(folder, SPINE, pl.concat([known, new]))


def newest_revisions(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Of each source, asset and date the verdicts of the newest revision, in the order of `ORDER`.

    A run's checks have revisions of their own each; a delivery's rules share theirs.
    """
    by = ["source", "asset", "date"]
    of_runs = pl.col("asset").str.starts_with("raw/").not_()
    newest = pl.col("revision") == pl.col("revision").max().over(by)
    newest_of_check = pl.col("revision") == pl.col("revision").max().over([*by, "rule"])
    return verdicts.filter(pl.when(of_runs).then(newest_of_check).otherwise(newest)).sort(ORDER)


def _is_same(path: Path, verdicts: pl.DataFrame) -> bool:
    try:
        return _read(path).equals(verdicts)
    except PipelineError:
        return False


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, columns=list(SCHEMA)).cast(dict(SCHEMA))  # type: ignore[arg-type]
    except (OSError, pl.exceptions.PolarsError) as error:
        again = "Restore it from a backup" if path.stem == SPINE else "Remove it: the next run tells it from the ledger"
        raise PipelineError(f"quality: {path.name} cannot be read ({type(error).__name__}). {again}") from None
