"""A pair that is no link is explained by doing the run again, from the same files or not at all."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spine.cli import app

RECORDS = "record_id,first_name,surname\na,Zanqui,Quimeltox\nb,Vormel,Brykel\nc,Zanqui,Quimeltox\n"
DECISIONS = "left_record_id,right_record_id,decision\na,c,must_link\n"


def spine(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["link", *map(str, arguments)], env={"COLUMNS": "200"})
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("changed", ["people.csv", "settings.yaml", "decisions.csv"])
@pytest.mark.parametrize("gone", [True, False])
def test_another_file_than_then_is_refused(tmp_path: Path, changed: str, gone: bool) -> None:
    settings = (files("spine.linkage") / "linkage.yaml").read_text("utf-8")
    for name, text in (("people.csv", RECORDS), ("settings.yaml", settings), ("decisions.csv", DECISIONS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    options = ("--config", tmp_path / "settings.yaml", "--overrides", tmp_path / "decisions.csv")
    assert spine(tmp_path / "people.csv", *options, "--out", tmp_path / "out")[0] == 0
    code, text = spine("explain", "a", "b", "--out", tmp_path / "out")
    assert (code, "The pair is not linked" in text) == (0, True)
    if gone:
        (tmp_path / changed).unlink()
    else:
        with (tmp_path / changed).open("a") as file:
            file.write("\n")
    code, text = spine("explain", "a", "b", "--out", tmp_path / "out")
    assert (code, "is gone or has changed" in text) == (2, True)
