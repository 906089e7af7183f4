"""A run that was changed often, without the blanks that changes leave.

Put here: when and how room is made. Never here: a change itself (delta.py).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spine.linkage.arrays import Codes
from spine.linkage.collapse import Nodes
from spine.linkage.columns import Columns, whole
from spine.linkage.overrides import on_nodes, read_decisions
from spine.linkage.run import Run
from spine.linkage.score import Scored

#: Share of blanks from which room is made, and parts of records from which they become one.
_MOST_BLANK = 0.2
_MOST_PARTS = 16


def compacted(run: Run) -> Run:
    """The same run, its nodes and pairs without blanks and its records in one part, where there are many of these."""
    codes = run.records.codes
    if isinstance(codes, Columns):
        slots = sum(codes.sizes)
        if len(codes.parts) > _MOST_PARTS or slots - codes.origin.size > _MOST_BLANK * slots:
            run = replace(run, records=replace(run.records, codes=whole(codes)))
    held = run.nodes.records > 0
    return run if not held.size or held.mean() >= 1 - _MOST_BLANK else _without(run, held.nonzero()[0])


def _without(run: Run, held: Codes) -> Run:
    nodes, compared, scored, clusters = run.nodes, run.compared, run.scored, run.clustering
    number = np.full(nodes.encoded.size, -1, dtype=np.int64)
    number[held] = np.arange(held.size)
    of_record = np.take(number, nodes.of_record)
    kept = np.flatnonzero((np.take(number, compared.left) >= 0) & (np.take(number, compared.right) >= 0))
    pairs = compared.taken(kept, number)
    settled = (scored.bits[kept], scored.manual[kept], scored.veto[kept])
    return replace(
        run,
        nodes=Nodes(nodes.encoded.taken(held), of_record, nodes.first[held], nodes.records[held]),
        compared=pairs,
        scored=Scored(pairs.left, pairs.right, *settled, scored.contested),
        clustering=replace(clusters, label=number[clusters.label[held]], link=clusters.link[kept]),
        decisions=on_nodes(read_decisions(run.overrides, run.ids), of_record, len(run.ids), held.size),
    )
