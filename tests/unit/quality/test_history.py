"""The quality history: whole or absent, the same bytes for the same verdicts, and trends by today's threshold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spine.contracts import Rule, RuleResult, Threshold
from spine.errors import PipelineError
from spine.extract import LedgerEntry
from spine.failpoints import VARIABLE, armed
from spine.quality.history import (
    SCHEMA,
    SPINE,
    RunVerdict,
    newest_revisions,
    read_file,
    read_history,
    record_run,
    write_file,
)
from spine.quality.trend import trend
from spine.settings import Settings
from spine.verdicts import keep_history, measured
from tests.unit.extract.conftest import PEOPLE, contract

RULE = Rule("people__flat", "people", None, "table__unique", "It is.", "uniqueness", "warning", "sql", {},
            Threshold("mustBeLessOrEqualTo", 1, "percent"))  # fmt: skip
MARCH = date(2028, 3, 31)


def entry(month: int, broken: int, revision: int = 1, outcome: str = "passed") -> LedgerEntry:
    result = RuleResult(name=RULE.name, outcome=outcome, numerator=broken, denominator=100)  # type: ignore[arg-type]
    day = date(2028, month, 1)
    return LedgerEntry(
        delivery=f"north/people/{day}", partner="north", dataset="people", date=day, revision=revision,
        contract_id="people__flat", contract_version="1.0.0", contract_fingerprint="f", content_sha256=f"{month}",
        verdict="accepted", results=(result,), judged_as_of=MARCH,
    )  # fmt: skip


def test_the_history_of_a_source_is_told_from_its_ledger_whatever_the_order(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    entries = [entry(1, 0), entry(2, 3), entry(2, 1, revision=2)]
    keep_history(settings, entries, ())
    path = settings.quality / "north__people.parquet"
    first = path.read_bytes()
    rows = read_history(settings.quality).filter(pl.col("rule") == RULE.name)
    assert rows.select("source", "date", "revision", "numerator", "denominator").rows() == [
        ("north__people", date(2028, 1, 1), 1, 0, 100),
        ("north__people", date(2028, 2, 1), 1, 3, 100),
        ("north__people", date(2028, 2, 1), 2, 1, 100),
    ]
    keep_history(settings, entries[::-1], ())
    assert path.read_bytes() == first
    path.unlink()
    keep_history(settings, entries, ())
    assert path.read_bytes() == first
    assert newest_revisions(rows)["numerator"].to_list() == [0, 1]


def test_a_run_that_finds_what_stands_adds_nothing(tmp_path: Path) -> None:
    links = RunVerdict("linkage/links", "table__few", "passed", 3, 100)
    other = RunVerdict("linkage/crosswalk", "table__every", "passed", 0, 50)
    assert record_run(tmp_path, MARCH, [links, other])
    before = (tmp_path / "spine.parquet").read_bytes()
    assert not record_run(tmp_path, MARCH, [other, links])
    assert (tmp_path / "spine.parquet").read_bytes() == before
    assert record_run(tmp_path, MARCH, [RunVerdict("linkage/links", "table__few", "warned", 30, 100), other])
    assert record_run(tmp_path, date(2028, 4, 30), [RunVerdict("linkage/links", "table__few", "error", None, None)])
    known = read_file(tmp_path, SPINE)
    assert known.select("rule", "date", "revision", "outcome").rows() == [
        ("table__every", MARCH, 1, "passed"),
        ("table__few", MARCH, 1, "passed"),
        ("table__few", MARCH, 2, "warned"),
        ("table__few", date(2028, 4, 30), 1, "error"),
    ]
    assert newest_revisions(known).height == 3, "a run's checks have revisions of their own"


def test_a_damaged_history_is_told_and_a_sources_own_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "spine.parquet").write_bytes(b"PAR1")
    with pytest.raises(PipelineError, match=r"spine\.parquet cannot be read .* Restore it from a backup"):
        read_history(tmp_path)
    (tmp_path / "spine.parquet").rename(tmp_path / "north__people.parquet")
    with pytest.raises(PipelineError, match="Remove it: the next run tells it from the ledger"):
        read_file(tmp_path, "north__people")


@pytest.mark.parametrize("stage", ["before_write", "before_fsync", "before_rename"])
def test_a_failing_disk_leaves_the_history_as_it_was(
    tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(tmp_path, MARCH, [RunVerdict("linkage/links", "table__few", "passed", 3, 100)])
    before = (tmp_path / "spine.parquet").read_bytes()
    monkeypatch.setenv(VARIABLE, f"quality.history.{stage}:enospc")
    armed.cache_clear()
    try:
        with pytest.raises(PipelineError):
            record_run(tmp_path, MARCH, [RunVerdict("linkage/links", "table__few", "passed", 4, 100)])
    finally:
        monkeypatch.delenv(VARIABLE)
        armed.cache_clear()
    assert [path.name for path in tmp_path.iterdir()] == ["spine.parquet"]
    assert (tmp_path / "spine.parquet").read_bytes() == before


def test_an_empty_home_has_an_empty_history(tmp_path: Path) -> None:
    assert read_history(tmp_path / "none").schema == pl.Schema(SCHEMA)
    assert not write_file(tmp_path, "x", pl.DataFrame(schema=SCHEMA)) or read_file(tmp_path, "x").is_empty()


def test_the_past_is_judged_by_todays_threshold() -> None:
    counts = [5, 0, 2, 3, 4]
    past = measured([*(entry(n, broken) for n, broken in enumerate(counts, 1)), entry(2, 1, revision=2)], MARCH)
    assert [day.month for day, _ in past[RULE.name]] == [1, 2, 3], "what is dated later is left out"
    past = measured([entry(n, broken) for n, broken in enumerate(counts, 1)], date(2028, 12, 1))
    fared = trend(RULE, past[RULE.name])
    assert fared.percentages == (5.0, 0.0, 2.0, 3.0, 4.0)
    assert (fared.times_broken, fared.since, fared.deliveries_since) == (4, date(2028, 3, 1), 3)
    stricter = trend(RULE, past[RULE.name], Threshold("mustBeLessThan", 0))
    assert (stricter.times_broken, stricter.since) == (5, date(2028, 1, 1))
    looser = trend(RULE, past[RULE.name], Threshold("mustBeLessOrEqualTo", 10, "percent"))
    assert (looser.times_broken, looser.since, looser.deliveries_since) == (0, None, 0)


def test_a_rule_that_could_not_run_counts_as_broken() -> None:
    result = RuleResult(name=RULE.name, outcome="error", problem="BinderException")
    fared = trend(RULE, [(MARCH, result)])
    assert (fared.times_broken, fared.percentages) == (1, (None,))


def test_lateness_stands_in_the_history(tmp_path: Path) -> None:
    weekly = contract("people__flat", PEOPLE, frequency_days=7)
    keep_history(Settings(home=tmp_path), [entry(1, 0), entry(2, 0)], (weekly,))
    late = read_history(Settings(home=tmp_path).quality).filter(pl.col("rule") == "_delivery__arrives_on_time")
    assert late.select("date", "outcome", "numerator", "denominator").rows() == [(date(2028, 2, 1), "warned", 22, 31)]
