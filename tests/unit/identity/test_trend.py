"""Link rates of run after run: what is usual, and how far a run is from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spine.errors import ContractError, PipelineError
from spine.identity.limits import LinkageLimits, LinkRate, load_limits
from spine.identity.trend import HISTORY, RateStanding, read_history, standings, with_run
from spine.runs import SourceLinks
from spine.settings import PROJECT_ROOT

AS_OF = date(2028, 3, 31)


def links(linked: int, source: str = "gp", records: int = 1000) -> SourceLinks:
    return SourceLinks(source=source, records=records, linked=linked)


def history(*linked: int) -> pl.DataFrame:
    told = pl.DataFrame(schema=HISTORY)
    for number, count in enumerate(linked):
        told = with_run(told, f"run {number}", AS_OF, [links(count)])
    return told


def standing(before: Sequence[int], now: int, limits: LinkRate | None = None) -> RateStanding:
    [found] = standings(history(*before), "now", [links(now)], limits or LinkRate())
    return found


@pytest.mark.parametrize("runs", [0, 1, 2])
def test_the_first_runs_only_record(runs: int) -> None:
    found = standing([900] * runs, 100)
    assert (found.earlier, found.usual, found.deviations) == (runs, None, None)


@pytest.mark.parametrize(
    ("before", "now", "deviations"),
    [
        ([900, 900, 900], 900, 0.0),
        ([900, 900, 900], 860, -4.0),  # a deviation is at least one point
        ([900, 900, 900], 941, 4.1),
        ([880, 900, 920], 841, -1.99),  # median 0.9, median absolute deviation 0.02
        ([900, 900, 900, 100], 900, 0.0),  # one odd run moves nothing
    ],
)
def test_deviations(before: list[int], now: int, deviations: float) -> None:
    assert standing(before, now).deviations == pytest.approx(deviations, abs=0.01)


def test_only_the_last_runs_count() -> None:
    assert standing([100] * 20 + [900] * 12, 900).deviations == 0
    assert standing([100] * 20 + [900] * 3, 900, LinkRate(runs=3)).earlier == 3


def test_a_run_is_not_compared_with_itself_and_is_told_once() -> None:
    told = with_run(history(900, 900, 900), "now", AS_OF, [links(100)])
    told = with_run(told, "now", AS_OF, [links(950)])
    assert told["linked"].to_list() == [900, 900, 900, 950]
    [found] = standings(told, "now", [links(950)], LinkRate())
    assert (found.earlier, found.usual) == (3, 0.9)


def test_each_source_has_its_own_trend() -> None:
    old, new = standings(history(900, 900, 900), "now", [links(900), links(0, "new", 0)], LinkRate())
    assert (old.deviations, new.deviations, new.rate) == (0, None, 0)


def test_a_damaged_history_is_one_clear_error(tmp_path: Path) -> None:
    assert read_history(tmp_path / "history.parquet").is_empty()
    (tmp_path / "history.parquet").write_text("not a table")
    with pytest.raises(PipelineError, match="the trend then begins anew"):
        read_history(tmp_path / "history.parquet")


def test_the_shipped_limits_are_read() -> None:
    limits = load_limits(PROJECT_ROOT / "expectations")
    assert limits.group_gap_points.keys() == {"sex", "birth_decade", "has_postcode", "has_date_of_birth"}
    assert limits.link_rate == LinkRate()


def test_limits_that_are_not_there_have_their_defaults(tmp_path: Path) -> None:
    assert load_limits(tmp_path) == LinkageLimits()


@pytest.mark.parametrize("text", ["clerical_percent: 101", "clerical: 5", "link_rate: {runs: 0}", "a: [", "- 1"])
def test_faulty_limits_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "linkage_checks.yaml").write_text(text)
    with pytest.raises(ContractError, match=r"linkage_checks\.yaml: not"):
        load_limits(tmp_path)
