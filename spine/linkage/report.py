"""What a linkage run did, in counts.

Put here: counts for people to read and for trends. Never here: a value of any record, or a
record_id.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from spine.linkage.compare import VETOES
from spine.linkage.run import Run

_IDENTIFIERS = {
    "first_name": "first",
    "middle_name": "middle",
    "surname": "surname",
    "date_of_birth": "birth",
    "sex": "sex",
    "nhs_number": "nhs",
    "nino": "nino",
    "upn": "upn",
    "uprn": "uprn",
    "house": "house",
    "postcode": "postcode",
    "phone": "phone",
    "email": "email",
}


def report(run: Run, clusters: pl.DataFrame, version: str) -> dict[str, Any]:
    """Counts of one run: sources, blocking, links, vetoes, cluster sizes, completeness."""
    sizes = clusters.group_by("cluster_id").len().group_by(pl.col("len").alias("size")).len().sort("size")
    vetoes = np.bincount(run.scored.veto, minlength=len(VETOES))
    clustering, scored = run.clustering, run.scored
    return {
        "configuration": version,
        "records": clusters.height,
        "nodes": run.nodes.encoded.size,
        "clusters": int(clusters["cluster_id"].n_unique()),
        "linked_records": int((clusters["method"] != "single").sum()),
        "links": int(clustering.link.sum()) + run.inner.left.size,
        "links_exact": int((clustering.link & scored.anchor).sum() + run.inner.anchor.sum()),
        "sources": _sources(clusters),
        "source_pairs": _source_pairs(clusters),
        "blocking": run.candidates.report,
        "vetoes": {name: int(count) for name, count in zip(VETOES[1:], vetoes[1:], strict=True)},
        "contested_pairs": scored.contested,
        "components_rebuilt": clustering.rebuilt,
        "merges_refused": clustering.refused,
        "overrides_unknown": run.decisions.unknown,
        "cluster_sizes": {str(size): count for size, count in sizes.iter_rows()},
        "completeness": _completeness(run),
        **run.records.facts,
    }


def _sources(clusters: pl.DataFrame) -> dict[str, dict[str, float]]:
    linked = pl.col("method") != "single"
    other = pl.col("source").n_unique().over("cluster_id") > 1
    counts = (
        clusters.with_columns(other.alias("other"))
        .group_by("source")
        .agg(
            pl.len().alias("records"),
            linked.sum().alias("linked"),
            pl.col("other").sum().alias("linked_to_another_source"),
        )
        .sort("source")
    )
    return {
        row["source"]: {
            "records": row["records"],
            "linked": row["linked"],
            "linked_to_another_source": row["linked_to_another_source"],
            "link_rate": round(row["linked_to_another_source"] / row["records"], 6),
        }
        for row in counts.iter_rows(named=True)
    }


def _source_pairs(clusters: pl.DataFrame) -> list[dict[str, Any]]:
    """Clusters that hold records of both sources."""
    held = clusters.select("cluster_id", "source").unique()
    both = held.join(held, on="cluster_id", suffix="_2").filter(pl.col("source") < pl.col("source_2"))
    return both.group_by("source", "source_2").agg(pl.len().alias("clusters")).sort("source", "source_2").to_dicts()


def _completeness(run: Run) -> dict[str, dict[str, float]]:
    """Share of records per source whose identifier is usable, after cleaning."""
    known = pl.DataFrame({"source": run.source, **{n: run.records.codes[c] > 0 for n, c in _IDENTIFIERS.items()}})
    shares = known.group_by("source").agg(pl.all().mean().round(6)).sort("source")
    return {row.pop("source"): row for row in shares.to_dicts()}
