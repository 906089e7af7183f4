"""Keys: made closed, used only where they are closed, and never shown."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

from spine.errors import GovernanceError
from spine.governance.canonical import canonical, digest
from spine.governance.signing import load_key, make_key, parse_public_key

WORDS = "nine brown hens"


def no_passphrase() -> str:
    raise AssertionError("nobody is to be asked")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "own" / "key.pem", None)
    return tmp_path / "own" / "key.pem"


def test_a_key_is_made_closed_and_signs(tmp_path: Path, key: Path) -> None:
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    private = load_key(key, no_passphrase)
    signature = private.sign("one use", b"content")
    assert private.public.verifies("one use", b"content", signature)
    assert not private.public.verifies("another use", b"content", signature)
    assert not private.public.verifies("one use", b"contents", signature)
    assert parse_public_key(private.public.text) == private.public
    with pytest.raises(GovernanceError, match="is there already and is not replaced"):
        make_key(key, None)
    assert load_key(key, no_passphrase).public == private.public
    assert sorted(path.name for path in key.parent.iterdir()) == ["key.pem"]


def test_a_passphrase_is_needed_and_never_told(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    public = make_key(path, WORDS)
    assert b"ENCRYPTED" in path.read_bytes()
    assert load_key(path, lambda: WORDS).public == public
    wrong = WORDS.replace("brown", "white")
    with pytest.raises(GovernanceError, match="the passphrase is wrong") as error:
        load_key(path, lambda: wrong)
    assert wrong not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_not_used(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(GovernanceError, match="can be read by other users"):
        load_key(key, no_passphrase)


def test_no_key_is_put_where_others_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "link").symlink_to(project)
    for path in (project / "key.pem", project / "below" / "key.pem", tmp_path / "link" / "key.pem"):
        with pytest.raises(GovernanceError, match="must not lie below"):
            make_key(path, None, forbidden=(project,))
    assert list(project.iterdir()) == []


def test_no_error_or_text_shows_a_private_key(key: Path, tmp_path: Path) -> None:
    secret = key.read_text().splitlines()[1]
    damaged = tmp_path / "damaged.pem"
    damaged.write_text(key.read_text().replace("PRIVATE", "PRIVAT"))
    damaged.chmod(0o600)
    other = tmp_path / "other.pem"
    other.write_bytes(
        Ed448PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    other.chmod(0o600)
    shown = repr(load_key(key, no_passphrase)) + str(load_key(key, no_passphrase))
    for path, match in ((damaged, "no private key in PEM"), (other, "no Ed25519 key"), (tmp_path / "none", "opened")):
        with pytest.raises(GovernanceError, match=match) as error:
            load_key(path, no_passphrase)
        shown += "".join(traceback.format_exception(error.value))
    assert secret in key.read_text(), "positive control"
    assert secret not in shown
    assert secret[10:40] not in shown


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "rsa:" + "A" * 43 + "=", "ed25519:" + "A" * 43 + "="])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="public key of 32 bytes"):
        parse_public_key(text)


def test_equal_content_has_one_form() -> None:
    assert canonical({"b": [1, True, None], "a": "é\n"}) == '{"a":"é\\n","b":[1,true,null]}'.encode()
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    with pytest.raises(TypeError, match="float has no canonical form"):
        canonical({"a": [1.5]})
