"""Resident ids for clusters: inherited where the cluster is known, minted where it is new.

Put here: pure rules, frames in and frames out. Never here: files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from spine.errors import PipelineError

CROSSWALK: Final[dict[str, pl.DataType]] = {
    "record_id": pl.String(),
    "source": pl.String(),
    "resident_id": pl.String(),
    "method": pl.String(),
    "confidence": pl.Float64(),
}
EVENTS: Final[dict[str, pl.DataType]] = {
    "event": pl.String(),
    "resident_id": pl.String(),
    "other_resident_id": pl.String(),
    "run_as_of": pl.Date(),
    "reason": pl.String(),
}
_CLUSTERS = ("record_id", "source", "cluster_id", "method", "confidence")
_WIDTH = 9


@dataclass(frozen=True)
class Crosswalk:
    """Which resident each record is.

    Attributes:
        current: one row per record of the latest run, sorted by record_id, columns as `CROSSWALK`.
        absent: record_id, resident_id of records that a former run held and the latest did not: a record
            that returns finds its resident again.
        high_water: the last serial that was minted. It never goes down, whatever is deleted.
    """

    current: pl.DataFrame
    absent: pl.DataFrame
    high_water: int


@dataclass(frozen=True)
class IdentityResult:
    """The new crosswalk, and what changed against the previous one.

    Attributes:
        crosswalk: the state after the run.
        events: this run's changes, columns as `EVENTS`: *mint* (a new resident, or one whose records returned),
            *merge* (resident_id is retired, other_resident_id survives), *split* (resident_id took
            records from other_resident_id), *retire* (no record is left).
    """

    crosswalk: Crosswalk
    events: pl.DataFrame


def assign(clusters: pl.DataFrame, previous: Crosswalk | None, as_of: date) -> IdentityResult:
    """Give every cluster a resident id.

    A cluster inherits the id with which it shares the most records (ties: the smallest id), each id going
    to one cluster; records that were absent from the previous run speak only after those that were
    present. The clusters that remain mint new ids in order of their smallest record_id. An id once minted
    is never given to other records.

    Args:
        clusters: one row per record: record_id, source, cluster_id, method, confidence.
        previous: the crosswalk of the last run, or None at the first.
        as_of: date of the run, written into the events.

    Raises:
        PipelineError: a column is missing, or record_id is null or not unique.
    """
    records = _checked(clusters)
    before = previous or Crosswalk(pl.DataFrame(schema=CROSSWALK), _empty_absent(), 0)
    known = _known(before)
    votes = _votes(records, known)
    inherited = _inherit(votes)
    minted = _mint(records, inherited, before.high_water)
    chosen = pl.concat([inherited, minted])
    current = records.join(chosen, on="cluster_id", how="left").select(*CROSSWALK).sort("record_id")
    absent = known.join(current, on="record_id", how="anti").select("record_id", "resident_id").sort("record_id")
    crosswalk = Crosswalk(current, absent, before.high_water + minted.height)
    return IdentityResult(crosswalk, _events(before, current, minted, as_of))


def _checked(clusters: pl.DataFrame) -> pl.DataFrame:
    if missing := [name for name in _CLUSTERS if name not in clusters.columns]:
        raise PipelineError(f"identity: the clusters have no column {', '.join(missing)}. Expected linkage's clusters.")
    ids = clusters["record_id"]
    if ids.null_count() or ids.n_unique() != ids.len() or clusters["cluster_id"].null_count():
        raise PipelineError(
            "identity: record_id or cluster_id is null, or record_id not unique. Expected one row per record."
        )
    types = {name: CROSSWALK.get(name, pl.String()) for name in _CLUSTERS}
    return clusters.select(pl.col(name).cast(kind) for name, kind in types.items()).sort("record_id")


def _empty_absent() -> pl.DataFrame:
    return pl.DataFrame(schema={"record_id": pl.String(), "resident_id": pl.String()})


def _known(before: Crosswalk) -> pl.DataFrame:
    """Every record that ever had a resident, and whether the last run held it."""
    return pl.concat(
        [
            before.current.select("record_id", "resident_id", pl.lit(True).alias("present")),
            before.absent.select("record_id", "resident_id", pl.lit(False).alias("present")),
        ]
    )


def _votes(records: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Shared records of each cluster and former id, best first; the row number is the rank."""
    return (
        records.join(known, on="record_id")
        .group_by("cluster_id", "resident_id")
        .agg(
            pl.col("present").sum().alias("present"),
            (~pl.col("present")).sum().alias("absent"),
            pl.col("record_id").min().alias("first"),
        )
        .sort("present", "absent", "resident_id", "first", descending=[True, True, False, False])
        .with_row_index("rank")
        .select("rank", "cluster_id", "resident_id")
    )


def _inherit(votes: pl.DataFrame) -> pl.DataFrame:
    """One id for one cluster, best votes first.

    Each round settles all pairs that are each other's best, which is what taking the votes one by one
    would give.
    """
    settled = [votes.select("cluster_id", "resident_id").clear()]
    while not votes.is_empty():
        best = votes.filter(
            (pl.col("rank") == pl.col("rank").min().over("cluster_id"))
            & (pl.col("rank") == pl.col("rank").min().over("resident_id"))
        )
        settled.append(best.select("cluster_id", "resident_id"))
        votes = votes.join(best, on="cluster_id", how="anti").join(best, on="resident_id", how="anti")
    return pl.concat(settled)


def _mint(records: pl.DataFrame, inherited: pl.DataFrame, high_water: int) -> pl.DataFrame:
    new = records.join(inherited, on="cluster_id", how="anti")
    ordered = new.group_by("cluster_id").agg(pl.col("record_id").min().alias("first")).sort("first")
    serial = pl.int_range(high_water + 1, high_water + 1 + ordered.height, dtype=pl.Int64, eager=True).alias("serial")
    name = pl.lit("R") + pl.col("serial").cast(pl.String).str.zfill(_WIDTH)
    return ordered.with_columns(serial).select("cluster_id", name.alias("resident_id"))


def _events(before: Crosswalk, current: pl.DataFrame, minted: pl.DataFrame, as_of: date) -> pl.DataFrame:
    was, now = before.current["resident_id"].unique(), current["resident_id"].unique()
    gone, come = was.filter(~was.is_in(now.implode())), now.filter(~now.is_in(was.implode()))
    moved = _moved(before.current, current)
    gone_column = pl.col("old").is_in(gone.implode())
    come_column = pl.col("new").is_in(come.implode())
    heirs = moved.filter(gone_column).unique("old", keep="first", maintain_order=True)
    rest = moved.join(heirs, on=["old", "new"], how="anti")
    origin = rest.filter(come_column).unique("new", keep="first", maintain_order=True)
    rest = rest.join(origin, on=["old", "new"], how="anti")
    born = come.filter(~come.is_in(pl.concat([heirs["new"], origin["new"]]).implode()))
    is_new = born.is_in(minted["resident_id"].implode())
    parts = [
        _event("mint", born.filter(is_new), None, "new resident"),
        _event("mint", born.filter(~is_new), None, "records returned"),
        _event("merge", heirs["old"], heirs["new"], "records joined another resident"),
        _event("split", origin["new"], origin["old"], "records left another resident"),
        _event("split", rest["new"], rest["old"], "records moved between residents"),
        _event("retire", gone.filter(~gone.is_in(heirs["old"].implode())), None, "no record left"),
    ]
    events = pl.concat(parts).with_columns(pl.lit(as_of, pl.Date).alias("run_as_of"))
    return events.select(*EVENTS).sort("event", "resident_id", "other_resident_id", "reason")


def _moved(before: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """(old id, new id) of records whose resident changed, most records first."""
    both = before.select("record_id", pl.col("resident_id").alias("old")).join(
        current.select("record_id", pl.col("resident_id").alias("new")), on="record_id"
    )
    counts = both.filter(pl.col("old") != pl.col("new")).group_by("old", "new").len()
    return counts.sort("len", "old", "new", descending=[True, False, False]).select("old", "new")


def _event(event: str, resident: pl.Series, other: pl.Series | None, reason: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event": pl.Series([event] * resident.len(), dtype=pl.String),
            "resident_id": resident,
            "other_resident_id": pl.Series([None] * resident.len(), dtype=pl.String) if other is None else other,
            "reason": pl.Series([reason] * resident.len(), dtype=pl.String),
        },
        schema_overrides={"resident_id": pl.String, "other_resident_id": pl.String},
    )
