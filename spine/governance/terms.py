"""What is signed: an agreement's text, what of its purpose is released and from what, and the rules of signing.

Put here: the terms as they stand in the project, and their hash. Never here: a signature (statements).

The output contracts say from which fields each released column is made and what it may hold. Nobody could judge an
agreement without them, so they are signed with it: an edit of either makes every approval void.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from spine.contracts import read_odcs
from spine.governance.agreements import Agreement
from spine.governance.canonical import digest
from spine.rights import DecisionRights

#: Rows of the decision-rights matrix under which statements are made.
_ROWS = ("sign_agreement", "suspend_agreement")


@dataclass(frozen=True)
class Subject:
    """What a statement names: an agreement by id and version, and hashes of its terms and of the rules of signing.

    A suspension is about the agreement whatever its terms are, so that it can be made where they cannot be read.
    """

    agreement: str
    version: str = ""
    sha256: str = "0" * 64
    rights: str = "0" * 64


@dataclass(frozen=True)
class Terms:
    """What a statement is about.

    Attributes:
        outputs: hash of each output contract of the purpose, by the file's name.
    """

    agreement: Agreement
    rights: DecisionRights
    outputs: tuple[tuple[str, str], ...]

    @property
    def sha256(self) -> str:
        """Hash of the agreement's content and of its purpose's output contracts."""
        return digest({"agreement": self.agreement.sha256, "outputs": dict(self.outputs)})

    @property
    def subject(self) -> Subject:
        """What a statement on these terms names."""
        return Subject(self.agreement.id, self.agreement.version, self.sha256, self.rights_sha256)

    @property
    def rights_sha256(self) -> str:
        """Hash of the matrix's rows on signing and suspending an agreement."""
        return digest({action: self.rights.decision(action).model_dump() for action in _ROWS})


def terms_of(agreement: Agreement, rights: DecisionRights, expectations: Path) -> Terms:
    """The terms as they stand in the project.

    Raises:
        ContractError: an output contract of the purpose is not valid.
    """
    folder = expectations / "contracts" / "spine"
    outputs = {path.name: _hash(path) for path in sorted(folder.glob(f"{agreement.purpose}__*.odcs.yaml"))}
    return Terms(agreement, rights, tuple(outputs.items()))


def _hash(path: Path) -> str:
    content = read_odcs(path).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return digest(json.dumps(content, sort_keys=True))
