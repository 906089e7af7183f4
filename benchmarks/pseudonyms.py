"""Pseudonyms of many residents, beside the bare loop over hashlib in the same run.

    python -m benchmarks.pseudonyms [IDS] [ROUNDS]

The loop keeps the states after the two padded keys and copies them (midstate copies), as fast as hashlib goes in
one Python loop. Both get a column and give a column; the best of ROUNDS counts, taken in turn.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable

import polars as pl

from spine.governance import Key, pseudonym_column
from spine.governance.hashing import processors

KEY = Key("care_planning", 1, bytes(range(32)))


def bare_loop(key: Key, ids: pl.Series) -> pl.Series:
    padded = key.secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + f"{key.purpose}|{key.version}|".encode())
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def digest(resident_id: str) -> str:
        message, result = inner.copy(), outer.copy()
        message.update(resident_id.encode())
        result.update(message.digest())
        return result.hexdigest()[:32]

    return pl.Series([digest(resident_id) for resident_id in ids.to_list()], dtype=pl.String)


def main() -> None:
    count, rounds = (int(text) for text in [*sys.argv[1:], *("5000000", "3")[len(sys.argv) - 1 :]][:2])
    ids = pl.select(pl.lit("R") + pl.int_range(count).cast(pl.String).str.zfill(9)).to_series()
    ways: dict[str, Callable[[Key, pl.Series], pl.Series]] = {
        "bare loop": bare_loop,
        "pseudonym_column": pseudonym_column,
    }
    best: dict[str, float] = {}
    made = {}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            made[name] = way(KEY, ids)
            best[name] = min(best.get(name, float("inf")), time.perf_counter() - start)
    if not made["bare loop"].equals(made["pseudonym_column"]):
        raise SystemExit("the two ways give different pseudonyms")
    ratio = best["bare loop"] / best["pseudonym_column"]
    print(f"{count:,} ids, {processors()} processors, best of {rounds}")
    for name, seconds in best.items():
        print(f"{name:<17} {seconds:6.2f} s  {seconds / count * 1e6:5.2f} µs an id")
    print(f"pseudonym_column is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
