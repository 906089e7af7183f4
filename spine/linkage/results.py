"""The result of a run as frames.

Put here: the form of clusters and links. Never here: a decision of linkage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from spine.linkage.arrays import Array, Codes, Flags, Floats, order_of, pair_keys
from spine.linkage.cluster import confidence
from spine.linkage.levels import Scheme
from spine.linkage.report import Found, codes
from spine.linkage.run import Run
from spine.linkage.score import probability

METHODS = ("single", "probabilistic", "exact", "manual")


def clusters(run: Run) -> pl.DataFrame:
    """record_id, source, cluster_id, method, confidence of every record (see `LinkageResult`)."""
    nodes, smallest = run.nodes, _smallest(run)
    certain = np.take(confidence(run.clustering, run.scored, smallest == nodes.first), nodes.of_record)
    chance = probability(run.inner_bits)
    # Where a node stands alone, its first record is as sure as its best pair.
    alone = np.isnan(np.take(certain, run.inner.left))
    others = np.fmin(chance, np.take(certain, run.inner.right))
    np.fmax.at(certain, run.inner.left[alone], chance[alone])
    certain[run.inner.right] = others
    return pl.DataFrame(
        {
            "record_id": run.ids,
            "source": run.source,
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
    sides = (run.scored.left, run.scored.right)
    kind = np.zeros(run.nodes.encoded.size, dtype=np.uint8)
    for strength, flags in ((1, None), (2, run.scored.anchor), (3, run.scored.manual)):
        chosen = link if flags is None else link[np.take(flags, link)]
        for side in sides:
            kind[np.take(side, chosen)] = strength
    result = np.take(kind, run.nodes.of_record)
    for records in (run.inner.left, run.inner.right):
        result[records] = np.maximum(result[records], 1)
        exact = records[run.inner.anchor]
        result[exact] = np.maximum(result[exact], 2)
    return result


def methods(run: Run) -> dict[str, int]:
    """Accepted pairs of records by method."""
    scored, link = run.scored, run.clustering.link
    between = np.where(scored.manual[link], 3, 1 + scored.anchor[link])
    counts = np.bincount(np.concatenate([between, 1 + run.inner.anchor]), minlength=len(METHODS))
    return {name: int(count) for name, count in zip(METHODS, counts, strict=True) if count}


def links(run: Run, scheme: Scheme) -> pl.DataFrame:
    """Accepted pairs of records, sorted: those between nodes (their first records), and those within one."""
    chosen = np.flatnonzero(run.clustering.link)
    first, scored, compared = run.nodes.first, run.scored, run.compared
    a, b = first[scored.left[chosen]], first[scored.right[chosen]]
    left, right = (
        np.concatenate([np.minimum(a, b), run.inner.left]),
        np.concatenate([np.maximum(a, b), run.inner.right]),
    )
    order = order_of(pair_keys(left, right, run.records.size))
    bits: Floats = np.concatenate([scored.bits[chosen], run.inner_bits])[order]
    method = np.concatenate([np.where(scored.manual[chosen], 3, 1 + scored.anchor[chosen]), 1 + run.inner.anchor])[
        order
    ]
    home = np.concatenate([compared.home[chosen], run.inner.home])[order]
    levels = {
        f"level_{comparison}": _named(
            np.concatenate([compared.levels[comparison][chosen], run.inner.levels[comparison]])[order], names
        )
        for comparison, names in scheme.levels.items()
    }
    return pl.DataFrame(
        {
            "left_record_id": run.ids.gather(left[order]),
            "right_record_id": run.ids.gather(right[order]),
            "bits": bits.astype(np.float64).round(4),
            "probability": probability(bits),
            "method": _named(method, METHODS),
            "stratum": _named(1 - home.astype(np.uint8), ("home", "elsewhere")),
            **levels,
        }
    )


def _named(codes: Codes | Array, names: tuple[str, ...]) -> pl.Series:
    kind = pl.Enum(names)
    return pl.Series(codes, dtype=pl.Series([], dtype=kind).to_physical().dtype).cat.to(kind)


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


def pairs(run: Run) -> Pairs:
    """What distributions are made from."""
    first, scored, inner = run.nodes.first.astype(np.int32), run.scored, run.inner
    a, b = np.take(first, scored.left), np.take(first, scored.right)
    return Pairs(
        left=np.concatenate([np.minimum(a, b), inner.left]),
        right=np.concatenate([np.maximum(a, b), inner.right]),
        bits=np.concatenate([scored.bits, run.inner_bits]),
        records=run.pair_records,
        home=np.concatenate([run.compared.home, inner.home]),
        veto=np.concatenate([scored.veto, np.zeros(inner.left.size, dtype=scored.veto.dtype)]),
    )


def found(run: Run) -> Found:
    """Clusters by position."""
    return Found(np.take(_smallest(run), run.nodes.of_record), *codes(run.source.fill_null("")))


def groups(run: Run) -> pl.DataFrame:
    """record_id and the columns of the by-group tables."""
    people = run.people
    decades = tuple(f"{ten}0s" if ten else "unknown" for ten in range(int(people.decade.max(initial=0)) + 1))
    return pl.DataFrame(
        {
            "record_id": run.ids,
            "sex": _named(people.sex, ("unknown", "female", "male")),
            "birth_decade": _named(people.decade, decades),
            "has_postcode": people.known["postcode"],
            "has_date_of_birth": people.known["date_of_birth"],
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
