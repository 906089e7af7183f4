"""From the warehouse's person records to its crosswalk: linkage, then stable ids, each file whole or absent.

Put here: the files between linkage, identity and the warehouse. Never here: a rule of linkage, or
how an id is inherited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from spine.failpoints import reach
from spine.files import replacing, write_json
from spine.identity.assign import assign
from spine.identity.store import IdentityStore
from spine.linkage import link
from spine.runs import SourceLinks


@dataclass(frozen=True)
class Resolution:
    """What one run of linkage and identity did, in counts.

    Attributes:
        events: number of residents minted, merged, split and retired in this run.
        conflicts: residents whose records hold two different verified NHS numbers.
    """

    records_in: int
    records: int
    residents: int
    links: int
    sources: tuple[SourceLinks, ...]
    events: Mapping[str, int]
    conflicts: int


def resolve(connection: duckdb.DuckDBPyConnection, linkage: Path, identity: Path, as_of: date) -> Resolution:
    """Link `intermediate.int_person_records` and put `linkage.crosswalk`, `.links` and `.events` in their place.

    Args:
        connection: the open warehouse.
        linkage: folder for the files between the stages.
        identity: folder of the identity store.
    """
    records = connection.execute("SELECT * FROM intermediate.int_person_records ORDER BY record_id").pl()
    _write(linkage / "person_records.parquet", records)
    result = link(records)
    _write(linkage / "clusters.parquet", result.clusters)
    _write(linkage / "links.parquet", result.links)
    write_json(linkage / "model.json", result.model, point="linkage.model")
    store = IdentityStore(identity)
    identities = assign(result.clusters, store.load(), as_of)
    current = store.save(identities)
    reach("linkage.before_views")
    _create_views(
        connection, {"crosswalk": current.crosswalk, "events": current.events, "links": linkage / "links.parquet"}
    )
    reach("linkage.after_views")
    resolution = Resolution(
        records_in=records.height,
        records=_count(connection, "SELECT count(DISTINCT record_id) FROM linkage.crosswalk"),
        residents=_count(connection, "SELECT count(DISTINCT resident_id) FROM linkage.crosswalk"),
        links=result.links.height,
        sources=_link_rates(result.clusters),
        events=_events(identities.events),
        conflicts=_conflicts(connection),
    )
    write_json(linkage / "report.json", {**result.report, **_summary(resolution)}, point="linkage.report")
    return resolution


def _write(path: Path, frame: pl.DataFrame) -> None:
    with replacing(path, point=f"linkage.{path.stem}") as temporary:
        frame.write_parquet(temporary)


def _create_views(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> None:
    connection.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    for name, path in files.items():
        literal = str(path.absolute()).replace("'", "''")
        connection.execute(f"CREATE OR REPLACE VIEW linkage.{name} AS SELECT * FROM read_parquet('{literal}')")


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _link_rates(clusters: pl.DataFrame) -> tuple[SourceLinks, ...]:
    rates = clusters.group_by("source").agg(pl.len(), linked=pl.col("method") != "single").sort("source")
    rates = rates.with_columns(pl.col("linked").list.sum())
    return tuple(SourceLinks(source=s, records=n, linked=k) for s, n, k in rates.iter_rows())


def _events(events: pl.DataFrame) -> dict[str, int]:
    counts = dict(events.group_by("event").len().iter_rows())
    return {f"residents_{kind}": int(counts.get(kind, 0)) for kind in ("mint", "merge", "split", "retire")}


def _conflicts(connection: duckdb.DuckDBPyConnection) -> int:
    """Residents with two verified NHS numbers of which none supersedes the other."""
    return _count(
        connection,
        """
        WITH verified AS (
            SELECT c.resident_id, r.nhs_number, r.superseded_nhs_numbers
            FROM linkage.crosswalk c JOIN intermediate.int_person_records r USING (record_id)
            WHERE r.nhs_number_status = '01' AND r.nhs_number IS NOT NULL
        ), superseded AS (
            SELECT DISTINCT resident_id, unnest(superseded_nhs_numbers) AS nhs_number FROM verified
        )
        SELECT count(*) FROM (
            SELECT v.resident_id FROM verified v ANTI JOIN superseded s USING (resident_id, nhs_number)
            GROUP BY v.resident_id HAVING count(DISTINCT v.nhs_number) > 1
        )
        """,
    )


def _summary(resolution: Resolution) -> dict[str, object]:
    return {
        "person_records": resolution.records,
        "residents": resolution.residents,
        "link_rates": [source.model_dump() for source in resolution.sources],
        "conflicts": resolution.conflicts,
    }
