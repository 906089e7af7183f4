"""Resident ids for clusters: inherited where the cluster is known, given back where a merge is undone, else minted.

Put here: pure rules, frames in and frames out. Never here: files, or what a change is called (events).

A cluster inherits the id with which it shares the most records (ties: the older id, then the records that have had it
longest, then the smallest record_id), each id going to one cluster; records that were absent from the previous run
speak only after those that were present. Where a resident falls apart along the line of an earlier merge, each part
gets the id that it had, also of several merges one on top of the other: the part that came by the merge leaves the
resident's id to those who had it before, and takes its own back. The clusters that remain mint new ids in order of
their smallest record_id. An id once minted is never given to records of somebody else.
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
_VOTES = ("cluster_id", "resident_id", "present", "absent", "minted", "since", "first")
_RANK = {"present": True, "absent": True, "minted": False, "since": False, "first": False}


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
    present = before.members.with_columns(pl.lit(True).alias("is_present"))
    away = before.absent.with_columns(pl.lit(None, pl.Int64).alias("known_from"), pl.lit(False).alias("is_present"))
    known = pl.concat([present, away])
    minted = before.spells.group_by("resident_id").agg(pl.col("known_from").min().alias("minted"))
    former = _former(before, known, minted)
    claims = _claims(records, former)
    undone = _undone(records, known, claims, former, before.spells)
    votes = _votes(records, known, minted).join(undone, on=["cluster_id", "resident_id"], how="anti")
    in_use = votes.join(present, on="resident_id", how="semi")
    kept = _settle(in_use.sort(*_RANK, descending=list(_RANK.values())))
    back = _settle(_free(claims, kept).sort("records", "minted", "first", descending=[True, False, False]))
    others = _free(votes.join(in_use, on="resident_id", how="anti"), pl.concat([kept, back]))
    return kept, pl.concat([back, _settle(others.sort(*_RANK, descending=list(_RANK.values())))])


def _free(some: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """Votes or claims of clusters that have no id yet, for ids that nobody has yet."""
    return some.join(settled, on="cluster_id", how="anti").join(settled, on="resident_id", how="anti")


def _votes(records: pl.DataFrame, known: pl.DataFrame, minted: pl.DataFrame) -> pl.DataFrame:
    """Shared records of each cluster and id, columns as `_VOTES`; since: who of them has had it longest."""
    is_present = pl.col("is_present")
    return (
        records.join(known, on="record_id")
        .group_by("cluster_id", "resident_id")
        .agg(
            is_present.sum().alias("present"),
            (~is_present).sum().alias("absent"),
            pl.col("known_from").min().alias("since"),
            pl.col("record_id").min().alias("first"),
        )
        .join(minted, on="resident_id")
        .select(*_VOTES)
    )


def _former(before: Crosswalk, known: pl.DataFrame, minted: pl.DataFrame) -> pl.DataFrame:
    """Records that were a retired resident's at its end, or would have been had they been there.

    Returns:
        record_id; resident_id, the retired one; minted; ended; holder: whose the record was last; is_own: the record
        had no other id before, or the id was minted for it. Others came from another resident, by a merge as a rule.
    """
    retired = before.spells.join(before.members, on="resident_id", how="anti")
    ends = retired.group_by("resident_id").agg(pl.col("known_to").max().alias("ended")).join(minted, on="resident_id")
    lives = _since(retired).join(ends, on="resident_id")
    of = before.spells.select("record_id", "known_from", pl.col("resident_id").alias("of")).sort("known_from")
    held = (
        lives.join(of, on="record_id", maintain_order="right")
        .filter(pl.col("known_from") < pl.col("ended"))
        .group_by(lives.columns)
        .agg(pl.col("known_from").min().alias("first"), pl.col("of").last())
        .filter(pl.col("of") == pl.col("resident_id"))
        .join(known.select("record_id", pl.col("resident_id").alias("holder")), on="record_id")
    )
    is_own = (pl.col("since") == pl.col("first")) | (pl.col("since") == pl.col("minted"))
    return held.select("record_id", "resident_id", "minted", "ended", "holder", is_own.alias("is_own"))


def _since(spells: pl.DataFrame) -> pl.DataFrame:
    """record_id, resident_id, since: the first run that knew a record as a resident's."""
    return spells.group_by("record_id", "resident_id").agg(pl.col("known_from").min().alias("since"))


def _claims(records: pl.DataFrame, former: pl.DataFrame) -> pl.DataFrame:
    """Clusters that hold most of what is left of a retired resident.

    Most of its own records, and of all of them where none of its own is left: so each of several who were merged one
    after the other gets the own id back.

    Returns:
        cluster_id, resident_id, records, minted, first, holders: the residents whose those records were last.
    """
    held = records.join(former, on="record_id")
    counts = pl.col("is_own") | ~pl.col("is_own").any().over("resident_id")
    held = held.with_columns(counts.alias("counts")).with_columns(
        pl.col("counts").sum().over("resident_id").alias("left")
    )
    return (
        held.group_by("cluster_id", "resident_id", "minted", "left")
        .agg(
            pl.len().alias("records"),
            pl.col("counts").sum(),
            pl.col("record_id").min().alias("first"),
            pl.col("holder").unique().alias("holders"),
        )
        .filter(pl.col("counts") * 2 > pl.col("left"))
        .drop("counts", "left")
    )


def _undone(
    records: pl.DataFrame, known: pl.DataFrame, claims: pl.DataFrame, former: pl.DataFrame, spells: pl.DataFrame
) -> pl.DataFrame:
    """cluster_id, resident_id: clusters that joined a resident by a merge and leave again, so the id is not theirs.

    Only where somebody is left who had the id before that merge, and another cluster has more of those records.
    """
    pair = ["merged", "resident_id"]
    joined = former.select("record_id", "ended", merged="resident_id", resident_id="holder")
    held = known.select("record_id", "resident_id").join(joined, on="resident_id", how="semi")
    held = _since(held.join(spells, on=["record_id", "resident_id"]))
    merges = joined.join(held, on=["record_id", "resident_id"]).group_by(*pair, "ended")
    merged_at = merges.agg(pl.max_horizontal("since", "ended").min().alias("merged_at"))
    own = held.join(merged_at, on="resident_id").filter(pl.col("since") < pl.col("merged_at"))
    as_late = joined.select("record_id", "resident_id", came="ended").join(own, on=["record_id", "resident_id"])
    as_late = as_late.filter(pl.col("came") >= pl.col("ended"))
    own = own.join(as_late, on=["record_id", *pair], how="anti").join(records, on="record_id")
    own = own.group_by(*pair, "cluster_id").agg(pl.len().alias("own"))
    claimed = claims.select("cluster_id", merged="resident_id", resident_id="holders").explode("resident_id")
    told = claimed.join(own, on=[*pair, "cluster_id"], how="left")
    most = own.group_by(pair).agg(pl.col("own").max().alias("most"))
    leaving = told.join(most, on=pair).filter(pl.col("own").fill_null(0) < pl.col("most"))
    return leaving.select("cluster_id", "resident_id")


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
