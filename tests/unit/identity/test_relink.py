"""Runs of changes: what they link, when all records are linked instead, and how far the two may differ."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from spine.errors import PipelineError
from spine.identity import relink as module
from spine.identity.decisions import APPLIED
from spine.identity.limits import DeltaLimits
from spine.identity.relink import Linked, relink
from spine.linkage import LinkageConfig, evaluate, link, load_config
from tests.unit.linkage.conftest import build

AS_OF = date(2028, 3, 31)
ANY = DeltaLimits(most_changed_percent=100, settle_after_percent=1_000_000, most_drift_percent=100)


def decided(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=APPLIED, orient="row")


@dataclass
class Home:
    """A folder of kept runs, and the records that sources now send."""

    folder: Path
    records: pl.DataFrame
    config: LinkageConfig = field(default_factory=load_config)
    decisions: pl.DataFrame = field(default_factory=decided)

    def run(self, *, full: bool = False, as_of: date = AS_OF, limits: DeltaLimits = ANY) -> Linked:
        return relink(self.folder, self.records, self.config, self.decisions, as_of, limits, full=full)

    def change(self, seed: int, share: float = 0.01) -> None:
        """Records are withdrawn, come back under another id, move house, or are spelt otherwise."""
        rng = np.random.default_rng(seed)
        drawn = pl.Series(rng.random(self.records.height))
        gone, fresh = drawn < share / 4, (drawn >= share / 4) & (drawn < share / 2)
        moved, misspelt = (drawn >= share / 2) & (drawn < 3 * share / 4), (drawn >= 3 * share / 4) & (drawn < share)
        records = self.records.with_columns(
            record_id=pl.when(fresh).then(pl.format("{}-{}", "record_id", pl.lit(seed))).otherwise("record_id"),
            house_number=pl.when(moved).then(pl.lit("7")).otherwise("house_number"),
            surname=pl.when(misspelt).then(pl.col("surname").str.slice(1)).otherwise("surname"),
        )
        self.records = records.filter(~gone).sort("record_id")


def f1(one: Linked, clusters: pl.DataFrame) -> float:
    return evaluate(one.result.clusters, clusters.rename({"cluster_id": "person_id"})).f1


def partition(clusters: pl.DataFrame) -> set[frozenset[str]]:
    return {frozenset(group) for group in clusters.group_by("cluster_id").agg("record_id")["record_id"]}


def together(run: Linked, one: str, other: str) -> bool:
    return run.result.clusters.filter(pl.col("record_id").is_in([one, other]))["cluster_id"].n_unique() == 1


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    return build(150)[0].sort("record_id")


@pytest.fixture(scope="module")
def first(people: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Linked]:
    """The folder and the result of a first run, which links all records; tests go on from a copy of it."""
    home = Home(tmp_path_factory.mktemp("first") / "state", people)
    return home.folder, home.run()


@pytest.fixture
def home(people: pl.DataFrame, first: tuple[Path, Linked], tmp_path: Path) -> Home:
    """A home after its first run."""
    return Home(shutil.copytree(first[0], tmp_path / "state"), people)


def test_nothing_that_changed_gives_the_same_run_to_the_byte(home: Home, first: tuple[Path, Linked]) -> None:
    """Nor does a column that linkage does not read."""
    before = first[1]
    home.records = home.records.with_columns(known_since=pl.lit(date(2021, 1, 1)))
    again = home.run()
    assert (before.linking.kind, again.linking.kind) == ("full", "changes")
    assert again.linking.changed == again.linking.new == again.linking.withdrawn == again.linking.decisions == 0
    assert again.result.clusters.equals(before.result.clusters)
    assert again.result.links.equals(before.result.links)
    assert again.result.report == before.result.report
    files = {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
    home.run()
    assert {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()} == files


def test_corrections_additions_and_withdrawals_are_told(home: Home) -> None:
    first, second, third = home.records["record_id"].head(3)
    record = pl.col("record_id")
    changed = home.records.with_columns(surname=pl.when(record == second).then(pl.lit("X")).otherwise("surname"))
    added = changed.filter(record == third).with_columns(record_id=pl.lit("zz:1"))
    home.records = pl.concat([changed.filter(record != first), added]).sort("record_id")
    run = home.run()
    assert (run.linking.changed, run.linking.new, run.linking.withdrawn) == (1, 1, 1)
    assert run.linking.sentence == (
        f"Only what changed was linked again: 3 of {home.records.height:,} records and 0 decisions."
    )
    assert run.result.clusters["record_id"].to_list() == home.records["record_id"].to_list()


def _lost(home: Home) -> None:
    (home.folder / "kept.json").unlink()


def _damaged(home: Home) -> None:
    (home.folder / "run" / "arrays" / "bits.npy").write_bytes(b"")


def _torn(home: Home) -> None:
    path = home.folder / "run" / "arrays" / "changes.npz"
    path.write_bytes(path.read_bytes()[:10])


def _other_settings(home: Home) -> None:
    home.config = home.config.model_copy(update={"one_record_per_person": ("icb__gp",)})


def _other_engine(home: Home) -> None:
    path = home.folder / "kept.json"
    path.write_text(path.read_text().replace(module.engine(), "0" * 16))


def _told(home: Home, **changes: Any) -> None:
    path = home.folder / "kept.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _other_form(home: Home) -> None:
    _told(home, form="marks 1; state 1")


def _one_more_column(home: Home) -> None:
    home.records = home.records.with_columns(upn=pl.lit(None, pl.String))


def _fewer_marks(home: Home) -> None:
    np.save(home.folder / "marks.npy", np.load(home.folder / "marks.npy")[1:])


@pytest.mark.parametrize(
    ("spoil", "because"),
    [
        (_lost, "no earlier run was kept"),
        (_damaged, "the earlier run cannot be read"),
        (_torn, "the earlier run cannot be read"),
        (_other_settings, "the settings of linkage changed"),
        (_other_engine, "the earlier run was made by another version of linkage"),
        (_other_form, "the earlier run was kept in another form than this version keeps one in"),
        (_one_more_column, "linkage reads other columns of the records than in the earlier run"),
        (_fewer_marks, "the earlier run cannot be read"),
    ],
)
def test_a_run_that_cannot_be_built_on_is_made_anew(home: Home, spoil: Callable[[Home], None], because: str) -> None:
    spoil(home)
    run = home.run()
    assert run.linking.sentence == f"All records were linked anew: {because}."
    assert home.run().linking.kind == "changes"


def test_the_order_of_rows_and_of_columns_changes_nothing(home: Home) -> None:
    home.records = home.records.sample(fraction=1, shuffle=True, seed=1).select(sorted(home.records.columns))
    assert home.run().linking.sentence.endswith(f" 0 of {home.records.height:,} records and 0 decisions.")


def test_a_record_that_is_there_twice_is_refused_though_nothing_else_changed(home: Home) -> None:
    home.records = pl.concat([home.records, home.records.head(1)])
    with pytest.raises(PipelineError, match="record_id is null or not unique"):
        home.run()


def test_whoever_knows_a_reason_has_all_linked_for_it(home: Home) -> None:
    linked = relink(home.folder, home.records, home.config, home.decisions, AS_OF, ANY, because="the moon is full")
    assert linked.linking.sentence == "All records were linked anew: the moon is full."


def test_an_earlier_day_too_many_changes_and_being_asked_link_all(home: Home) -> None:
    assert "later" in home.run(as_of=date(2028, 3, 30)).linking.because
    assert home.run(as_of=date(2028, 4, 1)).linking.kind == "changes"
    assert home.run(full=True, as_of=date(2028, 4, 1)).linking.because == "it was asked for"
    home.change(seed=1, share=0.3)
    some = DeltaLimits(most_changed_percent=5)
    assert "more than 5 in 100" in home.run(as_of=date(2028, 4, 1), limits=some).linking.because


def test_many_small_changes_are_settled_by_a_full_link(home: Home) -> None:
    limits = DeltaLimits(most_changed_percent=100, settle_after_percent=10, most_drift_percent=100)
    told = []
    for seed in range(2):
        home.change(seed=seed, share=0.08)
        told.append(home.run(limits=limits).linking)
    assert "full" in [run.kind for run in told]
    settled = next(run for run in told if run.kind == "full")
    assert "since the last full link" in settled.because
    assert settled.since_full == 0


def test_a_decision_joins_and_its_end_parts_again(home: Home, first: tuple[Path, Linked]) -> None:
    before = first[1]
    one, other = home.records["record_id"][0], home.records["record_id"][-1]
    linked = before.result.links.select("left_record_id", "right_record_id").row(0)
    assert not together(before, one, other)
    home.decisions = decided((one, other, "must_link"), (*linked, "cannot_link"))
    held = home.run()
    assert held.linking.decisions == 2
    assert together(held, one, other)
    assert not together(held, *linked)
    assert partition(home.run(full=True).result.clusters) == partition(held.result.clusters)
    home.decisions = decided()
    lapsed = home.run()
    assert (lapsed.linking.kind, lapsed.linking.decisions) == ("changes", 2)
    assert partition(lapsed.result.clusters) == partition(before.result.clusters)


def test_a_source_that_promises_one_record_a_person_links_none_of_its_own(people: pl.DataFrame, tmp_path: Path) -> None:
    home = Home(tmp_path / "state", people)
    twice = home.records.head(1).with_columns(record_id=pl.lit(home.records["record_id"][0] + "-again"))
    home.records = pl.concat([home.records, twice]).sort("record_id")
    pair = (home.records["record_id"][0], twice["record_id"][0])
    assert together(home.run(), *pair)
    home.config = home.config.model_copy(update={"one_record_per_person": (twice["source"][0],)})
    assert not together(home.run(), *pair)


@pytest.mark.parametrize("seed", [2, 3])
def test_sequences_of_changes_give_the_clusters_of_one_full_link(tmp_path: Path, seed: int) -> None:
    home = Home(tmp_path / "state", build(2500, seed)[0].sort("record_id"))
    home.run(limits=DeltaLimits())
    told = []
    for step in range(3):
        home.change(seed=100 * seed + step, share=0.01)
        run = home.run(limits=DeltaLimits())
        told.append(run.linking.kind)
    whole = link(home.records, home.config).clusters
    assert f1(run, whole) >= 0.999, told
    assert "changes" in told
    assert partition(home.run(full=True).result.clusters) == partition(whole)


def test_weights_that_no_longer_fit_are_learned_anew(home: Home) -> None:
    """Half of the records of one source come with an initial only: what an initial is worth is another question now."""
    initials = pl.when(pl.col("record_id").hash(1) % 2 == 0).then(pl.col("first_name").str.head(1))
    home.records = home.records.with_columns(first_name=initials.otherwise("first_name"))
    limits = DeltaLimits(most_changed_percent=100, settle_after_percent=100)
    assert "weights learned anew would turn" in home.run(limits=limits).linking.because
