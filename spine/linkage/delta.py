"""Linking again after a few records changed: only what they touch is compared and clustered.

Put here: the path from a kept run and changed records to the next run. Never here: the rules of a stage; each
stage does here what it does in a full run. Frequencies and weights stay those of the kept run, so that a
full run now and then settles them.

Nodes and pairs keep their places: those that are gone stay as blanks, new ones stand behind the others, until
`compacted` makes room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import polars as pl

from spine.linkage.arrays import Array, Codes, Flags, Floats, may_be_among, pair_keys, reached
from spine.linkage.block import Candidates, block
from spine.linkage.cluster import Clustering, cluster
from spine.linkage.coded import Coded, coded, stack
from spine.linkage.collapse import Nodes, at_homes, collapse, folding_keys
from spine.linkage.columns import joined
from spine.linkage.compact import compacted
from spine.linkage.compare import Compared, compare
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import as_names, conform
from spine.linkage.encode import FLAGS, Encoded, encode
from spine.linkage.fit import pattern_keys
from spine.linkage.overrides import Decisions, changed_names, named, on_nodes, read_decisions
from spine.linkage.parallel import both, each
from spine.linkage.people import People, people_of
from spine.linkage.run import (
    Run,
    inner_pairs,
    loading,
    pairs_between,
    pairs_within,
    spread_between,
    spread_within,
)
from spine.linkage.score import Scored, score
from spine.linkage.state import State
from spine.linkage.tally import Scale, Tally

#: Weight of a pair that is gone.
_GONE_BITS = -60.0
#: A node that goes in this run, and one that went in an earlier one.
_GONE, _LONG_GONE = 1, 2


def delta(
    state: State, changed: pl.DataFrame, withdrawn: Sequence[str], overrides: pl.DataFrame | None = None
) -> State:
    """Link the records of a kept run again, with changed and new ones, without those withdrawn.

    Args:
        state: the kept run.
        changed: new records, and records of the run as they are now.
        withdrawn: ids of records that are gone; those that the run did not hold are passed over.
        overrides: all decisions that hold from now on; those of the kept run where left out.

    Raises:
        PipelineError: as of `link`.
    """
    libraries = loading("scipy.sparse.csgraph")
    run, config = compacted(state.run), state.config
    fresh, places = _read(run, changed, withdrawn, config)
    records = places.merged(run.records, fresh)
    decided = run.overrides if overrides is None else overrides
    told = places.found(changed_names(run.overrides, decided), run.ids)
    told = told[places.old[told] >= 0]
    dissolved = _dissolved(run, places, fresh, told, records.taken(places.old[told]))
    apart = np.sort(np.concatenate([places.old[dissolved[run.nodes.of_record] & (places.old >= 0)], places.new]))
    decisions = read_decisions(decided, places.ids)
    parted = records.taken(apart)
    made = collapse(parted, named(decisions, records.size)[apart], config.household)
    nodes = _merged_nodes(run, records, places, dissolved, apart, made)
    start = replace(
        run, ids=places.ids, source=places.source, people=places.people(run.people, people_of(fresh)), records=records,
        nodes=nodes, overrides=decided,
        decisions=on_nodes(decisions, nodes.of_record, records.size, nodes.encoded.size),
    )  # fmt: skip
    libraries.join()
    new = np.arange(nodes.encoded.size) >= dissolved.size
    candidates, inner = both(
        lambda: block(nodes.encoded, config, also=start.decisions.both, fresh=new),
        lambda: _inner(run, places, dissolved, parted, apart, made),
        records.size,
    )
    return State(_linked(run, start, dissolved, new, candidates, inner, config), config, state.bases)


def _read(run: Run, changed: pl.DataFrame, withdrawn: Sequence[str], config: LinkageConfig) -> tuple[Encoded, _Places]:
    """The changed records as codes, and where all records were and are."""
    given = conform(changed, config.extras)
    return both(
        lambda: encode(given, config, run.records),
        lambda: _Places.of(run, given.ids, as_names(given.column("source")), pl.Series(withdrawn, dtype=pl.String)),
        len(run.ids),
    )


@dataclass(frozen=True)
class _Places:
    """Where records were and are.

    Attributes:
        ids: record_id of the next run, ascending.
        source: source of each.
        origin: for each record of the next run its place in the old records and, behind them, the new ones.
        old: place in the next run of each old record, -1 where it is gone.
        new: place in the next run of each new one.
    """

    ids: pl.Series
    source: pl.Series
    origin: Codes
    old: Codes
    new: Codes

    @classmethod
    def of(cls, run: Run, ids: pl.Series, source: pl.Series, withdrawn: pl.Series) -> _Places:
        """Put changed and new records, by ascending id, in the place of those that they replace."""
        size = len(run.ids)
        gone = np.zeros(size, dtype=bool)
        for names in (ids, withdrawn):
            gone[cls.found(names, run.ids)] = True
        before = run.ids.search_sorted(ids).to_numpy().astype(np.int64) if len(ids) else np.empty(0, np.int64)
        stay = np.concatenate([[0], np.cumsum(~gone)])
        # A new record stands behind the old ones before it that stay, and the new ones before it.
        new = stay[before] + np.arange(len(ids))
        total = int(stay[-1]) + len(ids)
        is_old = np.ones(total, dtype=bool)
        is_old[new] = False
        kept = np.flatnonzero(~gone)
        origin = np.empty(total, dtype=np.int64)
        origin[is_old], origin[new] = kept, size + np.arange(len(ids))
        old = np.full(size, -1, dtype=np.int64)
        old[kept] = np.flatnonzero(is_old)
        merged = pl.concat([run.ids, ids.alias(run.ids.name)], rechunk=True).gather(origin)
        return cls(merged, _sources(run.source, source).gather(origin), origin, old, new)

    @staticmethod
    def found(names: pl.Series, ids: pl.Series) -> Codes:
        """Places in `ids`, which ascend, of those names that are among them."""
        names = names.drop_nulls().unique().sort()
        if not len(ids) or not len(names):
            return np.empty(0, dtype=np.int64)
        place = pl.Series(np.minimum(ids.search_sorted(names).to_numpy(), len(ids) - 1).astype(np.int64))
        found: Codes = place.filter(ids.gather(place) == names).to_numpy()
        return found

    def entries(self, before: Array, after: Array) -> Array:
        """A column of the next run."""
        return np.take(np.concatenate([before, after]), self.origin)

    def people(self, before: People, after: People) -> People:
        """What is told of the records."""
        whole = (self.entries(getattr(before, part.name), getattr(after, part.name)) for part in fields(People))
        return People(*whole)

    def merged(self, before: Encoded, after: Encoded) -> Encoded:
        """The records of the next run."""
        return replace(
            after,
            size=self.origin.size,
            codes=joined(before.codes, after.codes, self.origin),
            verified=self.entries(before.verified, after.verified),
            restricted=self.entries(before.restricted, after.restricted),
            crowded=np.zeros(self.origin.size, dtype=bool),
            facts=before.facts,
        )


def _sources(before: pl.Series, after: pl.Series) -> pl.Series:
    """The sources of the records of before, then of those after; new names stand behind the others."""
    known, more = (part.dtype.categories.to_list() for part in (before, after) if isinstance(part.dtype, pl.Enum))
    names = pl.Enum(list(dict.fromkeys([*known, *more])))
    return pl.concat([part.alias("source").cast(names) for part in (before, after)], rechunk=True)


def _dissolved(run: Run, places: _Places, fresh: Encoded, told: Codes, decided: Encoded) -> Flags:
    """Nodes of the old run that lose a record or that a decision comes to or leaves, and those that hang on them.

    `told` are the places in the old run of the records that a decision comes to or leaves, `decided` those records.
    What has the names and home of any of these, or of a new record, is folded again: with it, or without what kept it
    apart.
    """
    nodes = run.nodes.encoded
    result = np.zeros(nodes.size, dtype=bool)
    result[run.nodes.of_record[places.old < 0]] = True
    result[run.nodes.of_record[told]] = True
    keys, _ = folding_keys(nodes)
    wanted = [keys[result & at_homes(nodes)]]
    for entries in (fresh, decided):
        own, _ = folding_keys(entries)
        wanted.append(own[at_homes(entries)])
    folding = np.concatenate(wanted)
    possible = np.flatnonzero(may_be_among(keys, folding))
    result[possible[np.isin(keys[possible], folding)]] = True
    return result


def _merged_nodes(run: Run, records: Encoded, places: _Places, dissolved: Flags, apart: Codes, made: Nodes) -> Nodes:
    """The nodes of before, those dissolved as blanks, then those of the records in `apart`."""
    old, size, gone = run.nodes, run.nodes.encoded.size, np.flatnonzero(dissolved)

    def merged(before: Array, after: Array) -> Array:
        result = np.concatenate([before, after])
        result[gone] = 0
        return result

    flags: dict[str, Any] = {name: merged(getattr(old.encoded, name), getattr(made.encoded, name)) for name in FLAGS}
    names = tuple(made.encoded.codes)
    whole = each(lambda name: merged(old.encoded.codes[name], made.encoded.codes[name]), names, size)
    codes = dict(zip(names, whole, strict=True))
    encoded = replace(records, size=size + made.encoded.size, codes=codes, **flags)
    of_record = places.entries(old.of_record, np.zeros(places.new.size, dtype=np.int64))
    of_record[apart] = size + made.of_record
    first = merged(np.take(places.old, old.first), apart[made.first])
    return Nodes(encoded, of_record, first, merged(old.records, made.records))


def _linked(
    old: Run, run: Run, dissolved: Flags, new: Flags, candidates: Candidates, inner: _Inner, config: LinkageConfig
) -> Run:
    """The next run: new pairs are compared, and what they or the lost ones touch is clustered again."""
    unseen, known = new[candidates.left] | new[candidates.right], old.compared.left.size
    added = compare(run.nodes.encoded, candidates.left[unseen], candidates.right[unseen])
    tally, of_added, of_inner = _numbered(old.tally, added, inner.added, run, config)
    compared = stack(old.compared, coded(added, of_added, tally.one_each))
    lost, orphaned = _lost(old.compared, dissolved, run.nodes.records == 0)
    touched = _touched(old, run, compared, tally, dissolved, lost, orphaned)
    scored, clustering, own = _settled(old, run, compared, tally, lost, touched, config)
    # Pairs that may be others than they were, and what they stood and stand for.
    was = np.concatenate([lost, own[own < known]])
    now = np.concatenate([np.arange(known, compared.left.size), own[own < known]])
    were, are = _records(old, compared, was), _records(run, compared, now)
    made = coded(inner.added, of_inner, tally.one_each)
    less = spread_between(old.compared, old.scored, old.clustering, were, config, was).with_more(
        spread_within(inner.lost, tally, inner.lost_records, config)
    )
    more = spread_between(compared, scored, clustering, are, config, now).with_more(
        spread_within(made, tally, inner.added_records, config)
    )
    tally = tally.moved(
        tally.count((of_added, are[: of_added.size]), (compared.pattern[lost], -were[: lost.size])),
        tally.count((of_inner, inner.added_records), (inner.lost.pattern, -inner.lost_records)),
    )
    return replace(
        run, blocking=candidates.report, compared=compared, scored=scored, inner=stack(inner.kept, made),
        clustering=clustering, tally=tally, spread=old.spread.without(less).with_more(more),
    )  # fmt: skip


def _numbered(
    tally: Tally, added: Compared, inner: Compared, run: Run, config: LinkageConfig
) -> tuple[Tally, Codes, Codes]:
    """The patterns with those that new pairs bring, and the number of the pattern of each of these pairs."""
    keys = np.concatenate([pattern_keys(added, config.scheme), pattern_keys(inner, config.scheme)])
    found, number = tally.numbered(keys, Scale(run.model, config, run.records.telling))
    return found, number[: added.left.size], number[added.left.size :]


def _records(run: Run, compared: Coded, chosen: Codes) -> Floats:
    return pairs_between(run.nodes, np.take(compared.left, chosen), np.take(compared.right, chosen))


def _lost(compared: Coded, dissolved: Flags, blank: Flags) -> tuple[Codes, Codes]:
    """Pairs with a node that is gone, now or since long; and those of them that lost one node now, and only that."""
    gone = np.where(blank, _LONG_GONE, 0).astype(np.uint8)
    gone[: dissolved.size][dissolved] = _GONE
    one, other = np.take(gone, compared.left), np.take(gone, compared.right)
    either = one | other
    lost = np.flatnonzero(either)
    return lost, lost[(either[lost] == _GONE) & (one[lost] != other[lost])]


def _touched(
    old: Run, run: Run, compared: Coded, tally: Tally, dissolved: Flags, lost: Codes, orphaned: Codes
) -> Flags:
    """Nodes in a group that a new node belongs to, or a dissolved one belonged to.

    Two that a decision joins are of one group, whatever they weigh.
    """
    size = run.nodes.encoded.size
    for_it = np.take(tally.bits > 0, compared.pattern)
    orphaned = orphaned[for_it[orphaned]]
    seeds = np.zeros(size, dtype=bool)
    seeds[dissolved.size :] = True
    seeds[compared.left[orphaned]] = seeds[compared.right[orphaned]] = True
    # A cluster that lost a node may have been held together by it.
    broken = np.zeros(dissolved.size, dtype=bool)
    broken[old.clustering.label[dissolved]] = True
    seeds[: dissolved.size] |= broken[old.clustering.label]
    seeds[: dissolved.size] &= ~dissolved
    for_it[lost] = False
    possible = np.flatnonzero(for_it & (compared.veto == 0))
    sides = zip((compared.left, compared.right), np.divmod(run.decisions.must, size), strict=True)
    return reached(seeds, *(np.concatenate([np.take(side, possible), decided]) for side, decided in sides))


def _settled(
    old: Run, run: Run, compared: Coded, tally: Tally, lost: Codes, touched: Flags, config: LinkageConfig
) -> tuple[Scored, Clustering, Codes]:
    """Scores and clusters: as they were where nothing is touched, made anew elsewhere; and the pairs that are there."""
    size, members = touched.size, np.flatnonzero(touched)
    own = np.flatnonzero(np.take(touched, compared.left) & np.take(touched, compared.right))
    place = np.cumsum(touched) - 1
    own = own[np.argsort(pair_keys(compared.left[own], compared.right[own], size))]
    part, nodes = compared.taken(own, place), run.nodes.encoded.taken(members)
    decisions = _moved(run.decisions, np.where(touched, place, -1), size, nodes.size)
    again = score(nodes, part.levels(), np.take(tally.bits, part.pattern), decisions, config)
    clusters = cluster(nodes, again, run.model, config)
    added = slice(old.compared.left.size, None)
    none = np.zeros(compared.left[added].size, dtype=bool)

    def settled(before: Array, start: Array, after: Array, gone: float) -> Array:
        result = np.concatenate([before, start])
        result[lost], result[own] = gone, after
        return result

    settle: tuple[tuple[Array, Array, Array, float], ...] = (
        (old.scored.bits, np.take(tally.bits, compared.pattern[added]), again.bits, _GONE_BITS),
        (old.scored.manual, none, again.manual, 0), (old.scored.veto, compared.veto[added], again.veto, 0),
        (old.clustering.link, none, clusters.link, 0),
    )  # fmt: skip
    bits, manual, veto, link = each(lambda some: settled(*some), settle, compared.left.size)
    scored = Scored(compared.left, compared.right, bits, manual, veto, again.contested)
    label = np.arange(size)
    # A blank is a cluster of its own.
    before = np.flatnonzero(run.nodes.records[: old.clustering.label.size])
    label[before] = old.clustering.label[before]
    label[members] = members[clusters.label]
    return scored, Clustering(label, link, clusters.rebuilt, clusters.refused), own


def _moved(decisions: Decisions, number: Codes, old: int, new: int) -> Decisions:
    def moved(pairs: Codes) -> Codes:
        left, right = (number[side] for side in np.divmod(pairs, max(old, 1)))
        there = (left >= 0) & (right >= 0)
        return np.sort(np.minimum(left, right)[there] * new + np.maximum(left, right)[there])

    return Decisions(moved(decisions.must), moved(decisions.cannot), decisions.unknown)


@dataclass(frozen=True)
class _Inner:
    """Pairs within nodes: kept, gone, and of the new nodes.

    Attributes:
        kept: those that stay.
        lost: those that are gone.
        lost_records: the pairs of records that each of these stood for.
        added: those of the new nodes.
        added_records: the pairs of records that each of these stands for.
    """

    kept: Coded
    lost: Coded
    lost_records: Floats
    added: Compared
    added_records: Floats


def _inner(old: Run, places: _Places, dissolved: Flags, parted: Encoded, apart: Codes, made: Nodes) -> _Inner:
    gone = dissolved[old.nodes.of_record[old.inner.left]]
    lost = old.inner.taken(np.flatnonzero(gone))
    first, others = inner_pairs(made)
    added = compare(parted, first, others)
    return _Inner(
        kept=old.inner.taken(np.flatnonzero(~gone), places.old),
        lost=lost,
        lost_records=pairs_within(old.nodes, lost.right),
        added=replace(added, left=apart[first], right=apart[others]),
        added_records=pairs_within(made, others),
    )
