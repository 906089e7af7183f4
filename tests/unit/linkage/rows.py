"""Small sets of person records for the tests of single stages.

Put here: how a test writes records, and stages run up to the one it is about. Never here: an expectation.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from spine.linkage.arrays import Codes
from spine.linkage.collapse import Nodes, collapse
from spine.linkage.compare import Compared, compare
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import conform
from spine.linkage.encode import Encoded, encode
from spine.linkage.levels import Scheme
from spine.linkage.similar import Dictionary

NOBODY: Codes = np.empty(0, dtype=np.int64)
#: A record of somebody with both names, a date of birth and a home.
ORLA: dict[str, Any] = {
    "first_name": "Orla",
    "surname": "Penhallow",
    "date_of_birth": date(1951, 2, 3),
    "house_number": "1",
    "postcode": "WX1 1AA",
}


def table(*rows: dict[str, Any], **every: Any) -> pl.DataFrame:
    """Records of one source, numbered r000 on; `every` holds what all of them share."""
    named = [{"record_id": f"r{n:03d}", "source": "a__b", **every, **row} for n, row in enumerate(rows)]
    return pl.DataFrame(named, infer_schema_length=None)


def encoded(config: LinkageConfig, *rows: dict[str, Any], **every: Any) -> Encoded:
    """The records of `table` as codes."""
    return encode(conform(table(*rows, **every), config.extras), config)


def folded(config: LinkageConfig, *rows: dict[str, Any], alone: tuple[int, ...] = (), **every: Any) -> Nodes:
    """The records of `table` as nodes; `alone` are places of records that a decision names."""
    records = encoded(config, *rows, **every)
    return collapse(records, np.isin(np.arange(records.size), alone), config.household)


def first_two(config: LinkageConfig, *rows: dict[str, Any], **every: Any) -> Compared:
    """The first two records compared."""
    return compare(encoded(config, *rows, **every), np.array([0]), np.array([1]))


def levels_of(config: LinkageConfig, *rows: dict[str, Any], **every: Any) -> dict[str, str]:
    """Names of the levels of the first two records."""
    found = first_two(config, *rows, **every).levels
    return {comparison: config.scheme.levels[comparison][values[0]] for comparison, values in found.items()}


def blank(size: int, **codes: list[int]) -> Encoded:
    """So many nodes, each of another forename, that hold nothing more than the given codes."""
    empty = {
        name: np.zeros(size, dtype=np.int64)
        for name in ("nhs", "source", "surname", "middle", "birth", "postcode", "house")
    }
    empty["first"] = np.arange(size)
    given = {name: np.array(values, dtype=np.int64) for name, values in codes.items()}
    none = np.zeros(size, dtype=bool)
    return Encoded(
        size=size,
        codes={**empty, **given},
        names=Dictionary(pl.Series(["", *(f"NAME{n}" for n in range(1, size))])),
        dictionaries={},
        bits={"a__b": 1, "c__d": 2},
        promised=0,
        rarity={},
        scheme=Scheme(),
        telling=(),
        verified=none,
        restricted=none,
        crowded=none,
    )
