"""The stages in their order, and their result as frames.

Put here: what joins the stages. Never here: a rule of any stage.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from spine.linkage import LinkageResult
from spine.linkage.block import block
from spine.linkage.cluster import Clustering, cluster
from spine.linkage.compare import compare
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import encode
from spine.linkage.fit import fit, histogram
from spine.linkage.interim import Pairs, State, groups_of, known_of
from spine.linkage.levels import Scheme
from spine.linkage.report import Found, codes, report
from spine.linkage.score import Scored, probability, score
from spine.linkage.standardise import standardise


def run(records: pl.DataFrame, config: LinkageConfig) -> LinkageResult:
    """Clusters, links, model and report of one run (see `spine.linkage.LinkageResult`)."""
    persons = standardise(records, config)
    encoded = encode(persons, config)
    candidates = block(encoded, config)
    compared = compare(encoded, candidates.left, candidates.right)
    patterns = histogram(compared, config.scheme)
    model = fit(encoded, patterns, config)
    scored = score(encoded, compared, patterns, model, config)
    clustering = cluster(encoded, scored, config)
    links = _links(persons, scored, clustering, config.scheme)
    pairs, groups = Pairs.of(scored), groups_of(persons)
    counts = report(
        Found(clustering.label, *codes(persons["source"])),
        pairs,
        groups,
        links=dict(links.group_by("method").len().iter_rows()),
        blocking=candidates.report,
        known=known_of(persons),
        counts={
            "contested_pairs": scored.contested,
            "components_rebuilt": clustering.rebuilt,
            "merges_refused": clustering.refused,
        },
        config=config,
    )
    state = State(records, config, model.as_dict())
    clusters = _clusters(persons, scored, clustering)
    return LinkageResult(clusters, links, model.as_dict(), counts, pairs, groups, state)


def _clusters(persons: pl.DataFrame, scored: Scored, clustering: Clustering) -> pl.DataFrame:
    kind = np.zeros(persons.height, dtype=np.int64)
    for positions in (scored.left, scored.right):
        np.maximum.at(kind, positions[clustering.link], 1 + scored.anchor[clustering.link])
    return persons.select("record_id", "source").with_columns(
        persons["record_id"].gather(clustering.label).alias("cluster_id"),
        pl.Series("method", np.array(["single", "probabilistic", "exact"])[kind], dtype=pl.String),
        pl.Series("confidence", clustering.confidence, dtype=pl.Float64, nan_to_null=True),
    )


def _links(persons: pl.DataFrame, scored: Scored, clustering: Clustering, scheme: Scheme) -> pl.DataFrame:
    chosen = np.flatnonzero(clustering.link)
    ids, bits = persons["record_id"], scored.bits[chosen]
    levels = {
        f"level_{comparison}": pl.Series(np.array(names)[scored.compared.levels[comparison][chosen]], dtype=pl.String)
        for comparison, names in scheme.levels.items()
    }
    return pl.DataFrame(
        {
            "left_record_id": ids.gather(scored.left[chosen]),
            "right_record_id": ids.gather(scored.right[chosen]),
            "bits": bits,
            "probability": probability(bits),
            "method": pl.Series(np.where(scored.anchor[chosen], "exact", "probabilistic"), dtype=pl.String),
            "stratum": pl.Series(np.where(scored.compared.home[chosen], "home", "elsewhere"), dtype=pl.String),
            **levels,
        }
    ).sort("left_record_id", "right_record_id")
