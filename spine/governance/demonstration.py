"""Throwaway keys and approvals for a home that is a demonstration only.

Put here: what `spine demo` signs in the name of the fictional organisations. Never here: anything that counts in
production: the trust file that is written here says that it is a demonstration's, and production refuses that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import yaml

from spine.contracts import Contract, load_partners
from spine.errors import GovernanceError
from spine.files import make_folder, replacing
from spine.governance import contract_locks
from spine.governance.agreements import Agreement, read_agreements
from spine.governance.lineage import behind
from spine.governance.quorum import ACTION, CONTROLLER, SUSPENSION, suppliers, whose_data
from spine.governance.seen import seen_statements
from spine.governance.signing import SigningKey, load_key, make_key
from spine.governance.statements import (
    Statement,
    folder_of,
    newest,
    next_number,
    read_statements,
    sign,
    write_statement,
)
from spine.governance.terms import Subject, terms_of
from spine.governance.trust import TRUST, Trust, TrustedKey, TrustFile, load_trust
from spine.rights import DecisionRights, load_decision_rights
from spine.settings import Settings

#: Whose key the lay member of the demonstration holds.
BOARD = "joint_data_board"
_LAY = "lay_member"
#: Kinds of partners who sign nothing: published registers, and the spine's own team, which sends no data of its own.
_REGISTERS = ("register", "spine")
#: No clock: a demonstration gives the same files whenever it is made.
_DAY = date(2027, 4, 1)


def approve_all(settings: Settings, contracts: Sequence[Contract] = ()) -> list[Statement]:
    """Make the home a demonstration, and sign every agreement with the throwaway keys of everybody it takes.

    What has been signed already stays as it is, and so does a dissent or a suspension that somebody signed with one
    of the keys. An agreement with a fault is passed over.

    Args:
        contracts: signed too, as they are now.

    Returns:
        The new approvals.

    Raises:
        GovernanceError: the settings make this home a deployment.
    """
    if settings.mode == "production" or settings.trust_file is not None:
        raise GovernanceError(
            "this home is a deployment's (SPINE_MODE or SPINE_TRUST_FILE say so): nothing is signed here in the name "
            "of others. Choose another home for a demonstration"
        )
    rights = load_decision_rights(settings.expectations)
    keys = _keys(settings)
    _write_trust(settings, keys, rights)
    trust = load_trust(settings)
    _sign_contracts(contracts, settings, rights, trust, keys)
    agreements, _ = read_agreements(settings.expectations / "agreements")
    return [s for agreement in agreements for s in _approve(agreement, contracts, settings, rights, trust, keys)]


def demo_key(settings: Settings, organisation: str) -> Path:
    """Where the throwaway key of an organisation lies."""
    return settings.demonstration / "keys" / f"{organisation}.pem"


def _keys(settings: Settings) -> dict[str, SigningKey]:
    """One key for each partner that is no register, and one for the board, made where they are missing."""
    make_folder(settings.demonstration)  # first, since only the last folder of a path is closed
    make_folder(settings.demonstration / "keys")
    organisations = [*_partners(settings, registers=False), BOARD]
    for path in (demo_key(settings, organisation) for organisation in organisations):
        if not path.exists():
            make_key(path, None)
    return {name: load_key(demo_key(settings, name), lambda: "") for name in organisations}


def _partners(settings: Settings, *, registers: bool) -> tuple[str, ...]:
    """The partners that are registers, or those that are not."""
    partners = load_partners(settings.expectations / "partners.yaml").values()
    return tuple(partner.id for partner in partners if (partner.kind in _REGISTERS) == registers)


def _write_trust(settings: Settings, keys: dict[str, SigningKey], rights: DecisionRights) -> None:
    """Every organisation's key holds every role that signs, but for the lay member's, which the board's key holds."""
    rows = [rights.decision(action) for action in (ACTION, SUSPENSION, contract_locks.ACTION)]
    roles = sorted({role for row in rows for role in (*row.responsible, *row.accountable, *row.vetoes)})
    entries = [
        TrustedKey(
            organisation=name, role=role, public_key=key.public.text, holder="throwaway key of the demonstration"
        )
        for name, key in keys.items()
        for role in roles
        if (role == _LAY) == (name == BOARD)
    ]
    registers = _partners(settings, registers=True)
    content = TrustFile(demonstration=True, keys=tuple(entries), registers=registers).model_dump(mode="json")
    text = yaml.safe_dump(content, sort_keys=False, width=4096)
    path = settings.demonstration / TRUST
    if path.exists() and path.read_text("utf-8") == text:
        return
    with replacing(path, point="governance.trust") as temporary:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o600)


def _sign_contracts(
    contracts: Iterable[Contract],
    settings: Settings,
    rights: DecisionRights,
    trust: Trust,
    keys: Mapping[str, SigningKey],
) -> None:
    folder = contract_locks.folder_of(settings)
    locks = contract_locks.read_locks(folder).by_contract
    for contract in contracts:
        lock = locks.get(contract.id)
        done = lock.signed_by(trust, rights) if lock and not contract_locks.breaks(lock, contract) else ()
        partners = suppliers(contract, settings.lake, trust.registers)
        for signer in contract_locks.cosigners(contract, rights, partners):
            name = signer.organisation or partners[0]
            if not any(signer.is_met_by(s.organisation, s.role) for s in done):
                contract_locks.sign_contract(contract, folder, keys[name], name, signer.role, _DAY, rights)


def _approve(
    agreement: Agreement,
    contracts: Iterable[Contract],
    settings: Settings,
    rights: DecisionRights,
    trust: Trust,
    keys: dict[str, SigningKey],
) -> list[Statement]:
    folder = folder_of(settings, agreement.id)
    files = read_statements(folder, agreement.id).statements
    known = [*files, *seen_statements(settings, agreement.id)]
    held = newest(s for s in known if s.fault(trust) is None)
    signed = []
    terms = terms_of(agreement, rights, settings.expectations)
    lineage = behind(settings, agreement.purpose)
    partners = (*agreement.partners, *whose_data(agreement, contracts, settings.lake, trust.registers, lineage))
    for organisation, role in _signers(partners, rights, keys):
        statement = held.get(f"{organisation}.{role}")
        if statement and not statement.staleness(terms) and (statement in files or statement.decision == "dissent"):
            continue
        signed.append(_sign(keys[organisation], terms.subject, organisation, role, known))
        write_statement(folder, signed[-1])
    return signed


def _sign(key: SigningKey, subject: Subject, organisation: str, role: str, known: list[Statement]) -> Statement:
    return sign(
        key, subject, organisation=organisation, role=role, decision="approve", reason="", signed_on=_DAY,
        number=next_number(known, f"{organisation}.{role}"),
    )  # fmt: skip


def _signers(partners: Iterable[str], rights: DecisionRights, keys: Iterable[str]) -> list[tuple[str, str]]:
    """Each controller and supplier, and for each other role the first of them, or the board for its lay member."""
    row = rights.decision(ACTION)
    controllers = [partner for partner in dict.fromkeys(partners) if partner in keys]
    roles = [role for role in dict.fromkeys((*row.responsible, *row.accountable, *row.vetoes)) if role != CONTROLLER]
    others = [(BOARD if role == _LAY else name, role) for role in roles for name in controllers[:1]]
    return [*((name, CONTROLLER) for name in controllers), *others]
