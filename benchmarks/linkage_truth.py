"""Person records with known truth, for the linkage benchmark. FROZEN.

A change to this module, to `benchmarks/truth/` or to the lists that they read voids every linkage figure that was
measured before; `tests/unit/benchmarks/test_linkage_truth.py` pins the content of a small output. The generator was
written and frozen before the engine was tuned on its data, and knows nothing of the engine.

Run it: `python benchmarks/linkage_truth.py --residents 500000 --out FOLDER` writes `records.parquet` (columns of
`spine link`) and `truth.parquet` (record_id, person_id). About 3.5 records a resident, from nine sources. Both are
sorted by record_id, which is a hash: neither order nor id says anything about a person.

Put here: the files. Never here: what is in them (benchmarks/truth).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.truth.draws import Draws
from benchmarks.truth.records import make_records, make_world
from benchmarks.truth.sources import SOURCES

_SHARDS = "0123456789abcdef"


def write_truth(folder: Path, residents: int, seed: int = 1) -> tuple[Path, Path]:
    """Write records.parquet and truth.parquet into a folder; returns their paths.

    The records are sorted in sixteen parts, so memory holds a source or a part, never all records.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records, truth = folder / "records.parquet", folder / "truth.parquet"
    draws = Draws(seed)
    with tempfile.TemporaryDirectory(dir=folder, prefix="parts-") as name:
        parts = Path(name)
        world = make_world(draws, residents)
        for source in SOURCES:
            make_records(draws.of(source.name), world, source).write_parquet(parts / f"source-{source.name}.parquet")
        del world
        written = [_shard(parts, digit) for digit in _SHARDS]
        pl.scan_parquet(written).drop("person_id").sink_parquet(records, maintain_order=True)
        pl.scan_parquet(written).select("record_id", "person_id").sink_parquet(truth, maintain_order=True)
    return records, truth


def _shard(parts: Path, digit: str) -> Path:
    path = parts / f"shard-{digit}.parquet"
    sources = [pl.scan_parquet(parts / f"source-{source.name}.parquet") for source in SOURCES]
    chosen = [frame.filter(pl.col("record_id").str.starts_with(digit)) for frame in sources]
    pl.concat(chosen).collect().sort("record_id").write_parquet(path)
    return path


def content_hash(records: Path, truth: Path) -> str:
    """A hash of what both files say, whatever the Parquet writer."""
    joined = pl.read_parquet(records).join(pl.read_parquet(truth), on="record_id").sort("record_id")
    return hashlib.sha256(joined.write_csv().encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    records, truth = write_truth(arguments.out, arguments.residents, arguments.seed)
    rows = pl.scan_parquet(truth).select(pl.len()).collect().item()
    seconds = time.perf_counter() - begin
    print(f"{rows:,} records of {arguments.residents:,} residents in {seconds:.1f} s: {records}, {truth}")


if __name__ == "__main__":
    main()
