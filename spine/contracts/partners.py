"""Reading expectations/partners.yaml: the organisations of the partnership.

Put here: the file's form. Never here: what an organisation supplies (its contracts), or whose signature counts.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yaml import YAMLError

from spine.contracts.model import Partner
from spine.documents import parse_yaml, problem, read_text
from spine.errors import ContractError


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    name: str
    kind: str
    steward: str
    gss_code: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    partners: tuple[_Entry, ...]


def load_partners(path: Path) -> dict[str, Partner]:
    """The partnership's organisations by id, in the file's order.

    Raises:
        ContractError: the file cannot be read, is not of its form, or names an organisation twice.
    """
    try:
        entries = _File.model_validate(parse_yaml(read_text(path), may_alias=False)).partners
    except ValidationError as error:
        faults = (f"at {'/'.join(map(str, e['loc'])) or 'the top'}: {e['msg']}" for e in error.errors())
        raise ContractError("\n".join(f"{path.name}: {fault}" for fault in faults)) from None
    except (YAMLError, ValueError) as error:  # a ValueError is a date that the calendar does not have
        raise ContractError(f"{path.name}: is not valid YAML: {problem(error)}") from None
    found = {entry.id: Partner(**entry.model_dump()) for entry in entries}
    if len(found) < len(entries):
        raise ContractError(f"{path.name}: names an organisation twice. Whoever keeps it must take one entry away")
    return found
