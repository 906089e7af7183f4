"""Signed statements on an agreement: approval, dissent, suspension and its lifting.

Put here: the statement's model, its signing, its files and what makes one valid. Never here: how many it takes
(quorum), or what follows from them (permission).

A statement names the agreement, its version and hash, the rules of decision that it was made under, the organisation,
the role, the decision, the reason, the day and its number; the signature is over all of them. So it holds for nothing
else: no other agreement, version, organisation, role or decision. The number grows with every statement of the same
signer, so that an older one that is put back does not count once a newer one was seen (spine.governance.seen).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from spine.errors import ContractError, GovernanceError
from spine.files import replacing
from spine.governance.canonical import canonical
from spine.governance.reading import read_model
from spine.governance.signing import SigningKey
from spine.governance.terms import Subject, Terms
from spine.governance.trust import Trust
from spine.settings import Settings

DOMAIN = "connected-spine/agreement-statement/v2"
Decision = Literal["approve", "dissent", "suspend", "lift"]
#: Approvals and dissents are about one version; suspensions are about the agreement, whatever its version.
_ON_VERSION: tuple[Decision, ...] = ("approve", "dissent")
_NAME = r"^[a-z][a-z0-9_]*$"
_HASH = r"^[0-9a-f]{64}$"


class Statement(BaseModel):
    """What one organisation, in one role, has said of an agreement.

    Attributes:
        sha256: of the agreement's content and its purpose's output contracts.
        rights: hash of the matrix's rows on signing and suspending.
        number: 1, 2, 3 for the statements of this signer on this agreement.
        key: fingerprint of the key that signed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    agreement: str = Field(pattern=_NAME)
    version: str
    sha256: str = Field(pattern=_HASH)
    rights: str = Field(pattern=_HASH)
    organisation: str = Field(pattern=_NAME)
    role: str = Field(pattern=_NAME)
    decision: Decision
    reason: str = ""
    signed_on: date
    number: int = Field(ge=1)
    key: str = Field(pattern=_HASH)
    signature: str = ""

    @model_validator(mode="after")
    def _only_an_approval_goes_without_reason(self) -> Statement:
        if self.decision != "approve" and not self.reason.strip():
            raise ValueError(f"to {self.decision} takes a reason")
        return self

    @property
    def content(self) -> bytes:
        """What is signed: everything but the signature, in canonical form."""
        return canonical(self.model_dump(exclude={"signature"}))

    @property
    def signer(self) -> str:
        """Whose statements are numbered together: an organisation's role, or for suspensions the organisation."""
        return f"{self.organisation}.{self.role if self.decision in _ON_VERSION else 'suspension'}"

    def fault(self, trust: Trust) -> str | None:
        """Why the signature does not count; None where it does."""
        key = trust.key_of(self.key, self.organisation, self.role)
        if key is None:
            return f"is signed by a key that the trust file does not list for {self.organisation} as {self.role}"
        if not key.verifies(DOMAIN, self.content, self.signature):
            return "does not carry a valid signature: it was altered after it was signed"
        return None

    def staleness(self, terms: Terms) -> str | None:
        """Why an approval or dissent is not about the agreement as it stands; None where it is."""
        agreement = terms.agreement
        if self.agreement != agreement.id:
            return f"is about agreement {self.agreement}"
        if self.version != agreement.version:
            return f"is for version {self.version}; the agreement is now {agreement.version}"
        if self.sha256 != terms.sha256:
            return "is for another text of the agreement or of an output contract: it was edited afterwards"
        if self.rights != terms.rights_sha256:
            return "was made under other decision rights: their matrix was edited afterwards"
        return None


@dataclass(frozen=True)
class Found:
    """The statements in an agreement's folders, and one sentence for each file that cannot be read."""

    statements: tuple[Statement, ...]
    faults: tuple[str, ...]


def sign(
    key: SigningKey,
    subject: Subject,
    *,
    organisation: str,
    role: str,
    decision: Decision,
    reason: str,
    signed_on: date,
    number: int,
) -> Statement:
    """A statement on the agreement as it stands, signed.

    Raises:
        ContractError: a decision that takes a reason has none.
    """
    content: dict[str, Any] = {
        "agreement": subject.agreement,
        "version": subject.version,
        "sha256": subject.sha256,
        "rights": subject.rights,
        "organisation": organisation,
        "role": role,
        "decision": decision,
        "reason": reason.strip(),
        "signed_on": signed_on,
        "number": number,
        "key": key.public.fingerprint,
    }
    try:
        bare = Statement.model_validate(content)
    except ValueError:
        raise ContractError(f"to {decision} takes a reason, and organisation and role as in the trust file") from None
    return bare.model_copy(update={"signature": key.sign(DOMAIN, bare.content)})


def folder_of(settings: Settings, agreement_id: str) -> Path:
    """Where statements on an agreement lie: beside it, or in a demonstration in the home."""
    root = settings.expectations / "agreements" if settings.is_production else settings.demonstration / "approvals"
    return root / f"{agreement_id}.approvals"


def read_statements(folder: Path, agreement_id: str) -> Found:
    """All statements of a folder, in the order of their files' names.

    A file whose name is not that of its signer is a fault: its place would be taken by another's.
    """
    statements, faults = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            statement = read_model(path, Statement)
        except ContractError as error:
            faults.append(f"{folder.name}/{error}")
            continue
        if statement.signer != path.stem:
            faults.append(f"{folder.name}/{path.name}: expected the name of its signer, {statement.signer}.yaml")
        elif statement.agreement != agreement_id:
            faults.append(f"{folder.name}/{path.name}: is about agreement {statement.agreement}, not {agreement_id}")
        else:
            statements.append(statement)
    return Found(tuple(statements), tuple(faults))


def write_statement(folder: Path, statement: Statement) -> Path:
    """Write a statement in the place of its signer's earlier one."""
    path = folder / f"{statement.signer}.yaml"
    content = statement.model_dump(mode="json")
    with replacing(path, point="governance.statement") as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=4096), "utf-8")
    return path


def next_number(known: Iterable[Statement], signer: str) -> int:
    """The number of a signer's next statement."""
    return max((statement.number for statement in known if statement.signer == signer), default=0) + 1


def newest(statements: Iterable[Statement]) -> dict[str, Statement]:
    """The highest-numbered statement of each signer.

    Raises:
        GovernanceError: a signer has given one number to two different statements.
    """
    found: dict[str, Statement] = {}
    for statement in statements:
        other = found.get(statement.signer)
        if other is not None and other.number == statement.number and other != statement:
            raise GovernanceError(
                f"agreement {statement.agreement}: {statement.organisation} has signed two different statements as "
                f"number {statement.number}, so it is not clear which one holds. It must sign a new one"
            )
        if other is None or statement.number > other.number:
            found[statement.signer] = statement
    return found
