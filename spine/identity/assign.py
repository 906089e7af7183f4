"""Resident ids for clusters: inherited where the cluster is known, given back where a merge is undone, else minted.

Put here: pure rules, frames in and frames out. Never here: files, or what a change is called (events).

A cluster inherits the id with which it shares the most records (ties: the older id, then the one of the smallest
record_id), each id going to one cluster; records that were absent from the previous run speak only after those that
were present. Where a resident falls apart along the line of an earlier merge, each part gets the id that it had: the
part that came by the merge leaves the resident's id to those who had it before, and takes its own back. The clusters
that remain mint new ids in order of their smallest record_id. An id once minted is never given to records of somebody
else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from spine.errors import PipelineError
from spine.identity.crosswalk import CROSSWALK, PRINTS, RUNS, SPELLS, Crosswalk, empty
from spine.identity.events import events_between
from spine.identity.evidence import changes, comparable, conformed
from spine.identity.ids import resident_ids, seed_of

_CLUSTERS = ("record_id", "source", "cluster_id", "method", "confidence")
#: Columns of votes: how many records speak for a cluster to take an id.
_VOTES = ("cluster_id", "resident_id", "present", "absent", "since", "first")
_RANK = {"present": True, "absent": True, "since": False, "first": False}


@dataclass(frozen=True)
class IdentityResult:
    """The new crosswalk, and what changed against the previous one.

    Attributes:
        crosswalk: the state after the run.
        events: this run's changes, columns as `events.EVENTS`.
    """

    crosswalk: Crosswalk
    events: pl.DataFrame


def assign(
    clusters: pl.DataFrame,
    previous: Crosswalk | None,
    as_of: date,
    *,
    run: str = "",
    decisions: pl.DataFrame | None = None,
    fingerprints: pl.DataFrame | None = None,
    form: str = "",
) -> IdentityResult:
    """Give every cluster a resident id.

    Args:
        clusters: one row per record: record_id, source, cluster_id, method, confidence.
        previous: the crosswalk of the last run, or None at the first.
        as_of: date of the run, written into the events.
        run: names the run in the events.
        decisions: by people, in force in this run: left_record_id, right_record_id, decision. For the evidence only;
            linkage has applied them.
        fingerprints: of the records, as `evidence.fingerprints` gives them. For the evidence only.
        form: of the fingerprints (see `evidence.form_of`).

    Raises:
        PipelineError: a column is missing, or record_id is null or not unique.
    """
    records, before = _checked(clusters), comparable(previous or empty(), form)
    seed = seed_for(previous, records["record_id"])
    chosen, minted = _chosen(records, before, seed)
    current = records.join(chosen, on="cluster_id", how="left").select(*CROSSWALK).sort("record_id")
    stamp = (before.last_run + 1, run, as_of)
    crosswalk = replace(
        _known(before, current, stamp),
        prints=_prints(current, fingerprints),
        decisions=conformed(decisions),
        high_water=before.high_water + minted.len(),
        seed=seed,
        form=form,
    )
    return IdentityResult(crosswalk, _events(before, crosswalk, minted, stamp))


def _events(before: Crosswalk, after: Crosswalk, minted: pl.Series, stamp: tuple[int, str, date]) -> pl.DataFrame:
    new = changes((before.prints, after.prints), (before.decisions, after.decisions))
    return events_between(before.members, after.members, minted, new, stamp)


def _chosen(records: pl.DataFrame, before: Crosswalk, seed: str) -> tuple[pl.DataFrame, pl.Series]:
    """cluster_id, resident_id of every cluster, and the ids among them that are new."""
    inherited, restored = _inherit(records, before)
    minted = _mint(records, pl.concat([inherited, restored]), seed, before.high_water)
    return pl.concat([inherited, restored, minted]), minted["resident_id"]


def _known(before: Crosswalk, current: pl.DataFrame, stamp: tuple[int, str, date]) -> Crosswalk:
    """Before, with what this run says of each record's resident; a run that says nothing new is not counted."""
    number, _, as_of = stamp
    spells = _spells(before.spells, current, number)
    has_moved = not spells.equals(before.spells)
    is_earlier = not before.runs.filter(pl.col("number") == before.last_run, pl.col("run_as_of") > as_of).is_empty()
    told = pl.DataFrame([stamp], schema=RUNS, orient="row")
    runs = pl.concat([before.runs, told]) if has_moved or is_earlier else before.runs
    return replace(before, current=current, spells=spells, runs=runs)


def seed_for(previous: Crosswalk | None, record_ids: pl.Series) -> str:
    """The store's seed, or the one that these records give a store which has minted no id."""
    return previous.seed if previous and previous.high_water else seed_of(record_ids)


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


def _prints(current: pl.DataFrame, fingerprints: pl.DataFrame | None) -> pl.DataFrame:
    ids = current.select("record_id")
    if fingerprints is None:
        return ids.with_columns(pl.lit(None, PRINTS["fingerprint"]).alias("fingerprint"))
    return ids.join(fingerprints.select(*PRINTS), on="record_id", how="left", maintain_order="left")


def _inherit(records: pl.DataFrame, before: Crosswalk) -> tuple[pl.DataFrame, pl.DataFrame]:
    """cluster_id, resident_id of clusters that keep an id, and of those that get one back."""
    members = before.members
    former = _former(before)
    claims = _claims(records, former)
    votes = _without_undone(_votes(records, before), claims, _own(records, members, former))
    kept = _settle(votes.sort(*_RANK, descending=list(_RANK.values())))
    free = claims.join(kept, on="cluster_id", how="anti").join(kept, on="resident_id", how="anti")
    return kept, _settle(free.sort("records", "resident_id", "first", descending=[True, False, False]))


def _votes(records: pl.DataFrame, before: Crosswalk) -> pl.DataFrame:
    """Shared records of each cluster and id, columns as `_VOTES`."""
    since = before.spells.group_by("resident_id").agg(pl.col("known_from").min().alias("since"))
    known = pl.concat(
        [
            before.members.select("record_id", "resident_id", pl.lit(True).alias("is_present")),
            before.absent.select("record_id", "resident_id", pl.lit(False).alias("is_present")),
        ]
    )
    return (
        records.join(known, on="record_id")
        .group_by("cluster_id", "resident_id")
        .agg(
            pl.col("is_present").sum().alias("present"),
            (~pl.col("is_present")).sum().alias("absent"),
            pl.col("record_id").min().alias("first"),
        )
        .join(since, on="resident_id")
        .select(*_VOTES)
    )


def _former(before: Crosswalk) -> pl.DataFrame:
    """record_id, resident_id, holder: the records that a retired resident held at its end, and whose they were last."""
    ended = before.spells.filter(pl.col("known_to").is_not_null())
    ended = ended.join(before.members, on="resident_id", how="anti")
    last = ended.filter(pl.col("known_to") == pl.col("known_to").max().over("resident_id"))
    holders = pl.concat([before.members.select("record_id", "resident_id"), before.absent])
    holders = holders.rename({"resident_id": "holder"})
    return last.select("record_id", "resident_id").join(holders, on="record_id")


def _claims(records: pl.DataFrame, former: pl.DataFrame) -> pl.DataFrame:
    """Clusters that hold most of what is left of a retired resident: cluster_id, resident_id, records, first, holders.

    The holders are the residents whose those records were in the last run.
    """
    held = records.join(former, on="record_id").with_columns(pl.len().over("resident_id").alias("left"))
    return (
        held.group_by("cluster_id", "resident_id")
        .agg(
            pl.len().alias("records"),
            pl.col("left").first(),
            pl.col("record_id").min().alias("first"),
            pl.col("holder").unique().alias("holders"),
        )
        .filter(pl.col("records") * 2 > pl.col("left"))
        .drop("left")
    )


def _own(records: pl.DataFrame, members: pl.DataFrame, former: pl.DataFrame) -> pl.DataFrame:
    """cluster_id, resident_id, own: records that were a resident's before another was merged into it."""
    joined = members.join(former.select("record_id"), on="record_id", how="semi")
    merged = joined.group_by("resident_id").agg(pl.col("known_from").min().alias("merged_at"))
    own = members.join(merged, on="resident_id").filter(pl.col("known_from") < pl.col("merged_at"))
    return own.join(records, on="record_id").group_by("cluster_id", "resident_id").agg(pl.len().alias("own"))


def _without_undone(votes: pl.DataFrame, claims: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """The votes without those for the id of a resident that a cluster joined by a merge and now leaves again.

    Only where somebody is left who had the id before that merge; among several such clusters the one with most of
    those records is taken.
    """
    home = (
        votes.join(own, on=["cluster_id", "resident_id"])
        .sort("own", "present", "first", descending=[True, True, False])
        .unique("resident_id", keep="first", maintain_order=True)
        .select("resident_id", pl.col("cluster_id").alias("home"))
    )
    merged = claims.select("cluster_id", pl.col("holders").alias("resident_id")).explode("resident_id")
    leaving = (
        votes.join(home, on="resident_id")
        .filter(pl.col("cluster_id") != pl.col("home"))
        .join(merged, on=["cluster_id", "resident_id"], how="semi")
    )
    return votes.join(leaving, on=["cluster_id", "resident_id"], how="anti")


def _settle(votes: pl.DataFrame) -> pl.DataFrame:
    """One id for one cluster, best votes first, from votes in the order of their rank.

    Each round settles all pairs that are each other's best, which is what taking the votes one by one
    would give.
    """
    votes = votes.select("cluster_id", "resident_id").with_row_index("rank")
    settled = [votes.select("cluster_id", "resident_id").clear()]
    while not votes.is_empty():
        best = votes.filter(
            (pl.col("rank") == pl.col("rank").min().over("cluster_id"))
            & (pl.col("rank") == pl.col("rank").min().over("resident_id"))
        )
        settled.append(best.select("cluster_id", "resident_id"))
        votes = votes.join(best, on="cluster_id", how="anti").join(best, on="resident_id", how="anti")
    return pl.concat(settled)


def _mint(records: pl.DataFrame, known: pl.DataFrame, seed: str, high_water: int) -> pl.DataFrame:
    new = records.join(known, on="cluster_id", how="anti")
    ordered = new.group_by("cluster_id").agg(pl.col("record_id").min().alias("first")).sort("first")
    return ordered.select("cluster_id").with_columns(resident_ids(seed, high_water + 1, ordered.height))


def _spells(spells: pl.DataFrame, current: pl.DataFrame, number: int) -> pl.DataFrame:
    """The spells after a run: those ended that no longer hold, those begun that are new."""
    now = current.select("record_id", "resident_id")
    is_open = pl.col("known_to").is_null()
    stands = spells.filter(is_open).join(now, on=["record_id", "resident_id"], how="semi")
    ends = spells.filter(is_open).join(now, on=["record_id", "resident_id"], how="anti")
    begins = now.join(stands, on=["record_id", "resident_id"], how="anti").with_columns(
        pl.lit(number, pl.Int64).alias("known_from"), pl.lit(None, pl.Int64).alias("known_to")
    )
    ended = ends.with_columns(pl.lit(number, pl.Int64).alias("known_to"))
    return pl.concat([spells.filter(~is_open), stands, ended, begins.select(*SPELLS)]).sort("record_id", "known_from")
