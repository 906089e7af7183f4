"""Every id that was ever minted, where it leads today, and what analysts may follow.

Put here: what is read from the spells of a crosswalk about ids that are no longer in use. Never here: pseudonyms, or
who may be told (spine.release).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from spine.identity.crosswalk import Crosswalk

#: Every id ever minted. `status`: current; merged, gone into one other; split, gone into several; retired, gone without
#: a record. `current_resident_id` is null where nobody stands in its place.
REGISTER: Final[dict[str, pl.DataType]] = {
    "resident_id": pl.String(),
    "status": pl.String(),
    "successor_id": pl.String(),
    "current_resident_id": pl.String(),
    "known_from": pl.Int64(),
    "known_to": pl.Int64(),
    "current_since": pl.Int64(),
}
SUPERSESSIONS: Final[dict[str, pl.DataType]] = {
    "former_resident_id": pl.String(),
    "resident_id": pl.String(),
    "kind": pl.String(),
    "since": pl.Date(),
}


def register(crosswalk: Crosswalk) -> pl.DataFrame:
    """Every id ever minted and where it leads, columns as `REGISTER`, sorted.

    A retired id leads to the resident who got all, or most, of the records that it held at its end, then or when they
    came back after an absence, and on from there until a resident who is in use. Who got them ends in a later run than
    the id did, so there is no circle.
    """
    spells = crosswalk.spells
    is_open = pl.col("known_to").is_null()
    lives = spells.group_by("resident_id").agg(
        pl.col("known_from").min(), pl.when(~is_open.any()).then(pl.col("known_to").max()).alias("known_to")
    )
    end = lives.select("resident_id", pl.col("known_to").alias("end")).drop_nulls()
    held = spells.join(end, left_on=["resident_id", "known_to"], right_on=["resident_id", "end"])
    later = spells.select(
        "record_id", pl.col("resident_id").alias("successor_id"), pl.col("known_from").alias("went_on")
    )
    went = held.join(later, on="record_id").filter(pl.col("went_on") >= pl.col("known_to"))
    heirs = (
        went.sort("went_on")
        .unique(["resident_id", "record_id"], keep="first", maintain_order=True)
        .group_by("resident_id", "successor_id")
        .agg(pl.len(), pl.col("went_on").min(), pl.col("record_id").min().alias("first"))
        .sort("len", "first", descending=[True, False])
        .group_by("resident_id", maintain_order=True)
        .agg(pl.col("successor_id", "went_on").first(), pl.len().alias("heirs"))
    )
    status = (
        pl.when(is_open)
        .then(pl.lit("current"))
        .when(pl.col("heirs").is_null())
        .then(pl.lit("retired"))
        .when(pl.col("heirs") == 1)
        .then(pl.lit("merged"))
        .otherwise(pl.lit("split"))
    )
    known = lives.join(heirs, on="resident_id", how="left").with_columns(status.alias("status"))
    return _followed(known).select(pl.col(name).cast(kind) for name, kind in REGISTER.items()).sort("resident_id")


def _followed(known: pl.DataFrame) -> pl.DataFrame:
    """The register with `current_resident_id` and the run since which that holds."""
    steps = known.select(
        pl.col("resident_id").alias("at"),
        pl.col("successor_id").alias("next"),
        pl.col("known_to").alias("ended"),
        pl.col("went_on").alias("since"),
    )
    is_current = pl.col("status") == "current"
    found = known.with_columns(
        pl.when(is_current).then("resident_id").otherwise("successor_id").alias("at"),
        pl.when(is_current).then("known_from").otherwise(pl.coalesce("went_on", "known_to")).alias("current_since"),
    )
    while True:
        further = found.join(steps, on="at", how="left", maintain_order="left")
        goes_on = pl.col("ended").is_not_null()
        if not further.select(goes_on.any()).item():
            return found.rename({"at": "current_resident_id"})
        found = further.with_columns(
            pl.when(goes_on).then("next").otherwise("at").alias("at"),
            pl.when(goes_on).then(pl.coalesce("since", "ended")).otherwise("current_since").alias("current_since"),
        ).drop("next", "ended", "since")


def supersessions(crosswalk: Crosswalk) -> pl.DataFrame:
    """Which residents of today stand in the place of which earlier ids, columns as `SUPERSESSIONS`, sorted.

    *merge*: the former id is retired and leads to this resident. *split*: the resident has records, or most of them,
    that were the former id's; others may have the rest. *return*: the resident was merged into the former id, and
    stands again. `since` is the as-of date from which the resident has had them.
    """
    spells, ids = crosswalk.spells, register(crosswalk)
    is_open = pl.col("known_to").is_null()
    redirected = ids.filter(pl.col("status").is_in(["merged", "split"]) & pl.col("current_resident_id").is_not_null())
    led = redirected.select(
        pl.col("resident_id").alias("former_resident_id"),
        pl.col("current_resident_id").alias("resident_id"),
        pl.when(pl.col("status") == "merged").then(pl.lit("merge")).otherwise(pl.lit("split")).alias("kind"),
        pl.col("current_since").alias("number"),
    )
    ended = spells.filter(~is_open).rename({"resident_id": "former_resident_id", "known_from": "began"})
    moved = ended.drop("known_to").join(spells.filter(is_open).drop("known_to"), on="record_id")
    moved = moved.filter(pl.col("former_resident_id") != pl.col("resident_id"))
    earlier = spells.select("record_id", "resident_id", pl.col("known_from").alias("before"))
    again = moved.join(earlier, on=["record_id", "resident_id"]).filter(pl.col("before") < pl.col("began"))
    pair = ["former_resident_id", "resident_id"]
    parts = (
        moved.group_by(pair)
        .agg(pl.col("known_from").min().alias("number"))
        .join(led, on=pair, how="anti")
        .join(again.select(*pair, pl.lit(True).alias("again")).unique(), on=pair, how="left")
        .with_columns(pl.when(pl.col("again")).then(pl.lit("return")).otherwise(pl.lit("split")).alias("kind"))
    )
    both = pl.concat([led, parts.select(led.columns)]).join(dated(crosswalk.runs), on="number")
    return both.select(*pair, "kind", pl.col("valid_from").alias("since")).cast(dict(SUPERSESSIONS)).sort(*pair)  # type: ignore[arg-type]


def dated(runs: pl.DataFrame) -> pl.DataFrame:
    """number, valid_from: the day from which what a run said holds; an earlier day where a later run spoke for it."""
    return runs.sort("number").select("number", pl.col("run_as_of").cum_min(reverse=True).alias("valid_from"))
