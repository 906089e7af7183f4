"""Stage 2: standardised records as arrays of integer codes, and the frequencies of names.

Put here: dictionary coding and rarity. Never here: a comparison. Codes are ranks of sorted values,
so equal input gives equal codes; 0 always means "not known".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.linkage.config import LinkageConfig
from spine.linkage.levels import BUCKET_BITS, BUCKETS, Scheme

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FORMERS = 3
_NEVER = 1e-12
_NAMES = ("first", "middle_first", "surname", "part_1", "part_2", *(f"former_{i}" for i in range(_FORMERS)))
_PLAIN = ("source", "sex", "nhs", "nino", "upn", "uprn", "house", "street", "postcode", "sector", "phone", "email")


@dataclass(frozen=True)
class Rarity:
    """How frequent the values of one name column are, in buckets.

    Attributes:
        bucket: bucket of each record's value (0 = commonest), meaningless where it is null.
        holders: share of records in each bucket, summing to 1.
        chance: probability that two random people share a name of this bucket.
    """

    bucket: Codes
    holders: Floats
    chance: Floats


@dataclass(frozen=True)
class Encoded:
    """Person records as arrays, one entry per record in order of record_id.

    Attributes:
        size: number of records.
        codes: arrays by name; 0 means not known. Name columns share the dictionary `names`.
        names: the names' dictionary; entry 0 is empty.
        numbers: dictionaries of nino and upn, likewise.
        rarity: of `first_name`, `surname` and each further column.
        scheme: what is compared.
        verified: NHS number status is 01.
        restricted: the record may be linked by NHS number only.
    """

    size: int
    codes: dict[str, Codes]
    names: list[str]
    numbers: dict[str, list[str]]
    rarity: dict[str, Rarity]
    scheme: Scheme
    verified: npt.NDArray[np.bool_]
    restricted: npt.NDArray[np.bool_]


def encode(persons: pl.DataFrame, config: LinkageConfig) -> Encoded:
    """Turn standardised records (see `standardise`) into codes."""
    frame = persons.with_columns(_derived())
    names = _dictionary(frame)
    codes = {name: _code(frame[name], names) for name in _NAMES}
    plain = (*_PLAIN, *config.scheme.extra_comparisons)
    codes |= {name: _code(frame[name], frame[name].drop_nulls().unique().sort()) for name in plain}
    codes |= {name: _numbers(frame[name]) for name in ("birth_year", "birth_month", "birth_day", "birth_ordinal")}
    codes |= _birth_keys(codes)
    text = ["", *names.to_list()]
    codes |= _initials(codes, text)
    usual, weight = config.fit.usual_share, config.fit.name_prior_records
    return Encoded(
        size=frame.height,
        codes=codes,
        names=text,
        numbers={name: ["", *frame[name].drop_nulls().unique().sort()] for name in ("nino", "upn")},
        rarity={
            "first_name": _rarity(codes["first"], len(text), usual.first_name, weight),
            "surname": _rarity(codes["surname"], len(text), usual.surname, weight),
            **{name: _rarity_of_extra(codes[name]) for name in config.scheme.extra_comparisons},
        },
        scheme=config.scheme,
        verified=frame["nhs_verified"].to_numpy(),
        restricted=frame["restricted"].to_numpy(),
    )


def _derived() -> list[pl.Expr]:
    words = pl.col("surname").str.split(" ")
    several = words.list.len() > 1
    formers = pl.col("formers").list.eval(pl.element().str.replace_all(" ", ""))
    born = pl.date(pl.col("birth_year"), pl.col("birth_month"), pl.col("birth_day"))
    return [
        pl.when(pl.col("source") != "").then("source").alias("source"),
        pl.col("surname").str.replace_all(" ", "").alias("surname"),
        pl.when(several).then(words.list.first()).alias("part_1"),
        pl.when(several).then(words.list.last()).alias("part_2"),
        *(formers.list.get(i, null_on_oob=True).alias(f"former_{i}") for i in range(_FORMERS)),
        pl.col("middle").str.split(" ").list.first().alias("middle_first"),
        pl.col("postcode").str.head(-2).alias("sector"),
        born.dt.epoch("d").cast(pl.Int64).add(1_000_000).alias("birth_ordinal"),
    ]


def _dictionary(frame: pl.DataFrame) -> pl.Series:
    return pl.concat([frame[name].rename("name") for name in _NAMES]).drop_nulls().unique().sort()


def _code(values: pl.Series, dictionary: pl.Series) -> Codes:
    if dictionary.is_empty():
        return np.zeros(values.len(), dtype=np.int64)
    codes: Codes = (values.cast(pl.Enum(dictionary)).to_physical().cast(pl.Int64) + 1).fill_null(0).to_numpy()
    return codes


def _numbers(values: pl.Series) -> Codes:
    return values.fill_null(0).to_numpy().astype(np.int64)


def _birth_keys(codes: dict[str, Codes]) -> dict[str, Codes]:
    year, month, day = codes["birth_year"], codes["birth_month"], codes["birth_day"]
    full = day > 0
    return {
        "birth": np.where(full, year * 10_000 + month * 100 + day, 0),
        "birth_month_day": np.where(full, month * 100 + day, 0),
        "name_low": np.where(
            (codes["first"] > 0) & (codes["surname"] > 0), np.minimum(codes["first"], codes["surname"]), 0
        ),
        "name_high": np.maximum(codes["first"], codes["surname"]),
    }


def _initials(codes: dict[str, Codes], names: list[str]) -> dict[str, Codes]:
    first_letter = np.array([ord(name[0]) if name else 0 for name in names], dtype=np.int64)
    single = np.array([len(name) == 1 for name in names])
    return {
        "first_initial": first_letter[codes["first"]],
        "first_is_initial": single[codes["first"]].astype(np.int64),
        "middle_initial": first_letter[codes["middle_first"]],
        "middle_is_initial": single[codes["middle_first"]].astype(np.int64),
    }


def _rarity_of_extra(values: Codes) -> Rarity:
    """As for names; nothing is known before of how frequent a value is, so each counts as held once more."""
    size = int(values.max(initial=0)) + 1
    return _rarity(values, size, 1 / size, float(size))


def _rarity(values: Codes, size: int, usual: float, weight: float) -> Rarity:
    """Frequencies shrunk towards the usual share, then cut into buckets of `BUCKET_BITS` bits."""
    counts = np.bincount(values, minlength=size).astype(np.float64)
    counts[0] = 0
    total = counts.sum()
    share = (counts + weight * usual) / (total + weight)
    bucket = np.clip((-np.log2(share) / BUCKET_BITS).astype(np.int64), 0, BUCKETS - 1)
    if not total:  # no name at all: one holder of a name of usual frequency stands in
        counts[0], total = 1.0, 1.0
    holders = np.bincount(bucket, weights=counts, minlength=BUCKETS) / total
    chance = np.bincount(bucket, weights=counts * share, minlength=BUCKETS) / total
    return Rarity(bucket[values], np.maximum(holders, _NEVER), np.maximum(chance, _NEVER))
