"""The page on decision rights, docs/generated/decision_rights.md: written, and held against the matrix.

Put here: the generated file. Never here: its text (spine.governance.rights_page).
"""

from __future__ import annotations

from spine.files import replacing
from spine.rights import load_decision_rights
from spine.settings import Settings

_PAGE = ("docs", "generated", "decision_rights.md")


def write_page(settings: Settings) -> None:
    """Write the page of a project that has a docs folder."""
    if (settings.project / _PAGE[0]).is_dir():
        with replacing(settings.project.joinpath(*_PAGE), point="contracts.derived") as temporary:
            temporary.write_text(_text(settings), encoding="utf-8")


def stale_page(settings: Settings) -> list[str]:
    """The page's name where it differs from the matrix, or is missing from a project that has a docs folder."""
    page = settings.project.joinpath(*_PAGE)
    if not (settings.project / _PAGE[0]).is_dir():
        return []
    current = page.is_file() and page.read_text(encoding="utf-8") == _text(settings)
    return [] if current else [page.name]


def _text(settings: Settings) -> str:
    from spine.governance.rights_page import rights_page  # slow to import

    return rights_page(load_decision_rights(settings.expectations))
