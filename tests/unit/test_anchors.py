"""Anchors find what the chain alone cannot: an end that was cut off, and a log written anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from spine import audit
from spine.anchors import Anchor, set_anchors, stand
from spine.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", anchor_file=tmp_path / "elsewhere.jsonl")
    write(settings, 3)
    return settings


def write(settings: Settings, lines: int) -> None:
    for number in range(lines):
        audit.append(settings.audit_log, "waiver", number=number)


def cut(settings: Settings, keep: int) -> None:
    lines = settings.audit_log.read_bytes().splitlines(keepends=True)
    settings.audit_log.write_bytes(b"".join(lines[:keep]))


def write_anew(settings: Settings) -> None:
    """What somebody with the right to write the file can do: another history with a chain of its own."""
    count = len(audit.heads(settings.audit_log))
    settings.audit_log.unlink()
    for number in range(count):
        audit.append(settings.audit_log, "waiver", number=number + 1)


def test_a_log_that_fits_its_anchors_is_whole(settings: Settings) -> None:
    assert set_anchors(settings) == []
    assert [entry.kind for entry in audit.entries(settings.audit_log)][-1] == "anchor"
    write(settings, 2)
    standing = stand(settings)
    assert (standing.faults, standing.lines, standing.anchors, standing.covered) == ((), 6, 1, 3)


def test_nothing_new_sets_no_anchor(settings: Settings) -> None:
    set_anchors(settings)
    noted = settings.anchor_file.read_bytes() if settings.anchor_file else b""
    assert set_anchors(settings) == []
    assert settings.anchor_file
    assert settings.anchor_file.read_bytes() == noted


def test_an_end_that_was_cut_off_shows_up_to_the_last_anchor_and_not_after_it(settings: Settings) -> None:
    set_anchors(settings)
    write(settings, 2)
    cut(settings, 4)
    assert stand(settings).faults == (), "nothing vouches for what came after the anchor"
    cut(settings, 2)
    assert audit.verify(settings.audit_log) == [], "the chain alone does not show it"
    assert [("its end was cut off" in fault) for fault in stand(settings).faults] == [True]
    settings.audit_log.unlink()
    assert "its end was cut off" in stand(settings).faults[0]


def test_a_log_that_was_written_anew_shows(settings: Settings) -> None:
    set_anchors(settings)
    write_anew(settings)
    assert audit.verify(settings.audit_log) == []
    assert "the chain written anew" in stand(settings).faults[0]


def test_heads_that_releases_carry_are_anchors(settings: Settings) -> None:
    head = audit.head(settings.audit_log).hash
    assert stand(settings, [Anchor("release p version 1", head)]).covered == 3
    assert stand(settings, [Anchor("release p version 1", audit.START)]).faults == ()
    write_anew(settings)
    [fault] = stand(settings, [Anchor("release p version 1", head)]).faults
    assert fault.startswith("release p version 1 names a head that is not in the log")


def test_an_anchor_file_that_is_gone_shows(settings: Settings) -> None:
    set_anchors(settings)
    assert settings.anchor_file
    settings.anchor_file.unlink()
    assert "is gone" in stand(settings).faults[0]


def test_a_place_that_cannot_be_written_warns_and_the_next_anchor_makes_up_for_it(
    settings: Settings, tmp_path: Path
) -> None:
    gone = settings.model_copy(update={"anchor_file": tmp_path / "missing" / "anchors.jsonl"})
    [warning] = set_anchors(gone)
    assert "FileNotFoundError" in warning
    facts = audit.entries(gone.audit_log)[-1].facts
    assert facts == {"place": "file", "decision": "failed", "problem": "FileNotFoundError"}
    (tmp_path / "missing").mkdir()
    assert set_anchors(gone) == []
    assert stand(gone).covered == 4


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[bytes], list[int]]]:
    heard: list[bytes] = []
    answers = [204]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(answers[0])
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/anchor", heard, answers
    server.shutdown()
    server.server_close()


def test_a_webhook_is_told_the_head_and_nothing_else(
    settings: Settings, webhook: tuple[str, list[bytes], list[int]]
) -> None:
    url, heard, answers = webhook
    at = settings.model_copy(update={"anchor_file": None, "anchor_url": url})
    head = audit.head(at.audit_log)
    assert set_anchors(at) == []
    assert heard == [f'{{"head": "{head.hash}", "lines": 3}}'.encode()]
    for status in (500, 302):
        answers[0] = status
        assert "HTTPError" in set_anchors(at)[0]
    assert audit.entries(at.audit_log)[-1].facts["decision"] == "failed"
    answers[0] = 204
    assert set_anchors(at) == []
    assert b'"lines": 6' in heard[-1], "the failures are lines too, and the new head covers them"


def test_a_webhook_that_does_not_answer_costs_a_warning(settings: Settings) -> None:
    at = settings.model_copy(update={"anchor_file": None, "anchor_url": "http://127.0.0.1:9/anchor"})
    assert "URLError" in set_anchors(at)[0]
    assert audit.verify(at.audit_log) == []
