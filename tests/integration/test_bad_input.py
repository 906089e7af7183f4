"""Every kind of broken delivery through the real door: one clear message, nothing half-written, nobody else harmed.

All cases are deliveries of one run: each on a date of its own, beside deliveries of other partners that are well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from spine.cli import app
from spine.contracts import Rule, RuleResult
from spine.extract import Ledger, LedgerEntry, contract_for, find_deliveries, in_use, judge_delivery
from spine.quality import evaluate
from spine.reports import report_path, write_reports
from spine.settings import Settings
from tests.fixtures.bad_deliveries import AS_OF, CANARY, CASES, CONTRACTS, NUMBER, PARTNERS, WELL, day_of


@dataclass
class Run:
    """A home in which every case was judged in one run."""

    settings: Settings
    entries: dict[str, LedgerEntry]

    def of(self, name: str) -> LedgerEntry:
        return self.entries[f"{CASES[name].source}/{day_of(name)}"]


def passed(tables: Mapping[str, Path], rules: tuple[Rule, ...], as_of: date) -> list[RuleResult]:
    """Stands for the rules where a case is about something else: Great Expectations is slow."""
    return [RuleResult(name=r.name, outcome="passed", numerator=0, denominator=1) for r in rules if r.metric != "text"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = Settings(home=tmp_path_factory.mktemp("bad_input") / "home").prepare()
    deliveries = {f"{case.source}/{day_of(name)}": case.files for name, case in CASES.items()} | WELL
    for delivery, files in deliveries.items():
        folder = settings.landing / delivery
        folder.mkdir(parents=True)
        for name, content in files.items():
            if isinstance(content, Path):
                (folder / name).symlink_to(content)
            else:
                (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    measured = {f"{case.source}/{day_of(name)}" for name, case in CASES.items() if case.rules}
    for delivery in find_deliveries(settings.landing, CONTRACTS, AS_OF).deliveries:
        contract = contract_for(CONTRACTS, delivery.partner, delivery.dataset, delivery.date)
        assert contract is not None
        judge = partial(evaluate, threads=1) if delivery.key in measured else passed
        places = {"lake": settings.lake, "ledger": Ledger(settings.ledger), "as_of": AS_OF}
        judge_delivery(delivery, contract, **places, evaluate=judge)  # type: ignore[arg-type]
    entries = Ledger(settings.ledger).entries()
    for state in in_use(entries, CONTRACTS, AS_OF):
        mine = [entry for entry in entries if (entry.partner, entry.dataset) == (state.partner, state.dataset)]
        write_reports(settings, PARTNERS[state.partner], CONTRACTS, mine, state, AS_OF)
    return Run(settings, {entry.delivery: entry for entry in entries})


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_and_the_one_message_for_it(run: Run, name: str) -> None:
    case, entry = CASES[name], run.of(name)
    assert entry.verdict == ("refused" if case.reasons else "accepted"), entry.reasons
    assert len(entry.reasons) == len(case.reasons), entry.reasons
    for reason, phrases in zip(entry.reasons, case.reasons, strict=True):
        pattern = ".*".join(re.escape(phrase.strip()) for phrase in phrases.split("·"))
        assert re.search(pattern, reason), reason
    if case.rules:
        assert {r.name: r.numerator for r in entry.results if r.outcome != "passed"} == case.broken


@pytest.mark.parametrize("name", CASES)
def test_rows_add_up_and_those_put_aside_are_named(run: Run, name: str) -> None:
    case, entry = CASES[name], run.of(name)
    folder = run.settings.lake / entry.folder
    if case.kept is None:
        assert (entry.tables, folder.exists()) == ({}, False), "nothing half-read is left"
        return
    assert sum(t.kept for t in entry.tables.values()) == case.kept
    assert all(t.rows_read == t.kept + t.quarantined + t.ignored for t in entry.tables.values())
    held = sum(duckdb.sql(f"SELECT count(*) FROM '{folder / name}.parquet'").fetchall()[0][0] for name in entry.tables)
    assert held == case.kept
    aside = duckdb.sql(f"SELECT row_no, rule FROM '{folder}/quarantine.parquet' ORDER BY ALL").fetchall()
    assert aside == list(case.quarantine)


def test_deliveries_of_the_same_run_that_are_well_are_accepted(run: Run) -> None:
    assert {delivery: run.entries[delivery].verdict for delivery in WELL} == dict.fromkeys(WELL, "accepted")


def test_a_column_that_is_not_contracted_is_reported_and_not_read(run: Run) -> None:
    counts = run.of("extra column").tables["accounts"]
    assert (counts.columns_dropped, counts.columns_dropped_names) == (1, ("Shoe size",))
    columns = duckdb.sql(f"DESCRIBE FROM '{run.settings.lake / run.of('extra column').folder}/accounts.parquet'")
    assert not [row[0] for row in columns.fetchall() if "shoe" in row[0].lower()]


@pytest.mark.parametrize("name", ["UTF-16", "Windows-1252", "byte order mark"])
def test_every_usual_encoding_gives_the_right_characters(run: Run, name: str) -> None:
    path = run.settings.lake / run.of(name).folder / "accounts.parquet"
    assert duckdb.sql(f"SELECT DISTINCT forename FROM '{path}'").fetchall() == [("Zoë",)]


def test_the_same_file_under_two_dates_is_known_by_its_bytes(run: Run) -> None:
    one, other = run.of("same file, one date"), run.of("same file, other date")
    assert one.files_sha256 == other.files_sha256 != ""
    assert one.delivery != other.delivery


def test_nothing_half_written_is_left(run: Run) -> None:
    left = [path for path in run.settings.root.rglob("*") if re.search(r"\.tmp|spill|unpacked|\.part", path.name)]
    assert left == []
    lake = {path.parent for path in run.settings.lake.rglob("*.parquet")}
    assert lake == {run.settings.lake / entry.folder for entry in run.entries.values() if entry.tables}
    assert all((folder / "manifest.json").exists() for folder in lake)


@pytest.mark.parametrize("name", CASES)
def test_the_partner_gets_a_report_of_what_is_wrong_and_of_nothing_else(run: Run, name: str) -> None:
    case, entry = CASES[name], run.of(name)
    is_wrong = bool(case.reasons or case.broken or case.quarantine or name == "extra column")
    page = report_path(run.settings, entry.delivery)
    assert (page.exists(), page.with_suffix(".csv").exists()) == (is_wrong, is_wrong)


def test_no_planted_value_is_outside_the_folders_that_may_hold_it(run: Run) -> None:
    personal = {run.settings.landing, run.settings.lake}
    files = [p for p in run.settings.root.rglob("*") if p.is_file() and not personal & set(p.parents)]
    assert len(files) > len(CASES)
    for path in files:
        content = path.read_text(encoding="utf-8")
        assert not [canary for canary in (CANARY, NUMBER) if canary in content + path.name], path.name


def test_the_command_says_where_a_report_lies(run: Run) -> None:
    def ask(*arguments: str) -> tuple[int, str]:
        home = {"SPINE_HOME": str(run.settings.home), "COLUMNS": "200"}
        result = CliRunner().invoke(app, ["report", *arguments], env=home)
        return result.exit_code, result.output

    source = ("--partner", "saltmarsh_district", "--dataset", "council_tax")
    entry = run.of("renamed column")
    assert ask(*source, "--date", str(entry.date)) == (
        0,
        f"{entry.delivery}: refused, revision 1\n  {report_path(run.settings, entry.delivery)}\n"
        f"  {report_path(run.settings, entry.delivery).with_suffix('.csv')}\n",
    )
    assert ask(*source) == (
        0, "saltmarsh_district/council_tax/2028-03-31: accepted, revision 1\n"
        "  There is nothing to correct, so it has no report.\n",
    )  # fmt: skip
    for wrong in ((*source, "--date", "2020-01-01"), (*source, "--date", CANARY), ("--partner", CANARY, *source[2:])):
        code, told = ask(*wrong)
        assert (code, CANARY in told) == (2, False)
