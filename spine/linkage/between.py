"""The pair of two groups of records that a run found most alike.

Put here: the search for it in a kept run. Never here: why the pair is linked or not (explain).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from spine.linkage.arrays import Codes
from spine.linkage.state import State


def strongest_pair(state: State, left: Sequence[str], right: Sequence[str]) -> tuple[str, str]:
    """The compared pair of highest weight with one record in each group; the first of each where none was compared.

    Args:
        left: ids of records, at least one.
        right: ids of other records, at least one.

    Returns:
        record_id of each. A record stands for all that fold into its node.
    """
    run = state.run
    sides = [_places(run.ids, ids) for ids in (left, right)]
    if any(side.size == 0 for side in sides):
        return left[0], right[0]
    of = [dict(zip(run.nodes.of_record[side].tolist(), side.tolist(), strict=True)) for side in sides]
    one, other = np.asarray(run.compared.left), np.asarray(run.compared.right)
    nodes, others = list(of[0]), list(of[1])
    forward = np.isin(one, nodes) & np.isin(other, others)
    backward = np.isin(one, others) & np.isin(other, nodes)
    found = np.flatnonzero(forward | backward)
    if not found.size:
        return left[0], right[0]
    best = found[np.lexsort((found, -np.asarray(run.scored.bits)[found]))[0]]
    first, second = int(one[best]), int(other[best])
    if not forward[best]:
        first, second = second, first
    return str(run.ids[of[0][first]]), str(run.ids[of[1][second]])


def _places(ids: pl.Series, wanted: Sequence[str]) -> Codes:
    found: Codes = np.flatnonzero(ids.is_in(list(wanted)).to_numpy())
    return found
