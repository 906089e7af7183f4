"""Decisions by people: pairs of records that are one person, and pairs that are not.

Put here: the form of decisions, and whether they agree with each other. Never here: who may decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from spine.errors import PipelineError
from spine.linkage.arrays import Codes, Flags, components

DECISIONS = ("must_link", "cannot_link")
_COLUMNS = ("left_record_id", "right_record_id", "decision")


@dataclass(frozen=True)
class Decisions:
    """Decided pairs as left * size + right, left before right.

    Attributes:
        must: pairs that are one person.
        cannot: pairs that are not.
        unknown: decisions that name a record which is not there.
    """

    must: Codes
    cannot: Codes
    unknown: int = 0

    @property
    def both(self) -> Codes:
        """All decided pairs."""
        return np.concatenate([self.must, self.cannot])


def read_decisions(overrides: pl.DataFrame | None, ids: pl.Series) -> Decisions:
    """Decisions on records, by their places in `ids` (ascending).

    Raises:
        PipelineError: a column is missing, a decision is none of `DECISIONS`, or decisions contradict each other.
    """
    none = np.empty(0, dtype=np.int64)
    if overrides is None or overrides.is_empty():
        return Decisions(none, none)
    if missing := sorted(set(_COLUMNS) - set(overrides.columns)):
        raise PipelineError(f"overrides: no column {', '.join(missing)}. Expected {', '.join(_COLUMNS)}.")
    decision = overrides["decision"].cast(pl.String)
    if wrong := int((~decision.is_in(list(DECISIONS))).fill_null(True).sum()):
        raise PipelineError(f"overrides: {wrong} rows whose decision is none of {', '.join(DECISIONS)}.")
    must = (decision == DECISIONS[0]).to_numpy()
    left, right = (_places(overrides[name].cast(pl.String), ids) for name in _COLUMNS[:2])
    if count := int((~pl.Series(must) & (overrides["left_record_id"] == overrides["right_record_id"])).sum()):
        raise PipelineError(f"overrides: {count} cannot_link decisions name one record twice. Expected two records.")
    known = (left >= 0) & (right >= 0) & (left != right)
    pair = np.minimum(left, right) * len(ids) + np.maximum(left, right)
    found = Decisions(
        np.unique(pair[known & must]), np.unique(pair[known & ~must]), int(((left < 0) | (right < 0)).sum())
    )
    _agree(found, len(ids))
    return found


def changed_names(before: pl.DataFrame | None, after: pl.DataFrame | None) -> pl.Series:
    """Records that decisions name which hold in one of the two only."""
    names = pl.Series("name", [], dtype=pl.String)
    if before is after:
        return names
    rows = [frame.select(pl.col(_COLUMNS).cast(pl.String)).unique() for frame in (before, after)
            if frame is not None and set(_COLUMNS) <= set(frame.columns)]  # fmt: skip
    if not rows:
        return names
    once = pl.concat(rows).group_by(_COLUMNS).len().filter(pl.col("len") == 1)
    return pl.concat([names, *(once[column].alias("name") for column in _COLUMNS[:2])])


def named(decisions: Decisions, size: int) -> Flags:
    """Records that a decision names."""
    result = np.zeros(size, dtype=bool)
    result[np.concatenate(np.divmod(decisions.both, max(size, 1)))] = True
    return result


def on_nodes(decisions: Decisions, of_record: Codes, records: int, nodes: int) -> Decisions:
    """The same decisions on nodes. Records that a decision names are nodes of their own."""

    def moved(pairs: Codes) -> Codes:
        left, right = (of_record[side] for side in np.divmod(pairs, max(records, 1)))
        return np.sort(np.minimum(left, right) * nodes + np.maximum(left, right))

    return Decisions(moved(decisions.must), moved(decisions.cannot), decisions.unknown)


def _places(wanted: pl.Series, ids: pl.Series) -> Codes:
    """Place of each id; -1 where it is not there."""
    rows = pl.DataFrame({"id": ids}).with_row_index("place")
    found = wanted.alias("id").to_frame().join(rows, on="id", how="left", maintain_order="left")["place"]
    return found.cast(pl.Int64).fill_null(-1).to_numpy()


def _agree(decisions: Decisions, size: int) -> None:
    label = components(size, *np.divmod(decisions.must, size))
    left, right = np.divmod(decisions.cannot, size)
    if count := int((label[left] == label[right]).sum()):
        raise PipelineError(
            f"overrides: decisions contradict each other: {count} cannot_link pairs are joined by must_link pairs. "
            "Expected that no chain of must_link holds a cannot_link pair. Withdraw one of them."
        )
