"""Linking again after a few records changed: only what they touch is compared and clustered.

Put here: the path from a kept run and changed records to the next run. Never here: the rules of a stage; each
stage does here what it does in a full run. Frequencies and weights stay those of the kept run, so that a
full run now and then settles them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from spine.linkage.arrays import Array, Codes, Flags, components, pair_keys
from spine.linkage.block import block
from spine.linkage.cluster import Clustering, cluster
from spine.linkage.collapse import Nodes, collapse, folding_keys
from spine.linkage.compare import Compared, compare, stack
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import Records, as_text, conform
from spine.linkage.encode import FLAGS, Encoded, encode
from spine.linkage.fit import Model, histogram
from spine.linkage.overrides import Decisions, named, on_nodes, read_decisions
from spine.linkage.run import Run, inner_pairs, pairs_of_records, people_of
from spine.linkage.score import Scored, score, weigh
from spine.linkage.state import State


def delta(state: State, changed: pl.DataFrame, withdrawn: Sequence[str]) -> State:
    """Link the records of a kept run again, with changed and new ones, without those withdrawn.

    Args:
        state: the kept run.
        changed: new records, and records of the run as they are now.
        withdrawn: ids of records that are gone; those that the run did not hold are passed over.

    Raises:
        PipelineError: as of `link`.
    """
    run, config = state.run, state.config
    given = conform(changed, config.extras)
    fresh = encode(given, config, run.records)
    gone = run.ids.is_in(pl.concat([pl.Series(withdrawn, dtype=pl.String), given.ids]).implode()).to_numpy()
    ids, source, old_place, new_place = _merged_ids(run, given, gone)
    records = _merged_records(run.records, fresh, old_place, new_place, gone)
    stay = ~_dissolved(run, fresh, gone)
    kept = run.nodes.of_record[~gone]
    apart = np.sort(np.concatenate([old_place[~gone][~stay[kept]], new_place]))
    decisions = read_decisions(run.overrides, ids)
    alone = named(decisions, records.size)[apart]
    nodes, number = _merged_nodes(run, records, stay, old_place, apart, alone, config)
    decisions = on_nodes(decisions, nodes.of_record, records.size, nodes.encoded.size)
    start = replace(
        run, ids=ids, source=source, people=people_of(records), records=records, nodes=nodes, decisions=decisions
    )  # fmt: skip
    return State(_linked(run, start, stay, number, old_place, config), config)


def _merged_ids(run: Run, given: Records, gone: Flags) -> tuple[pl.Series, pl.Series, Codes, Codes]:
    """Ids and sources of the next run, and the place there of each old and each new record (-1 where it is gone)."""
    kept = run.ids.filter(pl.Series(~gone))
    before = kept.search_sorted(given.ids).to_numpy().astype(np.int64) if len(given.ids) else np.empty(0, np.int64)
    new_place = before + np.arange(before.size)
    size = len(kept) + before.size
    is_old = np.ones(size, dtype=bool)
    is_old[new_place] = False
    old_place = np.full(gone.size, -1, dtype=np.int64)
    old_place[~gone] = np.flatnonzero(is_old)
    order = np.argsort(np.concatenate([old_place[~gone], new_place]), kind="stable")
    ids = pl.concat([kept, given.ids.alias(kept.name)]).gather(order)
    sources = pl.concat([run.source.filter(pl.Series(~gone)), as_text(given.column("source")).alias(run.source.name)])
    return ids, sources.gather(order), old_place, new_place


def _merged_records(old: Encoded, fresh: Encoded, old_place: Codes, new_place: Codes, gone: Flags) -> Encoded:
    size = int((~gone).sum()) + fresh.size
    kept = old_place[~gone]

    def merged(before: Array, after: Array) -> Array:
        result = np.empty(size, dtype=np.promote_types(before.dtype, after.dtype))
        result[kept] = before[~gone]
        result[new_place] = after
        return result

    return replace(
        fresh,
        size=size,
        codes={name: merged(values, fresh.codes[name]) for name, values in old.codes.items()},
        verified=merged(old.verified, fresh.verified),
        restricted=merged(old.restricted, fresh.restricted),
        crowded=np.zeros(size, dtype=bool),
        facts=old.facts,
    )


def _dissolved(run: Run, fresh: Encoded, gone: Flags) -> Flags:
    """Nodes of the old run that lose a record, or that a new record folds into."""
    result = np.zeros(run.nodes.encoded.size, dtype=bool)
    result[run.nodes.of_record[gone]] = True
    keys, foldable = folding_keys(run.nodes.encoded)
    new_keys, new_foldable = folding_keys(fresh)
    return result | (foldable & np.isin(keys, new_keys[new_foldable]))


def _merged_nodes(
    run: Run, records: Encoded, stay: Flags, old_place: Codes, apart: Codes, alone: Flags, config: LinkageConfig
) -> tuple[Nodes, Codes]:
    """The nodes that stay, then those of the records in `apart`; the new number of each old node (-1: dissolved)."""
    number = np.where(stay, np.cumsum(stay) - 1, -1)
    made = collapse(records.taken(apart), alone, config.household)
    size = int(stay.sum())
    old = run.nodes.encoded
    flags: dict[str, Any] = {n: np.concatenate([getattr(old, n)[stay], getattr(made.encoded, n)]) for n in FLAGS}
    encoded = replace(
        records,
        size=size + made.encoded.size,
        codes={name: np.concatenate([old.codes[name][stay], values]) for name, values in made.encoded.codes.items()},
        **flags,
    )
    of_record = np.empty(records.size, dtype=np.int64)
    staying = (old_place >= 0) & stay[run.nodes.of_record]
    of_record[old_place[staying]] = number[run.nodes.of_record[staying]]
    of_record[apart] = size + made.of_record
    first = np.concatenate([old_place[run.nodes.first[stay]], apart[made.first]])
    return Nodes(encoded, of_record, first, np.concatenate([run.nodes.records[stay], made.records])), number


def _moved(decisions: Decisions, number: Codes, old: int, new: int) -> Decisions:
    def moved(pairs: Codes) -> Codes:
        left, right = (number[side] for side in np.divmod(pairs, max(old, 1)))
        there = (left >= 0) & (right >= 0)
        return np.sort(np.minimum(left, right)[there] * new + np.maximum(left, right)[there])

    return Decisions(moved(decisions.must), moved(decisions.cannot), decisions.unknown)


def _linked(old: Run, run: Run, stay: Flags, number: Codes, old_place: Codes, config: LinkageConfig) -> Run:
    """The next run: new pairs are compared, and what they or the lost ones touch is clustered again."""
    size, fresh_from = run.nodes.encoded.size, int(stay.sum())
    still = stay[old.compared.left] & stay[old.compared.right]
    kept = old.compared.taken(np.flatnonzero(still), number)
    new = np.arange(size) >= fresh_from
    candidates = block(run.nodes.encoded, config, also=run.decisions.both, fresh=new)
    unseen = new[candidates.left] | new[candidates.right]
    added = compare(run.nodes.encoded, candidates.left[unseen], candidates.right[unseen])
    added_bits = _weights(added, run.model, config)
    compared, bits = stack(kept, added), np.concatenate([old.bits[still], added_bits])
    touched = _touched(old, compared, bits, stay, number, fresh_from, size)
    scored, clustering = _settled(old, run, compared, bits, still, touched, number, config)
    inner, inner_bits, weight = _inner(old, run, stay, old_place, fresh_from, config)
    stands_for = np.concatenate([pairs_of_records(run.nodes, compared), weight])
    return replace(
        run, blocking=candidates.report, compared=compared, bits=bits, scored=scored, inner=inner,
        inner_bits=inner_bits,
        pair_records=stands_for, clustering=clustering,
    )  # fmt: skip


def _weights(compared: Compared, model: Model, config: LinkageConfig) -> Array:
    patterns = histogram((compared,), config.scheme, np.ones(compared.left.size))
    return weigh(compared, patterns.of_pair, patterns, model, config)


def _touched(
    old: Run, compared: Compared, bits: Array, stay: Flags, number: Codes, fresh_from: int, size: int
) -> Flags:
    """Nodes in a group that a new node belongs to, or a dissolved one belonged to."""
    possible = (bits > 0) & (compared.veto == 0)
    label = components(size, compared.left[possible], compared.right[possible])
    seeds = np.zeros(size, dtype=bool)
    seeds[fresh_from:] = True
    was = (old.bits > 0) & (stay[old.compared.left] != stay[old.compared.right])
    neighbours = np.concatenate([old.compared.left[was], old.compared.right[was]])
    seeds[number[neighbours[stay[neighbours]]]] = True
    # A cluster that lost a node may have been held together by it.
    lost = np.isin(old.clustering.label, old.clustering.label[~stay]) & stay
    seeds[number[lost]] = True
    group = np.zeros(size, dtype=bool)
    group[label[seeds]] = True
    return group[label]


def _settled(
    old: Run,
    run: Run,
    compared: Compared,
    bits: Array,
    still: Flags,
    touched: Flags,
    number: Codes,
    config: LinkageConfig,
) -> tuple[Scored, Clustering]:
    """Scores and clusters: as they were where nothing is touched, made again elsewhere."""
    size = touched.size
    own = np.flatnonzero(touched[compared.left] & touched[compared.right])
    place = np.cumsum(touched) - 1
    own = own[np.argsort(pair_keys(compared.left[own], compared.right[own], size))]
    part, nodes = compared.taken(own, place), run.nodes.encoded.taken(np.flatnonzero(touched))
    decisions = _moved(run.decisions, np.where(touched, place, -1), size, nodes.size)
    again = score(nodes, part, bits[own], decisions, config)
    clusters = cluster(nodes, again, config)
    fresh = compared.left.size - int(still.sum())

    def settled(before: Array, after: Array, start: Array) -> Array:
        result = np.concatenate([before[still], start[-fresh:] if fresh else start[:0]])
        result[own] = after
        return result

    none = np.zeros(compared.left.size, dtype=bool)
    scored = Scored(
        compared.left, compared.right,
        settled(old.scored.bits, again.bits, bits),
        settled(old.scored.anchor, again.anchor, none),
        settled(old.scored.manual, again.manual, none),
        settled(old.scored.veto, again.veto, compared.veto),
        again.contested,
    )  # fmt: skip
    label = np.arange(size)
    label[number[number >= 0]] = number[old.clustering.label[number >= 0]]
    label[touched] = np.flatnonzero(touched)[clusters.label]
    return scored, Clustering(
        label, settled(old.clustering.link, clusters.link, none), clusters.rebuilt, clusters.refused
    )


def _inner(
    old: Run, run: Run, stay: Flags, old_place: Codes, fresh_from: int, config: LinkageConfig
) -> tuple[Compared, Array, Array]:
    """Pairs within nodes: kept, and of the new nodes; their weights; the pairs of records that each stands for."""
    node = old.nodes.of_record[old.inner.left]
    still = np.flatnonzero(stay[node])
    kept = old.inner.taken(still, old_place)
    first, others, weight = inner_pairs(run.nodes)
    fresh = run.nodes.of_record[first] >= fresh_from
    added = compare(run.records, first[fresh], others[fresh])
    bits = np.maximum(_weights(added, run.model, config), config.thresholds.link_bits)
    records = (run.nodes.records[run.nodes.of_record[kept.left]] / 2).astype(np.float32)
    return stack(kept, added), np.concatenate([old.inner_bits[still], bits]), np.concatenate([records, weight[fresh]])
