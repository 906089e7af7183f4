"""Pseudonyms are HMAC-SHA256, differ between purposes, and their keys are kept closed."""

from __future__ import annotations

import hmac
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from spine.errors import GovernanceError
from spine.governance import Key, load_or_create_key, pseudonym_column, pseudonymise, pseudonyms

IDS = ["r-0001", "r-0002", "résident", ""]


def test_equals_the_standard_library_hmac() -> None:
    key = Key("care_planning", 3, bytes(range(32)))
    expected = [hmac.digest(key.secret, f"care_planning|3|{i}".encode(), "sha256").hex()[:32] for i in IDS]
    assert pseudonyms(key, IDS) == expected
    assert pseudonyms(key, []) == []


KEY = Key("care_planning", 3, bytes(range(32)))


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Three processors, and three ids are enough for a process each; gives the commands that were started."""
    started: list[list[str]] = []
    start = subprocess.Popen

    def noted(command: list[str], **options: Any) -> Any:
        started.append(command)
        return start(command, **options)

    monkeypatch.setattr(pseudonymise, "_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(pseudonymise, "processors", lambda: 3)
    monkeypatch.setattr(subprocess, "Popen", noted)
    return started


def test_a_column_in_processes_equals_the_loop(in_processes: list[list[str]]) -> None:
    ids = [*IDS, *(f"R{n:09d}" for n in range(1001))]
    column = pseudonym_column(KEY, pl.Series(ids))
    assert column.to_list() == pseudonyms(KEY, ids)
    assert column.dtype == pl.String
    assert len(in_processes) == 3
    assert not [word for command in in_processes for word in command if KEY.secret.hex() in word or "R0" in word]


@pytest.mark.parametrize("ids", [[], ["one"], ["a\nb", "c", ""], [""] * 7])
def test_odd_columns_equal_the_loop(in_processes: list[list[str]], ids: list[str]) -> None:
    assert pseudonym_column(KEY, pl.Series(ids, dtype=pl.String)).to_list() == pseudonyms(KEY, ids)


def test_a_machine_that_starts_no_more_processes_still_makes_pseudonyms(
    in_processes: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise BlockingIOError

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert pseudonym_column(KEY, pl.Series(IDS)).to_list() == pseudonyms(KEY, IDS)


def test_purpose_version_and_key_each_change_every_pseudonym() -> None:
    secret = bytes(range(32))
    keys = [Key("a", 1, secret), Key("b", 1, secret), Key("a", 2, secret), Key("a", 1, secret[::-1])]
    seen = {pseudonym for key in keys for pseudonym in pseudonyms(key, IDS)}
    assert len(seen) == len(keys) * len(IDS)


def test_a_key_is_made_once_and_closed(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = load_or_create_key(folder, "care_planning", may_create=True)
    again = load_or_create_key(folder, "care_planning", may_create=False)
    assert (first.version, first.is_new, again.is_new) == (1, True, False)
    assert first.secret == again.secret
    assert len(first.secret) == 32
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in folder.iterdir()] == ["care_planning.v1.key"]
    assert (folder / "care_planning.v1.key").stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(folder, "other", may_create=True).secret != first.secret


def test_the_newest_version_counts(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "keys", "p", may_create=True)
    for version, digit in ((10, "a"), (9, "b")):
        path = tmp_path / "keys" / f"p.v{version}.key"
        path.write_text(digit * 64)
        path.chmod(0o600)
    assert load_or_create_key(tmp_path / "keys", "p", may_create=False) == Key("p", 10, bytes.fromhex("aa" * 32))


def test_the_secret_is_not_shown() -> None:
    key = Key("p", 1, b"\x11" * 32)
    assert "11" not in repr(key).replace("version=1", "")
    assert "x11" not in repr(key)


def test_missing_key_after_a_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GovernanceError, match="silently change every resident's id"):
        load_or_create_key(tmp_path / "keys", "p", may_create=False)
    assert list((tmp_path / "keys").iterdir()) == []


@pytest.mark.parametrize(("mode", "text", "match"), [(0o640, "a" * 64, "can be read"), (0o600, "a" * 63, "malformed")])
def test_open_or_malformed_key_is_refused(tmp_path: Path, mode: int, text: str, match: str) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    (folder / "p.v1.key").write_text(text)
    (folder / "p.v1.key").chmod(mode)
    with pytest.raises(GovernanceError, match=match) as error:
        load_or_create_key(folder, "p", may_create=True)
    assert "aaa" not in str(error.value)


def test_open_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(GovernanceError, match="open to other users"):
        load_or_create_key(tmp_path / "keys", "p", may_create=True)
