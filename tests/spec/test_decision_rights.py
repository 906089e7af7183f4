"""Who may decide what: the matrix as it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from spine.errors import ContractError, GovernanceError
from spine.rights import FILE, load_decision_rights
from spine.settings import PROJECT_ROOT

RIGHTS = load_decision_rights(PROJECT_ROOT / "expectations")


@pytest.mark.parametrize(
    ("action", "roles", "people", "refusal"),
    [
        ("manual_link_unlink", {"clerical_reviewer"}, 2, None),
        ("manual_link_unlink", {"clerical_reviewer"}, 1, "takes 2 different people"),
        ("manual_link_unlink", {"engineer"}, 2, "for Clerical reviewer or Data steward"),
        ("waive_quality_rule", {"data_steward"}, 1, None),
        ("waive_quality_rule", {"analyst"}, 1, "asked for by Analyst"),
        ("rotate_key", {"engineer", "analyst"}, 1, None),
        ("rotate_key", set(), 1, "asked for by nobody"),
        ("rotate_key", {"mayor"}, 1, "unknown role 'mayor'"),
        ("paint_the_town", {"board"}, 9, "does not say who may decide"),
    ],
)
def test_only_who_may_decides(action: str, roles: set[str], people: int, refusal: str | None) -> None:
    if refusal is None:
        RIGHTS.require(action, roles, people)
    else:
        with pytest.raises(GovernanceError, match=refusal):
            RIGHTS.require(action, roles, people)


def test_without_a_matrix_nobody_decides(tmp_path: Path) -> None:
    with pytest.raises(GovernanceError, match="is missing"):
        load_decision_rights(tmp_path)


ROW = "roles: {a: A}\ndecisions: {x: {title: X, responsible: [%s], accountable: [a], consulted: [], informed: []}}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ROW % "b", "'b'"),
        (ROW % "", "x.resp"),
        ("roles: {a: A}\ndecisions: {}\nmore: 1", "more"),
        ("roles: [", "not readable as YAML"),
    ],
)
def test_a_faulty_matrix_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(ContractError, match=fault):
        load_decision_rights(tmp_path)
