"""`spine quality`: the history as a table, and the past by another threshold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from spine.cli import app
from spine.contracts import load_contracts, load_partners
from spine.errors import UsageError
from spine.quality.history import SCHEMA, RunVerdict, record_run, write_file
from spine.settings import PROJECT_ROOT

PARTNERS = load_partners(PROJECT_ROOT / "expectations/partners.yaml")
CONTRACT = next(c for c in load_contracts(PROJECT_ROOT / "expectations/contracts", PARTNERS) if "nfi" in c.id)
PARTNER = CONTRACT.supplies[0].partner
RULE = next(rule for rule in CONTRACT.rules if rule.threshold.unit == "percent")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPINE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def fill(home: Path) -> None:
    """Four deliveries with 0, 1, 3 and 60 broken rows of 100; the last one warned."""
    source = f"{PARTNER}__{CONTRACT.dataset}"
    days = [(date(2028, month, 1), broken) for month, broken in enumerate((0, 1, 3, 60), start=1)]
    place, then = (source, f"raw/{source}"), {60: "warned"}
    rows = [
        (*place, day, 1, RULE.name, then.get(broken, "passed"), broken, 100, None, "1.0.0", day) for day, broken in days
    ]
    write_file(home / "quality", source, pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    record_run(home / "quality", date(2028, 4, 30), [RunVerdict("linkage/links", "table__few", "warned", 7, 90)])


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["quality", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_history_lists_what_is_no_pass_of_deliveries_and_runs(home: Path) -> None:
    fill(home)
    listed = said("history")
    assert "linkage/links" in listed
    assert "2 of 2 verdicts" in listed
    assert "5 of 5 verdicts" in said("history", "--all")
    assert "1 of 1 verdicts" in said("history", "--partner", PARTNER, "--dataset", CONTRACT.dataset)
    assert "0 of 0 verdicts" in said("history", "--rule", "table__gone")


@pytest.mark.parametrize(("percent", "would_fail"), [("0.5", "3"), ("99", "0")])
def test_the_past_is_judged_by_a_threshold_to_try(home: Path, percent: str, would_fail: str) -> None:
    fill(home)
    told = said("rejudge", "--rule", RULE.name, "--at-most-percent", percent).splitlines()
    [line] = [line for line in told if RULE.name in line]
    assert line.split()[-3:] == ["4", "1", would_fail], "deliveries, failed then, would fail now"


@pytest.mark.parametrize("arguments", [["history"], ["rejudge", "--at-most-percent", "1"]])
def test_what_cannot_be_done_is_told(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["quality", *arguments]).exit_code == UsageError.exit_code
