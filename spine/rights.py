"""Decision rights: which role may decide what, and how many people it takes.

Put here: the model of `expectations/decision_rights.yaml` and the one question that every action asks of it.
Never here: who holds a role (that is the deployment's affair), or an action itself.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from spine.documents import parse_yaml, read_text
from spine.errors import ContractError, GovernanceError

FILE: Final = "decision_rights.yaml"
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Decision(_Part):
    """One row of the matrix (responsible, accountable, consulted, informed).

    Attributes:
        responsible: roles of which any may do it.
        people: how many different people it takes.
        accountable: roles that answer for it.
        consulted: roles asked before.
        informed: who is told afterwards; not only roles.
        vetoes: roles of which any can stop it alone.
    """

    title: Words
    responsible: tuple[Words, ...] = Field(min_length=1)
    people: int = Field(default=1, ge=1)
    accountable: tuple[Words, ...] = Field(min_length=1)
    consulted: tuple[Words, ...]
    informed: tuple[Words, ...]
    vetoes: tuple[Words, ...] = ()


class DecisionRights(_Part):
    """The whole matrix.

    Attributes:
        roles: what each role is called, by its id.
        decisions: by action.
    """

    roles: dict[str, Words] = Field(min_length=1)
    decisions: dict[str, Decision] = Field(min_length=1)

    @model_validator(mode="after")
    def _roles_are_known(self) -> DecisionRights:
        unknown = [
            f"decision '{action}' names the role '{role}'"
            for action, row in self.decisions.items()
            for role in (*row.responsible, *row.accountable, *row.consulted, *row.vetoes)
            if role not in self.roles
        ]
        if unknown:
            raise ValueError(f"{'; '.join(unknown)}: add it to roles, or name one that is there")
        return self

    def decision(self, action: str) -> Decision:
        """The matrix's row on an action.

        Raises:
            GovernanceError: the matrix does not name it, so nobody may do it.
        """
        if action not in self.decisions:
            raise GovernanceError(
                f"'{action}': {FILE} does not say who may decide this, so nobody may. "
                "The joint data board must add the decision"
            )
        return self.decisions[action]

    def require(self, action: str, roles: Collection[str], people: int = 1) -> None:
        """Refuse an action unless somebody who may does it, and enough of them.

        Args:
            roles: held by those who do it.
            people: how many different people do it.

        Raises:
            GovernanceError: none of the roles is responsible for the action, or it takes more people.
        """
        row = self.decision(action)
        may = " or ".join(self.roles[role] for role in row.responsible)
        if not set(roles) & set(row.responsible):
            held = ", ".join(self.roles.get(role, f"unknown role '{role}'") for role in sorted(roles)) or "nobody"
            raise GovernanceError(f"{row.title}: this is for {may} to do, and was asked for by {held}. Ask {may}")
        if people < row.people:
            raise GovernanceError(
                f"{row.title}: this takes {row.people} different people ({may}), and {people} did it. "
                f"{row.people - people} more must agree"
            )


def load_decision_rights(expectations: Path) -> DecisionRights:
    """Read `decision_rights.yaml` of a project. The same text is taken apart once in a process.

    Raises:
        GovernanceError: there is none, so nobody may decide anything.
        ContractError: it is not valid; every fault is listed by its place.
    """
    path = expectations / FILE
    if not os.path.lexists(path):
        raise GovernanceError(f"{FILE} is missing, so nobody may decide. The joint data board must restore it")
    try:
        return _rights(read_text(path))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{FILE}: not valid: {faults}. Correct the file") from None
    except (yaml.YAMLError, ValueError) as error:  # a ValueError is a date that the calendar does not have
        raise ContractError(f"{FILE}: not readable as YAML ({type(error).__name__}). Correct the file") from None


@lru_cache(maxsize=8)
def _rights(text: str) -> DecisionRights:
    return DecisionRights.model_validate(parse_yaml(text, may_alias=False))
