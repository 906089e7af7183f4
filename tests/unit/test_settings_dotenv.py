"""A `.env` that Dagster would read never overrides the deployment's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from spine.errors import GovernanceError
from spine.settings import Settings, refuse_dotenv


def test_a_dotenv_in_the_project_or_the_working_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project, elsewhere):
        folder.mkdir()
    monkeypatch.chdir(elsewhere)
    settings = Settings(project=project)
    refuse_dotenv(settings)
    for folder in (project, elsewhere):
        (folder / ".env").write_text("SPINE_TRUST_FILE=evil.yaml")
        with pytest.raises(GovernanceError, match="override the deployment's settings"):
            refuse_dotenv(settings)
        (folder / ".env").unlink()


def test_the_ui_is_started_outside_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from spine.cli import app, run

    asked: dict[str, object] = {}

    def started(path: str, command: list[str], environment: dict[str, str]) -> None:
        asked.update(path=path, command=command, environment=environment)

    monkeypatch.setenv("SPINE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(run.os, "chdir", lambda folder: asked.update(cwd=folder))
    monkeypatch.setattr(run.os, "execve", started)
    monkeypatch.setattr(run, "pipeline", lambda _: lambda settings: str(settings.dagster))
    answer = CliRunner().invoke(app, ["dev", "--port", "3210"])
    assert answer.exit_code == 0, answer.exception
    assert "http://localhost:3210/assets/raw" in answer.output
    home = tmp_path / "home" / "dagster"
    assert asked["cwd"] == str(home)
    assert f"-w {home / 'workspace.yaml'}" in " ".join(asked["command"])  # type: ignore[arg-type]
    assert asked["path"] == asked["command"][0]  # type: ignore[index]
