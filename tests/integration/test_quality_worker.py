"""The process that measures rules: it gives the same counts, and whatever becomes of it nothing passes unmeasured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spine.contracts.rules import Rule, Threshold
from spine.quality import evaluate, standing_by
from spine.quality.worker import Worker, _counts, standing

AS_OF = date(2028, 3, 31)
ASKED = ("t", {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}})


@pytest.fixture
def table(tmp_path: Path) -> dict[str, Path]:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": ["x", "y", None]}).write_parquet(path)
    return {"t": path}


@pytest.fixture
def rule() -> Rule:
    return Rule(
        contract="t__layout",
        arguments={},
        name="a__is_given",
        table="t",
        column="a",
        sentence="Every a is given.",
        dimension="completeness",
        severity="error",
        metric="nullValues",
        threshold=Threshold("mustBe", 0),
    )


@contextmanager
def measured_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Great Expectations in this process, replaced by a list of what it is asked for."""
    asked: list[object] = []
    fake = types.ModuleType("spine.quality.gx")

    def measure(files: object, expectations: list[object], *_: object) -> list[object]:
        asked.extend(expectations)
        return [types.SimpleNamespace(count=None, rows=None, problem="MeasuredHere")] * len(expectations)

    fake.measure = measure  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spine.quality.gx", fake)
    yield asked


def test_the_worker_measures_and_its_death_passes_nothing(
    table: dict[str, Path], rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    with measured_here(monkeypatch) as asked, standing_by():
        (result,) = evaluate(table, [rule], AS_OF)
        assert (result.outcome, result.numerator, result.denominator) == ("failed", 1, 3)
        assert not asked
        (absent,) = evaluate({}, [rule], AS_OF)
        assert absent.outcome == "error"
        worker = standing()
        assert worker is not None
        os.kill(worker.pid, signal.SIGKILL)
        for _ in range(2):
            (result,) = evaluate(table, [rule], AS_OF)
            assert (result.outcome, result.problem) == ("error", "MeasuredHere")
        assert len(asked) == 2
    assert standing() is None


@pytest.mark.parametrize("answer", ["", "{}", "[]", "[[1, 2]]", '[["1", 2, null]]', "[[1, 2, null], [1, 2, null]]"])
def test_an_answer_that_is_not_one_measurement_for_each_rule_is_none(answer: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        _counts(answer, 1)


def test_a_worker_that_cannot_start_gives_nothing(table: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert Worker().measure(table, [ASKED], AS_OF, 0) is None


def test_a_worker_ends_with_its_parent_however_that_dies() -> None:
    code = "from spine.quality.worker import Worker; import time; print(Worker().pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    deadline = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """True for a process that is there and not a zombie waiting for a parent that does not ask."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
