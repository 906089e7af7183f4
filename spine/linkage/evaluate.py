"""How good clusters are against a known truth.

Put here: quality measures from counts, and how sure they are. Never here: anything that a run uses to
decide, or a list of pairs: everything comes from the contingency table of cluster × person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.errors import PipelineError
from spine.linkage.distribution import Codes, Floats, ScoredPairs, measured_curve

_NORMAL_95 = 1.959964
#: Where no error was seen, up to 3 in n may still be wrong with 95 % confidence (Hanley and Lippman-Hand 1983).
_RULE_OF_THREE = 3.0
#: Groups of records that quality is told for; source pairs come besides.
GROUPS = ("sex", "birth_decade", "has_postcode", "has_date_of_birth")


@dataclass(frozen=True)
class Evaluation:
    """Pairwise and B-cubed quality.

    Attributes:
        records: records whose truth is known.
        true_links: pairs of one person that share a cluster (TP).
        false_links: pairs of two people that share a cluster (FP).
        missed_links: pairs of one person in two clusters (FN).
        precision: TP / (TP + FP); 1 where nothing was linked.
        recall: TP / (TP + FN); 1 where nothing was to link.
        f1: harmonic mean of both.
        f_star: TP / (TP + FP + FN), the share of all pairs in question that is right (Hand and others 2021).
        bcubed_precision: mean over records of the share of its cluster that is its person.
        bcubed_recall: mean over records of the share of its person that is in its cluster.
        bcubed_f1: harmonic mean of both.
        intervals: 95 % interval of each measure by its name (see `_interval`).
    """

    records: int
    true_links: int
    false_links: int
    missed_links: int
    precision: float
    recall: float
    f1: float
    f_star: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The measures and their intervals as JSON holds them."""
        return {**asdict(self), "intervals": {name: list(ends) for name, ends in self.intervals.items()}}


@dataclass(frozen=True)
class _Table:
    """The contingency table of cluster × person.

    Attributes:
        cell: cell of each record.
        n: records in each cell.
        cluster: cluster of each cell, a code below the number of records.
        person: person of each cell, likewise.
        cluster_size: records in each cell's cluster.
        person_size: records of each cell's person.
        component: cells of one component share clusters or persons; no error reaches from one to another.
    """

    cell: Codes
    n: Codes
    cluster: Codes
    person: Codes
    cluster_size: Codes
    person_size: Codes
    component: Codes


def evaluate(clusters: pl.DataFrame, truth: pl.DataFrame) -> Evaluation:
    """Compare clusters with the truth, from the contingency table of cluster × person.

    Args:
        clusters: record_id, cluster_id.
        truth: record_id, person_id; records that it does not hold, or whose person_id is null, are left out.

    Raises:
        PipelineError: no record is in both frames.
    """
    table = _contingency(_joined(clusters, truth))
    n, cluster, person = (x.astype(np.float64) for x in (table.n, table.cluster_size, table.person_size))
    both = _by(table.component, n * (n - 1) / 2)
    linked, true = _by(table.component, n * (cluster - 1) / 2), _by(table.component, n * (person - 1) / 2)
    records = _by(table.component, n)
    mean_p, mean_r = _by(table.component, n * n / cluster), _by(table.component, n * n / person)
    ratios = {
        "precision": (both, linked),
        "recall": (both, true),
        "f1": (2 * both, linked + true),
        "f_star": (both, linked + true - both),
        "bcubed_precision": (mean_p, records),
        "bcubed_recall": (mean_r, records),
    }
    values, intervals = {}, {}
    for name, (part, whole) in ratios.items():
        values[name], intervals[name] = _ratio(part, whole)
    values["bcubed_f1"], intervals["bcubed_f1"] = _bcubed_f1(mean_p, mean_r, records)
    tp, p, t = (round(float(x.sum())) for x in (both, linked, true))
    return Evaluation(
        records=int(table.n.sum()),
        true_links=tp,
        false_links=p - tp,
        missed_links=t - tp,
        **values,
        intervals=intervals,
    )


def evaluate_by_group(clusters: pl.DataFrame, truth: pl.DataFrame, groups: pl.DataFrame) -> dict[str, Any]:
    """Precision and recall for the records of each group, and for pairs of each two sources.

    A pair of records in two groups counts half for each: a group's figures speak of what happens to its
    own records.

    Args:
        clusters: record_id, source, cluster_id.
        truth: record_id, person_id.
        groups: record_id and the columns of `GROUPS`, one row per record.

    Returns:
        By name of the group column, then by its value: records, precision, recall, their intervals and
        the B-cubed measures; under `source_pair`, by "one + other": true, false and missed links, precision
        and recall with intervals.
    """
    told = [name for name in GROUPS if name in groups.columns]
    joined = _joined(clusters, truth).join(
        groups.select("record_id", *told), on="record_id", how="left", maintain_order="left"
    )
    table = _contingency(joined)
    n, cluster, person = (x[table.cell] for x in (table.n, table.cluster_size, table.person_size))
    found: dict[str, Any] = {}
    for name in told:
        values, code = _categories(joined[name])
        found[name] = {
            value: _of_records(table, rows, n, cluster, person)
            for value, rows in ((value, np.flatnonzero(code == i)) for i, value in enumerate(values))
        }
    found["source_pair"] = dict(_of_source_pairs(table, *_categories(joined["source"])))
    return found


def against_truth(
    clusters: pl.DataFrame, scored: ScoredPairs, groups: pl.DataFrame, truth: pl.DataFrame
) -> dict[str, Any]:
    """All that a report says of quality.

    Args:
        clusters: as `LinkageResult.clusters`.
        scored: as `LinkageResult.scored`.
        groups: as `LinkageResult.groups`.
        truth: record_id, person_id.

    Returns:
        `evaluation`, `evaluation_by_group` and `measured_curve`.
    """
    known = truth.select("record_id", "person_id").drop_nulls()
    joined = clusters.select("record_id").join(known, on="record_id", how="left", maintain_order="left")
    person = np.where(joined["person_id"].is_null().to_numpy(), -1, _first_positions(joined, "person_id"))
    return {
        "evaluation": evaluate(clusters, truth).as_dict(),
        "evaluation_by_group": evaluate_by_group(clusters, truth, groups),
        "measured_curve": measured_curve(scored, person),
    }


def _of_records(table: _Table, rows: Codes, n: Codes, cluster: Codes, person: Codes) -> dict[str, Any]:
    """Quality as the records at `rows` see it."""
    component = table.component[table.cell[rows]]
    both = _by(component, n[rows] - 1.0)
    precision, precision_interval = _ratio(both, _by(component, cluster[rows] - 1.0))
    recall, recall_interval = _ratio(both, _by(component, person[rows] - 1.0))
    return {
        "records": int(rows.size),
        "precision": precision,
        "precision_interval": list(precision_interval),
        "recall": recall,
        "recall_interval": list(recall_interval),
        "bcubed_precision": float((n[rows] / cluster[rows]).mean()),
        "bcubed_recall": float((n[rows] / person[rows]).mean()),
    }


def _of_source_pairs(table: _Table, names: list[str], code: Codes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs of records of each two sources, or of one source, from counts by cell, cluster and person."""
    cells, per_cell = _crossed(table.cell, code, len(names))
    clusters, per_cluster = _crossed(table.cluster[table.cell], code, len(names))
    persons, per_person = _crossed(table.person[table.cell], code, len(names))
    of_cluster, of_person = np.zeros(code.size, dtype=np.int64), np.zeros(code.size, dtype=np.int64)
    of_cluster[table.cluster], of_person[table.person] = table.component, table.component
    for one in range(len(names)):
        for other in range(one, len(names)):
            true = _pairs(per_cell, one, other)
            linked, existing = _pairs(per_cluster, one, other), _pairs(per_person, one, other)
            if not linked.sum() and not existing.sum():
                continue
            size = int(table.component.max(initial=0)) + 1
            both = _by(table.component[cells], true, size)
            precision, precision_interval = _ratio(both, _by(of_cluster[clusters], linked, size))
            recall, recall_interval = _ratio(both, _by(of_person[persons], existing, size))
            yield (
                f"{names[one]} + {names[other]}",
                {
                    "true_links": round(float(true.sum())),
                    "false_links": round(float(linked.sum() - true.sum())),
                    "missed_links": round(float(existing.sum() - true.sum())),
                    "precision": precision,
                    "precision_interval": list(precision_interval),
                    "recall": recall,
                    "recall_interval": list(recall_interval),
                },
            )


def _crossed(owner: Codes, code: Codes, width: int) -> tuple[Codes, Floats]:
    """Owners (cells, clusters or persons) that hold several records, and their records by source."""
    several = np.bincount(owner, minlength=1) > 1
    own = np.flatnonzero(several)
    place = np.cumsum(several) - 1
    rows = several[owner]
    counts = np.bincount(place[owner[rows]] * width + code[rows], minlength=own.size * width)
    return own, counts.reshape(own.size, width).astype(np.float64)


def _pairs(counts: Floats, one: int, other: int) -> Floats:
    if one == other:
        same: Floats = counts[:, one] * (counts[:, one] - 1) / 2
        return same
    across: Floats = counts[:, one] * counts[:, other]
    return across


def _joined(clusters: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    known = truth.select("record_id", "person_id").drop_nulls()
    joined = clusters.join(known, on="record_id", how="inner", maintain_order="left")
    if joined.is_empty():
        raise PipelineError("evaluate: no record is in both clusters and truth. Expected the same record_id in both.")
    return joined


def _contingency(joined: pl.DataFrame) -> _Table:
    cluster, person = _first_positions(joined, "cluster_id"), _first_positions(joined, "person_id")
    size = joined.height
    _, first, cell, n = np.unique(cluster * size + person, return_index=True, return_inverse=True, return_counts=True)
    return _Table(
        cell=cell,
        n=n,
        cluster=cluster[first],
        person=person[first],
        cluster_size=np.bincount(cluster, minlength=size)[cluster[first]],
        person_size=np.bincount(person, minlength=size)[person[first]],
        component=_components(cluster[first], person[first], size),
    )


def _components(cluster: Codes, person: Codes, size: int) -> Codes:
    """Component of each cell in the graph of clusters and persons."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(cluster.size, dtype=np.int8), (cluster, person + size)), shape=(2 * size, 2 * size))
    label = connected_components(graph, directed=False)[1]
    return np.unique(label[cluster], return_inverse=True)[1].astype(np.int64)


def _first_positions(frame: pl.DataFrame, name: str) -> Codes:
    """For each row the position of the first row with the same value: a code that needs no dictionary."""
    rows = frame.select(name).with_row_index("row")
    return rows.select(pl.col("row").first().over(name).cast(pl.Int64)).to_series().to_numpy()


def _categories(values: pl.Series) -> tuple[list[str], Codes]:
    if values.dtype == pl.Boolean:
        values = values.replace_strict({True: "yes", False: "no"}, return_dtype=pl.String)
    text = values.cast(pl.String).fill_null("unknown")
    names = text.unique().sort()
    return names.to_list(), text.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()


def _by(component: Codes, amounts: npt.NDArray[Any], size: int = 0) -> Floats:
    return np.bincount(component, weights=amounts, minlength=size).astype(np.float64)


def _ratio(part: Floats, whole: Floats) -> tuple[float, tuple[float, float]]:
    """A ratio of two sums over components, and its interval; 1 where there is nothing to count."""
    size = max(part.size, whole.size)
    a, b = np.pad(part, (0, size - part.size)), np.pad(whole, (0, size - whole.size))
    total = float(b.sum())
    if not total:
        return 1.0, (0.0, 1.0)
    value = float(a.sum()) / total
    return value, _interval(value, (a - value * b) / total, int((b > 0).sum()))


def _bcubed_f1(precision: Floats, recall: Floats, records: Floats) -> tuple[float, tuple[float, float]]:
    total = float(records.sum())
    p, r = float(precision.sum()) / total, float(recall.sum()) / total
    value = 2 * p * r / (p + r)
    influence = (2 * r * r * (precision - p * records) + 2 * p * p * (recall - r * records)) / (p + r) ** 2 / total
    return value, _interval(value, influence, int((records > 0).sum()))


def _interval(value: float, influence: Floats, units: int) -> tuple[float, float]:
    """95 % interval of an estimate from the influence of each component on it.

    Components of the graph of clusters and persons are the units that were sampled: errors within one hang
    together. The variance is that of a ratio estimator (Cochran 1977, chapter 6; for entity resolution
    Binette and others 2023), and the interval is taken on the logit scale, so that it stays within 0 and 1.

    Args:
        value: the estimate, from 0 to 1.
        influence: what each component adds to it, to first order; sums to 0.
        units: components that the estimate rests on.
    """
    if units < 2:
        return 0.0, 1.0
    error = float(np.sqrt(units / (units - 1) * (influence**2).sum()))
    if value >= 1 - 1e-12:
        return max(0.0, 1 - _RULE_OF_THREE / units), 1.0
    if value <= 1e-12:
        return 0.0, min(1.0, _RULE_OF_THREE / units)
    centre, width = np.log(value / (1 - value)), _NORMAL_95 * error / (value * (1 - value))
    low, high = (1 / (1 + np.exp(-(centre + side * width))) for side in (-1, 1))
    return float(low), float(high)
