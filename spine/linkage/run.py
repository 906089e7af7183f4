"""The stages in their order.

Put here: what joins the stages. Never here: a rule of any stage, or the form of the result (results.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from spine.linkage.arrays import Codes, Floats
from spine.linkage.block import Candidates, block
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
        candidates: pairs of nodes that were compared.
        compared: their levels.
        scored: their weights.
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
    candidates: Candidates
    compared: Compared
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
    first, others, weight = _inner(nodes)
    inner = compare(records, first, others)
    stands_for = np.concatenate([nodes.records[compared.left] * nodes.records[compared.right] * 1.0, weight])
    both = stack(compared, inner)
    patterns = histogram(both, config.scheme, stands_for)
    model = fit(nodes.encoded, records.size, patterns, config)
    bits = weigh(both, patterns, model, config)
    scored = score(nodes.encoded, compared, bits[: compared.left.size], decisions, config)
    clustering = cluster(nodes.encoded, scored, config)
    inner_bits = np.maximum(bits[compared.left.size :], config.thresholds.link_bits)
    source = given.column("source")
    return Run(
        given.ids, source, records, nodes, candidates, compared, scored, inner, inner_bits, stands_for, model,
        clustering, decisions,
    )  # fmt: skip


def _inner(nodes: Nodes) -> tuple[Codes, Codes, Floats]:
    """(first record, other record, pairs of records it stands for) of nodes that hold several."""
    first = nodes.first[nodes.of_record]
    others = np.flatnonzero(first != np.arange(first.size))
    # n records are n (n - 1) / 2 pairs, which n - 1 pairs with the first one stand for.
    return first[others], others, nodes.records[nodes.of_record[others]] / 2
