"""What the checks on linkage hold its figures against: read from `expectations/linkage_checks.yaml`.

Put here: the model of that file. Never here: a figure of a run, or a threshold of linkage itself (spine.linkage).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spine.documents import parse_yaml
from spine.errors import ContractError

FILE = "linkage_checks.yaml"
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


class LinkageLimits(_Strict):
    """From where on each check on linkage warns, and who must act.

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


def load_limits(expectations: Path) -> LinkageLimits:
    """Read `linkage_checks.yaml` of a project; the limits above where it has none.

    Raises:
        ContractError: the file is not valid; every fault is listed by its place.
    """
    path = expectations / FILE
    if not path.exists():
        return LinkageLimits()
    try:
        return LinkageLimits.model_validate(parse_yaml(path.read_text("utf-8")) or {})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{FILE}: not valid: {faults}. Correct the file.") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{FILE}: not readable as YAML ({type(error).__name__}). Correct the file.") from None
