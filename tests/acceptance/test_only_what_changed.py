"""A run rebuilds what a change can reach and nothing else.

What stands before linkage is then as a full run makes it. Linkage takes up what changed with the weights of the last
full link, so who is one person may differ from a full link in a pair in a thousand; after one it does not.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from spine.cli import run as command
from spine.governance import approve_all
from spine.linkage import evaluate
from spine.runs import RunSummary
from spine.settings import PROJECT_ROOT, Settings
from spine.synthetic import write_region

AS_OF = date(2028, 3, 31)
SEED = 11
#: How linkage takes up few changes: in a region this small one pair may move the weights too far.
FEW = ("Only what changed was linked again", "weights learned anew would turn")


@dataclass
class Scene:
    """A home under test, and everything that happened to it."""

    settings: Settings
    chance: random.Random
    steps: list[str] = field(default_factory=list)

    def run(self, *, full: bool = False) -> RunSummary:
        return command.run_home(self.settings, AS_OF, full=full)

    @property
    def sources(self) -> list[Path]:
        """Folders of datasets that come as CSV, in order."""
        return sorted({path.parents[1] for path in self.settings.landing.rglob("*.csv")})

    def new_delivery(self) -> Path:
        """The newest delivery again under the next date, less some of its rows."""
        source = self.chance.choice(self.sources)
        newest = sorted(source.iterdir())[-1]
        day = min(date.fromisoformat(newest.name) + timedelta(days=1), AS_OF)
        folder = source / day.isoformat()
        if folder != newest:
            shutil.copytree(newest, folder)
        return self.shorten(folder)

    def corrected_delivery(self) -> Path:
        """A delivery that was judged is sent again, shorter."""
        return self.shorten(sorted(self.chance.choice(self.sources).iterdir())[-1])

    def refused_delivery(self) -> Path:
        """A delivery of the as-of date that no contract fits."""
        folder = self.chance.choice(self.sources) / AS_OF.isoformat()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "file.csv").write_text("no,such,columns\n1,2,3\n", encoding="utf-8")
        return folder

    def shorten(self, folder: Path) -> Path:
        path = self.chance.choice(sorted(folder.rglob("*.csv")))
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: max(2, len(lines) - self.chance.randint(1, 3))]))
        return folder


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("only_what_changed")
    project = folder / "project"
    for name in ("expectations", "dbt_project"):
        ignored = shutil.ignore_patterns("target", "logs")
        shutil.copytree(PROJECT_ROOT / name, project / name, ignore=ignored)
    settings = Settings(home=folder / "home", project=project).prepare()
    approve_all(settings)
    write_region(settings.root, 200, SEED, AS_OF, None, folder / "truth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "standing_by", nullcontext)  # one process measures all runs of this file
        scene = Scene(settings, random.Random(SEED))
        first = scene.run()
        assert first.succeeded, first.failures
        assert first.assets_built == first.assets
        yield scene


def materialised(settings: Settings, run_id: str) -> set[str]:
    """What Dagster shows as materialised by a run."""
    with dg.DagsterInstance.from_config(str(settings.dagster)) as instance:
        records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    keys = {record.event_log_entry.asset_materialization.asset_key for record in records}  # type: ignore[union-attr]
    return {key.to_user_string() for key in keys}


def hashes(settings: Settings, schemas: str, without: tuple[str, ...] = ()) -> dict[str, tuple[object, ...]]:
    """Rows and an order-free hash of every table and view of the warehouse."""
    found = {}
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            f"WHERE regexp_matches(table_schema, '{schemas}') ORDER BY ALL"
        ).fetchall()
        for schema, name in tables:
            relation = f'"{schema}"."{name}"'
            columns = [row[0] for row in connection.execute(f"DESCRIBE {relation}").fetchall() if row[0] not in without]
            row = ", ".join(f'"{column}"::VARCHAR' for column in columns)
            sql = f"SELECT count(*), bit_xor(hash({row})), sum(hash({row}) % 1000003) FROM {relation}"
            found[f"{schema}.{name}"] = connection.execute(sql).fetchone() or ()
    return found


def clusters(settings: Settings) -> pl.DataFrame:
    """record_id and resident of every record."""
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        return connection.execute("SELECT record_id, resident_id AS cluster_id FROM linkage.crosswalk").pl()


def agreement(one: pl.DataFrame, other: pl.DataFrame) -> float:
    """Pairwise F1 of two sets of clusters."""
    return evaluate(one, other.rename({"cluster_id": "person_id"})).f1


def test_any_sequence_of_changes_gives_the_tables_of_a_full_run(scene: Scene, tmp_path: Path) -> None:
    kinds = [scene.new_delivery, scene.corrected_delivery, scene.refused_delivery]
    for change in scene.chance.sample(kinds, 3):
        folder = change()
        partner, dataset, day = folder.parts[-3:]
        scene.steps.append(f"{change.__name__} {partner}/{dataset} {day}")
        summary = scene.run()
        assert summary.succeeded, (scene.steps, summary.failures)
        assert f"{partner}/{dataset} {day}" in summary.because
        built = materialised(scene.settings, summary.run_id)
        assert {name for name in built if name.startswith("raw/")} == {f"raw/{partner}__{dataset}"}
        assert len(built) == summary.assets_built < summary.assets
        assert not summary.linking or any(why in summary.linking for why in FEW), (scene.steps, summary.linking)
    conformed = "^(raw|staging|intermediate)$"
    after, people = hashes(scene.settings, conformed), clusters(scene.settings)
    full = scene.run(full=True)
    assert full.assets_built == full.assets
    assert "All records were linked anew: it was asked for" in full.linking
    assert hashes(scene.settings, conformed) == after, scene.steps
    assert agreement(people, clusters(scene.settings)) >= 0.999, scene.steps

    fresh = Settings(home=tmp_path / "home", project=scene.settings.project).prepare()
    approve_all(fresh)
    shutil.copytree(scene.settings.landing, fresh.landing, dirs_exist_ok=True)
    assert command.run_home(fresh, AS_OF).succeeded
    # Revisions and resident ids tell a home's own history.
    but = ("_revision", "revision", "is_stale", "resident_id", "restricted_resident_id")
    assert hashes(fresh, conformed, but) == hashes(scene.settings, conformed, but), scene.steps
    assert agreement(clusters(fresh), clusters(scene.settings)) == 1, scene.steps


def test_an_agreement_is_held_against_the_releases_and_nothing_else_is_built(scene: Scene) -> None:
    path = sorted((scene.settings.expectations / "agreements").glob("*.yaml"))[0]
    path.write_text(path.read_text(encoding="utf-8") + "\n# read again\n", encoding="utf-8")
    summary = scene.run()
    assert summary.because == "the agreements changed"
    built = materialised(scene.settings, summary.run_id)
    assert {name.split("/")[0] for name in built} == {"governance", "release"}


def test_a_change_that_is_no_delivery_builds_no_table_and_no_change_builds_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    (scene.settings.landing / "note.txt").write_text("x")
    summary = scene.run()
    assert {name.split("/")[0] for name in materialised(scene.settings, summary.run_id)} == {"governance", "release"}
    assert scene.run().run_id == summary.run_id
    assert "Nothing has changed" in capsys.readouterr().out


def test_a_warehouse_that_somebody_else_wrote_is_built_again(scene: Scene) -> None:
    with duckdb.connect(scene.settings.warehouse) as connection:
        connection.execute("DELETE FROM intermediate.int_person_records")
    summary = scene.run()
    assert summary.assets_built == summary.assets
    assert "has changed since" in summary.because
