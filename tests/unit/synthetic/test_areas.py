"""The region's postcode register holds each postcode once, however large the region."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from spine.synthetic.addresses import build_stock
from spine.synthetic.areas import build_area_lookup
from spine.synthetic.draws import Draws


def test_a_postcode_stands_once_in_the_register_of_the_largest_region(tmp_path: Path) -> None:
    draws = Draws(800_000, 3, date(2028, 3, 31))
    region: Any = SimpleNamespace(draws=draws, stock=build_stock(draws, 350_000, 40))
    build_area_lookup(region).outputs[0].write(tmp_path)
    register = pl.read_csv(tmp_path / "ONSPD_WX.csv")
    assert register["PCDS"].is_unique().all()
    assert register["DOTERM"].is_not_null().sum() > 300
