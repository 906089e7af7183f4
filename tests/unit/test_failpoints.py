"""Failpoints: inert by default, named, and beside every write of the spine."""

from __future__ import annotations

import ast
import errno
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from spine import failpoints
from spine.errors import PipelineError, UsageError
from spine.failpoints import ACTIONS, NAMES, STAGES, VARIABLE, WRITES, armed, parse, reach
from spine.files import new_folder, replacing, replacing_folder, write_json
from spine.settings import PROJECT_ROOT

SOURCES = [path for top in ("spine", "assets") for path in sorted((PROJECT_ROOT / top).rglob("*.py"))]
ATOMIC = {"replacing", "new_folder", "replacing_folder", "write_json"}

#: Files of linkage whose failpoint is named after them.
LINKAGE = (
    "person_records", "decisions", "decision_conflicts", "clusters", "links", "conflicts", "history", "held_events",
)  # fmt: skip

#: Writes outside these: by file and function, and why that is right.
#: `failpoint` means that the function reaches one by itself.
ALLOWED = {
    ("spine/audit.py", "_write"): "failpoint",
    ("spine/anchors.py", "_note_in_file"): "failpoint",
    ("spine/governance/keys.py", "_write"): "failpoint",
    ("spine/release/shelf.py", "put"): "failpoint",
    ("spine/release/shelf.py", "_point_to"): "failpoint",
    ("spine/synthetic/delivery.py", "publish"): "failpoint",
    ("spine/extract/land.py", "_place"): "failpoint",
    ("spine/extract/land.py", "restore"): "failpoint",
}
#: Files whose writes go into a temporary folder that is renamed, or swept, as a whole.
SCRATCH = {
    "spine/identity/store.py": "into the temporary folder of new_folder",
    "spine/extract/": "into the temporary folder of a delivery, which lake.revision renames",
    "spine/cli/link_output.py": "into the temporary folder of replacing_folder",
    "spine/linkage/": "the state, into the temporary folder of who asks for it",
    "spine/synthetic/": "into the staging folder, which synthetic.delivery renames",
}
#: Links into such a folder: they replace nothing, and what they share is never written to again.
LINKS = {("spine/linkage/kept.py", "_share"): "what a state has in common with the one before it"}


@pytest.fixture(autouse=True)
def unarmed() -> Iterator[None]:
    armed.cache_clear()
    yield
    armed.cache_clear()


def arm(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    armed.cache_clear()


def test_inert_without_the_variable() -> None:
    reach("ledger.record.before_rename")
    assert armed() is None


@pytest.mark.parametrize("text", ["ledger.record:kill", "no:kill", "*:maim", "*=0:kill", "kill", "*", "*=-1:error"])
def test_an_unknown_name_or_action_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(VARIABLE)):
        parse(text)


def test_a_name_that_is_not_registered_is_refused_once_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    arm(monkeypatch, "*=9:error")
    with pytest.raises(UsageError, match="in no list"):
        reach("ledger.recrod.before_rename")


def test_it_acts_at_the_nth_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    arm(monkeypatch, "run.forgotten=2:error")
    reach("run.forgotten")
    reach("run.before_record")
    with pytest.raises(RuntimeError, match=r"run\.forgotten"):
        reach("run.forgotten")
    reach("run.forgotten")


def test_a_star_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    arm(monkeypatch, "*=2:enospc")
    reach("run.forgotten")
    with pytest.raises(OSError, match="No space") as caught:
        reach("run.before_record")
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(("action", "end"), [("kill", -signal.SIGKILL), ("enospc", 1), ("error", 1)])
def test_a_process_ends_as_the_action_says(action: str, end: int) -> None:
    code = "from spine.failpoints import reach; reach('run.forgotten')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={VARIABLE: f"run.forgotten:{action}"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == end


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", ["replacing", "new_folder", "replacing_folder", "write_json"])
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, kind: str
) -> None:
    target = tmp_path / "below" / "target"
    arm(monkeypatch, f"file.{stage}:enospc")

    def write() -> None:
        if kind == "replacing":
            with replacing(target) as temporary:
                temporary.write_text("whole")
        elif kind.endswith("folder"):
            with (new_folder if kind == "new_folder" else replacing_folder)(target) as temporary:
                (temporary / "file").write_text("whole")
        else:
            write_json(target, {"whole": True})

    with pytest.raises(PipelineError, match="the disk is full"):
        write()
    assert list(target.parent.glob(".tmp-*")) == []
    assert target.exists() == (stage == "after_rename")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _calls(path: Path) -> tuple[tuple[str, str, ast.Call], ...]:
    """(function around it, called name, call) of every call in a module."""
    return tuple(_found_calls(_tree(path)))


def _found_calls(tree: ast.Module) -> Iterator[tuple[str, str, ast.Call]]:
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, around = waiting.pop()
        if isinstance(node, ast.Call):
            yield around, node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node
        inside = node.name if isinstance(node, ast.FunctionDef) else around
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def _is_write(name: str, call: ast.Call) -> bool:
    """A call that changes the disk; methods of strings, frames and terminals share some of the names."""
    base = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if name in ("replace", "rename", "link", "symlink"):
        return base == "os"
    if name == "open":
        modes = {str(argument.value) for argument in call.args if isinstance(argument, ast.Constant)}
        return bool(modes & {"w", "wb", "a", "ab", "x", "xb", "r+", "r+b"})
    if name == "execute":
        return any("COPY (" in ast.unparse(argument) for argument in call.args)
    if name in ("copy", "copy2", "copyfile", "copytree", "move"):
        return base == "shutil"
    is_frame = re.fullmatch(r"write_(text|bytes|parquet|ipc|ndjson|database)|sink_\w+", name)
    return bool(is_frame) or (name == "write" and base == "file")


def _is_inside_atomic(path: Path, call: ast.Call) -> bool:
    """Inside `with replacing(...)` or `with new_folder(...)`."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.With) and node.lineno <= call.lineno <= (node.end_lineno or node.lineno):
            names = [getattr(item.context_expr, "func", None) for item in node.items]
            if any(isinstance(name, ast.Name) and name.id in ATOMIC for name in names):
                return True
    return False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_every_write_has_a_failpoint_or_a_reason(path: Path) -> None:
    shown = str(path.relative_to(PROJECT_ROOT))
    if shown in ("spine/files.py", "spine/failpoints.py"):
        return
    faults = []
    for function, name, call in _calls(path):
        if not _is_write(name, call) or _is_inside_atomic(path, call):
            continue
        if shown.startswith(tuple(SCRATCH)) and name not in ("replace", "rename", "link", "symlink"):
            continue
        if name == "link" and (shown, function) in LINKS:
            continue
        if (shown, function) not in ALLOWED:
            faults.append(f"{shown}, line {call.lineno}: '{name}' in {function}")
    assert faults == [], "use spine.files.replacing, or reach a failpoint and say so in ALLOWED"


def test_functions_with_a_failpoint_of_their_own_reach_it() -> None:
    for shown, function in ALLOWED:
        reached = [call for around, name, call in _calls(PROJECT_ROOT / shown) if (around, name) == (function, "reach")]
        assert reached, f"{shown}: {function}"


def test_every_name_in_the_code_is_registered_and_every_registered_one_is_used() -> None:
    used: set[str] = set()
    for path in SOURCES:
        for _, name, call in _calls(path):
            if name == "reach" and isinstance(call.args[0], ast.Constant):
                used.add(str(call.args[0].value))
            for keyword in call.keywords:
                if keyword.arg == "point" and isinstance(keyword.value, ast.Constant):
                    used.add(str(keyword.value.value))
    assert used <= NAMES | set(WRITES)
    dynamic = {f"linkage.{stem}" for stem in LINKAGE} | {"file"}
    dynamic |= {f"dbt.{moment}_{half}" for moment in ("before", "after") for half in ("conform", "core")}
    stems = {name.rpartition(".")[0] for name in used}
    registered = set(WRITES) | set(failpoints.STEPS)
    assert registered - used - stems - dynamic == set()


def test_the_actions_and_names_are_documented() -> None:
    guide = (PROJECT_ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert VARIABLE in guide
    assert all(f"`{action}`" in guide for action in ACTIONS)
