"""The page on decision rights says what the matrix says, and a stale one is found."""

from __future__ import annotations

import shutil
from pathlib import Path

from spine.cli.rights import stale_page, write_page
from spine.governance.rights_page import rights_page
from spine.rights import load_decision_rights
from spine.settings import PROJECT_ROOT, Settings


def test_every_decision_has_a_row_with_its_roles_in_words() -> None:
    rights = load_decision_rights(PROJECT_ROOT / "expectations")
    rows = [line for line in rights_page(rights).splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(rights.decisions)
    [signing] = [row for row in rows if "`sign_agreement`" in row]
    assert [cell.strip() for cell in signing.strip("|").split("|")][1:] == [
        "Data protection officer",
        "1",
        "Senior information risk owner of a controller, Caldicott Guardian",
        "Data steward of the source's organisation",
        "Joint data board of all controllers",
        "Lay member of the joint data board",
    ]
    assert all(row.count("|") == 8 for row in rows)


def test_a_page_that_differs_from_the_matrix_is_stale(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", project=tmp_path)
    matrix = tmp_path / "expectations" / "decision_rights.yaml"
    matrix.parent.mkdir()
    shutil.copy(PROJECT_ROOT / "expectations" / "decision_rights.yaml", matrix)
    assert stale_page(settings) == [], "a project without documents has no page"
    (tmp_path / "docs").mkdir()
    assert stale_page(settings) == ["decision_rights.md"]
    write_page(settings)
    assert stale_page(settings) == []
    matrix.write_text(matrix.read_text(encoding="utf-8").replace("people: 2", "people: 3"), encoding="utf-8")
    assert stale_page(settings) == ["decision_rights.md"]
