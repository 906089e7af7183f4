"""Whose id changed without a cause: an account that does not rely on how the change was made or explained.

Put here: the independent count, from records, fingerprints and decisions of two runs. Never here: the rules by which
ids are given (assign), or the events and their reasons (events, evidence): none of them is read or called, so
that a fault there shows here.

Causes are these only: a linking attribute of a record changed, a record was added or withdrawn, or a person's decision
came or lapsed, each somewhere in the component of the change. A component is what residents of either run join:
all records that were together before or are together now, and so on from each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.identity.crosswalk import Crosswalk
from spine.linkage.arrays import components

#: What can have happened to a resident of whom a record that stayed has another id now.
CHANGES_OF_ID: Final = {
    "merged": "all records that stayed went to one other resident",
    "dissolved": "the records that stayed went to several others",
    "split": "some records went to others, some kept the id",
}


@dataclass(frozen=True)
class Churn:
    """Residents of the last run, and whose id changed in this one.

    A resident counts as changed where a record of theirs that is still there belongs to another id now.

    Attributes:
        residents: of the last run.
        changed: changed residents, by `CHANGES_OF_ID`.
        without_cause: those of them in whose component nothing else has changed, by the same.
    """

    residents: int
    changed: Mapping[str, int]
    without_cause: Mapping[str, int]

    @property
    def percent(self) -> float:
        """Residents whose id changed without a cause, in percent of those of the last run."""
        return 100 * sum(self.without_cause.values()) / self.residents if self.residents else 0.0


def churn(before: Crosswalk, after: Crosswalk) -> Churn:
    """Count the residents whose id changed, and those among them who changed without a cause.

    Args:
        before: of the last run; `current`, `prints` and `decisions` are read.
        after: of this run, the same. Where a fingerprint is null in either, no attribute counts as changed.
    """
    records = _side_by_side(before, after)
    decided = _decided(before, after)
    labelled = records.with_columns(pl.Series("component", _components(records, decided)))
    touched = pl.col("was").is_null() | pl.col("now").is_null() | (pl.col("print") != pl.col("print_now"))
    named = pl.col("record_id").is_in(pl.concat([decided["left_record_id"], decided["right_record_id"]]).implode())
    caused = labelled.filter(touched.fill_null(False) | named)["component"].unique()
    stayed = labelled.filter(pl.col("was").is_not_null() & pl.col("now").is_not_null())
    stayed = stayed.with_columns(
        (pl.col("now") == pl.col("was")).alias("kept"), pl.col("component").is_in(caused.implode()).alias("is_caused")
    )
    kept, went = pl.col("kept"), pl.col("now").n_unique()
    kind = pl.when(kept.any()).then(pl.lit("split")).when(went == 1).then(pl.lit("merged"))
    changed = (
        stayed.group_by("was")
        .agg(
            kind.otherwise(pl.lit("dissolved")).alias("kind"),
            kept.all().alias("same"),
            pl.col("is_caused").any(),
        )
        .filter(~pl.col("same"))
    )
    return Churn(
        residents=records["was"].drop_nulls().n_unique(),
        changed=_counted(changed),
        without_cause=_counted(changed.filter(~pl.col("is_caused"))),
    )


def _side_by_side(before: Crosswalk, after: Crosswalk) -> pl.DataFrame:
    """record_id, was, now (resident ids, null where the record was not there), print, print_now; in order."""

    def of(one: Crosswalk, resident: str, fingerprint: str) -> pl.DataFrame:
        ids = one.current.select("record_id", pl.col("resident_id").alias(resident))
        return ids.join(one.prints.rename({"fingerprint": fingerprint}), on="record_id", how="left")

    both = of(before, "was", "print").join(of(after, "now", "print_now"), on="record_id", how="full", coalesce=True)
    return both.sort("record_id")


def _decided(before: Crosswalk, after: Crosswalk) -> pl.DataFrame:
    """Decisions that were in force in one of the two runs only."""
    columns = before.decisions.columns
    return pl.concat(
        [
            before.decisions.join(after.decisions, on=columns, how="anti"),
            after.decisions.join(before.decisions, on=columns, how="anti"),
        ]
    )


def _components(records: pl.DataFrame, decided: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Label of each record's component."""
    numbered = records.with_row_index("place")
    places = numbered.select("record_id", "place")
    edges = [
        numbered.filter(pl.col(side).is_not_null()).select("place", pl.col("place").min().over(side).alias("other"))
        for side in ("was", "now")
    ]
    edges.append(
        decided.join(places, left_on="left_record_id", right_on="record_id")
        .join(places, left_on="right_record_id", right_on="record_id", suffix="_other")
        .select("place", pl.col("place_other").alias("other"))
    )
    joined = pl.concat(edges).cast(pl.Int64)
    return components(records.height, joined["place"].to_numpy(), joined["other"].to_numpy())


def _counted(changed: pl.DataFrame) -> dict[str, int]:
    found = dict(changed.group_by("kind").len().iter_rows())
    return {kind: int(found.get(kind, 0)) for kind in CHANGES_OF_ID}
