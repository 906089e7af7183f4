"""Waivers: a broken rule that a partnership lives with for a time, and who decided so.

Put here: the model of `expectations/waivers.yaml`, and which waiver holds on a day. Never here: what a waived rule
looks like (assets.checks), or what it does to a delivery (spine.extract.judge).

A waiver is of one rule of one partner's dataset, from one day to another. It never covers a rule that could not run,
nor a fault of a delivery's structure. Who may decide it is said by the action `waive_quality_rule` of the decision
rights (spine.rights).
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spine.contracts.model import Contract
from spine.documents import parse_yaml
from spine.errors import ContractError, GovernanceError
from spine.rights import Words, load_decision_rights

FILE: Final = "waivers.yaml"
ACTION: Final = "waive_quality_rule"
#: Checks of a source that are no rule of its contract and can be waived too: those that hold it against its past.
DRIFT: Final = ("_drift__volume", "_drift__missing_values", "_drift__codes", "_drift__dates")
#: Longer than this, the rule is to be changed instead.
MOST_DAYS: Final = 366
#: This role decides for its own organisation only.
STEWARD: Final = "data_steward"


class Decider(BaseModel):
    """Who decided: a role of the decision rights, and whose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Words
    organisation: Words


class Waiver(BaseModel):
    """One entry of waivers.yaml. Both days belong to it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    partner: Words
    dataset: Words
    rule: Words
    reason: Words
    decided_by: tuple[Decider, ...] = Field(min_length=1)
    start: datetime.date = Field(alias="from")
    end: datetime.date = Field(alias="to")

    @model_validator(mode="after")
    def _days_are_in_order(self) -> Waiver:
        if not self.start <= self.end:
            raise ValueError("`from` is later than `to`")
        if (self.end - self.start).days >= MOST_DAYS:
            raise ValueError(f"it lasts longer than {MOST_DAYS} days: change the rule instead")
        return self

    def holds(self, partner: str, dataset: str, day: datetime.date) -> bool:
        """True where the waiver is of this source and in force on that day."""
        return (self.partner, self.dataset) == (partner, dataset) and self.start <= day <= self.end

    @property
    def deciders(self) -> str:
        """Who decided it, in words."""
        return ", ".join(f"{d.role.replace('_', ' ')} of {d.organisation}" for d in self.decided_by)


#: Datasets that say who is left out and what people decided: a bad delivery of them does harm that no term ends.
PROTECTING = ("opt_out", "linkage_decisions")


def waived_rules(waivers: Iterable[Waiver], partner: str, dataset: str, day: datetime.date) -> dict[str, Waiver]:
    """Waivers of one source that are in force on a day, by rule."""
    return {waiver.rule: waiver for waiver in waivers if waiver.holds(partner, dataset, day)}


def load_waivers(expectations: Path, contracts: Sequence[Contract]) -> tuple[Waiver, ...]:
    """Read `waivers.yaml` of a project; none where it has no such file.

    Args:
        contracts: of the project: a waiver names a rule of one of them and a partner that sends it.

    Raises:
        ContractError: naming every fault of the file with its line: of form, of a rule or source that is not known,
            of two waivers for the same days, or of a role that may not decide it.
        GovernanceError: there are waivers, and no decision rights say who may decide them.
    """
    path = expectations / FILE
    if not path.exists():
        return ()
    entries = _entries(path)
    if not entries:
        return ()
    known = _known(contracts)
    waivers: list[tuple[int, Waiver]] = []
    faults: list[str] = []
    for line, entry in entries:
        try:
            waivers.append((line, Waiver.model_validate(entry)))
        except ValidationError as error:
            faults += [f"{FILE} line {line}: {_place(e['loc'])}{e['msg']}" for e in error.errors()]
    rights = load_decision_rights(expectations)
    for line, waiver in waivers:
        found = [*_unknown(waiver, known), *_not_entitled(waiver)]
        try:
            rights.require(ACTION, {d.role for d in waiver.decided_by}, people=len(set(waiver.decided_by)))
        except GovernanceError as error:
            found.append(str(error))
        faults += [f"{FILE} line {line}: {fault}" for fault in found]
    faults += _overlaps(waivers)
    if faults:
        raise ContractError("\n".join(faults))
    return tuple(waiver for _, waiver in waivers)


def _entries(path: Path) -> list[tuple[int, Any]]:
    """Each entry of the list `waivers` with the line that it begins on."""
    try:
        text = path.read_text("utf-8")
        content, root = parse_yaml(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{FILE}: not readable as YAML ({type(error).__name__}). Correct the file") from None
    if content is None:
        return []
    if not isinstance(content, dict) or set(content) != {"waivers"} or not isinstance(content["waivers"] or [], list):
        raise ContractError(f"{FILE}: expected one key, `waivers`, with a list of waivers. See docs/quality.md")
    nodes = root.value[0][1].value if root is not None and content["waivers"] else []
    return [(node.start_mark.line + 1, entry) for node, entry in zip(nodes, content["waivers"] or [], strict=True)]


def _known(contracts: Sequence[Contract]) -> Mapping[tuple[str, str], set[str]]:
    """Names of the rules that can be waived, by source."""
    known: dict[tuple[str, str], set[str]] = {}
    for contract in contracts:
        for supply in contract.supplies:
            names = known.setdefault((supply.partner, contract.dataset), set(DRIFT))
            names |= {rule.name for rule in contract.rules if rule.metric != "text"}
    return known


def _unknown(waiver: Waiver, known: Mapping[tuple[str, str], Collection[str]]) -> list[str]:
    source = (waiver.partner, waiver.dataset)
    if waiver.dataset in PROTECTING:
        return [f"{waiver.dataset} protects people: none of its rules is waived"]
    if source not in known:
        return [f"no contract says that partner '{waiver.partner}' sends dataset '{waiver.dataset}'"]
    if waiver.rule not in known[source]:
        return [f"'{waiver.rule}' is no rule of {waiver.partner}/{waiver.dataset} that can be waived"]
    return []


def _not_entitled(waiver: Waiver) -> list[str]:
    return [
        f"a data steward decides for its own organisation: expected {waiver.partner}, got {decider.organisation}"
        for decider in waiver.decided_by
        if decider.role == STEWARD and decider.organisation != waiver.partner
    ]


def _overlaps(waivers: Sequence[tuple[int, Waiver]]) -> list[str]:
    return [
        f"{FILE} lines {line} and {other}: both waive {first.rule} of {first.partner}/{first.dataset} on the same days"
        for n, (line, first) in enumerate(waivers)
        for other, second in waivers[n + 1 :]
        if (first.partner, first.dataset, first.rule) == (second.partner, second.dataset, second.rule)
        and first.start <= second.end
        and second.start <= first.end
    ]


def _place(place: tuple[int | str, ...]) -> str:
    return f"{'.'.join(map(str, place))}: " if place else ""
