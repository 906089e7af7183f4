"""Data sharing agreements: their model, their reading, and which one permits a purpose on a day.

Put here: what an agreement says and whether it is in force. Never here: applying it to rows
(spine.release), or an agreement's text (expectations/agreements/<id>.yaml). What is absent is
refused: no agreement, no release.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from spine.contracts import Contract
from spine.documents import parse_yaml
from spine.errors import ContractError, GovernanceError

Text = Field(min_length=1)
_NAME = r"[a-z][a-z0-9_]*"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Controller(_Part):
    """An organisation that decides, with the others, why and how the data are used."""

    partner: str = Field(pattern=f"^{_NAME}$")
    role: Literal["sole_controller", "joint_controller"]


class Dpia(_Part):
    """The data protection impact assessment; it stops counting after `review_date`."""

    id: str = Text
    review_date: date


class Scope(_Part):
    """Columns that may be released, by table of the purpose."""

    tables: dict[str, tuple[str, ...]] = Field(min_length=1)


class Exclusions(_Part):
    """Who is left out of every release under the agreement.

    The national data opt-out list may be at most 21 days old: the time that the opt-out's
    operational policy allows for a change to take effect.
    """

    deceased: bool
    national_opt_out: Literal["applies", "does_not_apply"]
    national_opt_out_reason: str = Text
    opt_out_max_age_days: int = Field(default=21, ge=0, le=21)


class Output(_Part):
    """Who may see the release, and at what level it identifies people."""

    recipients: tuple[str, ...] = Field(min_length=1)
    level: Literal["pseudonymised"]


class Agreement(_Part):
    """One data sharing agreement.

    Attributes:
        datasets: fields used, as contract column names by dataset; the least that the purpose needs.
        release: the columns that may leave, by table.
    """

    id: str = Field(pattern=f"^{_NAME}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: str = Text
    purpose: str = Field(pattern=f"^{_NAME}$")
    controllers: tuple[Controller, ...] = Field(min_length=1)
    article_6: str = Text
    article_9: str = Text
    statutory_gateway: str = Text
    confidentiality_basis: str = Text
    dpia: Dpia
    datasets: dict[str, tuple[str, ...]] = Field(min_length=1)
    release: Scope
    subjects: str = Text
    exclusions: Exclusions
    output: Output
    retention_days: int = Field(gt=0)
    onward_sharing: str = Text
    prohibited_uses: tuple[str, ...] = Field(min_length=1)
    valid_from: date
    valid_to: date
    review_date: date

    @field_validator("datasets")
    @classmethod
    def _no_empty_or_repeated_fields(cls, datasets: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for dataset, columns in datasets.items():
            if not columns or len(set(columns)) != len(columns):
                raise ValueError(f"dataset '{dataset}' needs each field used, once")
        return datasets

    @model_validator(mode="after")
    def _dates_in_order(self) -> Agreement:
        if not self.valid_from <= self.review_date <= self.valid_to:
            raise ValueError("valid_from, review_date and valid_to must follow each other in this order")
        return self

    @property
    def fields(self) -> frozenset[str]:
        """Fields used, as `dataset.column`."""
        return frozenset(f"{dataset}.{column}" for dataset, columns in self.datasets.items() for column in columns)

    @property
    def partners(self) -> tuple[str, ...]:
        """Ids of the controllers, in the agreement's order."""
        return tuple(controller.partner for controller in self.controllers)

    @property
    def sha256(self) -> str:
        """Hash of the agreement's whole content in one canonical form; layout and comments do not count."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def lapse(self, as_of: date) -> str | None:
        """Why the agreement does not permit anything on that day and who must act; None where it is in force."""
        who = f"the controllers ({', '.join(self.partners)})"
        if as_of < self.valid_from:
            return (
                f"is not in force before {self.valid_from}. Wait until then, or {who} must agree an earlier valid_from"
            )
        if as_of > self.valid_to:
            return f"ended on {self.valid_to}. To go on, {who} must renew it"
        if as_of > self.review_date:
            return f"was due for review by {self.review_date}. To go on, {who} must review it and set a new review_date"
        if as_of > self.dpia.review_date:
            return (
                f"rests on assessment {self.dpia.id}, which was due for review by {self.dpia.review_date}. "
                f"To go on, the data protection officers of {who} must review it"
            )
        return None


def load_agreement(path: Path) -> Agreement:
    """One agreement file.

    Raises:
        ContractError: every fault of the file, each with its place.
    """
    try:
        raw: Any = parse_yaml(path.read_text(encoding="utf-8"))
        agreement = Agreement.model_validate(raw)
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name}: is not valid YAML{_line(error)}") from None
    except ValidationError as error:
        faults = (f"{path.name}: at {_place(fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise ContractError("\n".join(faults)) from None
    if agreement.id != path.stem:
        raise ContractError(f"{path.name}: id '{agreement.id}' must be the file's name, {path.stem}")
    return agreement


def load_agreements(folder: Path) -> tuple[Agreement, ...]:
    """All agreements of `folder`, sorted by file name.

    Raises:
        ContractError: every fault of every file.
    """
    agreements, faults = read_agreements(folder)
    if faults:
        raise ContractError("\n".join(faults))
    return agreements


def read_agreements(folder: Path) -> tuple[tuple[Agreement, ...], list[str]]:
    """The valid agreements of `folder`, sorted by file name, and the faults of the other files."""
    agreements, faults = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            agreements.append(load_agreement(path))
        except ContractError as error:
            faults.append(str(error))
    return tuple(agreements), faults


def agreement_for(purpose: str, agreements: Iterable[Agreement], as_of: date) -> Agreement:
    """The one of these agreements that permits a purpose on a day.

    Raises:
        GovernanceError: there is none, there are several, or it is not in force.
    """
    found = [agreement for agreement in agreements if agreement.purpose == purpose]
    if not found:
        raise GovernanceError(
            f"purpose '{purpose}': no agreement permits it, so nothing is released. "
            f"The partners whose data it needs must agree one: expectations/agreements/{purpose}.yaml"
        )
    if len(found) > 1:
        raise GovernanceError(
            f"purpose '{purpose}': {len(found)} agreements claim it ({', '.join(a.id for a in found)}), "
            "so it is not clear which one binds. The controllers must withdraw all but one"
        )
    lapse = found[0].lapse(as_of)
    if lapse:
        raise GovernanceError(f"purpose '{purpose}' on {as_of}: agreement {found[0].id} {found[0].version} {lapse}")
    return found[0]


def check_agreement(agreement: Agreement, contracts: Iterable[Contract]) -> list[str]:
    """Faults of an agreement against the contracts, one sentence each; empty where it holds.

    A field must exist in a contract of its dataset, and whoever supplies a field that is not
    public must be a controller: no organisation's data are used under an agreement of others.
    """
    by_dataset: dict[str, list[Contract]] = {}
    for contract in contracts:
        by_dataset.setdefault(contract.dataset, []).append(contract)
    faults = []
    for dataset, names in agreement.datasets.items():
        layouts = by_dataset.get(dataset, [])
        if not layouts:
            faults.append(f"dataset '{dataset}' has no contract")
            continue
        columns = {column.name: column for layout in layouts for table in layout.tables for column in table.columns}
        faults += [f"field '{dataset}.{name}' is in no contract of {dataset}" for name in names if name not in columns]
        if all(columns[name].classification == "public" for name in names if name in columns):
            continue
        suppliers = {supply.partner for layout in layouts for supply in layout.supplies}
        strangers = sorted(suppliers - set(agreement.partners))
        faults += [f"partner '{partner}' supplies {dataset} but is no controller" for partner in strangers]
    return [f"agreement {agreement.id} {agreement.version}: {fault}" for fault in faults]


def _place(location: tuple[int | str, ...]) -> str:
    return "/".join(map(str, location)) or "the top"


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""
