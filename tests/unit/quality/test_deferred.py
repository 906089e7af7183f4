"""An import that is put off until the module is used."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from spine.quality.deferred import deferred


def test_a_module_is_loaded_when_it_is_used_and_others_import_it_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_module.py").write_text("ANSWER = 42\n")
    (tmp_path / "library_module.py").write_text("import slow_module\ndef answer(): return slow_module.ANSWER\n")
    monkeypatch.syspath_prepend(tmp_path)
    with deferred("slow_module"):
        library = importlib.import_module("library_module")
    assert "slow_module" not in sys.modules, "nothing was loaded"
    assert library.answer() == 42
    assert sys.modules["slow_module"].ANSWER == 42
    with deferred("slow_module"):
        assert importlib.import_module("slow_module").__file__ == str(tmp_path / "slow_module.py"), "loaded before"
    for name in ("slow_module", "library_module"):
        del sys.modules[name]


def test_a_module_that_is_used_within_the_block_is_there_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "used_module.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    with deferred("used_module"):
        from used_module import ANSWER  # type: ignore[import-not-found]
    assert (ANSWER, sys.modules.pop("used_module").ANSWER) == (42, 42)
