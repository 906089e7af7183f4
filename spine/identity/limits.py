"""What the checks on linkage and identity hold their figures against: `linkage_checks.yaml` and `identity_checks.yaml`.

Put here: the models of those files. Never here: a figure of a run, or a threshold of linkage itself (spine.linkage).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spine.documents import parse_yaml
from spine.errors import ContractError, GovernanceError
from spine.identity.churn import Churn
from spine.rights import load_decision_rights

FILE = "linkage_checks.yaml"
IDENTITY_FILE = "identity_checks.yaml"
Percent = Annotated[float, Field(ge=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinkRate(_Strict):
    """A source's link rate against its last runs.

    Attributes:
        runs: so many earlier runs are looked back on.
        first_runs: with fewer earlier runs the rate is only recorded.
        deviations: so many robust deviations from the median are usual.
        least_points: a deviation counts for at least so many percentage points.
    """

    runs: int = Field(default=12, ge=1)
    first_runs: int = Field(default=3, ge=1)
    deviations: float = Field(default=4.0, gt=0)
    least_points: float = Field(default=1.0, gt=0)


class DeltaLimits(_Strict):
    """Up to where changed records are linked on their own, in percent of all records.

    Attributes:
        most_changed_percent: where more of them are changed, new or gone in one run, all are linked.
        settle_after_percent: all are linked, too, once so many have come up since that was last done.
        most_drift_percent: and where weights learned anew would make or undo more than so many of all links.
    """

    most_changed_percent: Percent = 10.0
    settle_after_percent: float = Field(default=50.0, ge=0)
    most_drift_percent: Percent = 0.05


class LinkageLimits(_Strict):
    """From where on each check on linkage warns, and who must act; and when all records are linked.

    Attributes:
        owner: who looks after linkage.
        reviewer: who goes through the review list.
        group_gap_points: by grouping, the widest gap in link rate, in percentage points.
        least_in_group: groups of fewer records are left out.
    """

    owner: str = "the spine's own data engineers"
    reviewer: str = "the spine's own data engineers"
    link_rate: LinkRate = LinkRate()
    unreviewed_conflicts_percent: Percent = 0.0
    group_gap_points: dict[str, Percent] = {}
    least_in_group: int = Field(default=100, ge=10)
    clerical_percent: Percent = 15.0
    records_in_capped_blocks_percent: Percent = 5.0
    delta: DeltaLimits = DeltaLimits()


class Allowance(_Strict):
    """More than the budget, for a time and for a reason: a new version of linkage moves ids without any in the data.

    Attributes:
        percent: in place of the budget.
        until: the last as-of date on which it holds.
        reason: why, in a sentence.
        agreed_by: roles of `decision_rights.yaml` that answer for it.
    """

    percent: Percent
    until: date
    reason: str = Field(min_length=1)
    agreed_by: tuple[str, ...] = Field(min_length=1)


class IdentityLimits(_Strict):
    """How many residents' ids may change in a run without a cause, and who must act.

    Attributes:
        owner: who looks after linkage and identity.
        without_cause_percent: of the residents of the last run; more blocks the release.
        least_residents: so few never block: in a small region one family is more than the budget.
    """

    owner: str = "the spine's own data engineers"
    without_cause_percent: Percent = 0.1
    least_residents: int = Field(default=10, ge=0)
    allowance: Allowance | None = None

    def budget_percent(self, as_of: date) -> float:
        """The budget of a day."""
        allowance = self.allowance
        return allowance.percent if allowance and as_of <= allowance.until else self.without_cause_percent

    def allows(self, found: Churn, as_of: date) -> bool:
        """Whether no more ids changed without a cause than the budget of the day."""
        few = sum(found.without_cause.values()) <= self.least_residents
        return few or found.percent <= self.budget_percent(as_of)


_Model = TypeVar("_Model", bound=_Strict)


def load_limits(expectations: Path) -> LinkageLimits:
    """Read `linkage_checks.yaml` of a project; the limits above where it has none.

    Raises:
        ContractError: the file is not valid; every fault is listed by its place.
    """
    return _load(expectations / FILE, LinkageLimits)


def load_identity_limits(expectations: Path) -> IdentityLimits:
    """Read `identity_checks.yaml` of a project; the limits above where it has none.

    Raises:
        ContractError: the file is not valid; every fault is listed by its place.
        GovernanceError: nobody who answers for a change of linkage has agreed to the allowance.
    """
    limits = _load(expectations / IDENTITY_FILE, IdentityLimits)
    if limits.allowance is not None:
        _require_answerable(expectations, limits.allowance)
    return limits


def _require_answerable(expectations: Path, allowance: Allowance) -> None:
    """An allowance is part of a change of linkage, and agreed to by whoever answers for one."""
    accountable = load_decision_rights(expectations).decision("change_linkage").accountable
    missing = [role for role in accountable if role not in allowance.agreed_by]
    if missing:
        raise GovernanceError(
            f"{IDENTITY_FILE}: the allowance until {allowance.until} is not agreed by {', '.join(missing)}. Whoever "
            "answers for a change of linkage (change_linkage in decision_rights.yaml) must agree, or it must go."
        )


def _load(path: Path, model: type[_Model]) -> _Model:
    """A file of limits as its model; the model's own limits where there is none."""
    if not path.exists():
        return model()
    try:
        return model.model_validate(parse_yaml(path.read_text("utf-8")) or {})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{path.name}: not valid: {faults}. Correct the file.") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name}: not readable as YAML ({type(error).__name__}). Correct the file.") from None
