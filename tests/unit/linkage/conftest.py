"""A small region of obviously fictional people with known truth, for tests of linkage alone.

The project's own region (spine.synthetic) stands above linkage; a test of linkage may not need it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import names
import numpy as np
import polars as pl
import pytest

from spine.linkage.config import LinkageConfig, load_config

_FIRST_DAY = date(1930, 1, 1)
_STREETS = ("Quay Road", "Mill Lane", "High Street", "Station Road", "Church Way", "Orchard Close", "Beacon Hill")


@cache
def _list(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rows = [line.split() for line in Path(names.FILES[kind]).read_text().splitlines()]
    share = np.array([float(row[1]) for row in rows])
    return np.array([row[0].title() for row in rows]), share / share.sum()


def _draw(rng: np.random.Generator, kind: str, size: int) -> np.ndarray:
    values, share = _list(kind)
    return rng.choice(values, size=size, p=share)


def _nhs(serial: int) -> str | None:
    """A number of the 999 range with its check digit, or None where there is none."""
    digits = f"999{serial:06d}"
    check = 11 - sum(int(d) * (10 - i) for i, d in enumerate(digits)) % 11
    return None if check == 10 else digits + str(check % 11)


def people(residents: int, seed: int = 7) -> pl.DataFrame:
    """Residents with their true attributes; every 90th household has twins."""
    rng = np.random.default_rng(seed)
    home = np.sort(rng.integers(0, int(residents / 2.3), residents))
    male = rng.random(residents) < 0.5
    first = np.where(male, _draw(rng, "first:male", residents), _draw(rng, "first:female", residents))
    family = _draw(rng, "last", int(home.max()) + 1)
    surname = np.where(rng.random(residents) < 0.8, family[home], _draw(rng, "last", residents))
    born = rng.integers(0, 34_000, residents)
    twin = (np.roll(home, 1) == home) & (home % 90 == 0)
    born = np.where(twin, np.roll(born, 1), born)
    namesake = (np.roll(home, 1) == home) & (home % 150 == 1)
    first = np.where(namesake, np.roll(first, 1), first)
    surname = np.where(twin | namesake, np.roll(surname, 1), surname)
    numbers = [n for serial in range(residents * 2) if (n := _nhs(serial)) is not None][:residents]
    return pl.DataFrame(
        {
            "person_id": np.arange(residents),
            "first_name": first,
            "middle_names": np.where(rng.random(residents) < 0.7, _draw(rng, "first:female", residents), ""),
            "surname": surname,
            "maiden": _draw(rng, "last", residents),
            "date_of_birth": [_FIRST_DAY + timedelta(days=int(n)) for n in born],
            "sex": np.where(male, "male", "female"),
            "nhs_number": numbers,
            "home": home,
            "old_home": rng.integers(0, int(home.max()) + 1, residents),
        },
        strict=False,
    )


def _typo(rng: np.random.Generator, words: pl.Series, share: float) -> list[str]:
    hit = rng.random(len(words)) < share
    result = []
    for word, wrong in zip(words, hit, strict=True):
        place = int(rng.integers(1, max(len(word) - 1, 2)))
        result.append(word[:place] + word[place + 1 :] if wrong and len(word) > 3 else word)
    return result


def _address(home: pl.Series, *, uprn: bool) -> dict[str, pl.Series]:
    numbers = home.to_numpy()
    road = numbers // 20
    letter = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
    postcode = [f"WX{1 + r // 400 % 90} {r % 10}{letter[r // 10 % 20]}{letter[r // 200 % 20]}" for r in road]
    return {
        "house_number": pl.Series((1 + numbers % 20).astype(str)),
        "street": pl.Series([_STREETS[r % 7] for r in road]),
        "postcode": pl.Series(postcode),
        "uprn": pl.Series((9_000_000_000 + numbers).astype(str) if uprn else [None] * len(numbers), dtype=pl.String),
    }


def _source(everyone: pl.DataFrame, source: str, share: float, seed: int, **quality: float) -> pl.DataFrame:
    """One source's records: a share of the people, with errors at the given rates."""
    rng = np.random.default_rng(seed)
    chosen = everyone.filter(pl.Series(rng.random(everyone.height) < share))
    size = chosen.height
    chance = {name: rng.random(size) < rate for name, rate in quality.items()}
    never = np.zeros(size, dtype=bool)
    moved, initial = chance.get("old_address", never), chance.get("initial", never)
    home = pl.Series(np.where(moved, chosen["old_home"], chosen["home"]))
    first = pl.Series(_typo(rng, chosen["first_name"], 0.02))
    surname = pl.Series(np.where(chance.get("married", never), chosen["maiden"], chosen["surname"]))
    born = chosen["date_of_birth"]
    swappable = chance.get("day_month", never) & (born.dt.day() <= 12).to_numpy()
    day, month = born.dt.day().to_numpy(), born.dt.month().to_numpy()
    shown = pl.select(
        pl.date(born.dt.year(), np.where(swappable, day, month), np.where(swappable, month, day))
    ).to_series()
    return chosen.select("person_id", "sex", pl.col("middle_names").cast(pl.String)).with_columns(
        pl.Series("record_id", [f"{source}:{n:06d}" for n in rng.permutation(size)]),
        pl.lit(source).alias("source"),
        pl.Series("first_name", np.where(initial, first.str.head(1), first), dtype=pl.String),
        pl.Series("surname", _typo(rng, surname, 0.02)),
        pl.Series("date_of_birth", shown).set(pl.Series(chance.get("no_birth", never)), None),
        chosen["nhs_number"].set(pl.Series(chance.get("no_nhs", never)), None).alias("nhs_number"),
        pl.lit("01" if source == "icb__gp" else None, pl.String).alias("nhs_number_status"),
        **_address(home, uprn=source.endswith("tax")),
    )


def build(residents: int, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Person records of four sources, and the truth (record_id, person_id)."""
    everyone = people(residents, seed)
    adult = everyone.filter(pl.col("date_of_birth") < date(2005, 1, 1))
    child = everyone.filter(pl.col("date_of_birth") > date(2010, 1, 1))
    no_words = [pl.lit(None, pl.String).alias(name) for name in ("sex", "middle_names")]
    no_names = [
        pl.lit(None, pl.String).alias(name)
        for name in ("first_name", "surname", "middle_names", "house_number", "street", "uprn")
    ]
    care = {"old_address": 0.1, "no_nhs": 0.2, "no_birth": 0.02, "married": 0.02, "day_month": 0.01}
    tax = {"initial": 0.12, "no_birth": 1.0, "no_nhs": 1.0, "old_address": 0.03}
    parts = [
        _source(everyone, "icb__gp", 0.97, seed + 1, old_address=0.05, no_nhs=0.005),
        _source(adult, "county__care", 0.25, seed + 2, **care),
        _source(adult, "district__tax", 0.6, seed + 3, **tax).with_columns(no_words),
        _source(child, "county__looked_after", 0.05, seed + 4, no_nhs=1.0).with_columns(no_names),
    ]
    records = pl.concat(parts, how="diagonal")
    return records.drop("person_id"), records.select("record_id", "person_id")


@pytest.fixture(scope="session")
def region() -> Callable[[int], tuple[pl.DataFrame, pl.DataFrame]]:
    """Builds a region of so many residents: person records, and the truth."""
    return cache(build)


@pytest.fixture(scope="session")
def config() -> LinkageConfig:
    """The shipped settings."""
    return load_config()
