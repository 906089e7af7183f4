"""The national data opt-out list: one NHS number a line, as the opt-out check returns it.

Put here: the list's file. Never here: who opted out (population).
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import polars as pl

from spine.synthetic.codes import ICB, source
from spine.synthetic.delivery import Output, SourceResult, write_text
from spine.synthetic.draws import chance
from spine.synthetic.population import Region


def build_opt_outs(region: Region) -> SourceResult:
    """Numbers of people who opted out; some stand under a superseded number. The file has no header."""
    rng = region.draws.stream("opt outs")
    people = region.people.filter("is_opted_out")
    listed_old = pl.Series(chance(rng, people.height, 0.5)) & people["is_merged"]
    numbers = people.select(
        pl.when(listed_old).then("old_nhs_number").otherwise("nhs_number").alias("nhs_number")
    ).sort("nhs_number")

    def write(folder: Path) -> None:
        write_text(folder / "NDOP_WEXMOOR.csv", numbers.write_csv(include_header=False, line_terminator="\r\n"))

    day = region.draws.as_of - timedelta(days=2)
    none = pl.DataFrame(schema={"record_id": pl.String, "person": pl.UInt32})
    return SourceResult(
        source(ICB, "opt_out"),
        (Output(ICB, "opt_out", day, write),),
        none,
        Counter({"superseded_nhs_number": int(listed_old.sum())}),
    )
