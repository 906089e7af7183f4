"""Releases as anchors of the audit log: each carries the log's head, and the log names each release's content.

Put here: holding the shelf and the log against each other. Never here: the chain (spine.audit) or other anchors
(spine.anchors).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spine import audit
from spine.anchors import Anchor, Standing, stand
from spine.release.query import release_facts
from spine.release.shelf import Shelf
from spine.settings import Settings


def audit_standing(settings: Settings) -> Standing:
    """Hold the audit log against itself, every release on the shelf, and the anchors that the settings name."""
    shelves = [Shelf(folder) for folder in sorted(settings.releases.glob("*")) if folder.is_dir()]
    found = [(shelf, version, path, release_facts(path)) for shelf in shelves for version, path in _files(shelf)]
    anchors = [
        Anchor(f"release {shelf.folder.name} version {version}", str(facts["audit_head"]))
        for shelf, version, _, facts in found
        if facts and facts.get("audit_head")
    ]
    standing = stand(settings, anchors)
    published = {
        (entry.facts.get("purpose"), entry.facts.get("version")): entry.facts.get("content_sha256")
        for entry in audit.entries(settings.audit_log)
        if entry.kind == "output_release" and entry.facts.get("decision") == "published"
    }
    strangers = [fault for shelf, version, _, facts in found if (fault := _fault(shelf, version, facts, published))]
    return replace(standing, faults=(*standing.faults, *strangers))


def _files(shelf: Shelf) -> Iterator[tuple[int, Path]]:
    newest = shelf.newest or 0
    yield from ((version, path) for version, path in shelf.versions.items() if version <= newest)


def _fault(
    shelf: Shelf, version: int, facts: dict[str, Any] | None, published: dict[tuple[Any, Any], Any]
) -> str | None:
    """What is wrong with one published file; None too where a run died before it could log it."""
    name = f"release {shelf.folder.name} version {version}"
    if facts is None:
        return f"{name} cannot be read"
    if any(line.get("version") == version for _, line in shelf.unlogged):
        return None
    content = published.get((shelf.folder.name, version))
    if content is None:
        return f"{name} is on the shelf, and no line of the log says that it was published"
    if content != facts["content_sha256"]:
        return f"{name} is not the one that the log says was published: its content has another hash"
    return None
