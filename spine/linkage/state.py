"""What a run knew, kept in a folder: for a later run on changed records, and to explain any pair.

Put here: the form of the kept run, and the comparison of two of its records. Never here: how changed records are
linked (delta.py). A state holds names and hashed identifiers: it belongs where person data may be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import polars as pl

from spine.errors import PipelineError
from spine.linkage.arrays import Array
from spine.linkage.cluster import Clustering
from spine.linkage.coded import Coded
from spine.linkage.collapse import Nodes
from spine.linkage.columns import Columns
from spine.linkage.compare import VETOES, compare
from spine.linkage.config import LinkageConfig
from spine.linkage.distribution import Spread
from spine.linkage.encode import FLAGS, Encoded, Rarity
from spine.linkage.fit import Model, Stratified, histogram
from spine.linkage.kept import read_arrays, write_arrays
from spine.linkage.overrides import Decisions
from spine.linkage.people import People
from spine.linkage.run import Run
from spine.linkage.score import Scored, weigh
from spine.linkage.similar import Dictionary
from spine.linkage.tally import Tally, examples

#: What reading a damaged file raises.
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, BadZipFile)
#: Changed whenever the form of a state changes. Codes of texts are Polars's: they hold for one version of it.
FORM = f"6, polars {pl.__version__}"
_NODES = ("of_record", "first", "records")
_PAIRS = ("left", "right", "pattern", "veto")
_SCORED = ("bits", "manual", "veto")
_PEOPLE = ("known", "sex", "decade")
_TALLY = ("keys", "bits", "between", "within")
_RARITY = ("bucket", "holders", "chance")


@dataclass(frozen=True)
class PairLevels:
    """How two records compare.

    Attributes:
        levels: name of the level by comparison.
        stratum: home or elsewhere.
        bits: match weight; settled against rivals where the pair was compared in the run.
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
    """A run and the configuration it had.

    Attributes:
        run: what the stages gave.
        config: the configuration.
        bases: by name, arrays in files of the kept run that this one came from.
    """

    run: Run
    config: LinkageConfig
    bases: Mapping[str, Array] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write the state into a folder: `model.json`, `state.json`, texts as Parquet, arrays as .npy.

        What is in the files of the state that this one came from is not written again: the two folders share them (see
        `kept`). An earlier state in the folder is replaced.
        """
        write_arrays(folder / "arrays", _arrays(self.run), self.bases)
        if self.run.overrides is not None:
            self.run.overrides.write_parquet(folder / "overrides.parquet")
        for name, series in _texts(self.run).items():
            # Ids hold nothing that packing would shorten.
            series.alias("value").to_frame().write_parquet(
                folder / f"{name}.parquet", compression="uncompressed", statistics=False
            )
        (folder / "state.json").write_text(json.dumps(_told(self.run, self.config)), encoding="utf-8")
        (folder / "model.json").write_text(json.dumps(self.run.model.as_dict(self.config)), encoding="utf-8")


def load_state(folder: Path) -> State:
    """Read a state that `State.save` wrote; its arrays are read as they are needed.

    Raises:
        PipelineError: the folder holds no state, one of another version, or one that cannot be read.
    """
    config, told = settings_of(folder), _read_told(folder)
    try:
        arrays, bases = read_arrays(folder / "arrays")
        frames = {path.stem: pl.read_parquet(path) for path in folder.glob("*.parquet")}
        overrides = frames.pop("overrides", None)
        texts = {name: frame["value"].rechunk() for name, frame in frames.items()}
        return State(replace(_run(arrays, texts, told, config), overrides=overrides), config, bases)
    except (*_UNREADABLE, pl.exceptions.PolarsError) as error:
        raise _unreadable(error) from None


def settings_of(folder: Path) -> LinkageConfig:
    """The configuration of a state, which holds for the records that change it.

    Raises:
        PipelineError: as of `load_state`.
    """
    told = _read_told(folder)
    try:
        return LinkageConfig.model_validate(told["config"])
    except _UNREADABLE as error:
        raise _unreadable(error) from None


def _read_told(folder: Path) -> dict[str, Any]:
    if not (folder / "state.json").is_file():
        raise PipelineError("linkage: the folder holds no state. Expected one that a run was told to keep.")
    try:
        told: dict[str, Any] = json.loads((folder / "state.json").read_text("utf-8"))
        form = told["form"]
    except _UNREADABLE as error:
        raise _unreadable(error) from None
    if form != FORM:
        raise PipelineError(
            f"linkage: the state is of form {form}, this is {FORM}. Link all records again and keep the state."
        )
    return told


def _unreadable(error: Exception) -> PipelineError:
    return PipelineError(
        f"linkage: the state cannot be read ({type(error).__name__}). Link all records again and keep the state."
    )


def levels_of_pair(state: State, left_record_id: str, right_record_id: str) -> PairLevels:
    """Compare two records of a state.

    Raises:
        PipelineError: one of them is not in the state.
    """
    run, config = state.run, state.config
    places = [run.ids.index_of(wanted) for wanted in (left_record_id, right_record_id)]
    if None in places:
        raise PipelineError("linkage: no such record in the stored state. Expected a record_id of that run.")
    low, high = sorted(int(place) for place in places if place is not None)
    node, other = sorted((int(run.nodes.of_record[low]), int(run.nodes.of_record[high])))
    found = np.flatnonzero((run.compared.left == node) & (run.compared.right == other))
    if found.size:
        one, bits = run.compared.taken(found).levels(), float(run.scored.bits[found[0]])
        veto = VETOES[int(run.scored.veto[found[0]])]
    else:
        one = compare(run.records.taken(np.array([low, high])), np.array([0]), np.array([1]))
        patterns = histogram((one,), config.scheme, np.ones(1))
        weights = weigh(one, patterns.of_pair, patterns, run.model, config)
        bits, veto = float(weights[0]), VETOES[int(one.veto[0])]
        if veto == VETOES[0] and one.lookalike[0] and bits < 0:
            veto = "twins"
    names = config.scheme.levels
    levels = {name: names[name][int(level[0])] for name, level in one.levels.items()}
    return PairLevels(levels, "home" if one.home[0] else "elsewhere", bits, veto, bool(found.size) or node == other)


def _arrays(run: Run) -> dict[str, Array]:
    result: dict[str, Array] = {}
    for prefix, encoded in (("record", run.records), ("node", run.nodes.encoded)):
        result |= {f"{prefix}.{name}": getattr(encoded, name) for name in FLAGS}
    result |= {f"node.code.{name}": values for name, values in run.nodes.encoded.codes.items()}
    codes = run.records.codes
    for number, part in enumerate(codes.parts if isinstance(codes, Columns) else (codes,)):
        result |= {f"record.{number}.{name}": values for name, values in part.items()}
    if isinstance(codes, Columns):
        result["origin"] = codes.origin
    result |= {f"people.{name}": getattr(run.people, name) for name in _PEOPLE}
    for prefix, kept, names in (
        ("pair", run.compared, _PAIRS), ("inner", run.inner, _PAIRS), ("nodes", run.nodes, _NODES),
        ("scored", run.scored, _SCORED), ("tally", run.tally, _TALLY),
    ):  # fmt: skip
        result |= {f"{prefix}.{name}": getattr(kept, name) for name in names}
    for name, rarity in run.records.rarity.items():
        result |= {f"rarity.{name}.{part}": getattr(rarity, part) for part in _RARITY}
    result |= {f"names.{name}": values for name, values in run.records.names.arrays.items()}
    result |= {f"model.{name}": stratum.log_shares for name, stratum in run.model.strata.items()}
    result |= {"cluster.label": run.clustering.label, "cluster.link": run.clustering.link}
    result |= {"spread.pairs": run.spread.pairs, "spread.matches": run.spread.matches}
    return result | {"must": run.decisions.must, "cannot": run.decisions.cannot}


def _texts(run: Run) -> dict[str, pl.Series]:
    dictionaries = {f"dictionary.{name}": values for name, values in run.records.dictionaries.items()}
    return {"ids": run.ids, "source": run.source, "names": run.records.names.texts, **dictionaries}


def _told(run: Run, config: LinkageConfig) -> dict[str, Any]:
    records = run.records
    strata = {
        name: {field.name: getattr(s, field.name) for field in fields(s) if field.name != "log_shares"}
        for name, s in run.model.strata.items()
    }
    return {
        "form": FORM,
        "config": config.model_dump(mode="json"),
        "bits": records.bits,
        "promised": records.promised,
        "parts": len(records.codes.parts) if isinstance(records.codes, Columns) else 1,
        "telling": records.telling,
        "facts": records.facts,
        "unseen": {name: rarity.unseen for name, rarity in records.rarity.items()},
        "strata": strata,
        "blocking": run.blocking,
        "contested": run.scored.contested,
        "rebuilt": run.clustering.rebuilt,
        "refused": run.clustering.refused,
        "unknown": run.decisions.unknown,
    }


def _run(arrays: dict[str, Array], texts: dict[str, pl.Series], told: dict[str, Any], config: LinkageConfig) -> Run:
    def part(prefix: str) -> dict[str, Array]:
        return {name.removeprefix(f"{prefix}."): a for name, a in arrays.items() if name.startswith(f"{prefix}.")}

    origin = arrays["origin"] if told["parts"] > 1 else None
    records = _encoded(part, origin, texts, told, config)
    flags: dict[str, Any] = {name: arrays[f"node.{name}"] for name in FLAGS}
    nodes = replace(records, size=flags["verified"].size, codes=part("node.code"), **flags)
    one_each = examples(arrays["tally.keys"], config.scheme, records.telling)
    pairs = Coded(**part("pair"), one_each=one_each)
    strata = {name: Stratified(log_shares=arrays[f"model.{name}"], **s) for name, s in told["strata"].items()}
    return Run(
        ids=texts["ids"],
        source=texts["source"],
        people=People(**part("people")),
        records=records,
        nodes=Nodes(nodes, **part("nodes")),
        blocking=told["blocking"],
        compared=pairs,
        scored=Scored(pairs.left, pairs.right, **part("scored"), contested=told["contested"]),
        inner=Coded(**part("inner"), one_each=one_each),
        model=Model(config.scheme, strata),
        clustering=Clustering(arrays["cluster.label"], arrays["cluster.link"], told["rebuilt"], told["refused"]),
        decisions=Decisions(arrays["must"], arrays["cannot"], told["unknown"]),
        overrides=None,
        tally=Tally(**part("tally"), one_each=one_each),
        spread=Spread(config.thresholds.link_bits, **part("spread")),
    )


def _encoded(
    part: Any, origin: Array | None, texts: dict[str, pl.Series], told: dict[str, Any], config: LinkageConfig
) -> Encoded:
    parts: list[Mapping[str, Array]] = [part(f"record.{number}") for number in range(told["parts"])]
    held = part("record")
    flags: dict[str, Any] = {name: held[name] for name in FLAGS}
    rarity = {name: Rarity(**part(f"rarity.{name}"), unseen=unseen) for name, unseen in told["unseen"].items()}
    return Encoded(
        size=flags["verified"].size,
        codes=parts[0] if origin is None else Columns(tuple(parts), origin),
        names=Dictionary(texts["names"], part("names")),
        dictionaries={n.removeprefix("dictionary."): t for n, t in texts.items() if n.startswith("dictionary.")},
        bits=told["bits"],
        promised=told["promised"],
        rarity=rarity,
        scheme=config.scheme,
        telling=tuple(told["telling"]),
        facts=told["facts"],
        **flags,
    )
