"""From which contracts a purpose's tables are built: the walk up the models."""

from __future__ import annotations

from typing import Any

from assets.lineage import contracts_behind
from tests.fixtures.agreements import contracts


def node(kind: str, name: str, schema: str, *above: str, folder: str = "core", reads: str = "") -> dict[str, Any]:
    return {
        "resource_type": kind, "name": name, "schema": schema, "identifier": reads or name,
        "fqn": ["connected_spine", folder, name], "depends_on": {"nodes": list(above)},
    }  # fmt: skip


def test_a_source_counts_by_what_it_reads_and_linkage_by_what_it_links() -> None:
    manifest = {
        "nodes": {
            "people": node("model", "people", "plan", "joined", folder="marts"),
            "joined": node("model", "joined", "core", "crosswalk", "renamed", "seed"),
            "int_person_records": node("model", "int_person_records", "intermediate", "tax"),
            "other": node("model", "other", "core", "rents"),
            "rates": node("model", "rates", "rates", "rents", folder="marts"),
            "seed": node("seed", "codes", "core"),
        },
        "sources": {
            "crosswalk": node("source", "crosswalk", "linkage"),
            "tax": node("source", "tax__flat__accounts", "raw"),
            "renamed": node("source", "harmless__x__y", "raw", reads="care__flat__events"),
            "rents": node("source", "rents__z__balances", "raw"),
        },
    }
    assert contracts_behind(manifest, contracts()) == {
        "plan": ("care__flat", "tax__flat"),
        "rates": ("rents__z__balances",),
    }, "a relation of no known contract is told by its name"
