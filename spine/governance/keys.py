"""The pseudonym keys of each purpose: files that are made once, replaced by a new version and never changed.

Put here: making, reading, listing and rotating key files. Never here: a key in a log, metadata or an error; what a
key is used for (pseudonymise).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from spine.errors import GovernanceError
from spine.failpoints import reach
from spine.files import fsync

KEY_BYTES = 32
_FORM = re.compile(r"(?P<purpose>[a-z][a-z0-9_]*)\.v(?P<version>[1-9]\d*)\.key")


@dataclass(frozen=True)
class Key:
    """One purpose's secret, in one version. Its text form does not show the secret."""

    purpose: str
    version: int
    secret: bytes = field(repr=False)
    is_new: bool = False

    @property
    def fingerprint(self) -> str:
        """Tells two keys apart and says nothing about either: the start of an HMAC of a fixed text."""
        return hmac.new(self.secret, b"fingerprint", hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True)
class KeyFile:
    """What may be said of one key file.

    Attributes:
        fingerprint: None where the file cannot be used; `problem` then says why.
        made_on: day of the file's last change.
        mode: permissions, such as 0600.
    """

    purpose: str
    version: int
    is_current: bool
    fingerprint: str | None
    made_on: date
    mode: str
    problem: str | None


def load_or_create_key(keys_folder: Path, purpose: str, *, may_create: bool) -> Key:
    """The newest key of a purpose; made where there is none and one may be made.

    Args:
        keys_folder: holds `<purpose>.v<N>.key`, 64 hexadecimal characters, mode 0600; itself 0700.
        may_create: False once a release exists: a new key would change every resident's id in it.

    Raises:
        GovernanceError: a key that others can read, that is malformed, or that is missing
            although a release was made with it.
    """
    _closed_folder(keys_folder)
    versions = _versions(keys_folder, purpose)
    if versions:
        version = max(versions)
        return Key(purpose, version, _read(versions[version]))
    if not may_create:
        raise GovernanceError(
            f"purpose '{purpose}': its key is missing from the keys folder, yet releases were made with it. "
            "A new key would silently change every resident's id, so none is made. Restore the key file from its backup"
        )
    path = keys_folder / f"{purpose}.v1.key"
    _write(path)
    return Key(purpose, 1, _read(path), is_new=True)


def rotate_key(keys_folder: Path, purpose: str) -> Key:
    """Make the next version of a purpose's key; the next release uses it, and every resident gets another id.

    The versions before it stay: whoever may re-identify a resident of an older release needs them.

    Raises:
        GovernanceError: there is no key to replace, or one of its versions cannot be used.
    """
    _closed_folder(keys_folder)
    versions = _versions(keys_folder, purpose)
    if not versions:
        raise GovernanceError(
            f"purpose '{purpose}' has no key to replace. Its first release makes one; where releases were made with "
            "one that is lost, restore the key file from its backup"
        )
    _read(versions[max(versions)])
    version = max(versions) + 1
    path = keys_folder / f"{purpose}.v{version}.key"
    _write(path)
    return Key(purpose, version, _read(path), is_new=True)


def key_files(keys_folder: Path) -> list[KeyFile]:
    """Every key file, by purpose and version."""
    matches = ((_FORM.fullmatch(path.name), path) for path in keys_folder.glob("*.key"))
    found = sorted((match["purpose"], int(match["version"]), path) for match, path in matches if match)
    newest = {purpose: version for purpose, version, _ in found}
    return [_described(purpose, version, path, newest[purpose]) for purpose, version, path in found]


def _described(purpose: str, version: int, path: Path, newest: int) -> KeyFile:
    fingerprint, problem = None, None
    try:
        fingerprint = Key(purpose, version, _read(path)).fingerprint
    except GovernanceError as error:
        problem = str(error)
    status = path.stat()
    made_on = datetime.fromtimestamp(status.st_mtime, UTC).date()
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    return KeyFile(purpose, version, version == newest, fingerprint, made_on, mode, problem)


def _versions(folder: Path, purpose: str) -> dict[int, Path]:
    matches = ((_FORM.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(match["version"]): path for match, path in matches if match and match["purpose"] == purpose}


def _closed_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        raise GovernanceError(
            "the keys folder is open to other users of this machine. "
            "Close it (chmod 700) and decide with the controllers whether the keys must be replaced"
        )


def _write(path: Path) -> None:
    """A new key file that holds a whole key or is not there: written aside, then linked into place."""
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    temporary.unlink(missing_ok=True)
    reach("key.created.before_write")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            reach("key.created.before_fsync")
            os.fsync(file.fileno())
        reach("key.created.before_rename")
        os.link(temporary, path)  # unlike a rename, never replaces a key that another run has just made
    finally:
        temporary.unlink(missing_ok=True)
    reach("key.created.after_rename")
    fsync(path.parent)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise GovernanceError(
                f"key file {path.name} can be read by other users of this machine, so it is not used. "
                "Close it (chmod 600) and decide with the controllers whether it must be replaced"
            )
        text = file.read(1024).strip()
    if not re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", text):
        raise GovernanceError(
            f"key file {path.name} is malformed: expected {2 * KEY_BYTES} hexadecimal characters. "
            "Restore it from its backup"
        )
    return bytes.fromhex(text)
