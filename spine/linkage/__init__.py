"""Linkage: which person records are one person. Frames in, frames out.

Put here: the run from records to clusters; each stage has its own module (standardise, encode, block,
compare, fit, score, cluster) and evaluate measures the result. Never here: files, settings, contracts,
or resident ids (spine.identity gives those).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from spine.linkage.config import LinkageConfig, load_config
from spine.linkage.evaluate import Evaluation, evaluate

__all__ = ["Evaluation", "LinkageConfig", "LinkageResult", "evaluate", "link", "load_config"]


@dataclass(frozen=True)
class LinkageResult:
    """What one linkage run found.

    Attributes:
        clusters: one row per record, sorted by record_id: record_id, source, cluster_id (smallest
            record_id of the cluster), method (exact, probabilistic or single: by the strongest kind
            of link that touches the record), confidence (probability of the weakest link on the best path from
            the record to the first of its cluster; null where single).
        links: one row per accepted pair, sorted: left_record_id, right_record_id, bits, probability,
            method, stratum (home or elsewhere), level_<comparison> for each comparison.
        model: estimated shares and weights; no personal value.
        report: counts; no personal value.
    """

    clusters: pl.DataFrame
    links: pl.DataFrame
    model: dict[str, Any]
    report: dict[str, Any]


def link(
    records: pl.DataFrame | pl.LazyFrame, config: LinkageConfig | None = None, overrides: pl.DataFrame | None = None
) -> LinkageResult:
    """Find the records that are one person.

    The result does not depend on the order of rows or the number of threads.

    Args:
        records: one row per person record, columns as `conform.INPUT`; every column but record_id may be
            missing or null.
        config: the shipped settings where left out.
        overrides: decisions by people: left_record_id, right_record_id, decision (must_link or cannot_link).

    Raises:
        PipelineError: record_id is missing, null or not unique, a column's type is unusable, or overrides
            contradict each other.
    """
    # recordlinkage, pandas and scikit-learn take seconds to import: only where records are linked.
    from spine.linkage import results
    from spine.linkage.report import report
    from spine.linkage.run import run

    settings = config or load_config()
    done = run(records, settings, overrides)
    clusters = results.clusters(done)
    return LinkageResult(clusters, results.links(done, settings.scheme), done.model.as_dict(), report(done, clusters, settings.version))
