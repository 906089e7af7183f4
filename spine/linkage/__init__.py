"""Linkage: which person records are one person. Frames in, frames out.

Put here: the run from records to clusters; each stage has its own module (standardise, encode, block,
compare, fit, score, cluster) and evaluate measures the result. Never here: files, settings, contracts,
or resident ids (spine.identity gives those).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from spine.linkage.config import LinkageConfig, load_config
from spine.linkage.evaluate import Evaluation, evaluate

if TYPE_CHECKING:
    from spine.linkage.distribution import ScoredPairs
    from spine.linkage.interim import State

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
        scored: all candidate pairs with their match weight, for distributions.
        groups: one row per record in the order of `clusters`: record_id and the columns of the by-group tables.
        state: what a later run on changed records, or the explanation of a pair, needs; `state.save(folder)`.
    """

    clusters: pl.DataFrame
    links: pl.DataFrame
    model: dict[str, Any]
    report: dict[str, Any]
    scored: ScoredPairs
    groups: pl.DataFrame
    state: State


def link(
    records: pl.DataFrame | pl.LazyFrame,
    config: LinkageConfig | None = None,
    overrides: pl.DataFrame | None = None,
) -> LinkageResult:
    """Find the records that are one person.

    The result does not depend on the order of rows or the number of threads.

    Args:
        records: one row per person record, columns as int_person_records (see
            `conform.INPUT`); every column but record_id may be missing or null.
        config: the shipped settings where left out.

    Raises:
        PipelineError: record_id is missing, null or not unique, or a column's type is unusable.
    """
    # recordlinkage, pandas and scikit-learn take seconds to import: only where records are linked.
    from spine.linkage import results
    from spine.linkage.interim import State
    from spine.linkage.report import report
    from spine.linkage.run import run

    settings = config or load_config()
    done = run(records, settings, overrides)
    clusters, links = results.clusters(done), results.links(done, settings.scheme)
    found, scored, groups = results.found(done), results.pairs(done), results.groups(done)
    told = report(
        found,
        scored,
        groups,
        links=dict(links.group_by("method").len().iter_rows()),
        blocking=done.candidates.report,
        known=results.known(done),
        counts=results.counts(done),
        config=settings,
    )
    model = done.model.as_dict()
    frame = records.collect() if isinstance(records, pl.LazyFrame) else records
    return LinkageResult(clusters, links, model, told, scored, groups, State(frame, settings, model))
