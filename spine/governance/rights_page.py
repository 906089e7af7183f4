"""The decision-rights matrix as one page to print and put on a wall.

Put here: the page's text. Never here: the matrix (expectations/decision_rights.yaml), or the question it answers
(spine.rights).
"""

from __future__ import annotations

from collections.abc import Iterable

from spine.rights import Decision, DecisionRights

_HEAD = """# Who decides what

Written by `spine contracts derive` from expectations/decision_rights.yaml. Do not edit.

Does it: any of these roles. Answers for it: each must agree where the action takes signatures. An action of the spine
that this page gives to others is refused, and the refusal names who may. Below each title stands its name in the spine.

| Decision | Does it | People | Answers for it | Asked before | Told afterwards | Can stop it alone |
|---|---|---:|---|---|---|---|
"""


def rights_page(rights: DecisionRights) -> str:
    """The page, in Markdown: one row for each decision, in the matrix's order."""
    return _HEAD + "".join(_row(action, row, rights) for action, row in rights.decisions.items())


def _row(action: str, row: Decision, rights: DecisionRights) -> str:
    cells = (
        f"{row.title}<br>`{action}`",
        _named(row.responsible, rights, " or "),
        str(row.people),
        _named(row.accountable, rights),
        _named(row.consulted, rights),
        ", ".join(rights.roles.get(who, who) for who in row.informed) or "nobody",
        _named(row.vetoes, rights),
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _named(roles: Iterable[str], rights: DecisionRights, between: str = ", ") -> str:
    return between.join(rights.roles[role] for role in roles) or "nobody"
