"""Linkage: which person records are one person. Frames in, frames out.

Put here: the run from records to clusters; each stage has its own module (standardise, encode, block,
compare, fit, score, cluster) and evaluate measures the result. Never here: files, settings, contracts,
or resident ids (spine.identity gives those).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from spine.linkage.config import LinkageConfig, load_config
from spine.linkage.evaluate import Evaluation, evaluate
from spine.linkage.parallel import each

if TYPE_CHECKING:
    from spine.linkage.distribution import ScoredPairs
    from spine.linkage.run import Run
    from spine.linkage.state import State

__all__ = [
    "Evaluation",
    "LinkageConfig",
    "LinkageResult",
    "evaluate",
    "link",
    "link_changes",
    "load_config",
    "result_of",
]


@dataclass(frozen=True)
class LinkageResult:
    """What one linkage run found.

    Attributes:
        clusters: one row per record, sorted by record_id: record_id, source, cluster_id (smallest
            record_id of the cluster), method (manual, exact, probabilistic or single: by the strongest kind
            of link that touches the record), confidence (probability of the weakest link on the best path from
            the record to the first of its cluster; null where single).
        links: one row per accepted pair, sorted: left_record_id, right_record_id, bits, probability,
            method, stratum (home or elsewhere), level_<comparison> for each comparison.
        model: estimated shares and weights; no personal value.
        report: counts; no personal value.
        groups: one row per record in the order of `clusters`: record_id and the columns of the by-group tables.
        state: what a later run on changed records, or the explanation of a pair, needs
            (`state.save(folder)`); None where it was not asked for.
        run: what the stages gave.
        config: the settings.
    """

    clusters: pl.DataFrame
    links: pl.DataFrame
    model: dict[str, Any]
    report: dict[str, Any]
    groups: pl.DataFrame
    state: State | None
    run: Run
    config: LinkageConfig

    @property
    def scored(self) -> ScoredPairs:
        """All compared pairs with their match weight, for distributions; made anew at each call."""
        from spine.linkage import results

        return results.pairs(self.run, self.config)


def link(
    records: pl.DataFrame | pl.LazyFrame,
    config: LinkageConfig | None = None,
    overrides: pl.DataFrame | None = None,
    *,
    keep_state: bool = False,
) -> LinkageResult:
    """Find the records that are one person.

    The result does not depend on the order of rows or the number of threads.

    Args:
        records: one row per person record, columns as int_person_records (see
            `conform.INPUT`); every column but record_id may be missing or null.
        config: the shipped settings where left out.
        overrides: decisions by people: left_record_id, right_record_id, decision (must_link or cannot_link).
        keep_state: give the state too, at the price of memory.

    Raises:
        PipelineError: record_id is missing, null or not unique, a column's type is unusable, or overrides
            contradict each other.
    """
    # recordlinkage, pandas and scikit-learn take seconds to import: only where records are linked.
    from spine.linkage.run import run
    from spine.linkage.state import State

    settings = config or load_config()
    return result_of(State(run(records, settings, overrides, keep_state), settings), keep_state=keep_state)


def link_changes(
    state: State, changed: pl.DataFrame, withdrawn: Sequence[str] = (), overrides: pl.DataFrame | None = None
) -> LinkageResult:
    """Link the records of an earlier run again, with changed and new ones, without those withdrawn.

    Only what the changes touch is compared again; frequencies and weights stay those of the earlier run.

    Args:
        state: of the earlier result, or read by `load_state`.
        changed: new records, and records as they are now, in the form of `link`.
        withdrawn: ids of records that are gone.
        overrides: all decisions by people that hold from now on, in the form of `link`; those of the state where left
            out. An empty table withdraws them.

    Raises:
        PipelineError: as of `link`.
    """
    from spine.linkage.delta import delta

    return result_of(delta(state, changed, withdrawn, overrides))


def result_of(state: State, *, keep_state: bool = True) -> LinkageResult:
    """What a run found, as frames and counts; with the state itself where that is to be kept."""
    from spine.linkage import results
    from spine.linkage.people import IDENTIFIERS
    from spine.linkage.report import report

    done, settings = state.run, state.config
    groups = results.groups(done)

    def told() -> dict[str, Any]:
        return report(
            results.found(done),
            done.spread,
            groups,
            links=results.methods(done),
            blocking=done.blocking,
            known=(IDENTIFIERS, done.people.known),
            counts=results.counts(done),
            config=settings,
        )

    made: list[Callable[[], Any]] = [
        told,
        *(partial(make, done, settings) for make in (results.clusters, results.links)),
    ]
    counted, clusters, links = each(lambda make: make(), made, len(done.ids))
    return LinkageResult(
        clusters, links, done.model.as_dict(settings), counted, groups, state if keep_state else None, done, settings
    )
