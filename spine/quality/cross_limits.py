"""The kinds of check across sources, in words, and from where on each warns (`expectations/cross_source_checks.yaml`).

Put here: what a kind is called, what it asks of the partner, and the model of that file. Never here: how a kind is
measured (cross, and the models in dbt_project/models/quality).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spine.errors import ContractError

FILE = "cross_source_checks.yaml"
Unit = Literal["records", "rows", "residents"]
Percent = Annotated[float, Field(ge=0, le=100)]


@dataclass(frozen=True)
class Kind:
    """One kind of check across sources.

    Attributes:
        dimension: in the words of the Open Data Contract Standard.
        unit: what is counted.
        sentence: what holds of a source that is well.
        advice: what its partner is asked to do with each row. It names no other partner and no value.
    """

    dimension: str
    unit: Unit
    sentence: str
    advice: str


BIRTH_DATES, DEATHS, ADDRESSES = "birth_dates_agree", "nobody_active_after_death", "addresses_are_current"
ONCE, CODES, IDENTIFIERS = "persons_stand_once", "codes_are_mapped", "identifiers_are_valid"
COVERAGE = "known_residents_are_held"

KINDS: Mapping[str, Kind] = {
    BIRTH_DATES: Kind(
        "consistency",
        "records",
        "The source gives the date of birth that most sources give of the same resident.",
        "Another source holds a different date of birth for this person. Check yours against your evidence, and "
        "correct it where it is wrong.",
    ),
    DEATHS: Kind(
        "accuracy",
        "records",
        "Nobody is active in the source whom another source holds to be dead.",
        "Another source has recorded that this person has died. Check it, and close or correct your record.",
    ),
    ADDRESSES: Kind(
        "timeliness",
        "records",
        "The source's address is no older than one that another source holds.",
        "Another source holds a newer address of this person. Ask the person where they live, and bring the "
        "address up to date.",
    ),
    ONCE: Kind(
        "uniqueness",
        "records",
        "A person stands in the source under one reference.",
        "This person stands in your data under another reference too. Merge the two, or tell the spine's data "
        "engineers that they are two people.",
    ),
    CODES: Kind(
        "conformity",
        "rows",
        "Every code of the source is in a code map.",
        "A code in this row is in no code map. Correct it, or tell the spine's data engineers what it means.",
    ),
    IDENTIFIERS: Kind(
        "conformity",
        "rows",
        "Every identifier of the source has its form and passes its check digit.",
        "The identifier in this column has a wrong form or check digit. Look it up, and correct it.",
    ),
    COVERAGE: Kind(
        "coverage",
        "residents",
        "The source holds the living residents of its area whom other sources know.",
        "",
    ),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KindLimit(_Strict):
    """From where on one kind warns.

    Attributes:
        most_percent: the most that may be found, in percent of what was compared.
        by_dataset: another limit for single datasets.
        not_for: datasets of which the kind says nothing.
    """

    most_percent: Percent
    by_dataset: dict[str, Percent] = {}
    not_for: tuple[str, ...] = ()

    def most(self, dataset: str) -> float:
        """The limit for a dataset."""
        return self.by_dataset.get(dataset, self.most_percent)


class CrossLimits(_Strict):
    """From where on each check across sources warns.

    Attributes:
        grace_days: days in which a death or a move need not be known everywhere.
        least_in_group: smaller groups are told together.
        kinds: by kind; a kind that is not named is not checked.
    """

    grace_days: int = Field(ge=0)
    least_in_group: int = Field(ge=10)
    kinds: dict[str, KindLimit]

    @model_validator(mode="after")
    def _known(self) -> CrossLimits:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise ValueError(f"kinds: expected some of {', '.join(KINDS)}; got {', '.join(unknown)}")
        return self

    def kinds_for(self, dataset: str, persons: Collection[str]) -> tuple[str, ...]:
        """The kinds that say something of a dataset.

        Args:
            persons: datasets with person records; of others, rows alone are checked.
        """
        return tuple(
            kind
            for kind in KINDS
            if self.asks(f"__{dataset}", kind) and (dataset in persons or KINDS[kind].unit == "rows")
        )

    def asks(self, source: str, kind: str) -> bool:
        """True where the kind is checked of a source, `<partner>__<dataset>`."""
        return kind in self.kinds and source.partition("__")[2] not in self.kinds[kind].not_for


def load_cross_limits(expectations: Path) -> CrossLimits:
    """Read `cross_source_checks.yaml` of a project.

    Raises:
        ContractError: the file is missing or not valid; every fault is listed by its place.
    """
    path = expectations / FILE
    try:
        return CrossLimits.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ContractError(f"{FILE}: missing in {expectations.name}/. Restore it from version control.") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{FILE}: not valid: {faults}. Correct the file.") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{FILE}: not readable as YAML ({type(error).__name__}). Correct the file.") from None
