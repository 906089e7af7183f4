"""From the warehouse's person records to its crosswalk: decisions, linkage, then stable ids, each file whole or absent.

Put here: the files between linkage, identity and the warehouse. Never here: a rule of linkage, or
how an id is inherited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from spine.errors import PipelineError
from spine.failpoints import reach
from spine.files import replacing, write_json
from spine.identity.assign import IdentityResult, assign, seed_for
from spine.identity.churn import Churn, churn
from spine.identity.conflicts import KINDS, find_conflicts
from spine.identity.crosswalk import Crosswalk
from spine.identity.decisions import Judged, empty_register, judge_decisions
from spine.identity.events import KINDS_OF_EVENT
from spine.identity.evidence import comparable, fingerprints, form_of
from spine.identity.limits import IdentityLimits, LinkageLimits
from spine.identity.relink import Linked, Linking, relink
from spine.identity.store import IdentityFiles, IdentityStore
from spine.identity.trend import RateStanding, read_history, standings, with_run
from spine.identity.views import create_views
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
        events: number of residents minted, merged, split, returned and retired in this run.
        churn: whose id changed, counted apart from the events; None in a first run.
        is_held: too many ids would have changed without a cause, so none has: the crosswalk is that of the last run,
            and `events` are what would have happened.
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
    churn: Churn | None
    is_held: bool
    conflicts: Conflicts
    rates: tuple[RateStanding, ...]
    pairs_in_doubt: int
    pairs_from_doubt: int
    report: Mapping[str, Any]
    linking: Linking
    decisions: Judged


@dataclass(frozen=True)
class Terms:
    """What a run is held to.

    Attributes:
        people: how many different people a decision on two records takes.
        limits: how the history of link rates is read, and when all records are linked.
        budget: how many ids may change without a cause; over it none changes.
        one_record_per_person: sources that promise it; two records of one of them are never one person by weight.
        full: link all records, whatever has changed.
    """

    people: int
    limits: LinkageLimits = field(default_factory=LinkageLimits)
    budget: IdentityLimits = field(default_factory=IdentityLimits)
    one_record_per_person: Sequence[str] = ()
    full: bool = False


@dataclass(frozen=True)
class _Identified:
    """Ids for a run's clusters, and whether they hold."""

    result: IdentityResult
    files: IdentityFiles
    churn: Churn | None
    is_held: bool


def resolve(
    connection: duckdb.DuckDBPyConnection, linkage: Path, identity: Path, as_of: date, terms: Terms, run: str = ""
) -> Resolution:
    """Link `intermediate.int_person_records` and put the views of schema `linkage` in their place.

    Which there are: see `views`.

    Args:
        connection: the open warehouse.
        linkage: folder for the files between the stages.
        identity: folder of the identity store.
        run: names the run in events and in the history of link rates; the as-of date where left out.
    """
    run = run or as_of.isoformat()
    records = connection.execute("SELECT * FROM intermediate.int_person_records ORDER BY record_id").pl()
    _write(linkage / "person_records.parquet", records)
    decisions = _decided(connection, linkage, records, as_of, terms.people)
    config = load_config().model_copy(update={"one_record_per_person": tuple(sorted(terms.one_record_per_person))})
    known = _known(identity, linkage, form_of(records))
    linked = relink(
        linkage / "state", records, config, decisions.applied, as_of, terms.limits.delta,
        full=terms.full, because=known.why_all,
    )  # fmt: skip
    _write_result(linkage, linked.result)
    named = _identified(known, records, linked.result, decisions, terms.budget, (run, as_of))
    _write_proposed(linkage, named.result, is_held=named.is_held)
    conflicts = find_conflicts(records, named.result.crosswalk.current, linked.result, config.thresholds.link_bits)
    if not named.is_held or not (linkage / "conflicts.parquet").exists():
        _write(linkage / "conflicts.parquet", conflicts)
    reach("linkage.before_views")
    create_views(connection, named.files, linkage)
    reach("linkage.after_views")
    sources = _link_rates(linked.result.clusters)
    rates = _trend(linkage / "history.parquet", run, as_of, sources, terms.limits)
    counts = (records.height, *_shown(connection, named.result, is_held=named.is_held))
    resolution = _told(linked, named, decisions, _counted(conflicts), (sources, rates), counts)
    write_json(linkage / "report.json", {**resolution.report, **_summary(resolution)}, point="linkage.report")
    return resolution


def _told(
    linked: Linked,
    named: _Identified,
    decisions: Judged,
    conflicts: Conflicts,
    rates: tuple[tuple[SourceLinks, ...], tuple[RateStanding, ...]],
    counts: tuple[int, int, int],
) -> Resolution:
    """A run in counts; `counts` are records that came in, and records and residents as they are shown."""
    result = linked.result
    return Resolution(
        *counts,
        links=result.links.height,
        sources=rates[0],
        events=_events(named.result.events),
        churn=named.churn,
        is_held=named.is_held,
        conflicts=conflicts,
        rates=rates[1],
        **_doubt(result),
        report=result.report,
        linking=linked.linking,
        decisions=decisions,
    )


@dataclass(frozen=True)
class _Known:
    """The identity store, what it held before the run, and the form of this run's fingerprints."""

    store: IdentityStore
    before: Crosswalk | None
    form: str

    @property
    def why_all(self) -> str:
        """Why all records are linked, where what changed since the last run cannot be told; empty where it can."""
        if self.before is None or not self.before.form or self.before.form == self.form:
            return ""
        return (
            "fingerprints of records have another form than in the last run, so in this run no changed attribute "
            "counts as the cause of a change of id"
        )


def _known(identity: Path, linkage: Path, form: str) -> _Known:
    """What is known before the run.

    Raises:
        PipelineError: as of `IdentityStore.load`; or there is no store, though the home was linked before.
    """
    store = IdentityStore(identity)
    before = store.load()
    if before is None and not read_history(linkage / "history.parquet").is_empty():
        raise PipelineError(
            f"identity store: folder '{identity.name}' holds none, though '{linkage.name}/history.parquet' tells of "
            "earlier runs of this home. Restore the identity folder from a backup. Where every resident is to have "
            f"a new id, remove '{linkage.name}' too."
        )
    return _Known(store, before, form)


def _identified(
    known: _Known,
    records: pl.DataFrame,
    result: LinkageResult,
    decisions: Judged,
    budget: IdentityLimits,
    stamp: tuple[str, date],
) -> _Identified:
    """Give the clusters their ids and store them, unless too many would change without a cause."""
    run, as_of = stamp
    reach("identity.before_assign")
    store, before = known.store, comparable(known.before, known.form) if known.before else None
    prints = fingerprints(records, seed_for(before, records["record_id"]))
    identities = assign(
        result.clusters, before, as_of, run=run, decisions=decisions.applied, fingerprints=prints, form=known.form
    )
    found = churn(before, identities.crosswalk) if before else None
    is_held = found is not None and not budget.allows(found, as_of)
    reach("identity.before_save")
    current = store.current() if is_held else None
    return _Identified(identities, current or store.save(identities), found, is_held)


def _decided(
    connection: duckdb.DuckDBPyConnection, linkage: Path, records: pl.DataFrame, as_of: date, people: int
) -> Judged:
    """Judge the decisions that were delivered, and write what became of them."""
    decisions = judge_decisions(_register(connection), records, as_of, people)
    _write(linkage / "decisions.parquet", decisions.decisions)
    _write(linkage / "decision_conflicts.parquet", decisions.contradicting)
    return decisions


def _register(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The decisions that were delivered; none where the warehouse has no table of them."""
    known = "SELECT 1 FROM information_schema.tables WHERE table_schema || '.' || table_name = '{}'"
    if connection.execute(known.format(_REGISTER)).fetchone() is None:
        return empty_register()
    return connection.execute(f"SELECT * FROM {_REGISTER}").pl()


def _write_proposed(linkage: Path, identities: IdentityResult, *, is_held: bool) -> None:
    """What a run that was held would have done, for whoever looks for the reason; gone once a run went through."""
    path = linkage / "held_events.parquet"
    if is_held:
        _write(path, identities.events)
    else:
        path.unlink(missing_ok=True)


def _shown(connection: duckdb.DuckDBPyConnection, identities: IdentityResult, *, is_held: bool) -> tuple[int, int]:
    """Records and residents, as the warehouse shows them; those that a run which was held would have had."""
    if is_held:
        current = identities.crosswalk.current
        return current.height, current["resident_id"].n_unique()
    counts = "SELECT count(DISTINCT record_id), count(DISTINCT resident_id) FROM linkage.crosswalk"
    row = connection.execute(counts).fetchone() or (0, 0)
    return int(row[0]), int(row[1])


def _write_result(linkage: Path, result: LinkageResult) -> None:
    _write(linkage / "clusters.parquet", result.clusters)
    _write(linkage / "links.parquet", result.links)
    write_json(linkage / "model.json", result.model, point="linkage.model")


def _write(path: Path, frame: pl.DataFrame) -> None:
    with replacing(path, point=f"linkage.{path.stem}") as temporary:
        frame.write_parquet(temporary)


def _link_rates(clusters: pl.DataFrame) -> tuple[SourceLinks, ...]:
    rates = clusters.group_by("source").agg(pl.len(), linked=pl.col("method") != "single").sort("source")
    rates = rates.with_columns(pl.col("linked").list.sum())
    return tuple(SourceLinks(source=s, records=n, linked=k) for s, n, k in rates.iter_rows())


def _events(events: pl.DataFrame) -> dict[str, int]:
    counts = dict(events.group_by("event").len().iter_rows())
    return {f"residents_{kind}": int(counts.get(kind, 0)) for kind in KINDS_OF_EVENT}


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
    scored = result.scored
    from_band = (np.asarray(scored.veto) == 0) & (np.asarray(scored.bits) >= band["from_bits"])
    return {
        "pairs_in_doubt": int(band["pairs_below"] + band["pairs_above"]),
        "pairs_from_doubt": round(float(np.asarray(scored.records)[from_band].sum())),
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
