"""How much of each source is linked, run after run, and whether this run is as usual.

Put here: the history of link rates and what is usual. Never here: a verdict, or a record's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from spine.errors import PipelineError
from spine.identity.limits import LinkRate
from spine.runs import SourceLinks

#: One row per run and source, in the order of the runs.
HISTORY: Final[dict[str, pl.DataType]] = {
    "run": pl.String(),
    "as_of": pl.Date(),
    "source": pl.String(),
    "records": pl.Int64(),
    "linked": pl.Int64(),
}
#: The median absolute deviation times this is the standard deviation, where rates spread normally.
_NORMAL = 1.4826


@dataclass(frozen=True)
class RateStanding:
    """A source's link rate beside its earlier ones.

    Attributes:
        earlier: number of runs that it is compared with.
        usual: median of their rates; None while there are too few.
        deviations: how far the rate is from it, in robust deviations, below 0 where it is lower; None as above.
    """

    source: str
    records: int
    linked: int
    earlier: int
    usual: float | None
    deviations: float | None

    @property
    def rate(self) -> float:
        """Share of the records that are linked."""
        return self.linked / max(self.records, 1)


def read_history(path: Path) -> pl.DataFrame:
    """The rates of former runs; none where there is no file.

    Raises:
        PipelineError: the file cannot be read.
    """
    if not path.exists():
        return pl.DataFrame(schema=HISTORY)
    try:
        return pl.read_parquet(path, columns=list(HISTORY)).cast(dict(HISTORY))  # type: ignore[arg-type]
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PipelineError(
            f"linkage: the history of link rates cannot be read ({type(error).__name__}). Restore {path.name} from a "
            "backup, or remove it: the trend then begins anew."
        ) from None


def with_run(history: pl.DataFrame, run: str, as_of: date, sources: Sequence[SourceLinks]) -> pl.DataFrame:
    """The history and one more run. A run that is told again replaces what it had told."""
    rows = [(run, as_of, s.source, s.records, s.linked) for s in sources]
    return pl.concat([history.filter(pl.col("run") != run), pl.DataFrame(rows, schema=HISTORY, orient="row")])


def standings(
    history: pl.DataFrame, run: str, sources: Sequence[SourceLinks], limits: LinkRate
) -> tuple[RateStanding, ...]:
    """Each source's rate beside those of its last runs.

    The spread is the median absolute deviation (Hampel 1974), which a single odd run does not move.

    Args:
        history: former runs; `run` itself is left out.
        limits: how many runs count, and the least that a deviation is taken for.
    """
    rate = pl.col("linked") / pl.col("records").clip(1)
    usual = (
        history.filter(pl.col("run") != run)
        .select("source", rate.alias("rate"))
        .group_by("source", maintain_order=True)
        .agg(pl.col("rate").tail(limits.runs))
        .with_columns(median=pl.col("rate").list.median(), earlier=pl.col("rate").list.len())
        .with_columns(
            spread=pl.col("rate").list.eval((pl.element() - pl.element().median()).abs().median()).list.first()
        )
    )
    known = {source: (n, median, spread) for source, _, median, n, spread in usual.iter_rows()}
    return tuple(_standing(s, *known.get(s.source, (0, 0.0, 0.0)), limits) for s in sources)


def _standing(now: SourceLinks, earlier: int, median: float, spread: float, limits: LinkRate) -> RateStanding:
    if earlier < limits.first_runs:
        return RateStanding(now.source, now.records, now.linked, earlier, None, None)
    unit = max(_NORMAL * spread, limits.least_points / 100)
    deviations = round((now.linked / max(now.records, 1) - median) / unit, 3)
    return RateStanding(now.source, now.records, now.linked, earlier, round(median, 6), deviations)
