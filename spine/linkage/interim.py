"""Stand-in for parts of the engine that are being written: state, changed records, levels of one pair.

Put here: the smallest thing that keeps the interfaces, by linking everything again. Never here: anything
that is to stay; the engine's own state and delta replace this module.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.errors import PipelineError
from spine.linkage.config import LinkageConfig

if TYPE_CHECKING:
    from spine.linkage import LinkageResult
    from spine.linkage.score import Scored


@dataclass(frozen=True)
class Pairs:
    """Candidate pairs as distributions read them (see `distribution.ScoredPairs`)."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    bits: npt.NDArray[np.float64]
    records: npt.NDArray[np.float64]
    home: npt.NDArray[np.bool_]
    veto: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, scored: Scored) -> Pairs:
        """Today's pairs: each stands for one pair of records."""
        return cls(scored.left, scored.right, scored.bits, np.ones(scored.bits.size), scored.compared.home, scored.veto)


@dataclass(frozen=True)
class PairLevels:
    """How two records compare.

    Attributes:
        levels: name of the level by comparison.
        stratum: home or elsewhere.
        bits: match weight.
        veto: why the pair may never be linked, from `compare.VETOES`.
        compared: a blocking rule found the pair.
    """

    levels: dict[str, str]
    stratum: str
    bits: float
    veto: str
    compared: bool


@dataclass(frozen=True)
class State:
    """What a run knew: its records, configuration and model."""

    records: pl.DataFrame
    config: LinkageConfig
    model: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the state into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.records.write_parquet(folder / "records.parquet")
        (folder / "config.json").write_text(self.config.model_dump_json(), encoding="utf-8")
        (folder / "model.json").write_text(json.dumps(self.model), encoding="utf-8")


def load_state(folder: Path) -> State:
    """Read a state that `State.save` wrote."""
    return State(
        pl.read_parquet(folder / "records.parquet"),
        LinkageConfig.model_validate_json((folder / "config.json").read_text("utf-8")),
        json.loads((folder / "model.json").read_text("utf-8")),
    )


def delta(state: State, changed: pl.DataFrame, withdrawn: Sequence[str]) -> LinkageResult:
    """Link the records of a state again, with changed and new ones, without those withdrawn."""
    from spine.linkage import link

    gone = [*withdrawn, *changed["record_id"].cast(pl.String)]
    kept = state.records.with_columns(pl.col("record_id").cast(pl.String)).filter(~pl.col("record_id").is_in(gone))
    return link(pl.concat([kept, changed], how="diagonal_relaxed"), state.config)


def levels_of_pair(state: State, left_record_id: str, right_record_id: str) -> PairLevels:
    """Compare two records of a state.

    Raises:
        PipelineError: one of them is not in the state.
    """
    from spine.linkage.block import block
    from spine.linkage.compare import VETOES, compare
    from spine.linkage.encode import encode
    from spine.linkage.standardise import standardise

    persons = standardise(state.records, state.config)
    ids = persons["record_id"]
    positions = [ids.index_of(wanted) for wanted in (left_record_id, right_record_id)]
    if None in positions:
        raise PipelineError("linkage: no such record in the stored state. Expected a record_id of that run.")
    low, high = sorted(int(p) for p in positions if p is not None)
    encoded = encode(persons, state.config)
    candidates = block(encoded, state.config)
    found = bool(((candidates.left == low) & (candidates.right == high)).any())
    compared = compare(encoded, np.array([low]), np.array([high]))
    names = state.config.scheme.levels
    levels = {name: names[name][int(level[0])] for name, level in compared.levels.items()}
    stratum = "home" if compared.home[0] else "elsewhere"
    weights = state.model[stratum]["comparisons"]
    bits = state.model[stratum]["prior_bits"] + sum(
        weights[name][level]["bits"] for name, level in levels.items() if level != "missing"
    )
    veto = VETOES[int(compared.veto[0])]
    if veto == VETOES[0] and compared.lookalike[0] and bits < 0:
        veto = "twins"
    return PairLevels(levels, stratum, bits, veto, found)


#: Identifiers whose completeness is told, and the column of the standardised records that holds each.
_IDENTIFIERS = {
    "first_name": "first",
    "middle_name": "middle",
    "surname": "surname",
    "date_of_birth": "birth_day",
    "sex": "sex",
    "nhs_number": "nhs",
    "nino": "nino",
    "upn": "upn",
    "uprn": "uprn",
    "house": "house",
    "postcode": "postcode",
    "phone": "phone",
    "email": "email",
}


def known_of(persons: pl.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """By identifier, for each record whether it has a usable value."""
    return {name: persons[column].is_not_null().to_numpy() for name, column in _IDENTIFIERS.items()}


def groups_of(persons: pl.DataFrame) -> pl.DataFrame:
    """What the by-group tables tell apart, in the order of the records."""
    decade = (pl.col("birth_year") // 10 * 10).cast(pl.String) + "s"
    return persons.select(
        "record_id",
        pl.col("sex").replace_strict({"f": "female", "m": "male"}, default="unknown").alias("sex"),
        decade.fill_null("unknown").alias("birth_decade"),
        pl.col("postcode").is_not_null().alias("has_postcode"),
        pl.col("birth_day").is_not_null().alias("has_date_of_birth"),
    )
