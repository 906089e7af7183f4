"""A folder is replaced as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from spine.files import recover_folder, replacing_folder


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with replacing_folder(tmp_path / "result") as new:
            (new / "state").mkdir()
            (new / "state" / "a.txt").write_text(text)
    assert (tmp_path / "result" / "state" / "a.txt").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_what_was_there_stands_where_the_new_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with replacing_folder(tmp_path / "result") as new:
        (new / "a.txt").write_text("first")

    def fail() -> None:
        with replacing_folder(tmp_path / "result") as new:
            (new / "a.txt").write_text("second")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    rename, calls = __import__("os").rename, []

    def second_fails(*paths: Path) -> None:
        calls.append(paths)
        if len(calls) == 2:
            raise OSError
        rename(*paths)

    monkeypatch.setattr("spine.files.os.rename", second_fails)
    with pytest.raises(OSError), replacing_folder(tmp_path / "result") as new:  # noqa: PT011
        (new / "a.txt").write_text("third")
    assert (tmp_path / "result" / "a.txt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


#: No process has this number: it is above what systems give out.
DEAD = 2**30


def test_what_a_dead_process_had_moved_aside_comes_back(tmp_path: Path) -> None:
    for name in (f".tmp-{DEAD}-result.old", f".tmp-{DEAD}-result", f".tmp-{DEAD}-other", ".tmp-1-result"):
        (tmp_path / name).mkdir()
    (tmp_path / f".tmp-{DEAD}-result.old" / "a.txt").touch()
    recover_folder(tmp_path / "result")
    assert {path.name for path in tmp_path.iterdir()} == {"result", f".tmp-{DEAD}-other", ".tmp-1-result"}
    assert (tmp_path / "result" / "a.txt").exists()
    (tmp_path / f".tmp-{DEAD}-result.old").mkdir()
    recover_folder(tmp_path / "result")
    assert (tmp_path / "result" / "a.txt").exists()
    assert not (tmp_path / f".tmp-{DEAD}-result.old").exists()
