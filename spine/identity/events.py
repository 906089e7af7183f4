"""What happened to residents in a run, as events with run, reason and evidence.

Put here: the comparison of two memberships, and what explains a difference. Never here: which id a cluster gets
(assign), or whether the explanations are good enough (churn, which does not read them).
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from spine.identity.evidence import CAUSES

#: `records` counts the records that moved, came or went; the other counts are of records of either resident, before or
#: after, of which that is new.
EVENTS: Final[dict[str, pl.DataType]] = {
    "event": pl.String(),
    "resident_id": pl.String(),
    "other_resident_id": pl.String(),
    "run_number": pl.Int64(),
    "run": pl.String(),
    "run_as_of": pl.Date(),
    "reason": pl.String(),
    "cause": pl.String(),
    "records": pl.Int64(),
    **{cause: pl.Int64() for cause in CAUSES},
}
KINDS_OF_EVENT: Final = ("mint", "merge", "split", "return", "retire")
NO_CAUSE: Final = "none_found"
_KEYS = ("event", "resident_id", "other_resident_id")


def events_between(
    before: pl.DataFrame, after: pl.DataFrame, minted: pl.Series, changed: pl.DataFrame, stamp: tuple[int, str, date]
) -> pl.DataFrame:
    """The events that lead from one membership to the next.

    Args:
        before: record_id, resident_id.
        after: the same, after the run.
        minted: the ids that this run made.
        changed: what is new of each record, columns as `evidence.CHANGES`.
        stamp: number, name and as-of date of the run.

    Returns:
        Columns as `EVENTS`, sorted: *mint* (a new resident), *merge* (resident_id is retired, other_resident_id has
        its records, or most of those that are left), *split* (resident_id took records from other_resident_id),
        *return* (a retired id is in use again; other_resident_id had its records, if anybody), *retire* (no record
        is left).
    """
    found = _happened(before, after, minted)
    counted = _with_evidence(found, before, after, changed)
    number, run, as_of = stamp
    words = pl.col("cause").replace_strict({**CAUSES, NO_CAUSE: "no cause was found"})
    return (
        counted.with_columns(
            pl.lit(number, pl.Int64).alias("run_number"),
            pl.lit(run).alias("run"),
            pl.lit(as_of, pl.Date).alias("run_as_of"),
            pl.concat_str("reason", pl.lit(": "), words).alias("reason"),
        )
        .select(pl.col(name).cast(kind) for name, kind in EVENTS.items())
        .sort(*_KEYS, "reason")
    )


def _happened(before: pl.DataFrame, after: pl.DataFrame, minted: pl.Series) -> pl.DataFrame:
    was, now = before["resident_id"].unique(), after["resident_id"].unique()
    gone, come = was.filter(~was.is_in(now.implode())), now.filter(~now.is_in(was.implode()))
    moved = _moved(before, after)
    heirs = moved.filter(pl.col("old").is_in(gone.implode())).unique("old", keep="first", maintain_order=True)
    rest = moved.join(heirs, on=["old", "new"], how="anti")
    origin = rest.filter(pl.col("new").is_in(come.implode())).unique("new", keep="first", maintain_order=True)
    rest = rest.join(origin, on=["old", "new"], how="anti")
    is_new = pl.col("new").is_in(minted.implode())
    sizes = [frame.group_by("resident_id").agg(pl.len().cast(pl.Int64).alias("records")) for frame in (before, after)]
    born = sizes[1].filter(pl.col("resident_id").is_in(come.implode()))
    born = born.filter(~pl.col("resident_id").is_in(pl.concat([heirs["new"], origin["new"]]).implode()))
    is_minted = pl.col("resident_id").is_in(minted.implode())
    left = sizes[0].filter(pl.col("resident_id").is_in(gone.filter(~gone.is_in(heirs["old"].implode())).implode()))
    inherited = heirs.filter(pl.col("new").is_in(come.implode()) & ~is_new)
    return pl.concat(
        [
            _event("mint", born.filter(is_minted), "new resident"),
            _event("return", born.filter(~is_minted), "records came back"),
            _event("merge", _pair(heirs, "old", "new"), "records joined another resident"),
            _event("split", _pair(origin.filter(is_new), "new", "old"), "records left another resident"),
            _event("return", _pair(origin.filter(~is_new), "new", "old"), "a merge was undone"),
            _event("return", _pair(inherited, "new", "old"), "a former resident stands again"),
            _event("split", _pair(rest, "new", "old"), "records moved between residents"),
            _event("retire", left, "no record is left"),
        ]
    )


def _moved(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """old id, new id, records: of records whose resident changed, most records first."""
    both = before.select("record_id", pl.col("resident_id").alias("old")).join(
        after.select("record_id", pl.col("resident_id").alias("new")), on="record_id"
    )
    moved = both.filter(pl.col("old") != pl.col("new")).group_by("old", "new")
    counts = moved.agg(pl.len().cast(pl.Int64).alias("records"), pl.col("record_id").min().alias("first"))
    return counts.sort("records", "first", descending=[True, False]).drop("first")


def _pair(frame: pl.DataFrame, resident: str, other: str) -> pl.DataFrame:
    return frame.select(pl.col(resident).alias("resident_id"), pl.col(other).alias("other_resident_id"), "records")


def _event(event: str, residents: pl.DataFrame, reason: str) -> pl.DataFrame:
    other = pl.col("other_resident_id") if "other_resident_id" in residents.columns else pl.lit(None, pl.String)
    return residents.select(
        pl.lit(event).alias("event"),
        "resident_id",
        other.alias("other_resident_id"),
        pl.lit(reason).alias("reason"),
        "records",
    )


def _with_evidence(
    events: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame, changed: pl.DataFrame
) -> pl.DataFrame:
    """Each event with the number of its residents' records of which something is new, and the first cause found."""
    numbered = events.with_row_index("row")
    sides = [numbered.select("row", resident_id=name).drop_nulls() for name in ("resident_id", "other_resident_id")]
    held = [frame.select("record_id", "resident_id").join(changed, on="record_id") for frame in (before, after)]
    told = pl.concat(sides).join(pl.concat(held), on="resident_id").unique(["row", "record_id", "cause"])
    counts = told.group_by("row").agg((pl.col("cause") == cause).sum().cast(pl.Int64).alias(cause) for cause in CAUSES)
    joined = numbered.join(counts, on="row", how="left").with_columns(pl.col(list(CAUSES)).fill_null(0))
    first = pl.coalesce(*(pl.when(pl.col(cause) > 0).then(pl.lit(cause)) for cause in CAUSES), pl.lit(NO_CAUSE))
    return joined.with_columns(first.alias("cause")).drop("row")
