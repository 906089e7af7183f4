"""Which assets a run rebuilds, from what has changed.

Put here: the step from changes to asset keys. Never here: how a change is found (spine.changes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from assets.extracts import raw_key, sources
from assets.linkage_checks import LINKED
from spine.changes import Changes
from spine.contracts import Contract


@dataclass(frozen=True)
class Selection:
    """The assets of a run.

    Attributes:
        keys: the assets to rebuild; None for all.
        because: why those, in plain words.
    """

    keys: frozenset[dg.AssetKey] | None
    because: str


def select(definitions: dg.Definitions, contracts: Sequence[Contract], changes: Changes) -> Selection:
    """The changed sources' raw assets with all that follows from them; agreements and releases always.

    Agreements and releases cost little, and what no agreement permits any more must go at once. A source that
    no contract names is not looked at: nothing follows from it, and its name may be personal.
    """
    if changes.everything is not None:
        return Selection(None, changes.everything)
    known = sources(contracts)
    why = [text for source, text in changes.sources.items() if source in known]
    changed = [raw_key(*source) for source in changes.sources if source in known]
    if changes.agreements:
        why.append("the agreements changed")
    wanted: dg.AssetSelection = dg.AssetSelection.groups("governance", "release")
    if changed:
        wanted = wanted | dg.AssetSelection.assets(*changed).downstream()
    if changes.full_link:
        why.append("all records are linked anew")
        wanted = wanted | dg.AssetSelection.assets(*LINKED).downstream()
    return Selection(
        frozenset(wanted.resolve(definitions.resolve_asset_graph())),
        "; ".join(why) or "landing changed, but no delivery did",
    )
