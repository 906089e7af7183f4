"""Reading small files that somebody may have written in bad faith."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from spine.documents import MOST_BYTES, RefusedYamlError, parse_yaml, read_json, read_text
from spine.errors import ContractError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.symlink_to("/nonexistent"), "is a link to another folder"),
        (lambda path: path.symlink_to(path.parent.parent / "elsewhere.yaml"), "is a link to another folder"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (os.mkfifo, "is a folder, or something else that is no file"),
        (lambda path: path.write_bytes(b"a: \xff"), "is not UTF-8"),
        (lambda path: path.write_bytes(b"#" * (MOST_BYTES + 1)), "is larger than 1 MiB"),
        (lambda path: None, "is missing"),
    ],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, make: Callable[[Path], None], fault: str) -> None:
    (tmp_path / "elsewhere.yaml").write_text("a: 1")
    path = tmp_path / "folder" / "a.yaml"
    path.parent.mkdir()
    make(path)
    with pytest.raises(ContractError, match=rf"a\.yaml: {fault}"):
        read_text(path)


def test_a_link_within_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "a.yaml").write_text("a: 1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert read_text(tmp_path / "a.yaml") == "a: 1"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("&a [*a]", "contain themselves"),
        (BOMB, "too many values"),
        ("[" * 100_000, "50 levels"),
        ("- " * 100_000, "50 levels"),
        ("a: " + "9" * 2000, "thousand characters"),
        ("a: 1" + ":00" * 100_000, "thousand characters"),
    ],
)
def test_yaml_that_brings_down_its_reader_is_refused(text: str, fault: str) -> None:
    with pytest.raises(RefusedYamlError, match=fault):
        parse_yaml(text)
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text, may_alias=False)


def test_a_contract_may_have_aliases_and_what_is_signed_may_not() -> None:
    assert parse_yaml("a: &a [1]\nb: [*a, *a]") == {"a": [1], "b": [[1], [1]]}
    with pytest.raises(RefusedYamlError, match="write it out"):
        parse_yaml("a: &a [1]\nb: [*a, *a]", may_alias=False)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": 1, "a": 2}', "{"])
def test_json_that_cannot_be_read_in_one_way_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ContractError, match=r"a\.json: is not valid JSON, or has a key twice"):
        read_json(tmp_path / "a.json")
