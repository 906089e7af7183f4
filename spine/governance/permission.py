"""May this purpose be released today: the agreement in force, its approvals, and who must still act.

Put here: the one answer that a release, a check and the command ask for. Never here: how an agreement or a statement
is read, or what a refusal does to a published release (spine.release).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from spine.contracts import Contract
from spine.errors import GovernanceError
from spine.governance.agreements import Agreement, agreement_for, load_agreements
from spine.governance.contract_locks import contract_duties, note_signed
from spine.governance.lineage import behind
from spine.governance.quorum import SUSPENSION, Signer, quorum, whose_data
from spine.governance.seen import note, seen_statements
from spine.governance.statements import Found, Statement, folder_of, newest, read_statements
from spine.governance.terms import Terms, terms_of
from spine.governance.trust import Trust, load_trust
from spine.rights import DecisionRights, load_decision_rights
from spine.settings import Settings

_REGISTER = (
    "if all that it sends is published, whoever runs this deployment can list it under `registers` in the trust file"
)


@dataclass(frozen=True)
class Duty:
    """Who must do what so that the agreement permits again."""

    who: str
    what: str

    @property
    def sentence(self) -> str:
        """In one sentence."""
        return f"{self.who} must {self.what}"


@dataclass(frozen=True)
class Permission:
    """How an agreement stands on a day.

    Attributes:
        required: whose approvals it takes.
        approvals: valid ones, of those required and of others.
        dissents: valid ones on this version, with their reasons.
        suspensions: those that hold; one is enough to stop everything.
        duties: what is still missing and from whom; empty where the purpose may be released.
        faults: files that could not be read or do not count, one sentence each.
        verified: every statement whose signature counts.
    """

    agreement: Agreement
    as_of: date
    trust: Trust
    required: tuple[Signer, ...]
    approvals: tuple[Statement, ...]
    dissents: tuple[Statement, ...]
    suspensions: tuple[Statement, ...]
    duties: tuple[Duty, ...]
    faults: tuple[str, ...]
    verified: tuple[Statement, ...]

    @property
    def is_granted(self) -> bool:
        """True where the purpose may be released."""
        return not self.duties

    @property
    def is_demo(self) -> bool:
        """True where the approvals are throwaway ones: the release must be marked as a demonstration."""
        return self.trust.is_demo

    @property
    def ends_on(self) -> date:
        """The last day on which it permits, unless it is reviewed or renewed before."""
        return self.agreement.ends_on

    @property
    def days_to_expiry(self) -> int:
        """Days from `as_of` to the last day; 0 on that day."""
        return (self.ends_on - self.as_of).days

    @property
    def refusal(self) -> str:
        """Why nothing may be released and who must do what; empty where it may."""
        if self.is_granted:
            return ""
        stopped = "; ".join(duty.sentence for duty in self.duties)
        faults = f". Not counted: {'; '.join(self.faults)}" if self.faults else ""
        again = ""
        if self.is_demo and not (self.suspensions or self.dissents):  # a demonstration signs over neither
            command = f"spine agreement approve {self.agreement.id} --demo"
            again = f". In a demonstration, `{command}` signs with its keys, as `spine demo` does"
        agreement = f"agreement {self.agreement.id} {self.agreement.version}"
        return (
            f"purpose '{self.agreement.purpose}' on {self.as_of}: {agreement} does not permit a release. "
            f"{stopped}{again}{faults}"
        )


def permission(
    purpose: str,
    settings: Settings,
    contracts: Sequence[Contract],
    as_of: date,
    *,
    agreements: Iterable[Agreement] | None = None,
) -> Permission:
    """What permits the release of a purpose on a day; keeps the signed statements that this home had not seen.

    Args:
        contracts: all input contracts; they say whose fields the agreement uses.
        agreements: where they have been read already.

    Raises:
        GovernanceError: nothing permits it; says which organisation must do what.
        TrustError: the pinned trust file is not there; what was published stands.
        ContractError: an agreement, or the decision-rights matrix, is not valid.
    """
    found = standing(purpose, settings, contracts, as_of, agreements=agreements)
    note(settings, found.agreement.id, found.verified)
    if not found.is_granted:
        raise GovernanceError(found.refusal)
    if not found.is_demo:
        note_signed(found.agreement, contracts, settings)
    return found


def standing(
    purpose: str,
    settings: Settings,
    contracts: Sequence[Contract],
    as_of: date,
    *,
    agreements: Iterable[Agreement] | None = None,
) -> Permission:
    """How the agreement of a purpose stands, permitted or not; changes nothing.

    Raises:
        GovernanceError: no agreement is in force, or no trust file tells whose signatures count.
        ContractError: as `permission`.
    """
    if agreements is None:
        agreements = load_agreements(settings.expectations / "agreements")
    return standing_of(agreement_for(purpose, agreements, as_of), settings, contracts, as_of)


def standing_of(agreement: Agreement, settings: Settings, contracts: Sequence[Contract], as_of: date) -> Permission:
    """How one agreement's approvals stand, in force on that day or not.

    Raises:
        GovernanceError: no trust file tells whose signatures count, or the register of what was seen is damaged.
        ContractError: the decision-rights matrix is not valid.
    """
    trust = load_trust(settings)
    rights = load_decision_rights(settings.expectations)
    found = read_statements(folder_of(settings, agreement.id), agreement.id)
    seen = seen_statements(settings, agreement.id)
    signed = contract_duties(agreement, contracts, settings, rights, trust)
    duties = [Duty(who, what) for who, what in signed]
    partners = whose_data(agreement, contracts, settings.lake, trust.registers, behind(settings, agreement.purpose))
    terms = terms_of(agreement, rights, settings.expectations)
    return _judged(terms, trust, found, seen, quorum(agreement, partners, rights), duties, as_of)


def _judged(
    terms: Terms,
    trust: Trust,
    found: Found,
    seen: Sequence[Statement],
    required: tuple[Signer, ...],
    on_contracts: Sequence[Duty],
    as_of: date,
) -> Permission:
    agreement, rights = terms.agreement, terms.rights
    may_suspend = {*agreement.partners, *(signer.organisation for signer in required)}
    signed = {s: s.fault(trust) or _outside(s, may_suspend, rights) for s in found.statements}
    verified = tuple(s for s, fault in signed.items() if fault is None)
    holding = newest([*verified, *seen]).values()
    stale = {s: s.staleness(terms) for s in holding if s.decision in ("approve", "dissent")}
    removed = {
        s: "was signed and is no longer among the files" for s in stale if s.decision == "approve" and s not in verified
    }
    approvals = tuple(s for s, why in stale.items() if s.decision == "approve" and not why and s not in removed)
    dissents = tuple(s for s, why in stale.items() if s.decision == "dissent" and not why)
    suspensions = tuple(s for s in holding if s.decision == "suspend")
    faults = [*found.faults, *(_described(s, why) for s, why in {**signed, **stale, **removed}.items() if why)]
    faults += [_described(s, "is older than another of the same signer") for s in verified if s not in holding]
    duties = [
        *(_to_lift(statement) for statement in suspensions),
        *_unreadable_suspensions(found, signed, holding),
        *(_to_sign(signer, agreement, trust, dissents) for signer in required if not _is_met(signer, approvals)),
        *_vetoes(dissents, approvals, rights),
        *on_contracts,
    ]
    return Permission(
        agreement, as_of, trust, required, approvals, dissents, suspensions, tuple(dict.fromkeys(duties)),
        tuple(sorted(set(faults))), verified,
    )  # fmt: skip


def _outside(statement: Statement, partners: Collection[str | None], rights: DecisionRights) -> str | None:
    """Why a suspension is not this signer's to make; None where it is."""
    if statement.decision in ("approve", "dissent"):
        return None
    if statement.organisation not in partners:
        return f"{statement.organisation} is no controller of the agreement, and none of its data are used"
    if statement.role not in rights.decision(SUSPENSION).responsible:
        return f"a {statement.role} may not suspend"
    return None


def _is_met(signer: Signer, approvals: Iterable[Statement]) -> bool:
    return any(signer.is_met_by(s.organisation, s.role) for s in approvals)


def _to_lift(statement: Statement) -> Duty:
    return Duty(
        statement.organisation,
        f"lift its suspension of {statement.signed_on} (number {statement.number}; its reason: {statement.reason}), "
        "which it alone can do",
    )


def _unreadable_suspensions(
    found: Found, signed: dict[Statement, str | None], holding: Iterable[Statement]
) -> list[Duty]:
    """A suspension that cannot be verified may be a real one that was damaged: it stops until it is cleared up."""
    held = {s.signer: s.number for s in holding}
    doubtful = [
        s.organisation
        for s, fault in signed.items()
        if fault and s.decision == "suspend" and s.number > held.get(s.signer, 0)
    ]
    doubtful += [
        fault.partition("/")[2].partition(".")[0] for fault in found.faults if ".suspension.yaml" in fault.split(":")[0]
    ]
    return [
        Duty(name, "say whether it suspends: there is a suspension in its name that cannot be verified")
        for name in doubtful
    ]


def _to_sign(signer: Signer, agreement: Agreement, trust: Trust, dissents: Iterable[Statement]) -> Duty:
    """What a required signer who has not approved must do; with the reason where they dissented."""
    named = signer.role.replace("_", " ")
    if signer.organisation is not None:
        who = f"{signer.organisation} ({named})"
    else:
        who = f"a {named} ({', '.join(trust.holders(signer.role)) or 'none has a key in the trust file'})"
    reasons = [s.reason for s in dissents if signer.is_met_by(s.organisation, s.role)]
    against = f", having dissented: {'; '.join(reasons)}" if reasons else ""
    stranger = signer.organisation is not None and signer.organisation not in agreement.partners
    note = f", since its data are used, though it is no controller ({_REGISTER})" if stranger else ""
    return Duty(who, f"approve it as it stands{against}{note}")


def _vetoes(dissents: Iterable[Statement], approvals: Sequence[Statement], rights: DecisionRights) -> list[Duty]:
    """A dissent of whoever has a veto stops, even where another holder of the role has approved."""
    vetoes = rights.decision("sign_agreement").vetoes
    approved = {s.role for s in approvals}
    return [
        Duty(f"{s.organisation} ({s.role.replace('_', ' ')})", f"take back its veto: {s.reason}")
        for s in dissents
        if s.role in vetoes and s.role in approved
    ]


def _described(statement: Statement, why: str) -> str:
    return f"the {statement.decision} number {statement.number} of {statement.signer} {why}"
