"""What a linkage run did, in counts.

Put here: counts for people to read and for trends. Never here: a value of any record, or a
record_id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.linkage.arrays import factorise, mixed
from spine.linkage.config import LinkageConfig
from spine.linkage.distribution import Codes, Flags, Spread, clerical, conflicts, histogram, threshold_curve

#: Groups of fewer records say little of a rate: they are shown, but make no gap.
LEAST_IN_GAP = 100
#: So many sources have their bits in one number.
_WORD = 63
_UNKNOWN = "unknown"
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Found:
    """Which records are one person, by position (records sorted by record_id).

    Attributes:
        label: for each record the position of the first record in its cluster.
        source: for each record its source, as a position in `sources`.
        sources: names of the sources, sorted.
    """

    label: Codes
    source: Codes
    sources: tuple[str, ...]


def report(
    found: Found,
    spread: Spread,
    groups: pl.DataFrame,
    *,
    links: Mapping[str, int],
    blocking: Mapping[str, Any],
    known: tuple[tuple[str, ...], Codes],
    counts: Mapping[str, Any],
    config: LinkageConfig,
) -> dict[str, Any]:
    """Counts of one run: sources, blocking, links, vetoes, scores, cluster sizes, completeness, groups.

    Args:
        found: the clusters.
        spread: all candidate pairs, by match weight.
        groups: one row per record in the order of `found`; each column but record_id is a grouping, known of each.
        links: accepted pairs by method.
        blocking: what the blocking rules found.
        known: identifiers, and for each record those of which it has a usable value after cleaning: a bit for each.
        counts: further counts of the run, such as those of the cluster rule; they stand beside the others.
        config: thresholds.
    """
    size = np.bincount(found.label, minlength=found.label.size)
    linked, sizes = np.take(size, found.label) > 1, np.bincount(size)
    totals = {"records": found.label.size, "clusters": sizes[1:].sum(), "linked_records": linked.sum()}
    return {
        "configuration": config.version,
        **{name: int(count) for name, count in totals.items()},
        **_links(links),
        **_by_source(found, linked),
        "blocking": dict(blocking),
        **conflicts(spread),
        **counts,
        "cluster_sizes": {str(n): int(count) for n, count in enumerate(sizes) if n and count},
        "completeness": _completeness(found, *known),
        **_weights(spread, config),
        **_groups(found, groups, linked),
    }


def _links(links: Mapping[str, int]) -> dict[str, Any]:
    by_method = dict(sorted(links.items()))
    return {"links": int(sum(links.values())), "links_exact": int(links.get("exact", 0)), "links_by_method": by_method}


def _weights(spread: Spread, config: LinkageConfig) -> dict[str, Any]:
    return {
        "link_bits": config.thresholds.link_bits,
        "refuse_bits": config.thresholds.refuse_bits,
        "thresholds": config.thresholds.model_dump(),
        "score_histogram": histogram(spread),
        "threshold_curve": threshold_curve(spread),
        "clerical": clerical(spread),
    }


def _groups(found: Found, groups: pl.DataFrame, linked: Flags) -> dict[str, Any]:
    """Link rates by group, and the largest gap of each grouping."""
    coded = {name: _coded(groups[name]) for name in groups.columns if name != "record_id"}
    coded["source"] = found.source, list(found.sources)
    rates = {name: _rates(number, values, linked) for name, (number, values) in coded.items()}
    return {"groups": rates, "group_gaps": {name: _gap(by_value) for name, by_value in rates.items()}}


def _coded(values: pl.Series) -> tuple[Codes, list[str]]:
    """The place of each record's group, and what the groups are called."""
    if values.dtype == pl.Boolean:
        return values.cast(pl.Int64).to_numpy(), ["no", "yes"]
    kind = values.dtype if isinstance(values.dtype, pl.Enum) else pl.Enum(values.unique().sort())
    return values.cast(kind).to_physical().cast(pl.Int64).to_numpy(), kind.categories.to_list()


def wilson(part: int, whole: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); 0 to 1 where there is nothing."""
    if not whole:
        return 0.0, 1.0
    z2 = _NORMAL_95**2
    share = part / whole
    centre = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _NORMAL_95 / (1 + z2 / whole) * ((share * (1 - share) + z2 / (4 * whole)) / whole) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _by_source(found: Found, linked: Flags) -> dict[str, Any]:
    """Link rates by source and by pair of sources, from how many records of each source meet which others."""
    names, width = found.sources, len(found.sources)
    kind, members = _kinds_of_clusters(found)
    firsts = np.flatnonzero(found.label == np.arange(found.label.size))
    clusters = np.bincount(kind[firsts], minlength=len(members))
    records = np.bincount(found.source * len(members) + np.take(kind, found.label), minlength=width * len(members))
    table = records.reshape(width, len(members))
    linked_by = np.bincount(found.source[linked], minlength=width)
    elsewhere = table[:, members.sum(axis=1) > 1].sum(axis=1)
    sources = {
        name: {
            "records": int(table[i].sum()),
            "residents": int(clusters[members[:, i]].sum()),
            "linked": int(linked_by[i]),
            "linked_to_another_source": int(elsewhere[i]),
            "link_rate": round(int(elsewhere[i]) / int(table[i].sum()), 6),
        }
        for i, name in enumerate(names)
        if table[i].any()
    }
    return {"sources": sources, "source_pairs": _source_pairs(names, table, clusters, members)}


def _kinds_of_clusters(found: Found) -> tuple[Codes, Flags]:
    """A number for the set of sources that a cluster has, at the place of its label, and the sources of each set."""
    size, width = found.label.size, len(found.sources)
    words = np.zeros((width // _WORD + 1, size), dtype=np.int64)
    for source in range(width):
        labels = np.take(found.label, np.flatnonzero(found.source == source))
        words[source // _WORD][labels] |= np.int64(1) << source % _WORD
    kind, where = factorise(words[0] if len(words) == 1 else mixed(list(words)))
    members = np.zeros((where.size, width), dtype=bool)
    for source in range(width):
        members[:, source] = words[source // _WORD, where] >> (source % _WORD) & 1
    return kind, members


def _source_pairs(names: tuple[str, ...], table: Codes, clusters: Codes, members: Flags) -> list[dict[str, Any]]:
    """Clusters that two sources have in common, and the share of each one's records in them.

    Args:
        names: the sources.
        table: records of each source in clusters of each set of sources.
        clusters: clusters of each set.
        members: the sources of each set.
    """
    total, meets = table.sum(axis=1), table @ members
    return [
        {
            "source": names[one],
            "source_2": names[two],
            "clusters": shared,
            "link_rate": round(int(meets[one, two]) / int(total[one]), 6),
            "link_rate_2": round(int(meets[two, one]) / int(total[two]), 6),
        }
        for one in range(len(names))
        for two in range(one + 1, len(names))
        if (shared := int(clusters[members[:, one] & members[:, two]].sum()))
    ]


def _completeness(found: Found, names: tuple[str, ...], known: Codes) -> dict[str, dict[str, float]]:
    """Share of records per source whose identifier is usable."""
    numbers = np.arange(1 << len(names))
    table = np.bincount((found.source << len(names)) | known, minlength=len(found.sources) * numbers.size)
    by_source = table.reshape(-1, numbers.size)
    return {
        source: {
            name: round(int(counts[numbers >> bit & 1 == 1].sum()) / int(counts.sum()), 6)
            for bit, name in enumerate(names)
        }
        for source, counts in zip(found.sources, by_source, strict=True)
        if counts.any()
    }


def _rates(number: Codes, values: list[str], linked: Flags) -> dict[str, dict[str, float]]:
    """Records and link rate with its interval for each value of a grouping that there is.

    Linked means that the record shares its cluster with another record.
    """
    result = {}
    counts = np.bincount(number * 2 + linked, minlength=2 * len(values)).reshape(-1, 2)
    for name, (alone, hits) in zip(values, counts.tolist(), strict=True):
        if records := alone + hits:
            low, high = wilson(hits, records)
            rate = {"link_rate": hits / records, "low": low, "high": high}
            result[name] = {"records": records, "linked": hits, **{k: round(v, 6) for k, v in rate.items()}}
    return result


def _gap(rates: Mapping[str, Mapping[str, float]]) -> dict[str, Any] | None:
    """The groups with the lowest and highest link rate; None where fewer than two are large enough to say.

    Records of which the group is not known are shown, but are no group of people.
    """
    large = {name: rate for name, rate in rates.items() if rate["records"] >= LEAST_IN_GAP and name != _UNKNOWN}
    if len(large) < 2:
        return None
    lowest = min(large, key=lambda name: (large[name]["link_rate"], name))
    highest = max(large, key=lambda name: (large[name]["link_rate"], name))
    gap = round(large[highest]["link_rate"] - large[lowest]["link_rate"], 6)
    return {"lowest": lowest, "highest": highest, "gap": gap}


def codes(source: pl.Series) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Sources as positions in their sorted names; the name of none is empty."""
    kind = source.dtype if isinstance(source.dtype, pl.Enum) else pl.Enum(source.drop_nulls().unique().sort())
    held = [*kind.categories, ""]
    names = tuple(sorted(set(held)))
    place = np.array([names.index(name) for name in held])
    number = source.cast(kind).to_physical().cast(pl.UInt32)
    return np.take(place, number.fill_null(len(held) - 1).to_numpy()), names
