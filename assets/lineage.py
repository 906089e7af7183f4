"""From which contracts each purpose's tables are built, read from dbt's manifest.

Put here: the walk up the models. Never here: who must sign because of it (spine.governance.quorum).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spine.contracts import Contract

#: What linkage reads: the source `linkage` of the models stands on these.
LINKED = ("int_linkage_decisions", "int_person_records")


def contracts_behind(manifest: Mapping[str, Any], contracts: Sequence[Contract]) -> dict[str, tuple[str, ...]]:
    """Ids of the contracts that each purpose's tables are built from, through linkage too; by purpose.

    A source is told by the relation that it reads, not by its name in the project, and a relation of no known contract
    counts as a contract of that name.

    Args:
        manifest: of a project whose marts stand in one schema for each purpose.
    """
    nodes = {**manifest["nodes"], **manifest["sources"]}
    models = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    linked = [key for key, node in models.items() if node["name"] in LINKED]
    ids = sorted((contract.id for contract in contracts), key=len, reverse=True)
    found = {}
    for purpose in sorted({node["schema"] for node in models.values() if "marts" in node["fqn"]}):
        reached = _reached(nodes, [key for key, node in models.items() if node["schema"] == purpose], linked)
        raw = {node["identifier"] for node in reached if node["resource_type"] == "source"}
        found[purpose] = tuple(sorted({next((i for i in ids if name.startswith(f"{i}__")), name) for name in raw}))
    return found


def _reached(
    nodes: Mapping[str, Mapping[str, Any]], start: Iterable[str], linked: Sequence[str]
) -> list[Mapping[str, Any]]:
    """All that these nodes are built from; what linkage wrote is built from what it reads."""
    reached: dict[str, Mapping[str, Any]] = {}
    due = list(start)
    while due:
        key = due.pop()
        if key in reached or key not in nodes:
            continue
        node = nodes[key]
        is_linkage = node["resource_type"] == "source" and node["schema"] == "linkage"
        due += linked if is_linkage else node.get("depends_on", {}).get("nodes", [])
        if not is_linkage:
            reached[key] = node
    return list(reached.values())
