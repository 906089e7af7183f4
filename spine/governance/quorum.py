"""Who must sign an agreement before anything is released under it.

Put here: the signers that the agreement's fields and the decision-rights matrix ask for. Never here: whether they
have signed (permission).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

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


def suppliers(contract: Contract, lake: Path | None = None, registers: Collection[str] = ()) -> tuple[str, ...]:
    """Who supplies a contract's data: whoever it names, at any time, and whoever's deliveries are in the lake; sorted.

    The contract can be edited by others, and so can the classification of its fields; what was delivered stands.

    Args:
        registers: partners that count for nobody, since all that they send is published.
    """
    named = {supply.partner for supply in contract.supplies}
    delivered = {path.name for path in (lake / contract.id).glob("*") if path.is_dir()} if lake is not None else set()
    return tuple(sorted((named | delivered) - set(registers)))


def whose_data(
    agreement: Agreement,
    contracts: Iterable[Contract],
    lake: Path | None = None,
    registers: Collection[str] = (),
    behind: Collection[str] | None = None,
) -> tuple[str, ...]:
    """Everybody whose data a release would use: the agreement's controllers in its order, then others, sorted.

    Whoever a contract of the agreement's datasets names, and whoever has deliveries in the lake of those datasets or of
    any layout that the purpose is built from, whatever the agreement and the output contracts say of it.

    Args:
        registers: partners that count for nobody.
        behind: ids of contracts that the purpose's tables are built from; None where that is not known, and every
            delivery counts.
    """
    used = (contract for contract in contracts if contract.dataset in agreement.datasets)
    found = {supply.partner for contract in used for supply in contract.supplies}
    for folder in lake.glob("*__*") if lake is not None else ():
        is_used = folder.name.partition("__")[0] in agreement.datasets or behind is None or folder.name in behind
        found |= {path.name for path in folder.glob("*") if path.is_dir() and is_used}
    found -= set(registers)
    controllers = [partner for partner in agreement.partners if partner in found]
    return (*controllers, *sorted(found - set(controllers)))


def quorum(agreement: Agreement, partners: Iterable[str], rights: DecisionRights) -> tuple[Signer, ...]:
    """Everybody who must approve: each organisation whose data are used, then the roles that the matrix names.

    Those responsible and those accountable must approve, and so must whoever has a veto. Where nobody supplies
    anything, all controllers must: whoever edits agreement, matrix and contracts must not come to a quorum of nobody.

    Args:
        partners: whose data it is (`whose_data`), whether the agreement names them as controllers or not.

    Raises:
        GovernanceError: the matrix does not say who decides on agreements.
    """
    row = rights.decision(ACTION)
    signers = [Signer(partner, CONTROLLER) for partner in tuple(partners) or agreement.partners]
    for role in dict.fromkeys((*row.responsible, *row.accountable, *row.vetoes)):
        if role != CONTROLLER:
            signers.append(Signer(None, role, role in row.vetoes))
    return tuple(signers)
