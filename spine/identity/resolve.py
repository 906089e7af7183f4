"""From the warehouse's person records to its crosswalk: decisions, linkage, then stable ids, each file whole or absent.

Put here: the files between linkage, identity and the warehouse. Never here: a rule of linkage, or
how an id is inherited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from spine.failpoints import reach
from spine.files import replacing, write_json
from spine.identity.assign import assign
from spine.identity.conflicts import KINDS, find_conflicts
from spine.identity.decisions import Judged, empty_register, judge_decisions
from spine.identity.limits import LinkageLimits
from spine.identity.relink import Linking, relink
from spine.identity.store import IdentityFiles, IdentityStore
from spine.identity.trend import RateStanding, read_history, standings, with_run
from spine.linkage import LinkageResult, load_config
from spine.runs import SourceLinks

_REGISTER = "intermediate.int_linkage_decisions"


@dataclass(frozen=True)
class Conflicts:
    """What does not fit together, in residents.

    Attributes:
        by_kind: residents with a conflict of each of `KINDS`, reviewed or not.
        unreviewed: residents with at least one conflict that nobody has decided on.
    """

    by_kind: Mapping[str, int]
    unreviewed: int


@dataclass(frozen=True)
class Resolution:
    """What one run of linkage and identity did, in counts.

    Attributes:
        events: number of residents minted, merged, split and retired in this run.
        rates: each source's link rate beside those of its last runs.
        pairs_in_doubt: pairs of records in the clerical band.
        pairs_from_doubt: pairs of records in the band or above it, but for those that may never be linked.
        report: linkage's own report (see `LinkageResult.report`).
        linking: whether all records were linked or only what changed, and why.
        decisions: decisions by people, with what became of each.
    """

    records_in: int
    records: int
    residents: int
    links: int
    sources: tuple[SourceLinks, ...]
    events: Mapping[str, int]
    conflicts: Conflicts
    rates: tuple[RateStanding, ...]
    pairs_in_doubt: int
    pairs_from_doubt: int
    report: Mapping[str, Any]
    linking: Linking
    decisions: Judged


def resolve(
    connection: duckdb.DuckDBPyConnection,
    linkage: Path,
    identity: Path,
    as_of: date,
    run: str = "",
    limits: LinkageLimits | None = None,
    *,
    people: int,
    one_record_per_person: Sequence[str] = (),
    full: bool = False,
) -> Resolution:
    """Link `intermediate.int_person_records` and put the views of schema `linkage` in their place.

    These are `crosswalk`, `links`, `events`, `conflicts` (the review list), `decisions` and `decision_conflicts`.

    Args:
        connection: the open warehouse.
        linkage: folder for the files between the stages.
        identity: folder of the identity store.
        run: names the run in the history of link rates; the as-of date where left out.
        limits: how the history is read, and when all records are linked.
        people: how many different people a decision on two records takes.
        one_record_per_person: sources that promise it; two records of one of them are never one person by weight.
        full: link all records, whatever has changed.
    """
    limits = limits or LinkageLimits()
    config = load_config().model_copy(update={"one_record_per_person": tuple(sorted(one_record_per_person))})
    records = connection.execute("SELECT * FROM intermediate.int_person_records ORDER BY record_id").pl()
    _write(linkage / "person_records.parquet", records)
    decisions = judge_decisions(_register(connection), records, as_of, people)
    _write(linkage / "decisions.parquet", decisions.decisions)
    _write(linkage / "decision_conflicts.parquet", decisions.contradicting)
    linked = relink(linkage / "state", records, config, decisions.applied, as_of, limits.delta, full=full)
    result = linked.result
    _write_result(linkage, result)
    store = IdentityStore(identity)
    identities = assign(result.clusters, store.load(), as_of)
    current = store.save(identities)
    conflicts = find_conflicts(records, identities.crosswalk.current, result, config.thresholds.link_bits)
    _write(linkage / "conflicts.parquet", conflicts)
    reach("linkage.before_views")
    _create_views(connection, current, linkage)
    reach("linkage.after_views")
    sources = _link_rates(result.clusters)
    rates = _trend(linkage / "history.parquet", run or as_of.isoformat(), as_of, sources, limits)
    resolution = Resolution(
        records_in=records.height,
        records=_count(connection, "SELECT count(DISTINCT record_id) FROM linkage.crosswalk"),
        residents=_count(connection, "SELECT count(DISTINCT resident_id) FROM linkage.crosswalk"),
        links=result.links.height,
        sources=sources,
        events=_events(identities.events),
        conflicts=_counted(conflicts),
        rates=rates,
        **_doubt(result),
        report=result.report,
        linking=linked.linking,
        decisions=decisions,
    )
    write_json(linkage / "report.json", {**result.report, **_summary(resolution)}, point="linkage.report")
    return resolution


def _register(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The decisions that were delivered; none where the warehouse has no table of them."""
    known = "SELECT 1 FROM information_schema.tables WHERE table_schema || '.' || table_name = '{}'"
    if connection.execute(known.format(_REGISTER)).fetchone() is None:
        return empty_register()
    return connection.execute(f"SELECT * FROM {_REGISTER}").pl()


def _write_result(linkage: Path, result: LinkageResult) -> None:
    _write(linkage / "clusters.parquet", result.clusters)
    _write(linkage / "links.parquet", result.links)
    write_json(linkage / "model.json", result.model, point="linkage.model")


def _write(path: Path, frame: pl.DataFrame) -> None:
    with replacing(path, point=f"linkage.{path.stem}") as temporary:
        frame.write_parquet(temporary)


def _create_views(connection: duckdb.DuckDBPyConnection, identity: IdentityFiles, linkage: Path) -> None:
    """Views over the files. The crosswalk has each record's conflicts beside it; the identity store knows none."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    for name, path in {
        "events": identity.events,
        "links": linkage / "links.parquet",
        "conflicts": linkage / "conflicts.parquet",
        "decisions": linkage / "decisions.parquet",
        "decision_conflicts": linkage / "decision_conflicts.parquet",
    }.items():
        connection.execute(f"CREATE OR REPLACE VIEW linkage.{name} AS SELECT * FROM {_parquet(path)}")
    connection.execute(
        f"""
        CREATE OR REPLACE VIEW linkage.crosswalk AS
        WITH flags AS (
            SELECT record_id, list_sort(list(DISTINCT kind)) AS conflicts
            FROM (SELECT unnest(record_ids) AS record_id, kind FROM {_parquet(linkage / "conflicts.parquet")})
            GROUP BY record_id
        )
        SELECT crosswalk.*, coalesce(flags.conflicts, []::VARCHAR[]) AS conflicts
        FROM {_parquet(identity.crosswalk)} AS crosswalk LEFT JOIN flags USING (record_id)
        """
    )


def _parquet(path: Path) -> str:
    literal = str(path.absolute()).replace("'", "''")
    return f"read_parquet('{literal}')"


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


def _counted(conflicts: pl.DataFrame) -> Conflicts:
    found = dict(conflicts.group_by("kind").agg(pl.col("resident_id").n_unique()).iter_rows())
    unreviewed = conflicts.filter(~pl.col("is_reviewed"))["resident_id"].n_unique()
    return Conflicts({kind: int(found.get(kind, 0)) for kind in KINDS}, unreviewed)


def _trend(
    path: Path, run: str, as_of: date, sources: Sequence[SourceLinks], limits: LinkageLimits
) -> tuple[RateStanding, ...]:
    history = read_history(path)
    _write(path, with_run(history, run, as_of, sources))
    return standings(history, run, sources, limits.link_rate)


def _doubt(result: LinkageResult) -> dict[str, int]:
    """Pairs of records in the clerical band, and in it or above it."""
    band = result.report["clerical"]
    from_band = (np.asarray(result.scored.veto) == 0) & (np.asarray(result.scored.bits) >= band["from_bits"])
    return {
        "pairs_in_doubt": int(band["pairs_below"] + band["pairs_above"]),
        "pairs_from_doubt": round(float(np.asarray(result.scored.records)[from_band].sum())),
    }


def _summary(resolution: Resolution) -> dict[str, object]:
    return {
        "person_records": resolution.records,
        "residents": resolution.residents,
        "link_rates": [source.model_dump() for source in resolution.sources],
        "conflicts": dict(resolution.conflicts.by_kind),
        "linking": {**asdict(resolution.linking), "sentence": resolution.linking.sentence},
        "decisions": dict(resolution.decisions.counts),
    }
