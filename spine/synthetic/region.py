"""Writing the whole region: every partner's deliveries into landing, the truth into a folder of its own.

Put here: the order of work and the summary. Never here: how a source errs or writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from spine.errors import UsageError
from spine.files import replacing
from spine.synthetic.academy import SYSTEMS, build_academy
from spine.synthetic.areas import build_area_lookup
from spine.synthetic.council_tax import SUPPLIERS, build_council_tax
from spine.synthetic.delivery import SourceResult, publish, staging
from spine.synthetic.draws import Draws
from spine.synthetic.gp_patients import build_gp_registrations
from spine.synthetic.housing import build_housing
from spine.synthetic.identifiers import MAX_RESIDENTS
from spine.synthetic.landlords import LANDLORDS
from spine.synthetic.looked_after import build_looked_after
from spine.synthetic.opt_out import build_opt_outs
from spine.synthetic.population import Region, build_region, truth_of_people
from spine.synthetic.rents import build_rents
from spine.synthetic.social_care import build_social_care

#: Fewer residents would leave some source without a row.
MIN_RESIDENTS = 200


@dataclass(frozen=True)
class RegionSummary:
    """What was written.

    Attributes:
        residents: people of the region, the recently deceased included.
        records: person records by source (`<partner>__<dataset>`), in the deliveries in use.
        deliveries: folders below landing, in order.
        faults: rows that an error changed, by source.
    """

    residents: int
    records: dict[str, int]
    deliveries: tuple[str, ...]
    faults: dict[str, int]


def write_region(
    out: Path,
    residents: int,
    seed: int,
    as_of: date,
    progress: Callable[[str], None] | None = None,
    truth: Path | None = None,
) -> RegionSummary:
    """Write the region's extracts below `out/landing` and its truth below `truth` (default `out/truth`).

    The same arguments give the same bytes. Deliveries that are there already with these bytes stay.

    Args:
        out: folder that holds or will hold landing; usually SPINE_HOME.
        residents: 200 to 800,000 people; the reserved range of NHS numbers serves no more.
        seed: any whole number.
        as_of: the day that the region is described on; every delivery is dated before it.
        progress: called with a short sentence at each step.
        truth: where person_records, people and faults go as Parquet; the pipeline never reads it.

    Raises:
        UsageError: too few or too many residents, or a delivery's folder is there with other content.
    """
    _check_size(residents)
    tell = progress or (lambda _: None)
    tell(f"drawing {residents:,} residents")
    region = build_region(Draws(residents, seed, as_of))
    with staging(out) as folder:
        results = [_staged(result, folder) for result in _sources(region, tell)]
        deliveries = sorted(output for result in results for output in result.deliveries)
        tell("publishing")
        publish(folder, out / "landing", deliveries)
    _write_truth(truth or out / "truth", region, results)
    return RegionSummary(
        residents=residents,
        records={result.source: result.records.height for result in results if result.records.height},
        deliveries=tuple(deliveries),
        faults={result.source: sum(result.faults.values()) for result in results},
    )


def _check_size(residents: int) -> None:
    if not MIN_RESIDENTS <= residents <= MAX_RESIDENTS:
        raise UsageError(
            f"synth: expected {MIN_RESIDENTS:,} to {MAX_RESIDENTS:,} residents, got {residents:,}. "
            "NHS numbers come from the reserved 999 range only, which holds 909,091: choose a number in between"
        )


@dataclass(frozen=True)
class _Staged:
    """A source whose files are written: what the summary and the truth still need."""

    source: str
    records: pl.DataFrame
    faults: Counter[str]
    deliveries: tuple[str, ...]


def _staged(result: SourceResult, folder: Path) -> _Staged:
    """Write a source's deliveries; its rows are let go, so that one source is in memory at a time."""
    for output in result.outputs:
        path = folder / output.path
        path.mkdir(parents=True, mode=0o700)
        output.write(path)
    return _Staged(result.source, result.records, result.faults, tuple(output.path for output in result.outputs))


def _sources(region: Region, tell: Callable[[str], None]) -> Iterator[SourceResult]:
    """Each source in turn."""
    tell("area lookup")
    yield build_area_lookup(region)
    for supplier in SUPPLIERS:
        tell(f"council tax of {supplier.partner}")
        yield build_council_tax(region, supplier)
    for system in SYSTEMS:
        tell(f"council tax of {system.partner}")
        yield build_academy(region, system)
    for landlord in LANDLORDS:
        tell(f"tenancies and rents of {landlord.partner}")
        yield build_housing(region, landlord)
        yield build_rents(region, landlord)
    tell("adult social care")
    yield build_social_care(region)
    tell("children looked after")
    yield build_looked_after(region)
    tell("opt-outs")
    yield build_opt_outs(region)
    tell("GP registrations")
    yield build_gp_registrations(region)


def _write_truth(folder: Path, region: Region, results: list[_Staged]) -> None:
    ids = region.people["person_id"]
    records = [
        result.records.select(
            "record_id", ids.gather(result.records["person"]).alias("person_id"), pl.lit(result.source).alias("source")
        )
        for result in results
        if result.records.height
    ]
    faults = [
        {"source": result.source, "fault": fault, "rows": rows}
        for result in results
        for fault, rows in result.faults.items()
    ]
    tables = {
        "person_records": pl.concat(records).sort("record_id"),
        "people": truth_of_people(region),
        "faults": pl.DataFrame(faults, schema={"source": pl.String, "fault": pl.String, "rows": pl.Int64}).sort(
            "source", "fault"
        ),
    }
    for name, table in tables.items():
        with replacing(folder / f"{name}.parquet", point="synthetic.truth") as path:
            table.write_parquet(path)
