"""How good clusters are against a known truth.

Put here: quality measures from counts. Never here: anything that a run uses to decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from spine.errors import PipelineError


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
        bcubed_precision: mean over records of the share of its cluster that is its person.
        bcubed_recall: mean over records of the share of its person that is in its cluster.
    """

    records: int
    true_links: int
    false_links: int
    missed_links: int
    precision: float
    recall: float
    f1: float
    bcubed_precision: float
    bcubed_recall: float


def evaluate(clusters: pl.DataFrame, truth: pl.DataFrame) -> Evaluation:
    """Compare clusters with the truth, from the contingency table of cluster × person.

    Args:
        clusters: record_id, cluster_id.
        truth: record_id, person_id; records that it does not hold are left out.

    Raises:
        PipelineError: no record is in both frames.
    """
    joined = clusters.select("record_id", "cluster_id").join(truth.select("record_id", "person_id"), on="record_id")
    if joined.is_empty():
        raise PipelineError("evaluate: no record is in both clusters and truth. Expected the same record_id in both.")
    cells = joined.group_by("cluster_id", "person_id").agg(pl.len().cast(pl.Int64).alias("n"))
    both, by_cluster, by_person = (
        _pairs(frame) for frame in (cells, _sums(cells, "cluster_id"), _sums(cells, "person_id"))
    )
    totals = cells.with_columns(
        pl.col("n").sum().over("cluster_id").alias("cluster"), pl.col("n").sum().over("person_id").alias("person")
    ).sort("cluster_id", "person_id")
    square = pl.col("n") * pl.col("n")
    bcubed = totals.select((square / pl.col("cluster")).sum().alias("p"), (square / pl.col("person")).sum().alias("r"))
    precision = both / by_cluster if by_cluster else 1.0
    recall = both / by_person if by_person else 1.0
    return Evaluation(
        records=joined.height,
        true_links=both,
        false_links=by_cluster - both,
        missed_links=by_person - both,
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        bcubed_precision=bcubed["p"][0] / joined.height,
        bcubed_recall=bcubed["r"][0] / joined.height,
    )


def _sums(cells: pl.DataFrame, column: str) -> pl.DataFrame:
    return cells.group_by(column).agg(pl.col("n").sum())


def _pairs(groups: pl.DataFrame) -> int:
    return int(groups.select((pl.col("n") * (pl.col("n") - 1) // 2).sum()).item())
