"""Who must sign an agreement before anything is released under it.

Put here: the signers that the agreement's fields and the decision-rights matrix ask for. Never here: whether they
have signed (permission).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spine.contracts import Contract
from spine.governance.agreements import Agreement
from spine.rights import DecisionRights

ACTION, SUSPENSION = "sign_agreement", "suspend_agreement"
#: The role that signs for a controller. Whatever the matrix says, no controller's data go without its own approval.
CONTROLLER = "senior_information_risk_owner"


@dataclass(frozen=True)
class Signer:
    """Whose approval is needed: a role of one organisation, or of any (None)."""

    organisation: str | None
    role: str
    has_veto: bool = False

    def is_met_by(self, organisation: str, role: str) -> bool:
        """True for a signature of that organisation in that role."""
        return self.role == role and self.organisation in (None, organisation)


def suppliers(agreement: Agreement, contracts: Iterable[Contract]) -> tuple[str, ...]:
    """Controllers of the agreement that supply a dataset of which it uses fields, in its order.

    Past and future supplies count too, and public fields: what a contract says of them can be edited by others.
    """
    found = {s.partner for contract in contracts if contract.dataset in agreement.datasets for s in contract.supplies}
    return tuple(partner for partner in agreement.partners if partner in found)


def quorum(agreement: Agreement, contracts: Iterable[Contract], rights: DecisionRights) -> tuple[Signer, ...]:
    """Everybody who must approve: each controller whose fields are used, then the roles that the matrix names.

    Those responsible and those accountable must approve, and so must whoever has a veto. Where no controller supplies
    anything, all of them must: whoever edits agreement, matrix and contracts must not come to a quorum of nobody.

    Raises:
        GovernanceError: the matrix does not say who decides on agreements.
    """
    row = rights.decision(ACTION)
    signers = [Signer(partner, CONTROLLER) for partner in suppliers(agreement, contracts) or agreement.partners]
    for role in dict.fromkeys((*row.responsible, *row.accountable, *row.vetoes)):
        if role != CONTROLLER:
            signers.append(Signer(None, role, role in row.vetoes))
    return tuple(signers)
