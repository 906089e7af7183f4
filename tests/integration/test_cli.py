"""The `spine` command: its help, its exit codes, and that no error shows data."""

from __future__ import annotations

import re
import shlex
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from spine.cli import app
from spine.cli.app import SafeGroup
from spine.cli.report import show_next_steps, show_summary
from spine.cli.show import dropped_columns, tell_dropped
from spine.extract import LedgerEntry, TableCounts
from spine.runs import RunSummary
from spine.settings import PROJECT_ROOT, Settings

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
DOCUMENTS = [PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]


def invoke(*arguments: str, home: Path | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"SPINE_HOME": str(home or "no-home"), "COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    code, text = invoke(name, "--help")
    assert code == 0
    command = COMMANDS[name]
    assert command.help
    assert hasattr(command, "commands") or "Example: spine" in text


def _parsed(command: typer.core.TyperGroup, words: list[str], parent: typer.Context | None = None) -> typer.Context:
    """The context in which these words would run; nothing is run."""
    context = command.make_context(command.name or "spine", list(words), parent=parent)
    if not hasattr(command, "commands"):
        return context
    _, inner, rest = command.resolve_command(context, words)
    return _parsed(inner, rest, context)  # type: ignore[arg-type]


def _examples(command: typer.core.TyperGroup) -> list[str]:
    found = re.findall(r"(?:Example:|·) (spine .*?)(?= · |\. |\n|$)", command.epilog or "")
    return found + [example for inner in getattr(command, "commands", {}).values() for example in _examples(inner)]


@pytest.mark.parametrize("example", _examples(typer.main.get_command(app)))  # type: ignore[arg-type]
def test_every_example_is_a_line_that_the_command_takes(example: str) -> None:
    _parsed(typer.main.get_command(app), shlex.split(example)[1:])  # type: ignore[arg-type]


def test_the_exit_codes_are_documented() -> None:
    _, text = invoke("--help")
    assert all(f"{code} " in text for code in range(9))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_commands_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:^|`|bin/)spine ([a-z]+)", text, re.MULTILINE)) <= set(COMMANDS)
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= set(targets)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (path.parent / link).exists()]


def test_readme_names_every_make_target() -> None:
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    for target in ("demo", "test", "check", "test-fast", "dev", "clean"):
        assert f"make {target}" in readme


def test_a_purpose_without_a_release_is_a_usage_error(tmp_path: Path) -> None:
    code, text = invoke("query", "--purpose", "care_planning", "SELECT 1", home=tmp_path)
    assert code == 2
    assert "nothing is published yet" in text


def test_an_impossible_date_is_refused(tmp_path: Path) -> None:
    code, text = invoke("run", "--as-of", "31/03/2028", home=tmp_path)
    assert code != 0
    assert "YYYY-MM-DD" in text
    assert "31/03/2028" not in text


def test_too_many_residents_are_refused(tmp_path: Path) -> None:
    code, text = invoke("synth", "--residents", "800001", "--out", str(tmp_path))
    assert code == 2
    assert "800,000" in text


def test_a_home_with_deliveries_of_others_is_no_place_for_a_demonstration(tmp_path: Path) -> None:
    (tmp_path / "landing/wexmoor_icb/opt_out/2028-03-31").mkdir(parents=True)
    code, text = invoke("demo", home=tmp_path)
    assert code == 2
    assert "needs a home of its own" in " ".join(text.split())
    assert not (tmp_path / "demonstration").exists()


def test_status_says_where_it_found_no_home(tmp_path: Path) -> None:
    code, text = invoke("status", home=tmp_path / "none")
    assert code == 0
    assert f"no home at {tmp_path / 'none'} yet" in text
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("home", ["a file", "a file/home"])
def test_a_home_that_can_be_no_folder_is_refused_by_name(tmp_path: Path, home: str) -> None:
    (tmp_path / "a file").touch()
    code, text = invoke("run", home=tmp_path / home)
    assert code == 2
    assert "SPINE_HOME" in text
    assert "cannot be made a folder" in " ".join(text.split())


def test_settings_that_cannot_be_used_are_named_and_not_shown(tmp_path: Path) -> None:
    environment = {"SPINE_HOME": str(tmp_path), "SPINE_TRUST_SHA256": "Quexbrandt", "SPINE_MODE": "testing"}
    result = CliRunner().invoke(app, ["status"], env=environment)
    assert result.exit_code == 2
    assert "SPINE_TRUST_SHA256" in result.output
    assert "SPINE_MODE" in result.output
    assert "Quexbrandt" not in result.output


def test_the_contracts_are_valid() -> None:
    code, text = invoke("contracts", "validate")
    assert code == 0
    assert "valid" in text


def test_a_run_with_refusals_says_so_first_and_where_each_report_lies_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path)
    page = settings.reports / "north/people/2028-03-01.html"
    page.parent.mkdir(parents=True)
    page.touch()
    summary = RunSummary(as_of=date(2028, 3, 31), run_id="r", succeeded=True)
    show_summary(summary, settings)
    assert "The spine is up to date" in capsys.readouterr().out
    refused = summary.model_copy(update={"refused": {"north/people/2028-03-01": ["why"]}, "checks_skipped": 40})
    show_summary(refused, settings)
    told = capsys.readouterr().out
    assert "The run is done, 1 delivery refused" in told
    assert "up to date" not in told
    assert "40 skipped" in told
    assert told.count(str(page)) == 1
    show_summary(summary.model_copy(update={"unrecognised": ["a: b", "c: d"]}), settings)
    assert "The run is done, 2 folders not recognised" in capsys.readouterr().out
    show_summary(summary.model_copy(update={"succeeded": False, "exit_code": 8}), settings)
    assert "what was published before stands" in capsys.readouterr().out
    show_summary(summary.model_copy(update={"succeeded": False, "exit_code": 6}), settings)
    assert "stands who must act" in (told := capsys.readouterr().out)
    assert "what was published" not in told, "a suspension withdraws it"


def test_the_next_steps_can_be_pasted_whatever_the_home_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    show_next_steps(Settings(home=Path("our home, März")))
    lines = [line for line in capsys.readouterr().out.splitlines() if "bin/spine" in line]
    assert len(lines) == 3
    assert all("SPINE_HOME=our home, März" in shlex.split(line) for line in lines)


def test_dropped_columns_are_told_by_table_and_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    names = tuple(f"extra_{n:02d}" for n in range(30))
    tables = {
        "accounts": TableCounts(columns_dropped=30, columns_dropped_names=names),
        "people": TableCounts(columns_dropped=2, columns_dropped_names=("account_ref",)),
        "addresses": TableCounts(),
    }
    entry = LedgerEntry(
        delivery="north/people/2028-03-01", partner="north", dataset="people", date=date(2028, 3, 1), revision=1,
        contract_id="people__flat", contract_version="1.0.0", contract_fingerprint="", content_sha256="",
        verdict="accepted", tables=tables, judged_as_of=date(2028, 3, 31),
    )  # fmt: skip
    head = "Dropped from north/people/2028-03-01, table"
    assert dropped_columns(entry) == [
        f"{head} 'accounts', as not contracted: {', '.join(names)}",
        f"{head} 'people', as not contracted: account_ref, 1 more whose header is not shown because it may be data",
    ]
    tell_dropped([entry], named=False)
    short = capsys.readouterr().out
    assert "32 columns of 2 tables" in short
    assert "extra_00" not in short
    tell_dropped([entry], named=True)
    assert "extra_00" in capsys.readouterr().out


def test_an_internal_error_shows_its_place_and_no_value() -> None:
    broken = typer.Typer(cls=SafeGroup, pretty_exceptions_enable=False)

    @broken.command()
    def fail() -> None:
        raise ValueError("Zyxqvonia Quexbrandt")

    @broken.command()
    def other() -> None:
        """A second command, so that the first keeps its name."""

    result = CliRunner().invoke(broken, ["fail"])
    assert result.exit_code == 1
    assert "ValueError" in result.output
    assert "Quexbrandt" not in result.output
