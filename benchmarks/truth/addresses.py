"""Addresses of the benchmark's region: streets, numbers, flats, postcodes and property numbers by code.

Put here: what an address is. Never here: who lives at it (people) or how it is written wrongly (errors).

The postcode areas WX, YX and so on are not in use, so no address is a real one.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.truth.draws import Draws, Integers
from benchmarks.truth.names_lists import STREET_ENDS, STREET_STEMS

_AREAS = np.array(["WX", "YX", "GX", "TX", "BX", "LX", "SX", "MX"])
_LETTERS = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
_PER_POSTCODE, _PER_STREET, _PER_DISTRICT = 14, 34, 3_900


def make_addresses(draws: Draws, addresses: int, care: Integers) -> pl.DataFrame:
    """One row per address in the order of its code: house_number, street, postcode, uprn. Care homes have no number."""
    at = np.arange(addresses)
    postcode = at // _PER_POSTCODE
    blocks = int(postcode[-1]) + 1
    street = at // _PER_STREET
    is_flats = draws.chance("flats", blocks, 0.12)[postcode]
    number = np.where(is_flats, 1 + draws.below("building", blocks, 90)[postcode], 1 + at % _PER_STREET)
    flat = 1 + at % _PER_POSTCODE
    numbers = pl.Series(number).cast(pl.String)
    is_care = np.zeros(addresses, dtype=bool)
    is_care[care] = True
    frame = pl.DataFrame(
        {
            "number": numbers, "flat": pl.Series(flat).cast(pl.String), "is_flat": is_flats, "is_care": is_care,
            "street": _streets(draws, int(street[-1]) + 1).gather(street),
            "postcode": _postcodes(draws, blocks).gather(postcode),
            "uprn": pl.Series(_uprns(draws, addresses)).cast(pl.String),
        }
    )  # fmt: skip
    written = pl.when("is_flat").then(pl.format("FLAT {} {}", "flat", "number")).otherwise("number")
    return frame.select(pl.when(~pl.col("is_care")).then(written).alias("house_number"), "street", "postcode", "uprn")


def _streets(draws: Draws, count: int) -> pl.Series:
    stems, ends = STREET_STEMS.split(), STREET_ENDS.split()
    stem = draws.pick("stem", count, 1 / (np.arange(len(stems)) + 12.0))
    end = draws.pick("end", count, 1 / (np.arange(len(ends)) + 3.0))
    return pl.Series(stems).gather(stem) + " " + pl.Series(ends).gather(end)


def _postcodes(draws: Draws, blocks: int) -> pl.Series:
    """Different postcodes, those of one district side by side but not in the order of their letters."""
    block = np.arange(blocks)
    district, within = block // _PER_DISTRICT, (block % _PER_DISTRICT) * 1_637 % 4_000
    outward = np.char.add(_AREAS[district // 9 % len(_AREAS)], (district % 9 + 1).astype(str))
    inward = np.char.add((within // 400).astype(str), np.char.add(_LETTERS[within // 20 % 20], _LETTERS[within % 20]))
    return pl.Series(np.char.add(np.char.add(outward, " "), inward).tolist(), dtype=pl.String)


def _uprns(draws: Draws, addresses: int) -> Integers:
    """Different numbers of eleven digits, starting with 99."""
    return 99_000_000_000 + draws.order("uprn", addresses) * 977 % 999_999_937
