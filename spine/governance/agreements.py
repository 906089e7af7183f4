"""Data sharing agreements: their model, their reading, and which one permits a purpose on a day.

Put here: what an agreement says and whether it is in force. Never here: applying it to rows
(spine.release), or an agreement's text (expectations/agreements/<id>.yaml). What is absent is
refused: no agreement, no release.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from spine.contracts import Contract
from spine.errors import ContractError, GovernanceError
from spine.governance.canonical import digest
from spine.governance.reading import read_model

Text = Field(min_length=1)
_NAME = r"[a-z][a-z0-9_]*"
#: Columns that say where somebody lives, and how fine each is: from one dwelling to a whole council.
_GEOGRAPHY = {
    "uprn": 0, "address": 0, "postcode": 1, "oa21": 2, "lsoa11": 3, "lsoa21": 3, "msoa11": 4, "msoa21": 4,
    "ward_code": 5, "local_authority_code": 6, "none": 7,
}  # fmt: skip
#: Columns that say where somebody lives, or whom they see near it: always null for a restricted resident.
PLACES = frozenset(_GEOGRAPHY) - {"none"} | {"gp_practice_code", "practice_code"}


#: Ten years. Who needs a release for longer renews its agreement, and publishes it again.
MOST_DAYS_KEPT = 3650


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
    """Who is left out of every release under the agreement, and how others are protected in it.

    The national data opt-out list may be at most 21 days old: the time that the opt-out's
    operational policy allows for a change to take effect.

    Attributes:
        objections: `at_source` where each controller leaves out whoever's objection it has upheld, before it sends;
            `list` where the spine is to do so, which needs a list that no contract describes yet.
        restricted_records: `without_place` where nothing tells where they live; `left_out` is not supported.
    """

    deceased: bool
    national_opt_out: Literal["applies", "does_not_apply"]
    national_opt_out_reason: str = Text
    opt_out_max_age_days: int = Field(default=21, ge=0, le=21)
    objections: Literal["at_source", "list"]
    restricted_records: Literal["without_place", "left_out"]

    @property
    def unsupported(self) -> tuple[str, ...]:
        """What the agreement demands and the spine cannot do, one sentence each."""
        faults = []
        if self.objections == "list":
            faults.append("exclusions/objections: no contract describes a list of objections, so none can be honoured")
        if self.restricted_records == "left_out":
            faults.append("exclusions/restricted_records: the spine can hide where they live, not leave them out")
        return tuple(faults)


class Output(_Part):
    """Who may see the release, and at what level it identifies people.

    Attributes:
        disclosure_profile: rule for what leaves the analysts' hands: counts under 8 suppressed and others rounded
            to 5 (`hes`), or under 10 (`t10`).
        geography: the finest area that a released column may hold.
    """

    recipients: tuple[str, ...] = Field(min_length=1)
    level: Literal["pseudonymised", "aggregate"]
    disclosure_profile: Literal["hes", "t10"]
    geography: Literal["lsoa21", "msoa21", "ward_code", "local_authority_code", "none"]

    @property
    def unsupported(self) -> tuple[str, ...]:
        """What the agreement demands and the spine cannot do, one sentence each."""
        return ("output/level: the spine releases no aggregates yet",) if self.level == "aggregate" else ()

    def too_fine(self, columns: Iterable[str]) -> list[str]:
        """Columns that tell a place more finely than the agreement permits."""
        return [c for c in columns if _GEOGRAPHY.get(c, len(_GEOGRAPHY)) < _GEOGRAPHY[self.geography]]


class Agreement(_Part):
    """One data sharing agreement.

    Attributes:
        datasets: fields used, as contract column names by dataset; the least that the purpose needs.
        release: the columns that may leave, by table.
        retention_days: how long a release may be kept, from the day that it tells of; at most ten years.
        frequency: how often the recipients are promised a new one; told to who signs, and not enforced.
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
    retention_days: int = Field(gt=0, le=MOST_DAYS_KEPT)
    frequency: Literal["daily", "weekly", "monthly", "quarterly", "yearly", "once"]
    onward_sharing: str = Text
    prohibited_uses: tuple[str, ...] = Field(min_length=1)
    valid_from: date
    valid_to: date
    review_date: date
    exit_terms: str = Text

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

    @model_validator(mode="after")
    def _no_hidden_characters(self) -> Agreement:
        text = " ".join(_texts(self.model_dump(mode="json"))).replace("\n", " ").replace("\t", " ")
        if any(unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") for c in text):
            raise ValueError("a text holds a character that cannot be seen, and could show something else than it says")
        return self

    @model_validator(mode="after")
    def _controllers_once(self) -> Agreement:
        if len(set(self.partners)) != len(self.partners):
            raise ValueError("controllers names a partner twice")
        if (len(self.partners) == 1) != (self.controllers[0].role == "sole_controller"):
            raise ValueError("one controller alone is a sole_controller, several are each a joint_controller")
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
        return digest(self.model_dump(mode="json"))

    def kept_until(self, as_of: date) -> date:
        """The last day on which a release of that day may be kept."""
        return as_of + min(timedelta(days=self.retention_days), date.max - as_of)

    @property
    def ends_on(self) -> date:
        """The last day on which it permits anything: of its term, its review or its assessment's review."""
        return min(self.valid_to, self.review_date, self.dpia.review_date)

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


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _texts(item)


def load_agreement(path: Path) -> Agreement:
    """One agreement file.

    Raises:
        ContractError: every fault of the file, each with its place and line.
    """
    agreement = read_model(path, Agreement)
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
    public must be a controller: no organisation's data are used under an agreement of others. What the
    agreement demands and the spine cannot do is a fault too.
    """
    by_dataset: dict[str, list[Contract]] = {}
    for contract in contracts:
        by_dataset.setdefault(contract.dataset, []).append(contract)
    faults = [*agreement.exclusions.unsupported, *agreement.output.unsupported, *_too_fine(agreement)]
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


def _too_fine(agreement: Agreement) -> list[str]:
    finest = f"output/geography, {agreement.output.geography}"
    return [
        f"release/tables/{table}: '{column}' tells a place more finely than {finest}"
        for table, columns in agreement.release.tables.items()
        for column in agreement.output.too_fine(columns)
    ]
