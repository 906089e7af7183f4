"""What people decide about a release: withdrawing it by hand, restoring it, replacing its key; and what is logged."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spine import audit
from spine.cli import app
from spine.errors import GovernanceError, UsageError
from spine.governance import key_files
from spine.release import audit_standing, published, replace_key, restore, withdraw_by_hand, withdraw_lapsed
from spine.release.marks import rule_versions
from spine.release.query import release_facts
from spine.release.shelf import Shelf
from spine.settings import Settings
from tests.fixtures.release_warehouse import AS_OF, PURPOSE, Home, build_home, contracts


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home that has published once."""
    folder = tmp_path_factory.mktemp("decisions")
    build_home(folder).publish()
    return folder


@pytest.fixture
def home(first: Path, tmp_path: Path) -> Home:
    """A copy of it."""
    shutil.copytree(first, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Home(Settings(home=tmp_path / "home", project=tmp_path / "project"), contracts())


def invoke(home: Home, *arguments: str) -> tuple[int, str]:
    """The command on a home, with its own project."""
    settings = home.settings
    env = {"SPINE_HOME": str(settings.root), "SPINE_PROJECT": str(settings.project), "COLUMNS": "250"}
    result = CliRunner().invoke(app, list(arguments), env=env)
    return result.exit_code, re.sub(r"\s+", " ", result.output)


def test_what_was_withdrawn_by_hand_stays_away_until_it_is_restored(home: Home) -> None:
    assert withdraw_by_hand(PURPOSE, home.settings, "areas are wrong") == [1]
    assert home.files() == ["version.json"]
    for _ in range(2):
        with pytest.raises(GovernanceError, match=r"by hand \(areas are wrong\).*spine release restore"):
            home.publish()
    restore(PURPOSE, home.settings, "areas corrected")
    assert home.files() == ["version.json"], "nothing comes back by itself"
    assert home.publish().version == 2
    lines = [e.facts for e in audit.entries(home.settings.audit_log) if e.kind == "withdrawal"]
    assert [line["decision"] for line in lines] == ["withdrawn", "restored"]
    with pytest.raises(UsageError, match="nothing to restore"):
        restore(PURPOSE, home.settings, "again")


@pytest.mark.parametrize(
    ("purpose", "reason", "roles", "error", "match"),
    [
        (PURPOSE, "why not", ("analyst",), GovernanceError, "was asked for by Analyst"),
        (PURPOSE, "why not", (), GovernanceError, "was asked for by nobody"),
        (PURPOSE, "  ", ("engineer",), UsageError, "--reason"),
        ("falls", "why not", ("engineer",), UsageError, "no purpose 'falls'"),
        ("../lake", "why not", ("engineer",), UsageError, "no purpose"),
    ],
)
def test_who_may_not_and_who_gives_no_reason_decides_nothing(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    purpose: str,
    reason: str,
    roles: tuple[str, ...],
    error: type[Exception],
    match: str,
) -> None:
    monkeypatch.setattr("spine.governance.trust.roles_of", lambda _: roles)
    for decide in (withdraw_by_hand, restore, replace_key):
        with pytest.raises(error, match=match):
            decide(purpose, home.settings, reason)
    kinds = [e.kind for e in audit.entries(home.settings.audit_log) if e.facts.get("decision") == "refused"]
    assert kinds == (["withdrawal", "withdrawal", "key_rotation"] if error is GovernanceError else [])


def test_a_new_key_gives_new_ids_and_takes_the_old_version_away(home: Home) -> None:
    before = home.query("SELECT resident_id FROM residents")
    key = replace_key(PURPOSE, home.settings, "the file was sent astray")
    result = home.publish()
    after = home.query("SELECT resident_id FROM residents")
    assert (key.version, result.version, result.key_version, result.removed) == (2, 2, 2, (1,))
    assert len(after) == len(before)
    assert not set(before) & set(after)
    text = (home.shelf / "v000002-demo.duckdb").read_bytes()
    assert not [i for (i,) in before if i.encode() in text], "no old id stands beside a new one"
    assert [(k.version, k.is_current, k.mode, k.problem) for k in key_files(home.settings.keys)] == [
        (1, False, "0600", None),
        (2, True, "0600", None),
    ]
    used = [(e.kind, e.facts["key_version"]) for e in audit.entries(home.settings.audit_log) if "key" in e.kind]
    assert used == [("key_rotation", 1), ("key_use", 1), ("key_rotation", 2), ("key_use", 2)]


def test_production_publishes_no_demonstration_and_withdraws_one_that_is_there(home: Home) -> None:
    production = replace(home, settings=home.settings.model_copy(update={"mode": "production"}))
    [sentence] = withdraw_lapsed(production.settings, AS_OF)
    assert "production publishes no demonstration" in sentence
    assert home.files() == ["version.json"]
    with pytest.raises(GovernanceError, match="no trust file is set"):
        production.publish()


def test_each_line_says_what_rests_on_what(home: Home) -> None:
    home.sql("DELETE FROM raw.deliveries")
    with pytest.raises(GovernanceError):
        home.publish()
    published_line, refused_line = (
        e.facts for e in audit.entries(home.settings.audit_log) if e.kind == "output_release"
    )
    assert published_line["inputs_sha256"] == refused_line["inputs_sha256"]
    assert published_line["rules"] == refused_line["rules"] == rule_versions(home.settings.project)
    assert refused_line["decision"] == "refused"
    assert "must send one" in refused_line["reason"]


def test_a_release_is_an_anchor_of_the_log(home: Home) -> None:
    home.publish(as_of=AS_OF + timedelta(days=1))
    log = home.settings.audit_log
    facts = release_facts(home.shelf / "current.duckdb")
    assert facts
    position = audit.heads(log).index(facts["audit_head"]) + 1
    standing = audit_standing(home.settings)
    assert (standing.faults, standing.anchors, standing.covered) == ((), 2, position)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: position - 1]))
    faults = audit_standing(home.settings).faults
    assert [bool(re.match(r"release care_planning version 2 ", fault)) for fault in faults] == [True, True]
    assert "names a head that is not in the log" in faults[0]
    assert "no line of the log says that it was published" in faults[1]


def test_the_commands_tell_and_refuse(home: Home) -> None:
    code, text = invoke(home, "audit", "verify")
    assert (code, "each in its place. 1 anchors fit." in text, "came after the last anchor" in text) == (0, True, True)
    code, text = invoke(home, "audit", "show", "--kind", "output_release")
    assert "published" in text
    assert "dsa_check" not in text
    code, text = invoke(home, "keys", "list")
    assert "0600 in use" in text
    assert "next release" not in text, "a release was made with it"
    assert (home.settings.keys / "care_planning.v1.key").read_text().strip()[:16] not in text
    code, text = invoke(home, "release", "withdraw", PURPOSE, "--reason", "areas are wrong")
    assert (code, "versions 1 are gone" in text) == (0, True)
    assert published(home.settings.releases) == []
    code, text = invoke(home, "release", "list")
    assert "withdrawn" in text
    assert "demo" in text
    lines = home.settings.audit_log.read_bytes().splitlines(keepends=True)
    home.settings.audit_log.write_bytes(b"".join(lines[1:]))
    code, text = invoke(home, "audit", "verify")
    assert (code, "line 1 does not follow line 0" in text) == (6, True)


def test_a_withdrawal_by_hand_that_was_killed_is_finished_and_logged_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(audit, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            withdraw_by_hand(PURPOSE, home.settings, "areas are wrong")
    assert Shelf(home.shelf).hold == "areas are wrong"
    with pytest.raises(GovernanceError, match="by hand"):
        home.publish()
    kinds = [e.kind for e in audit.entries(home.settings.audit_log)]
    assert kinds.count("withdrawal") == 1
    assert json.loads((home.shelf / "version.json").read_text())["hold"] == "areas are wrong"
