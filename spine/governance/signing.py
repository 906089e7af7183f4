"""Ed25519 keys of people who sign: making, keeping and using them.

Put here: key files, signatures and their verification. Never here: what is signed (statements), who is trusted
(trust), or a private key in an error, log or text form.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from spine.errors import GovernanceError
from spine.files import new_private_file

_PREFIX = "ed25519:"


@dataclass(frozen=True)
class PublicKey:
    """Who holds the private key to this can sign; everybody may know it."""

    raw: bytes

    @property
    def text(self) -> str:
        """As it stands in a trust file."""
        return _PREFIX + base64.b64encode(self.raw).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, in hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()

    def verifies(self, domain: str, content: bytes, signature: str) -> bool:
        """True where the signature is of this key, over this content, made for this domain."""
        try:
            raw = base64.b64decode(signature, validate=True)
            if base64.b64encode(raw).decode() != signature:  # another spelling of the same bytes
                return False
            Ed25519PublicKey.from_public_bytes(self.raw).verify(raw, _message(domain, content))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key in memory. Its text form does not show it."""

    _private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The other half."""
        raw = self._private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return PublicKey(raw)

    def sign(self, domain: str, content: bytes) -> str:
        """Signature in base64 over a domain and a content, so that one made for one use is none for another."""
        return base64.b64encode(self._private.sign(_message(domain, content))).decode()


def parse_public_key(text: str) -> PublicKey:
    """A key from `ed25519:` and base64.

    Raises:
        ValueError: the text is not of that form, or no point of the curve.
    """
    try:
        raw = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(_PREFIX) or not raw or any(raw == bytes([n]) + bytes(31) for n in (0, 1)):
        raise ValueError("expected ed25519: and a public key of 32 bytes in base64")
    return PublicKey(raw)


def make_key(path: Path, passphrase: str | None, forbidden: Sequence[Path] = ()) -> PublicKey:
    """Make a key pair and write the private half, mode 0600, PKCS #8; with a passphrase it is encrypted.

    Args:
        path: must not exist.
        forbidden: folders that others read or that are shared, such as the project: no key is put below them.

    Raises:
        GovernanceError: the path is below such a folder, or is taken.
    """
    target = path.expanduser().absolute()
    for folder in forbidden:
        if target.resolve().is_relative_to(folder.resolve()):
            raise GovernanceError(
                f"a private key must not lie below {folder}, which others read or copy. Choose another folder, "
                "such as one in your own home directory or on a removable disk"
            )
    key = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    content = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    try:
        new_private_file(target, content, point="key.signing")
    except FileExistsError:
        raise GovernanceError(f"{target} is there already and is not replaced. Choose another name") from None
    return SigningKey(key).public


def load_key(path: Path, ask_passphrase: Callable[[], str]) -> SigningKey:
    """Read a private key.

    Args:
        ask_passphrase: called where the file is encrypted.

    Raises:
        GovernanceError: there is none, others can read it, it is no Ed25519 key, or the passphrase is wrong.
    """
    content = _closed_content(path.expanduser())
    passphrase = ask_passphrase().encode() if b"ENCRYPTED" in content else None
    try:
        key = serialization.load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        wrong = "the passphrase is wrong, or " if passphrase is not None else ""
        raise GovernanceError(
            f"key file {path.name} cannot be used: {wrong}it is no private key in PEM form. "
            "Name the file that `spine agreement keygen` wrote"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise GovernanceError(f"key file {path.name} holds no Ed25519 key. Make one with `spine agreement keygen`")
    return SigningKey(key)


def _closed_content(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise GovernanceError(f"key file {path.name} cannot be opened ({type(error).__name__})") from None
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise GovernanceError(
                f"key file {path.name} can be read by other users of this machine, so it is not used. Make a new key, "
                "and have the old one taken out of the trust file"
            )
        return file.read(1 << 16)


def _message(domain: str, content: bytes) -> bytes:
    return domain.encode() + b"\n" + content
