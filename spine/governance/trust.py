"""Whose signatures count: the trust file, which lies outside the project and is pinned by the deployment.

Put here: the trust file's model and its reading, and which roles a person holds. Never here: a private key, or what
a role may do (spine.rights).

The file is YAML: `keys` (organisation, role, public key) for what is signed, `users` (operating-system user,
organisation, roles) for what is done on this machine, `registers` for suppliers whose data need no signature.
SPINE_TRUST_FILE says where it is and SPINE_TRUST_SHA256 which one it is: who can write the project but not the
deployment's settings cannot make a key of their own count.
"""

from __future__ import annotations

import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from spine.documents import read_bytes
from spine.errors import ContractError, GovernanceError
from spine.governance.reading import parse_model
from spine.governance.signing import PublicKey, parse_public_key
from spine.rights import load_decision_rights
from spine.settings import PROJECT_ROOT, Settings

_NAME = r"^[a-z][a-z0-9_]*$"
TRUST = "trust.yaml"
#: What a trust file that cannot be used means for what was published under the one before.
STANDS = "what was published before stands, until its own agreement ends or it was kept as long as that permits"


class TrustError(GovernanceError):
    """The trust file that the settings name is not there, or is not the one that they pin."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrustedKey(_Part):
    """One public key and what it may sign for; a person with two roles has two entries."""

    organisation: str = Field(pattern=_NAME)
    role: str = Field(pattern=_NAME)
    public_key: str
    holder: str = ""

    @field_validator("public_key")
    @classmethod
    def _is_a_key(cls, text: str) -> str:
        parse_public_key(text)
        return text

    @property
    def key(self) -> PublicKey:
        """The key itself."""
        return parse_public_key(self.public_key)


class TrustedUser(_Part):
    """An operating-system user of the deployment's machine and the roles they hold."""

    user: str = Field(min_length=1)
    organisation: str = Field(pattern=_NAME)
    roles: tuple[str, ...] = Field(min_length=1)


class TrustFile(_Part):
    """The whole file.

    Attributes:
        demonstration: marks throwaway keys, which production refuses.
        registers: suppliers of published registers alone. They are nobody's personal data, so nobody signs for them.
    """

    demonstration: bool = False
    keys: tuple[TrustedKey, ...] = Field(min_length=1)
    users: tuple[TrustedUser, ...] = ()
    registers: tuple[Annotated[str, Field(pattern=_NAME)], ...] = ()

    @model_validator(mode="after")
    def _a_key_speaks_for_one_organisation(self) -> TrustFile:
        owners: dict[bytes, set[str]] = {}
        for entry in self.keys:
            owners.setdefault(entry.key.raw, set()).add(entry.organisation)
        shared = sorted(", ".join(sorted(names)) for names in owners.values() if len(names) > 1)
        if shared:
            raise ValueError(f"one key speaks for several organisations ({'; '.join(shared)}): each needs its own")
        return self

    @model_validator(mode="after")
    def _a_register_signs_nothing(self) -> TrustFile:
        both = sorted({entry.organisation for entry in self.keys} & set(self.registers))
        if both:
            raise ValueError(f"registers names who has a key ({', '.join(both)}): who signs for data is no register")
        return self


@dataclass(frozen=True)
class Trust:
    """The trust file that this deployment goes by.

    Attributes:
        sha256: fingerprint of the file, shown at every run.
        is_demo: made by `spine demo`: its releases are a demonstration.
        registers: suppliers for whose data nobody signs, since they are published.
    """

    path: Path
    sha256: str
    is_demo: bool
    keys: tuple[TrustedKey, ...]
    users: tuple[TrustedUser, ...] = ()
    registers: tuple[str, ...] = ()

    def key_of(self, fingerprint: str, organisation: str, role: str) -> PublicKey | None:
        """The key of that fingerprint, where it may sign for that organisation in that role."""
        for entry in self.keys:
            if (entry.organisation, entry.role) == (organisation, role) and entry.key.fingerprint == fingerprint:
                return entry.key
        return None

    def holders(self, role: str) -> tuple[str, ...]:
        """Organisations with a key for a role, sorted."""
        return tuple(sorted({entry.organisation for entry in self.keys if entry.role == role}))

    @property
    def line(self) -> str:
        """What a run says of it."""
        kind = "throwaway keys of the demonstration" if self.is_demo else f"{len(self.keys)} keys"
        return f"trust file {self.path} ({kind}), fingerprint {self.sha256[:16]}"


def load_trust(settings: Settings) -> Trust:
    """The trust file of this deployment.

    In production it is the one that SPINE_TRUST_FILE names, with the hash of SPINE_TRUST_SHA256; in a demonstration
    the one that `spine demo` made in the home.

    Raises:
        TrustError: it is not there, not readable, or not the one that is pinned.
        GovernanceError: none is named, it lies in the project, or it is that of a demonstration.
        ContractError: it is not valid; every fault with its line.
    """
    if not settings.is_production:
        return _demo_trust(settings)
    if settings.trust_file is None or settings.trust_sha256 is None:
        raise GovernanceError(
            "no trust file is set, so no approval can be verified and nothing is released. Whoever runs this "
            "deployment must set SPINE_TRUST_FILE and SPINE_TRUST_SHA256 (docs/governance.md). "
            "For fictional data: `spine demo`"
        )
    path = settings.trust_file.expanduser().absolute()
    if any(path.resolve().is_relative_to(folder.resolve()) for folder in (settings.project, PROJECT_ROOT)):
        raise GovernanceError(
            f"the trust file {path} lies in the project, where whoever changes the code could change it. Whoever runs "
            "this deployment must keep it elsewhere"
        )
    trust = _read(path)
    if trust.sha256 != settings.trust_sha256:
        raise TrustError(
            f"the trust file {path} is not the one that the settings pin: expected SHA-256 "
            f"{settings.trust_sha256[:16]}…, found {trust.sha256[:16]}…. Whoever runs this deployment must find out "
            f"who changed it. Nothing is released until then; {STANDS}"
        )
    if trust.is_demo:
        raise GovernanceError(
            f"the trust file {path} holds throwaway keys of a demonstration: production refuses them. The controllers "
            "must make keys of their own (`spine agreement keygen`)"
        )
    return trust


def _demo_trust(settings: Settings) -> Trust:
    if settings.trust_file is not None:
        raise GovernanceError(
            "SPINE_MODE=demo and SPINE_TRUST_FILE are both set: a demonstration goes by its own throwaway keys. "
            "Whoever runs this deployment must take away one of them"
        )
    path = settings.demonstration / TRUST
    if not path.exists():
        raise GovernanceError(
            "this home is no demonstration made by `spine demo`, so there is nobody whose approval could count. "
            "For fictional data run `spine demo`; for a deployment see docs/governance.md"
        )
    trust = _read(path)
    if not trust.is_demo:
        raise TrustError(f"{path} does not say that it is a demonstration's. Remove it and run `spine demo`")
    return trust


def _read(path: Path) -> Trust:
    try:
        content = read_bytes(path, may_link=True)
    except ContractError as error:
        raise TrustError(
            f"the trust file cannot be read, so no approval can be verified: {path.parent}/{error}. Nothing is "
            f"released until whoever runs this deployment restores it; {STANDS}"
        ) from None
    try:
        file = parse_model(content, path.name, TrustFile)
    except ContractError as error:
        raise TrustError(f"the trust file is not valid:\n{error}") from None
    return Trust(path, hashlib.sha256(content).hexdigest(), file.demonstration, file.keys, file.users, file.registers)


def trust_line(settings: Settings) -> str:
    """Whose signatures count here, or why nobody's do, in one sentence for people."""
    try:
        line = load_trust(settings).line
    except GovernanceError as refusal:
        return str(refusal)
    return f"Approvals are verified against the {line}."


def current_user() -> str:
    """The operating-system user as the system knows them; the environment can say anything."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def roles_of(settings: Settings) -> tuple[str, ...]:
    """Roles of the operating-system user on this deployment: all in a demonstration, else those of the trust file.

    Raises:
        GovernanceError: as `load_trust`.
    """
    trust = load_trust(settings)
    if trust.is_demo:
        return tuple(load_decision_rights(settings.expectations).roles)
    user = current_user()
    return tuple(sorted({role for entry in trust.users if entry.user == user for role in entry.roles}))


def require_right(action: str, settings: Settings, people: int = 1) -> str:
    """Refuse an action that the decision-rights matrix gives to others than the operating-system user.

    Args:
        action: as in expectations/decision_rights.yaml.
        people: how many different people do it.

    Returns:
        The user's name, for the audit log.

    Raises:
        GovernanceError: the user's roles do not permit it; says who may.
    """
    load_decision_rights(settings.expectations).require(action, roles_of(settings), people)
    return current_user()
