"""The stages in their order.

Put here: what joins the stages. Never here: a rule of any stage, or the form of the result (results.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from spine.linkage.arrays import Codes, Floats
from spine.linkage.block import block
from spine.linkage.cluster import Clustering, cluster
from spine.linkage.collapse import Nodes, collapse
from spine.linkage.compare import Compared, compare, stack
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import conform
from spine.linkage.encode import Encoded, encode
from spine.linkage.fit import Model, fit, histogram
from spine.linkage.overrides import Decisions, named, on_nodes, read_decisions
from spine.linkage.score import Scored, score, weigh


@dataclass(frozen=True)
class Run:
    """What the stages of one run gave.

    Attributes:
        ids: record_id, ascending.
        source: source of each record.
        records: the records as codes.
        nodes: the records folded.
        blocking: what the blocking rules found, in counts.
        compared: pairs of nodes, with their levels.
        bits: what the model says of them, in bits.
        scored: their weights, settled.
        inner: pairs of records within one node (its first record with each other one), compared.
        inner_bits: their weights.
        pair_records: pairs of records that each pair of `compared`, then of `inner`, stands for.
        model: what levels are worth.
        clustering: which nodes are one person.
        decisions: decisions by people, on nodes.
    """

    ids: pl.Series
    source: pl.Series
    records: Encoded
    nodes: Nodes
    blocking: dict[str, Any]
    compared: Compared
    bits: Floats
    scored: Scored
    inner: Compared
    inner_bits: Floats
    pair_records: Floats
    model: Model
    clustering: Clustering
    decisions: Decisions


def run(frame: pl.DataFrame | pl.LazyFrame, config: LinkageConfig, overrides: pl.DataFrame | None) -> Run:
    """Link person records."""
    given = conform(frame, config.extras)
    decisions = read_decisions(overrides, given.ids)
    records = encode(given, config)
    nodes = collapse(records, named(decisions, records.size), config.household)
    decisions = on_nodes(decisions, nodes.of_record, records.size, nodes.encoded.size)
    candidates = block(nodes.encoded, config, also=decisions.both)
    compared = compare(nodes.encoded, candidates.left, candidates.right)
    first, others, weight = inner_pairs(nodes)
    inner = compare(records, first, others)
    stands_for = np.concatenate([nodes.records[compared.left] * nodes.records[compared.right] * 1.0, weight])
    both = stack(compared, inner)
    patterns = histogram(both, config.scheme, stands_for)
    model = fit(nodes.encoded, records.size, patterns, config)
    bits, inner_bits = np.split(weigh(both, patterns, model, config), [compared.left.size])
    scored = score(nodes.encoded, compared, bits, decisions, config)
    clustering = cluster(nodes.encoded, scored, config)
    return Run(
        given.ids, given.column("source"), records, nodes, candidates.report, compared, bits, scored, inner,
        np.maximum(inner_bits, config.thresholds.link_bits), stands_for, model, clustering, decisions,
    )  # fmt: skip


def inner_pairs(nodes: Nodes) -> tuple[Codes, Codes, Floats]:
    """(first record, other record, pairs of records it stands for) of nodes that hold several."""
    first = nodes.first[nodes.of_record]
    others = np.flatnonzero(first != np.arange(first.size))
    # n records are n (n - 1) / 2 pairs, which n - 1 pairs with the first one stand for.
    return first[others], others, nodes.records[nodes.of_record[others]] / 2
