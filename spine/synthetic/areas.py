"""The region's own postcode register in the layout of the ONS Postcode Directory.

Put here: the register's file. Never here: how postcodes are made (addresses).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from spine.synthetic.codes import source
from spine.synthetic.delivery import Output, SourceResult, write_text
from spine.synthetic.draws import chance
from spine.synthetic.population import Region


def build_area_lookup(region: Region) -> SourceResult:
    """Every postcode of the region, and one in fifty more that was terminated: valid history."""
    rng = region.draws.stream("area lookup")
    live = region.stock.postcodes.select("postcode", "lsoa21", "gss_code")
    ended = (
        live.filter(pl.Series(chance(rng, live.height, 0.02)))
        .with_columns(pl.col("postcode").str.replace(r" \d", " 0"))
        .unique("postcode", keep="first", maintain_order=True)  # two live ones may differ in that digit only
    )
    both = pl.concat((live.with_columns(doterm=pl.lit(None, pl.String)), ended.with_columns(doterm=pl.lit("201906"))))
    introduced = (1980 + rng.integers(0, 30, both.height)) * 100 + rng.integers(1, 13, both.height)
    parts = pl.col("postcode").str.split(" ").list
    register = both.select(
        (parts.get(0).str.pad_end(4) + parts.get(1)).alias("PCD7"),
        pl.col("postcode").alias("PCDS"),
        pl.Series("DOINTR", introduced),
        pl.col("doterm").alias("DOTERM"),
        pl.col("gss_code").alias("LAD25CD"),
        pl.col("lsoa21").alias("LSOA21CD"),
        pl.Series("RUC21IND", np.where(chance(rng, both.height, 0.3), "RSF1", "UN1")),
    ).sort("PCDS")

    def write(folder: Path) -> None:
        write_text(folder / "ONSPD_WX.csv", register.write_csv())

    day = region.draws.as_of - timedelta(days=40)
    none = pl.DataFrame(schema={"record_id": pl.String, "person": pl.UInt32})
    return SourceResult(source("reference", "area_lookup"), (Output("reference", "area_lookup", day, write),), none)
