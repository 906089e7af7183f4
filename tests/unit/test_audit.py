"""The audit log's chain: what was done to a line afterwards is found."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from spine import audit


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "audit.log"
    for number in range(5):
        audit.append(path, "output_release", purpose="care_planning", version=number, as_of=date(2028, 3, 31))
    return path


def test_lines_follow_each_other(log: Path) -> None:
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [e["facts"]["version"] for e in entries] == [0, 1, 2, 3, 4]
    assert [e["previous"] for e in entries] == [audit.START, *(e["hash"] for e in entries[:-1])]
    assert {"at", "actor", "kind"} <= entries[0].keys()
    assert log.stat().st_mode & 0o777 == 0o600
    assert audit.verify(log) == []


@pytest.mark.parametrize("change", ["alter", "alter_last", "remove", "swap", "tear", "insert"])
def test_changes_are_found(log: Path, change: str) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    if change == "alter":
        lines[1] = lines[1].replace(b'"version": 1', b'"version": 7')
    elif change == "alter_last":
        lines[4] = lines[4].replace(b'"version": 4', b'"version": 7')
    elif change == "remove":
        del lines[2]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "insert":
        lines.insert(2, lines[0])
    else:
        lines[4] = lines[4][:30]
    log.write_bytes(b"".join(lines))
    assert audit.verify(log)


def test_a_torn_line_does_not_stop_the_log(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-20])
    audit.append(log, "dsa_check", decision="permitted")
    assert audit.verify(log) == ["line 5 is no audit entry"]


def test_a_long_line_is_chained(log: Path) -> None:
    audit.append(log, "output_release", reason="x" * 50_000)
    audit.append(log, "output_release")
    assert audit.verify(log) == []


def test_unknown_kind_is_refused(log: Path) -> None:
    unknown: Any = "gossip"
    with pytest.raises(ValueError, match="gossip"):
        audit.append(log, unknown)


def test_no_log_has_no_faults(tmp_path: Path) -> None:
    assert audit.verify(tmp_path / "audit.log") == []


def test_a_doubled_key_is_an_alteration(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    audit.append(log, "withdrawal", decision="withdrawn")
    log.write_bytes(log.read_bytes().replace(b'"facts": {', b'"facts": {"decision": "restored"}, "facts": {'))
    assert audit.verify(log) == ["line 1 was altered"]
