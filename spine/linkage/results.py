"""The result of a run as frames.

Put here: the form of clusters and links. Never here: a decision of linkage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from spine.linkage.arrays import Array, Codes, Flags, Floats, order_of, pair_keys
from spine.linkage.cluster import confidence
from spine.linkage.config import LinkageConfig
from spine.linkage.report import Found, codes
from spine.linkage.run import Run, inner_bits, pairs_between, pairs_within
from spine.linkage.score import probability

METHODS = ("single", "probabilistic", "exact", "manual")


def clusters(run: Run, config: LinkageConfig) -> pl.DataFrame:
    """record_id, source, cluster_id, method, confidence of every record (see `LinkageResult`)."""
    nodes, smallest = run.nodes, _smallest(run)
    certain = np.take(confidence(run.clustering, run.scored, smallest == nodes.first), nodes.of_record)
    chance = probability(inner_bits(run.inner, run.tally, config))
    # Where a node stands alone, its first record is as sure as its best pair.
    alone = np.isnan(np.take(certain, run.inner.left))
    others = np.fmin(chance, np.take(certain, run.inner.right))
    firsts = run.inner.left[alone]
    certain[firsts] = 0
    np.maximum.at(certain, firsts, chance[alone])
    certain[run.inner.right] = others
    return pl.DataFrame(
        {
            "record_id": run.ids,
            "source": run.source.cast(pl.String),
            "cluster_id": run.ids.gather(np.take(smallest, nodes.of_record)),
            "method": _named(_kinds(run), METHODS),
            "confidence": pl.Series(certain, dtype=pl.Float64, nan_to_null=True),
        }
    )


def _smallest(run: Run) -> Codes:
    """For each node the place of the first record of its cluster."""
    label, first = run.clustering.label, run.nodes.first
    smallest = first.copy()
    others = np.flatnonzero(label != np.arange(label.size))
    np.minimum.at(smallest, np.take(label, others), np.take(first, others))
    return np.take(smallest, label)


def _kinds(run: Run) -> Array:
    """Strongest kind of link that touches each record, as a place in `METHODS`."""
    link = np.flatnonzero(run.clustering.link)
    method = _methods(run, link)
    kind = np.zeros(run.nodes.encoded.size, dtype=np.uint8)
    for strength in (1, 2, 3):
        chosen = link if strength == 1 else link[method == strength]
        for side in (run.compared.left, run.compared.right):
            kind[np.take(side, chosen)] = strength
    kind[(run.nodes.records > 1) & (kind == 0)] = 1
    result = np.take(kind, run.nodes.of_record)
    exact = np.flatnonzero(np.take(run.tally.one_each.anchor, run.inner.pattern))
    for records in (run.inner.left[exact], run.inner.right[exact]):
        result[records] = np.maximum(result[records], 2)
    return result


def _methods(run: Run, link: Codes) -> Array:
    """Kind of some links between nodes, as a place in `METHODS`."""
    by_number = 1 + np.take(run.tally.one_each.anchor, np.take(run.compared.pattern, link)).astype(np.uint8)
    return np.where(np.take(run.scored.manual, link), np.uint8(3), by_number)


def methods(run: Run) -> dict[str, int]:
    """Accepted pairs of records by method."""
    between = np.bincount(_methods(run, np.flatnonzero(run.clustering.link)), minlength=len(METHODS))
    within = np.bincount(1 + np.take(run.tally.one_each.anchor, run.inner.pattern), minlength=len(METHODS))
    return {name: int(count) for name, count in zip(METHODS, between + within, strict=True) if count}


def links(run: Run, config: LinkageConfig) -> pl.DataFrame:
    """Accepted pairs of records, sorted: those between nodes (their first records), and those within one."""
    chosen, first, inner = np.flatnonzero(run.clustering.link), run.nodes.first, run.inner
    a, b = (np.take(first, np.take(side, chosen)) for side in (run.compared.left, run.compared.right))
    left, right = np.concatenate([np.minimum(a, b), inner.left]), np.concatenate([np.maximum(a, b), inner.right])
    order = order_of(pair_keys(left, right, run.records.size))
    of_inner, one_each = inner_bits(inner, run.tally, config), run.tally.one_each
    bits = np.take(np.concatenate([np.take(run.scored.bits, chosen), of_inner]), order)
    method = np.take(np.concatenate([_methods(run, chosen), 1 + np.take(one_each.anchor, inner.pattern)]), order)
    pattern = np.take(np.concatenate([np.take(run.compared.pattern, chosen), inner.pattern]), order)
    levels = {f"level_{name}": _named(one_each.levels[name], names) for name, names in config.scheme.levels.items()}
    levels["stratum"] = _named(1 - one_each.home.astype(np.uint8), ("home", "elsewhere"))
    told = pl.DataFrame(levels).select(pl.all().gather(pl.Series(pattern, dtype=pl.UInt32)))
    return pl.DataFrame(
        {
            "left_record_id": run.ids.gather(np.take(left, order)),
            "right_record_id": run.ids.gather(np.take(right, order)),
            "bits": bits.astype(np.float64).round(4),
            "probability": probability(bits),
            "method": _named(method, METHODS),
            "stratum": told["stratum"],
            **told.drop("stratum").to_dict(),
        }
    )


def _named(codes: Codes | Array, names: tuple[str, ...]) -> pl.Series:
    kind, number = _kind(names)
    return pl.Series(codes, dtype=number).cat.to(kind)


@cache
def _kind(names: tuple[str, ...]) -> tuple[pl.Enum, pl.DataType]:
    """The type of these names, and of the numbers that stand for them."""
    kind = pl.Enum(names)
    return kind, pl.Series([], dtype=kind).to_physical().dtype


@dataclass(frozen=True)
class Pairs:
    """All compared pairs of records, between nodes (their first records) and within them.

    Attributes as of `distribution.ScoredPairs`.
    """

    left: Codes
    right: Codes
    bits: Floats
    records: Floats
    home: Flags
    veto: Array


def pairs(run: Run, config: LinkageConfig) -> Pairs:
    """What distributions are made from."""
    first, compared, inner = run.nodes.first.astype(np.int32), run.compared, run.inner
    a, b = np.take(first, compared.left), np.take(first, compared.right)
    between, within = pairs_between(run.nodes, compared.left, compared.right), pairs_within(run.nodes, inner.right)
    return Pairs(
        left=np.concatenate([np.minimum(a, b), inner.left]),
        right=np.concatenate([np.maximum(a, b), inner.right]),
        bits=np.concatenate([run.scored.bits, inner_bits(inner, run.tally, config)]),
        records=np.concatenate([between, within]),
        home=np.concatenate([compared.home, inner.home]),
        veto=np.concatenate([run.scored.veto, np.zeros(within.size, dtype=run.scored.veto.dtype)]),
    )


def found(run: Run) -> Found:
    """Clusters by position."""
    return Found(np.take(_smallest(run), run.nodes.of_record), *codes(run.source))


def groups(run: Run) -> pl.DataFrame:
    """record_id and the columns of the by-group tables."""
    people = run.people
    decades = tuple(f"{ten}0s" if ten else "unknown" for ten in range(int(people.decade.max(initial=0)) + 1))
    return pl.DataFrame(
        {
            "record_id": run.ids,
            "sex": _named(people.sex, ("unknown", "female", "male")),
            "birth_decade": _named(people.decade, decades),
            "has_postcode": people.has("postcode"),
            "has_date_of_birth": people.has("date_of_birth"),
        }
    )


def counts(run: Run) -> dict[str, int]:
    """Further counts of a run."""
    return {
        "nodes": int(np.count_nonzero(run.nodes.records)),
        "contested_pairs": run.scored.contested,
        "components_rebuilt": run.clustering.rebuilt,
        "merges_refused": run.clustering.refused,
        "overrides_unknown": run.decisions.unknown,
        **run.records.facts,
    }
