"""The settings of linkage, read from one commented YAML file.

Put here: the model of `linkage.yaml` and its reading. Never here: a rule's code, or a value that
was estimated from data.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spine.documents import parse_yaml
from spine.errors import ContractError
from spine.linkage.levels import COMPARISONS, STRATA, Scheme, prior_levels

Share = Annotated[float, Field(gt=0, le=1)]
Key = Literal[
    "uprn", "place", "postcode", "house", "street", "nhs", "nino", "upn", "phone", "email", "first", "surname",
    "any_surname", "name_pair", "birth", "birth_year", "birth_month_day",
]  # fmt: skip

FurtherColumn = Annotated[str, Field(pattern="^extra_")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Thresholds(_Strict):
    """Match weights, in bits, at which a pair is linked, refused, or anchored by its NHS number."""

    link_bits: float
    refuse_bits: float
    anchor_bits: float
    thin_bits: float
    rival_bits: float
    most_bits: dict[str, dict[str, float]] = {}

    @model_validator(mode="after")
    def _in_order(self) -> Thresholds:
        if not self.refuse_bits < self.link_bits <= self.anchor_bits:
            raise ValueError("expected refuse_bits < link_bits <= anchor_bits")
        return self


class Standardise(_Strict):
    """Words and dates that are no evidence."""

    titles: tuple[str, ...]
    not_names: tuple[str, ...]
    dummy_dates_of_birth: tuple[date, ...]
    pseudo_postcodes: tuple[str, ...]
    max_holders_per_number: int = Field(ge=2)


class BlockingRule(_Strict):
    """Records that agree on all `keys` are compared, unless more than `cap` do."""

    name: str
    keys: tuple[Key | FurtherColumn, ...] = Field(min_length=1)
    cap: int = Field(ge=2)


class UsualShare(_Strict):
    """Share of people that hold a name of usual frequency."""

    first_name: Share
    surname: Share


class Fit(_Strict):
    """Limits of the estimation and the weight of the priors."""

    max_iterations: int = Field(ge=1)
    tolerance: float = Field(gt=0)
    prior_matches: float = Field(gt=0)
    prior_nonmatches: float = Field(gt=0)
    prior_home_pairs: float = Field(gt=0)
    prior_random_pairs: float = Field(gt=0)
    prior_rarity_pairs: float = Field(gt=0)
    random_pairs: int = Field(ge=0)
    usual_share: UsualShare
    name_prior_records: float = Field(gt=0)
    home_matches_per_pair: Share
    elsewhere_matches_per_record: float = Field(gt=0)
    region_records: int = Field(ge=100)
    most_different: dict[str, dict[str, Share]]
    least_alike_at_home: dict[str, Share]
    seed: int = Field(ge=0)


class Prior(_Strict):
    """Shares of matching (m) and of other pairs (u) by comparison level; each sums to 1."""

    m: dict[str, Share]
    u: dict[str, Share]

    @model_validator(mode="after")
    def _sums_to_one(self) -> Prior:
        if any(abs(sum(shares.values()) - 1) > 0.001 for shares in (self.m, self.u)):
            raise ValueError("expected the shares of m, and those of u, to sum to 1")
        if set(self.m) != set(self.u):
            raise ValueError("expected m and u to name the same levels")
        return self


class StrataPrior(_Strict):
    """A comparison's priors inside one home and elsewhere."""

    home: Prior
    elsewhere: Prior


class LinkageConfig(_Strict):
    """Everything that a linkage run can be told."""

    version: str
    thresholds: Thresholds
    standardise: Standardise
    blocking: tuple[BlockingRule, ...] = Field(min_length=1)
    fit: Fit
    comparisons: dict[str, StrataPrior]
    extra_agrees: Share
    extra_shared: Share
    household: int = Field(ge=2)
    extras: tuple[str, ...] = ()
    one_record_per_person: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _every_level_has_a_prior(self) -> LinkageConfig:
        if set(COMPARISONS) != set(self.comparisons):
            raise ValueError(f"expected a prior for each of {', '.join(COMPARISONS)}, and no other")
        for name, strata in self.comparisons.items():
            known = set(prior_levels(name))
            used = {stratum: set(getattr(strata, stratum).m) for stratum in STRATA}
            if set().union(*used.values()) != known or (name != "address" and used["home"] != used["elsewhere"]):
                raise ValueError(f"comparison {name}: expected the levels {', '.join(sorted(known))}")
        return self

    @property
    def scheme(self) -> Scheme:
        """The comparisons of a run with this configuration."""
        return Scheme(self.extras)

    def prior(self, comparison: str, stratum: Literal["home", "elsewhere"]) -> Prior:
        """The prior of one comparison in one stratum; a name's `exact` is one level here."""
        prior: Prior = getattr(self.comparisons[comparison], stratum)
        return prior


def load_config(path: Path | None = None) -> LinkageConfig:
    """Read a linkage configuration.

    Args:
        path: a YAML file; the one shipped with the package where left out.

    Raises:
        ContractError: the file is not a valid configuration; every fault is listed by its place.
    """
    return _shipped() if path is None else _read(path.read_text("utf-8"), path.name)


@cache
def _shipped() -> LinkageConfig:
    return _read((files("spine.linkage") / "linkage.yaml").read_text("utf-8"), "linkage.yaml")


def _read(text: str, where: str) -> LinkageConfig:
    try:
        return LinkageConfig.model_validate(parse_yaml(text))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{where}: not a valid linkage configuration: {faults}. Correct the file.") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{where}: not readable as YAML ({type(error).__name__}). Correct the file.") from None
