"""What counts as a change, on homes that hold nothing but files."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from spine.changes import Changes, compare, look, look_at_results, without
from spine.runs import PublishedRelease, RunRecord, RunSummary
from spine.settings import Settings

AS_OF = date(2028, 3, 31)
COUNCIL_TAX = ("saltmarsh_district", "council_tax")
SOCIAL_CARE = ("wexmoor_county", "social_care")


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    project = tmp_path / "project"
    write(project / "expectations/contracts/a.odcs.yaml")
    write(project / "expectations/agreements/a.yaml")
    write(project / "dbt_project/models/a.sql")
    write(project / "spine/a.py")
    write(project / "requirements.lock")
    settings = Settings(home=tmp_path / "home", project=project).prepare()
    for partner, dataset in (COUNCIL_TAX, SOCIAL_CARE):
        write(settings.landing / partner / dataset / "2028-03-30/a.csv")
        write(settings.ledger / partner / dataset / "2028-03-30/r001.json")
        write(settings.lake / f"{dataset}__layout" / partner / "2028-03-30/r001/a.parquet")
    write(settings.warehouse)
    write(settings.linkage / "links.parquet")
    return settings


def changed(settings: Settings, change: Callable[[], object], as_of: date = AS_OF) -> Changes:
    before = look(settings, AS_OF), look_at_results(settings)
    change()
    return compare(settings, before, (look(settings, as_of), look_at_results(settings)))


def test_nothing_has_changed(settings: Settings) -> None:
    assert changed(settings, lambda: None) == Changes(None, {})


def test_a_new_delivery_is_one_source(settings: Settings) -> None:
    found = changed(settings, lambda: write(settings.landing.joinpath(*COUNCIL_TAX, "2028-03-31/a.csv")))
    assert found == Changes(None, {COUNCIL_TAX: "saltmarsh_district/council_tax 2028-03-31 is new"})


def test_a_file_that_is_sent_again_is_a_change_of_that_delivery(settings: Settings) -> None:
    found = changed(settings, lambda: write(settings.landing.joinpath(*SOCIAL_CARE, "2028-03-30/a.csv"), "longer"))
    assert found == Changes(None, {SOCIAL_CARE: "wexmoor_county/social_care 2028-03-30 changed"})


def test_the_same_size_at_another_time_is_a_change(settings: Settings) -> None:
    path = settings.landing.joinpath(*SOCIAL_CARE, "2028-03-30/a.csv")
    assert changed(settings, lambda: os.utime(path, ns=(1, 1))).sources.keys() == {SOCIAL_CARE}


def test_a_delivery_folder_that_is_a_link_is_followed(settings: Settings) -> None:
    real = write(settings.landing / "wexmoor_county/elsewhere/a.csv")
    settings.landing.joinpath(*SOCIAL_CARE, "2028-03-31").symlink_to(real.parent)
    assert changed(settings, lambda: write(real, "longer")).sources.keys() == {SOCIAL_CARE}


@pytest.mark.parametrize("place", ["2028-04-01/a.csv", "not_a_date/a.csv"])
def test_what_no_run_of_that_day_reads_changes_no_source(settings: Settings, place: str) -> None:
    found = changed(settings, lambda: write(settings.landing.joinpath(*COUNCIL_TAX, place)))
    assert found == Changes(None, {})


def test_a_delivery_that_left_landing_is_named_from_the_ledger(settings: Settings) -> None:
    path = settings.landing.joinpath(*COUNCIL_TAX, "2028-03-30/a.csv")

    def leave() -> None:
        path.unlink()
        path.parent.rmdir()

    assert changed(settings, leave).sources == {COUNCIL_TAX: "saltmarsh_district/council_tax 2028-03-30 is gone"}


def test_a_source_of_which_nothing_is_left_rebuilds_everything(settings: Settings) -> None:
    (settings.ledger.joinpath(*COUNCIL_TAX, "2028-03-30/r001.json")).rename(settings.root / "r001.json")
    for folder in (settings.ledger, settings.landing):
        found = changed(settings, lambda folder=folder: folder.joinpath(*COUNCIL_TAX).parent.rename(folder / ".gone"))
    assert found.everything is not None


@pytest.mark.parametrize(
    "place", ["ledger/{0}/{1}/2028-03-30/r002.json", "lake/{1}__layout/{0}/2028-03-30/r001/a.parquet"]
)
def test_a_record_or_lake_file_that_another_command_wrote_is_a_change_of_its_source(
    settings: Settings, place: str
) -> None:
    path = settings.root / place.format(*SOCIAL_CARE)
    assert changed(settings, lambda: write(path, "longer")).sources.keys() == {SOCIAL_CARE}


def test_an_agreement_rebuilds_no_source(settings: Settings) -> None:
    found = changed(settings, lambda: write(settings.expectations / "agreements/a.yaml", "longer"))
    assert found == Changes(None, {}, agreements=True)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("project/expectations/contracts/a.odcs.yaml", "code"),
        ("project/dbt_project/models/a.sql", "code"),
        ("project/spine/a.py", "code"),
        ("project/requirements.lock", "code"),
        ("home/warehouse.duckdb", "has changed since"),
        ("home/linkage/links.parquet", "has changed since"),
        ("home/keys/a.key", "has changed since"),
    ],
)
def test_what_everything_depends_on_rebuilds_everything(settings: Settings, place: str, why: str) -> None:
    found = changed(settings, lambda: write(settings.root.parent / place, "longer"))
    assert why in (found.everything or "")


def test_another_day_rebuilds_everything(settings: Settings) -> None:
    assert "2028-03-31" in (changed(settings, lambda: None, date(2028, 4, 1)).everything or "")


def test_another_day_alone_brings_no_delivery_to_judge(settings: Settings) -> None:
    assert not changed(settings, lambda: None, date(2028, 4, 1)).may_judge


@pytest.mark.parametrize(
    "place",
    [
        "project/expectations/contracts/a.odcs.yaml",
        "home/warehouse.duckdb",
        "home/ledger/{0}/{1}/2028-03-30/r002.json",
        "home/landing/{0}/{1}/2028-03-30/more.csv",
    ],
)
def test_what_is_not_known_to_be_judged_may_be_new(settings: Settings, place: str) -> None:
    path = settings.root.parent / place.format(*SOCIAL_CARE)
    assert changed(settings, lambda: write(path, "longer")).may_judge


def test_no_folder_name_is_kept(settings: Settings) -> None:
    write(settings.landing / "patient_9990000018/gp/2028-03-30/a.csv")
    kept = look(settings, AS_OF).model_dump_json() + look_at_results(settings).model_dump_json()
    assert "9990000018" not in kept
    assert "saltmarsh" not in kept


class TestRecord:
    def test_a_success_is_up_to_date_until_something_changes(self, settings: Settings) -> None:
        inputs, made = look(settings, AS_OF), look_at_results(settings)
        RunRecord(settings).save(inputs, made, RunSummary(as_of=AS_OF, run_id="1", succeeded=True))
        last = RunRecord(settings).last()
        assert last is not None
        assert last.is_up_to_date(look(settings, AS_OF), look_at_results(settings))
        write(settings.landing / "note.txt")
        assert not last.is_up_to_date(look(settings, AS_OF), look_at_results(settings))

    def test_a_delivery_that_was_left_waiting_is_new_to_the_next_run(self, settings: Settings) -> None:
        now = look(settings, AS_OF), look_at_results(settings)
        key = "wexmoor_county/social_care/2028-03-30"
        RunRecord(settings).save(*now, RunSummary(as_of=AS_OF, run_id="1", succeeded=True, waiting=[key]))
        last = RunRecord(settings).last()
        assert last is not None
        assert last.inputs == without(now[0], [key])
        assert not last.is_up_to_date(*now)
        found = compare(settings, (last.inputs, last.made), now)
        assert found.sources == {SOCIAL_CARE: "wexmoor_county/social_care 2028-03-30 is new"}

    def test_a_record_whose_release_or_warehouse_is_gone_counts_for_nothing(self, settings: Settings) -> None:
        released = PublishedRelease(purpose="care_planning", version=1)
        summary = RunSummary(as_of=AS_OF, run_id="1", succeeded=True, releases=[released])
        record = RunRecord(settings)
        record.save(look(settings, AS_OF), look_at_results(settings), summary)
        assert record.last() is None
        write(settings.releases / "care_planning/current.duckdb")
        assert record.last() is not None
        settings.warehouse.unlink()
        assert record.last() is None

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"fingerprint": "x", "summary": {}}'])
    def test_a_record_of_another_version_counts_for_nothing(self, settings: Settings, text: str) -> None:
        write(settings.runs / "last_success.json", text)
        assert RunRecord(settings).last() is None
