"""Where people live: postcodes, small areas, streets and dwellings that exist nowhere.

Put here: the stock of addresses. Never here: who lives in them, or a source's way of writing them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources

import numpy as np
import polars as pl

from spine.synthetic.codes import DISTRICTS, TOWN_SHARES
from spine.synthetic.draws import Draws, Ints, chance, pick
from spine.synthetic.identifiers import uprns

_LETTERS = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
_POSTCODES_PER_AREA = 40
_STREETS = (
    "Road",
    "Street",
    "Close",
    "Avenue",
    "Lane",
    "Drive",
    "Way",
    "Gardens",
    "Crescent",
    "Place",
    "Grove",
    "Terrace",
    "Hill",
    "Mead",
)
_STREET_WEIGHTS = (24, 14, 16, 9, 10, 9, 5, 4, 4, 3, 3, 2, 2, 1)
_BLOCKS = ("House", "Court", "Lodge", "Point")
_BAND_WEIGHTS = (17, 23, 22, 16, 12, 6, 3.5, 0.5)
#: The library's British street words lean on Ulster townlands; these beginnings would look odd here.
_TOWNLAND = re.compile(
    "Bally|Knock|Lis|Kil|Drum|Augh|Derry|Tull|Carn|Clo|Mull|Cull|Ard|Agh|Coo|Cor|Let|Leg|Magh|Muck|Rath|Tat|Tob|Dun|Gort|Lurg|Mag|Shan|Tir|Sra|Ann"
)


@dataclass(frozen=True)
class Stock:
    """Attributes.

    postcodes: postcode, lsoa21, gss_code, outward (number), district.
    properties: uprn, flat, building, number, street, town, postcode, lsoa21, outward, district,
        band, is_care_home; a row's position is the property's index.
    """

    postcodes: pl.DataFrame
    properties: pl.DataFrame


def build_stock(draws: Draws, dwellings: int, care_homes: int) -> Stock:
    """Lay out the region: dwellings in postcodes of 6 to 25, postcodes in streets, towns and small areas."""
    rng = draws.stream("addresses")
    total = dwellings + care_homes
    sizes = rng.integers(6, 26, size=total // 12 + 12)
    count = max(int(np.searchsorted(np.cumsum(sizes), total)) + 1, 2 * len(DISTRICTS))
    sizes = sizes[:count]
    postcodes = _postcodes(draws, count)
    home = np.repeat(np.arange(count), sizes)[:total]
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)[:total]
    properties = _properties(draws, postcodes, home, np.arange(total) - start, care_homes)
    return Stock(
        postcodes=postcodes.select("postcode", "lsoa21", "gss_code", "outward", "district"), properties=properties
    )


def _postcodes(draws: Draws, count: int) -> pl.DataFrame:
    rng = draws.stream("postcodes")
    place = (np.arange(count) + 0.5) / count
    shares = np.cumsum([district.share for district in DISTRICTS], dtype=np.float64)
    bounds = np.concatenate(([0.0], shares / shares[-1]))
    district = np.searchsorted(bounds, place, side="right") - 1
    within = (place - bounds[district]) / (bounds[district + 1] - bounds[district])
    town = np.minimum(np.searchsorted(np.cumsum(TOWN_SHARES), within, side="right"), len(TOWN_SHARES) - 1)
    outward = district * len(TOWN_SHARES) + town + 1
    serial = _rank(outward)
    letters = len(_LETTERS)
    inward = np.char.add(
        ((serial // letters**2 + 1) % 10).astype(str),
        np.char.add(_LETTERS[serial // letters % letters], _LETTERS[serial % letters]),
    )
    area = _rank(district) // _POSTCODES_PER_AREA + district * 10_000
    code = 1 + np.unique(area, return_inverse=True)[1]
    return pl.DataFrame(
        {
            "district": district,
            "outward": outward,
            "postcode": np.char.add(np.char.add(np.char.add("WX", outward.astype(str)), " "), inward),
            "lsoa21": np.char.add("E019", np.char.zfill(code.astype(str), 5)),
            "gss_code": np.array([d.gss_code for d in DISTRICTS])[district],
            "town": np.array([name for d in DISTRICTS for name in d.towns])[outward - 1],
            "street": _street_names(rng, outward, serial),
            "second": serial % 2,
        }
    )


def _street_names(rng: np.random.Generator, outward: Ints, serial: Ints) -> pl.Series:
    """Two postcodes share a street."""
    words = street_words()
    street = outward * 10_000 + serial // 2
    distinct, inverse = np.unique(street, return_inverse=True)
    names = words.gather(pick(rng, len(distinct), np.ones(len(words))))
    kinds = pl.Series(_STREETS).gather(pick(rng, len(distinct), _STREET_WEIGHTS))
    return (names + " " + kinds).gather(inverse)


def _properties(draws: Draws, postcodes: pl.DataFrame, home: Ints, place: Ints, care_homes: int) -> pl.DataFrame:
    """Dwellings, with `place` their position in the postcode."""
    rng = draws.stream("properties")
    size = len(home)
    words = street_words()
    is_block = chance(rng, postcodes.height, 0.09)[home]
    named = chance(rng, size, 0.02) & ~is_block
    care = np.zeros(size, dtype=np.bool_)
    care[rng.choice(size, care_homes, replace=False)] = True
    name = words.gather(rng.integers(0, len(words), size))
    block = (
        words.gather(rng.integers(0, len(words), postcodes.height))
        + " "
        + pl.Series(_BLOCKS).gather(rng.integers(0, 4, postcodes.height))
    ).gather(home)
    drawn = postcodes.drop("gss_code")[home].with_columns(
        uprns(rng, size),
        pl.Series("band", list("ABCDEFGH")).gather(pick(rng, size, _BAND_WEIGHTS)),
        pl.Series("is_care_home", care),
        pl.Series("flat_number", place + 1).cast(pl.String),
        (pl.Series("number", place + 1) + 25 * pl.col("second")).cast(pl.String).alias("number"),
        pl.Series("block", is_block & ~care),
        pl.Series("named", named & ~care),
        name.alias("name"),
        block.alias("block_name"),
    )
    return _as_written(drawn)


def _as_written(frame: pl.DataFrame) -> pl.DataFrame:
    """Flats have a building, a few houses a name; the rest a number in their street."""
    building = (
        pl.when("is_care_home")
        .then(pl.col("name") + " Care Home")
        .when("block")
        .then("block_name")
        .when("named")
        .then(pl.col("name") + " Cottage")
    )
    return frame.with_columns(
        pl.when("block").then(pl.lit("Flat ") + pl.col("flat_number")).alias("flat"),
        building.alias("building"),
        pl.when(~(pl.col("block") | pl.col("named"))).then("number").alias("number"),
    ).select(
        "uprn",
        "flat",
        "building",
        "number",
        "street",
        "town",
        "postcode",
        "lsoa21",
        "outward",
        "district",
        "band",
        "is_care_home",
    )


def street_words() -> pl.Series:
    """Words for streets and houses, from mimesis' British list."""
    data = json.loads((resources.files("mimesis") / "datasets" / "en-gb" / "address.json").read_text(encoding="utf-8"))
    return pl.Series(
        "word",
        [
            word
            for word in data["street"]["name"]
            if re.fullmatch("[A-Z][a-z]{2,8}", word) and not _TOWNLAND.match(word)
        ],
    )


def _rank(groups: Ints) -> Ints:
    """Position of each row among the rows of its group; `groups` is in order."""
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    lengths = np.diff(np.concatenate((starts, [len(groups)])))
    return np.arange(len(groups)) - np.repeat(starts, lengths)
