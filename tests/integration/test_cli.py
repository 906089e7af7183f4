"""The `spine` command: its help, its exit codes, and that no error shows data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from spine.cli import app
from spine.cli.app import SafeGroup
from spine.settings import PROJECT_ROOT

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


def test_the_contracts_are_valid() -> None:
    code, text = invoke("contracts", "validate")
    assert code == 0
    assert "valid" in text


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
