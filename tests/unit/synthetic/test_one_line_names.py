"""Names of liable people in one field of 32 characters, read as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from spine.synthetic import one_line_names
from spine.synthetic.draws import Draws
from spine.synthetic.faults import Faults
from spine.synthetic.population import Region, build_region

PEOPLE = (
    ("Mr", "John", "Paul", "Smith"),
    ("Mrs", "Anne", None, "Smith"),
    ("Ms", "Zoe", None, "Ash"),
    ("Dr", "Bartholomew", "Xavier", "Featherstonehaugh"),
    ("Mrs", None, None, "Fatima"),
    ("Mrs", "Philomena", None, "Featherstonehaugh"),
)


@pytest.fixture(scope="module")
def region() -> Region:
    region = build_region(Draws(300, 1, date(2028, 3, 31)))
    parts = pl.DataFrame(PEOPLE, schema=["title", "first_name", "middle_names", "surname"], orient="row")
    rest = (
        region.people.head(len(PEOPLE))
        .drop(parts.columns)
        .with_columns(pl.lit(None, pl.String).alias("former_surname"))
    )
    return replace(region, people=rest.hstack(parts))


@pytest.mark.parametrize(
    ("lead", "other", "organisation", "name", "has_two"),
    [
        (0, None, None, "SMITH, MR JOHN PAUL", False),
        (0, 1, None, "SMITH, MR JOHN & MRS ANNE", True),
        (0, 2, None, "SMITH, MR JOHN & ASH, MS ZOE", True),
        (2, 4, None, "ASH, MS ZOE & FATIMA, MRS", True),
        (3, None, None, "FEATHERSTONEHAUGH, DR B", False),
        (3, 5, None, "FEATHERSTONEHAUGH, DR B & MRS P", True),
        (3, 0, None, "FEATHERSTONEHAUGH, DR B", False),
        (4, None, None, "FATIMA, MRS", False),
        (None, None, "Heronsfold Property Management Ltd", "HERONSFOLD PROPERTY MANAGEMENT L", False),
        (None, None, None, None, False),
    ],
)
def test_a_name_fits_its_field(
    monkeypatch: pytest.MonkeyPatch,
    region: Region,
    lead: int | None,
    other: int | None,
    organisation: str | None,
    name: str | None,
    has_two: bool,
) -> None:
    monkeypatch.setattr(one_line_names, "_RATES", {})
    accounts = pl.DataFrame(
        {"lead": [lead], "other": [other], "organisation": [organisation]},
        schema={"lead": pl.UInt32, "other": pl.UInt32, "organisation": pl.String},
    )
    written = one_line_names.with_names(region, accounts, Faults(np.random.default_rng(1)), " & ", False)
    assert written["name"].item() == name
    assert (written["other"].item() is not None) == has_two
