"""The stages in their order.

Put here: what joins the stages. Never here: a rule of any stage, or the form of the result (results.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from threading import Thread
from typing import Any

import numpy as np
import polars as pl

from spine.linkage.arrays import Codes, Flags, Floats
from spine.linkage.block import block
from spine.linkage.cluster import Clustering, cluster
from spine.linkage.coded import Coded, coded
from spine.linkage.collapse import Nodes, fold
from spine.linkage.compare import Compared, compare
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import as_names, conform
from spine.linkage.distribution import Spread, spread
from spine.linkage.encode import Encoded, encode
from spine.linkage.fit import Model, Patterns, fit, histogram, strangers
from spine.linkage.overrides import Decisions, named, on_nodes, read_decisions
from spine.linkage.parallel import both
from spine.linkage.people import People, people_of
from spine.linkage.score import Scored, score
from spine.linkage.tally import Scale, Tally, tally_of


@dataclass(frozen=True)
class Run:
    """What the stages of one run gave.

    Attributes:
        ids: record_id, ascending.
        source: source of each record, as an Enum.
        people: what is told of the records.
        records: the records as codes; without them where the run is not to be kept.
        nodes: the records folded.
        blocking: what the blocking rules found, in counts.
        compared: pairs of nodes, by pattern of levels.
        scored: their weights, settled.
        inner: pairs of records within one node (its first record with each other one), by pattern.
        model: what levels are worth.
        clustering: which nodes are one person.
        decisions: decisions by people, on nodes.
        overrides: the same as they were given, by record_id.
        tally: the patterns: pairs of records of each, and its weight.
        spread: pairs of records by match weight.
    """

    ids: pl.Series
    source: pl.Series
    people: People
    records: Encoded
    nodes: Nodes
    blocking: dict[str, Any]
    compared: Coded
    scored: Scored
    inner: Coded
    model: Model
    clustering: Clustering
    decisions: Decisions
    overrides: pl.DataFrame | None
    tally: Tally
    spread: Spread


def run(frame: pl.DataFrame | pl.LazyFrame, config: LinkageConfig, overrides: pl.DataFrame | None, keep: bool) -> Run:
    """Link person records.

    Args:
        frame: the records.
        config: the settings.
        overrides: decisions by people.
        keep: whether the codes of single records are kept: changed records are linked against them later.
    """
    estimator = loading("spine.linkage.ecm", "scipy.sparse.csgraph")
    given = conform(frame, config.extras)
    decisions = read_decisions(overrides, given.ids)
    records = encode(given, config)
    people = people_of(records)
    nodes, inner, weight = _folded(records, named(decisions, records.size), config, keep)
    decisions = on_nodes(decisions, nodes.of_record, records.size, nodes.encoded.size)
    candidates = block(nodes.encoded, config, also=decisions.both)
    compared = compare(nodes.encoded, candidates.left, candidates.right)
    between = pairs_between(nodes, compared.left, compared.right)
    patterns, model = _learned(
        nodes.encoded, records.size, (compared, inner), np.concatenate([between, weight]), config, estimator
    )
    of_pair, of_inner = np.split(patterns.of_pair, [compared.left.size])
    tally = _tallied(patterns.keys, (of_pair, between), (of_inner, weight), Scale(model, config, records.telling))
    scored = score(nodes.encoded, compared, np.take(tally.bits, of_pair), decisions, config)
    pairs, within = coded(compared, of_pair, tally.one_each), coded(inner, of_inner, tally.one_each)
    del compared, inner
    clustering, (source, spread_inner) = both(
        lambda: cluster(nodes.encoded, scored, model, config),
        lambda: (as_names(given.column("source")), spread_within(within, tally, weight, config)),
        records.size,
    )
    if not keep:
        nodes = replace(nodes, encoded=replace(nodes.encoded, codes={}))
    return Run(
        given.ids, source, people, records, nodes, candidates.report, pairs, scored, within, model, clustering,
        decisions, overrides, tally, spread_between(pairs, scored, clustering, between, config).with_more(spread_inner),
    )  # fmt: skip


def _tallied(keys: Codes, between: tuple[Codes, Floats], within: tuple[Codes, Floats], scale: Scale) -> Tally:
    """The counts of all pairs, each part as the number of its pattern and the pairs of records that it stands for."""
    one, other = (np.bincount(number, weights=records, minlength=keys.size) for number, records in (between, within))
    return tally_of(keys, one, other, scale)


def _learned(
    encoded: Encoded,
    records: int,
    parts: tuple[Compared, ...],
    stands_for: Floats,
    config: LinkageConfig,
    ready: Thread,
) -> tuple[Patterns, Model]:
    """Pairs of records by pattern, and what levels are worth; `ready` brings the estimator's libraries."""
    patterns, counted = both(
        lambda: histogram(parts, config.scheme, stands_for), lambda: strangers(encoded, config), stands_for.size
    )
    ready.join()
    return patterns, fit(encoded, records, patterns, config, counted=counted)


def loading(*names: str) -> Thread:
    """The estimator's libraries and those of graphs are slow to import: they load while the records are read."""

    def load() -> None:
        for name in names:
            import_module(name)

    thread = Thread(target=load, daemon=True)
    thread.start()
    return thread


def pairs_between(nodes: Nodes, left: Codes, right: Codes) -> Floats:
    """How many pairs of records each pair of nodes stands for; none where a node is a blank."""
    count: Floats = (nodes.records[left] * nodes.records[right]).astype(np.float32)
    return count


def pairs_within(nodes: Nodes, records: Codes) -> Floats:
    """How many pairs of records each pair of these with the first of their node stands for.

    n records are n (n - 1) / 2 pairs, which n - 1 pairs with the first one stand for.
    """
    count: Floats = (nodes.records[nodes.of_record[records]] / 2).astype(np.float32)
    return count


def _folded(records: Encoded, alone: Flags, config: LinkageConfig, keep: bool) -> tuple[Nodes, Compared, Floats]:
    """Nodes; the pairs of `inner_pairs`, compared; and the pairs of records that each of these stands for.

    They are compared where the records of a node stand together: what stands together is fetched together.
    """
    folded = fold(records, alone, config.household, spend=not keep)
    order, sizes = folded.order, folded.nodes.records
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    firsts = np.take(place, folded.nodes.first)
    other = np.ones(order.size, dtype=bool)
    other[firsts] = False
    compared = compare(folded.records, np.repeat(firsts, sizes - 1), np.flatnonzero(other))
    weight: Floats = (np.repeat(sizes, sizes - 1) / 2).astype(np.float32)
    left, right = (np.take(order, side).astype(np.int32) for side in (compared.left, compared.right))
    return folded.nodes, replace(compared, left=left, right=right), weight


def inner_pairs(nodes: Nodes) -> tuple[Codes, Codes]:
    """(first record, other record) of nodes that hold several."""
    first = nodes.first[nodes.of_record]
    others = np.flatnonzero(first != np.arange(first.size))
    return first[others], others


def inner_bits(inner: Coded, tally: Tally, config: LinkageConfig) -> Floats:
    """Weights of pairs within nodes: these are links, whatever the levels say."""
    return np.maximum(np.take(tally.bits, inner.pattern), config.thresholds.link_bits)


def spread_between(
    compared: Coded, scored: Scored, clustering: Clustering, records: Floats, config: LinkageConfig,
    chosen: Codes | slice = slice(None),
) -> Spread:  # fmt: skip
    """Pairs between nodes by match weight: all, or those chosen, whose pairs of records `records` tells."""
    bits, veto, threshold = scored.bits[chosen], scored.veto[chosen], config.thresholds.link_bits
    # A pair above the threshold that nothing forbids is a link, or its nodes are in two clusters.
    apart = (bits >= threshold) & (veto == 0) & ~clustering.link[chosen]
    home = np.take(compared.one_each.home, compared.pattern[chosen])
    return spread(bits, records, home, veto, apart, threshold)


def spread_within(inner: Coded, tally: Tally, records: Floats, config: LinkageConfig) -> Spread:
    """Pairs within nodes by match weight, with the pairs of records that each stands for."""
    bits, none = inner_bits(inner, tally, config), np.zeros(records.size, dtype=np.uint8)
    return spread(bits, records, inner.home, none, none.astype(bool), config.thresholds.link_bits)
