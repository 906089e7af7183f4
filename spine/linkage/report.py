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

from spine.linkage.config import LinkageConfig
from spine.linkage.distribution import Codes, Flags, Spread, clerical, conflicts, histogram, threshold_curve

#: Groups of fewer records say little of a rate: they are shown, but make no gap.
LEAST_IN_GAP = 100
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
        groups: one row per record in the order of `found`; each column but record_id is a grouping.
        links: accepted pairs by method.
        blocking: what the blocking rules found.
        known: identifiers, and for each record those of which it has a usable value after cleaning: a bit for each.
        counts: further counts of the run, such as those of the cluster rule; they stand beside the others.
        config: thresholds.
    """
    size = np.bincount(found.label, minlength=found.label.size)
    linked, sizes = size[found.label] > 1, np.bincount(size)
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
    every = groups.drop("record_id").with_columns(source=pl.Series(found.source, dtype=pl.UInt32), linked=linked)
    names = [name for name in every.columns if name != "linked"]
    # The records once, by all groupings together; the few combinations that there are then by each one.
    counts = every.group_by(names).agg(pl.len().alias("records"), pl.col("linked").sum())
    rates = {name: _rates(counts, name, found.sources if name == "source" else ()) for name in names}
    return {"groups": rates, "group_gaps": {name: _gap(by_value) for name, by_value in rates.items()}}


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
    """Link rates by source and by pair of sources: one pass over the records for each source."""
    names, width = found.sources, len(found.sources)
    total = np.bincount(found.source, minlength=width)
    linked_by = np.bincount(found.source[linked], minlength=width)
    other = np.zeros(found.label.size, dtype=bool)
    meets = np.zeros((width, width), dtype=np.int64)
    presence = []
    for one in range(width):
        rows = np.flatnonzero(found.source == one)
        held = np.zeros(found.label.size, dtype=bool)
        held[found.label[rows]] = True
        meeting = np.take(held, found.label)
        meets[:, one] = np.bincount(found.source[meeting], minlength=width)
        meeting[rows] = False
        other |= meeting
        presence.append(np.packbits(held))
    elsewhere = np.bincount(found.source[other], minlength=width)
    residents = [int(np.bitwise_count(held).sum()) for held in presence]
    sources = {
        name: {
            "records": int(total[i]),
            "residents": residents[i],
            "linked": int(linked_by[i]),
            "linked_to_another_source": int(elsewhere[i]),
            "link_rate": round(int(elsewhere[i]) / int(total[i]), 6),
        }
        for i, name in enumerate(names)
        if total[i]
    }
    return {"sources": sources, "source_pairs": _source_pairs(names, total, meets, presence)}


def _source_pairs(names: tuple[str, ...], total: Codes, meets: Codes, presence: list[Any]) -> list[dict[str, Any]]:
    """Clusters that two sources have in common, and the share of each one's records in them.

    Args:
        names: the sources.
        total: records of each.
        meets: records of the one source in a cluster of the other.
        presence: for each source, a bit for each cluster that it is in.
    """
    return [
        {
            "source": names[one],
            "source_2": names[two],
            "clusters": clusters,
            "link_rate": round(int(meets[one, two]) / int(total[one]), 6),
            "link_rate_2": round(int(meets[two, one]) / int(total[two]), 6),
        }
        for one in range(len(names))
        for two in range(one + 1, len(names))
        if (clusters := int(np.bitwise_count(presence[one] & presence[two]).sum()))
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


def _rates(counts: pl.DataFrame, grouping: str, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Records and link rate with its interval for each value of a grouping.

    Linked means that the record shares its cluster with another record.
    """
    result = {}
    for value, records, hits in counts.group_by(grouping).agg(pl.col("records", "linked").sum()).sort(grouping).rows():
        low, high = wilson(hits, records)
        name = names[value] if names else _named(value)
        rate = {"link_rate": hits / records, "low": low, "high": high}
        result[name] = {"records": records, "linked": hits, **{k: round(v, 6) for k, v in rate.items()}}
    return result


def _named(value: object) -> str:
    if value is None:
        return _UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


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
    """Sources as positions in their sorted names."""
    names = source.unique().sort()
    return source.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy(), tuple(names)
