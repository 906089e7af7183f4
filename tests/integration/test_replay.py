"""`spine replay` and `spine backfill` as a person types them; the pipeline after them is stood in for."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import spine.quality
from spine.changes import look, look_at_results
from spine.cli import app, replay
from spine.contracts import RuleResult
from spine.extract import Ledger
from spine.locks import home_lock
from spine.runs import RunRecord, RunSummary
from spine.settings import Settings

SOURCE = ("--partner", "wexmoor_icb", "--dataset", "opt_out")
KEY = "wexmoor_icb/opt_out/2028-03-01"
NUMBERS = "9990000018\n9990000026\n"
AS_OF = date(2028, 3, 31)


@dataclass
class Place:
    """A home, and what the stand-in for the pipeline was asked to do."""

    settings: Settings
    runs: list[date] = field(default_factory=list)
    outcome: str = "passed"

    def put(self, day: str, text: str = NUMBERS) -> Path:
        folder = self.settings.landing / "wexmoor_icb/opt_out" / day
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.txt").write_text(text)
        return folder

    def spine(self, *arguments: str) -> tuple[int, str]:
        environment = {"SPINE_HOME": str(self.settings.root), "COLUMNS": "200"}
        result = CliRunner().invoke(app, list(arguments), env=environment)
        return result.exit_code, " ".join(result.output.split())

    def replay(self, day: str = "2028-03-01", *more: str) -> tuple[int, str]:
        return self.spine("replay", *SOURCE, "--date", day, *more)

    def entries(self) -> list[tuple[str, int, str]]:
        return [(e.date.isoformat(), e.revision, e.verdict) for e in Ledger(self.settings.ledger).entries()]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(Settings(home=tmp_path / "home").prepare())
    RunRecord(place.settings).pin(AS_OF)
    place.settings.warehouse.touch()

    def run(settings: Settings, as_of: date) -> RunSummary:
        place.runs.append(as_of)
        summary = RunSummary(as_of=as_of, run_id="", succeeded=True)
        RunRecord(settings).save(look(settings, as_of), look_at_results(settings), summary)
        return summary

    def measure(tables: object, rules: Any, as_of: object, threads: int = 0) -> list[RuleResult]:
        return [RuleResult(name=r.name, outcome=place.outcome, numerator=0, denominator=1) for r in rules]  # type: ignore[arg-type]

    monkeypatch.setattr(replay, "run_home", run)
    monkeypatch.setattr(replay, "_SETTLING", 0.0)
    monkeypatch.setattr(spine.quality, "evaluate", measure)
    return place


def test_a_replay_is_idempotent_and_says_so(place: Place) -> None:
    place.put("2028-03-01")
    code, text = place.replay()
    assert (code, place.runs) == (0, [AS_OF])
    assert f"{KEY}: accepted as revision 1." in text
    made = look_at_results(place.settings)
    for _ in range(2):
        code, text = place.replay()
        assert code == 0
        assert f"{KEY}: same result as revision 1 (accepted)." in text
        assert "Nothing has changed" in text
    assert place.runs == [AS_OF]
    assert look_at_results(place.settings) == made


def test_another_result_is_a_new_revision_and_ends_as_a_refusal_does(place: Place) -> None:
    place.put("2028-03-01")
    place.replay()
    place.outcome = "failed"
    code, text = place.replay()
    assert code == 4
    assert f"{KEY}: refused as revision 2." in text
    assert place.entries() == [("2028-03-01", 1, "accepted"), ("2028-03-01", 2, "refused")]
    assert len(place.runs) == 2
    assert place.replay()[0] == 4, "still refused, though nothing changed"
    assert len(place.runs) == 2


def test_a_damaged_lake_is_restored_and_the_pipeline_runs(place: Place) -> None:
    place.put("2028-03-01")
    place.replay()
    [parquet] = place.settings.lake.rglob("opt_outs.parquet")
    whole = parquet.read_bytes()
    parquet.write_bytes(whole[:50])
    code, text = place.replay()
    assert code == 0
    assert (
        "same result as revision 1 (accepted); its folder in the lake was damaged or lost, and is whole again" in text
    )
    assert parquet.read_bytes() == whole
    assert len(place.runs) == 2


def test_a_backfill_goes_from_the_oldest_to_the_newest_of_its_range(place: Place) -> None:
    for day in ("2028-03-08", "2028-02-01", "2028-03-01", "2028-01-01"):
        place.put(day)
    code, text = place.spine("backfill", "--from", "2028-02-01", "--to", "2028-03-08")
    assert code == 0
    days = re.findall(r"(\S+): accepted as", text)
    assert days == [f"wexmoor_icb/opt_out/2028-{day}" for day in ("02-01", "03-01", "03-08")]
    assert place.runs == [AS_OF]
    code, text = place.spine("backfill", "--from", "2028-02-01", "--to", "2028-03-08", *SOURCE)
    assert text.count("same result as revision 1") == 3
    assert place.runs == [AS_OF]
    code, text = place.spine("backfill", "--from", "2028-02-01", "--to", "2028-03-08", "--partner", "reference")
    assert code == 2


def test_what_is_not_in_landing_any_more_is_said_with_what_to_do(place: Place) -> None:
    place.put("2028-03-08")
    folder = place.put("2028-03-01")
    place.spine("backfill", "--from", "2028-03-01", "--to", "2028-03-08")
    shutil.rmtree(folder)
    code, text = place.replay()
    assert code == 2
    assert f"{KEY} was judged before and cannot be read again: landing no longer has the files" in text
    assert "ask the partner to resend" in text
    code, text = place.spine("backfill", "--from", "2028-03-01", "--to", "2028-03-31")
    assert code == 0
    assert f"{KEY} is not in landing any more and stays as it is" in text
    assert place.entries() == [("2028-03-01", 1, "accepted"), ("2028-03-08", 1, "accepted")]


def test_wrong_arguments_are_explained_and_not_repeated(place: Place) -> None:
    place.put("2028-04-01")
    folder = place.put("2028-02-02")
    (folder / "a.txt").unlink()
    day = ("--date", "2028-03-01")
    cases = {
        ("replay", "--partner", "smith_john", "--dataset", "opt_out", *day): "--partner: expected one of",
        ("replay", "--partner", "../..", "--dataset", "opt_out", *day): "--partner: expected one of",
        ("replay", "--partner", "wexmoor_icb", "--dataset", "smith", *day): "which wexmoor_icb sends",
        ("replay", *SOURCE, "--date", "01/03/2028"): "--date: expected a day of the calendar",
        ("replay", *SOURCE, *day): f"landing has no delivery of {KEY} that can be judged. `spine status`",
        ("replay", *SOURCE, "--date", "2028-04-01"): "is dated after 2028-03-31",
        ("replay", *SOURCE, "--date", "2028-02-02"): "the folder holds no file yet",
        ("backfill", "--from", "2028-03-02", "--to", "2028-03-01"): "--from is later than --to",
        (
            "backfill",
            "--from",
            "2020-01-01",
            "--to",
            "2020-03-01",
        ): "landing has no delivery of any partner/any dataset",
    }
    for arguments, expected in cases.items():
        code, text = place.spine(*arguments)
        assert (code, expected in text) == (2, True), (arguments, text)
        assert "smith" not in text
    assert place.runs == []
    assert place.replay("2028-04-01", "--as-of", "2028-04-02")[0] == 0


def test_one_run_at_a_time(place: Place) -> None:
    place.put("2028-03-01")
    with home_lock(place.settings):
        code, text = place.replay()
    assert code == 7
    assert "Another run holds" in text
    assert place.entries() == []


def test_a_refusal_is_shown_with_its_reasons_and_without_names(place: Place) -> None:
    folder = place.put("2028-03-01", "not a number of the list\n")
    (folder / "a.txt").rename(folder / "smith_john.txt")
    code, text = place.replay()
    assert code == 4
    assert "refused as revision 1." in text
    assert "Ask the partner" in text
    assert "smith" not in text
