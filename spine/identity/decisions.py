"""Decisions by people on two records: which of them hold on a day, and which contradict each other.

Put here: pure rules on registers of decisions, frames in and frames out. Never here: who may decide (spine.rights),
what linkage makes of a decision (spine.linkage), or files.

A decision that does not hold changes nothing, and what became of it is told. Decisions that contradict each other are
never settled here by date, number or supplier: none of them holds until the stewards have settled it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from spine.errors import PipelineError
from spine.linkage.arrays import components

MUST, CANNOT = "must_link", "cannot_link"

HOLDS: Final = "holds"
UNKNOWN: Final = "unknown_record"
CONTRADICTED: Final = "contradicted"
TOO_FEW: Final = "too_few_people"
#: What may become of a decision, in the order in which it is judged, and how that is said.
STANDINGS: Final = {
    "unreadable": "cannot be read: no known decision, no day, or an end or withdrawal that is neither",
    "withdrawn": "was taken back",
    "not_yet": "is made on a later day",
    "expired": "has come to its last day",
    TOO_FEW: "was made by fewer people than the decision rights ask for",
    "one_record_twice": "names one record twice",
    CONTRADICTED: "contradicts other decisions, so that none of them holds",
    UNKNOWN: "names a record that no source holds under that source and id",
    HOLDS: "holds",
}

#: A register as the warehouse has it (`int_linkage_decisions`).
REGISTER: Final[dict[str, pl.DataType]] = {
    "partner": pl.String(),
    "decision_id": pl.String(),
    "decision": pl.String(),
    "left_source": pl.String(),
    "left_record_id": pl.String(),
    "right_source": pl.String(),
    "right_record_id": pl.String(),
    "deciders": pl.List(pl.String()),
    "decided_on": pl.Date(),
    "reason_code": pl.String(),
    "valid_until": pl.Date(),
    "is_withdrawn": pl.Boolean(),
    "is_readable": pl.Boolean(),
    "delivery": pl.String(),
}
#: Every decision with what became of it; nobody who decided is named. `contradiction` numbers what belongs together.
STOOD: Final[dict[str, pl.DataType]] = {
    **{name: kind for name, kind in REGISTER.items() if name not in ("deciders", "is_withdrawn", "is_readable")},
    "standing": pl.String(),
    "contradiction": pl.Int64(),
}
#: What linkage is given.
APPLIED: Final[dict[str, pl.DataType]] = {
    "left_record_id": pl.String(),
    "right_record_id": pl.String(),
    "decision": pl.String(),
}
_KEY = ("partner", "decision_id")


@dataclass(frozen=True)
class Judged:
    """Decisions on one day.

    Attributes:
        decisions: columns as `STOOD`, sorted by partner and decision_id.
        people: how many different people a decision takes.
    """

    decisions: pl.DataFrame
    people: int

    @property
    def applied(self) -> pl.DataFrame:
        """The decided pairs that hold, each once, its smaller record id first; columns as `APPLIED`, sorted."""
        left, right = pl.col("left_record_id"), pl.col("right_record_id")
        held = self.decisions.filter(pl.col("standing") == HOLDS)
        first, last = pl.min_horizontal(left, right), pl.max_horizontal(left, right)
        ordered = held.select(first.alias("left_record_id"), last.alias("right_record_id"), "decision")
        return ordered.unique().sort(*APPLIED)

    @property
    def contradicting(self) -> pl.DataFrame:
        """The decisions that contradict each other, together as they belong."""
        found = self.decisions.filter(pl.col("standing") == CONTRADICTED)
        return found.sort("contradiction", *_KEY)

    @property
    def counts(self) -> Mapping[str, int]:
        """Decisions by what became of them."""
        found = dict(self.decisions.group_by("standing").len().iter_rows())
        return {standing: int(found.get(standing, 0)) for standing in STANDINGS}

    def by_partner(self, standing: str) -> Mapping[str, int]:
        """Decisions of one standing by whose register they stand in."""
        found = self.decisions.filter(pl.col("standing") == standing)
        return dict(found.group_by("partner").len().sort("partner").iter_rows())


def judge_decisions(register: pl.DataFrame, records: pl.DataFrame, as_of: date, people: int) -> Judged:
    """Say of every decision whether it holds.

    A decision holds from the day it was made to its last day, both included, unless it was taken back. Chains of
    must_link that hold a cannot_link contradict each other: neither that chain nor any cannot_link within it holds.
    Contradictions are sought before it is asked whether a record is known, so that a record that leaves settles none.

    Args:
        register: columns as `REGISTER`; further ones are not read.
        records: record_id and source of every person record.
        as_of: the day.
        people: how many different people a decision takes.

    Raises:
        PipelineError: a column is missing.
    """
    if missing := sorted(set(REGISTER) - set(register.columns)):
        raise PipelineError(f"decisions: no column {', '.join(missing)}. Expected int_linkage_decisions.")
    given = register.select(pl.col(name).cast(kind) for name, kind in REGISTER.items()).sort(*_KEY, nulls_last=True)
    standing = given.with_columns(standing=_alone(as_of, people))
    numbered = standing.with_columns(contradiction=_contradictions(standing), known=_known(given, records))
    told = pl.coalesce(
        "standing",
        pl.when(pl.col("contradiction").is_not_null()).then(pl.lit(CONTRADICTED)),
        pl.when(~pl.col("known")).then(pl.lit(UNKNOWN)),
        pl.lit(HOLDS),
    )
    return Judged(numbered.with_columns(standing=told).select(*STOOD), people)


def empty_register() -> pl.DataFrame:
    """A register without a decision."""
    return pl.DataFrame(schema=REGISTER)


def _alone(as_of: date, people: int) -> pl.Expr:
    """Why a decision does not hold whatever the others say; null where nothing is against it."""
    deciders = pl.col("deciders").list.eval(pl.element().str.strip_chars().str.to_lowercase())
    several = deciders.list.eval(pl.element().filter(pl.element().is_not_null() & (pl.element() != "")))
    readable = pl.col("is_readable").fill_null(False) & pl.col("decision").is_in([MUST, CANNOT]).fill_null(False)
    reasons = {
        "unreadable": ~readable,
        "withdrawn": pl.col("is_withdrawn").fill_null(True),
        "not_yet": (pl.col("decided_on") > as_of).fill_null(True),
        "expired": (pl.col("valid_until") < as_of).fill_null(False),
        TOO_FEW: several.list.n_unique().fill_null(0) < people,
        "one_record_twice": pl.col("left_record_id") == pl.col("right_record_id"),
    }
    return pl.coalesce(pl.when(found).then(pl.lit(reason)) for reason, found in reasons.items())


def _contradictions(decisions: pl.DataFrame) -> pl.Series:
    """By decision the number of the contradiction it is part of, in the order of record ids; null where of none."""
    # Two that name no record at all have none in common.
    names_two = decisions["left_record_id"].is_not_null() & decisions["right_record_id"].is_not_null()
    open_ = (decisions["standing"].is_null() & names_two).to_numpy()
    ids = pl.concat([decisions["left_record_id"], decisions["right_record_id"].alias("left_record_id")])
    places = ids.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    left, right = np.split(places, 2)
    must = open_ & (decisions["decision"] == MUST).fill_null(False).to_numpy()
    cannot = open_ & (decisions["decision"] == CANNOT).fill_null(False).to_numpy()
    label = components(int(places.max(initial=0)) + 1, left[must], right[must])
    within = label[left] == label[right]
    torn = np.unique(label[left[cannot & within]])
    part = open_ & within & np.isin(label[left], torn)
    number = np.where(part, np.searchsorted(torn, label[left]) + 1, 0)
    return pl.Series("contradiction", number, dtype=pl.Int64).replace(0, None)


def _known(decisions: pl.DataFrame, records: pl.DataFrame) -> pl.Series:
    """Both records are there, each of the source that the decision names."""
    there = records.select(pl.col("record_id", "source").cast(pl.String)).with_columns(there=pl.lit(True))
    sides = [
        decisions.select(record_id=f"{side}_record_id", source=f"{side}_source")
        .join(there, on=["record_id", "source"], how="left", maintain_order="left")["there"]
        .fill_null(False)
        for side in ("left", "right")
    ]
    return sides[0] & sides[1]
