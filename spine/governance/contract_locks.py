"""What of a data contract its suppliers have signed, and whether it was broken since.

Put here: the signed shape of a contract, its signatures, and what breaks it. Never here: reading a contract
(spine.contracts), or what an agreement says.

A shape is the type and the classification of every column, how each is found and read, the rules, and who supplies
from when to when. To take any of it away or to change it breaks it: each supplier's data steward must sign the new
shape, and whoever else the matrix holds accountable for `accept_breaking_change`. What is added breaks nothing: no
agreement covers a new column yet, a new rule only refuses, and a new supplier must sign. What was noted and never
signed breaks only where a column is gone or has another type or classification.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spine.contracts import Contract
from spine.documents import read_json
from spine.errors import ContractError
from spine.files import write_json
from spine.governance.agreements import Agreement
from spine.governance.canonical import canonical, digest
from spine.governance.quorum import Signer, suppliers
from spine.governance.seen import note_locks, seen_locks
from spine.governance.signing import SigningKey
from spine.governance.trust import Trust
from spine.rights import DecisionRights
from spine.settings import Settings

DOMAIN = "connected-spine/contract-statement/v1"
ACTION, STEWARD = "accept_breaking_change", "data_steward"
#: What a contract says as a whole about reading; and what a column's hash leaves out.
_OF_CONTRACT = ("format", "mode", "quarantine_max_percent", "window", "is_optional", "one_record_per_person")
_OF_COLUMN = ("description", "logical_type", "classification")
_HASH = r"^[0-9a-f]{64}$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Signature(_Part):
    """One signature on a shape; it is over everything here and the contract's id and shape.

    Attributes:
        rights: hash of the matrix's row on breaking changes, under which it was made.
    """

    organisation: str
    role: str
    signed_on: date
    rights: str = Field(pattern=_HASH)
    key: str = Field(pattern=_HASH)
    signature: str = ""

    def content(self, contract: str, shape: str) -> bytes:
        """What is signed."""
        return canonical({"contract": contract, "shape": shape, **self.model_dump(exclude={"signature"})})


class ContractLock(_Part):
    """The shape that was last signed.

    Attributes:
        columns: type and classification by `table.column`.
        parts: hash of everything else that decides what is read and from whom, by what it is of.
        number: 1 for a contract's first shape, 2 for the next.
        replaces: hash of the shape before, where this one broke it; None for a contract's first.
    """

    contract: str
    version: str
    columns: dict[str, tuple[str, str]]
    parts: dict[str, str] = {}
    number: int = Field(default=1, ge=1)
    replaces: str | None = None
    signatures: tuple[Signature, ...] = ()

    @property
    def shape(self) -> str:
        """Hash of what is signed."""
        told = {"columns": self.columns, "parts": self.parts, "number": self.number}
        return digest({"contract": self.contract, **told})

    def signed_by(self, trust: Trust, rights: DecisionRights) -> tuple[Signature, ...]:
        """The signatures that count."""
        return tuple(s for s in self.signatures if s.rights == rights_digest(rights) and self._counts(s, trust))

    def _counts(self, signature: Signature, trust: Trust) -> bool:
        key = trust.key_of(signature.key, signature.organisation, signature.role)
        content = signature.content(self.contract, self.shape)
        return key is not None and key.verifies(DOMAIN, content, signature.signature)


@dataclass(frozen=True)
class Locks:
    """The locks of a folder by contract id, and one sentence for each file that cannot be used."""

    by_contract: dict[str, ContractLock]
    faults: tuple[str, ...]


def columns_of(contract: Contract) -> dict[str, tuple[str, str]]:
    """A contract's shape."""
    return {f"{t.name}.{c.name}": (c.logical_type, c.classification) for t in contract.tables for c in t.columns}


def parts_of(contract: Contract) -> dict[str, str]:
    """Hash of how each part of a contract is read, by what it is of; without what `columns_of` tells."""
    told: dict[str, Any] = {"the contract": [getattr(contract, name) for name in _OF_CONTRACT]}
    for table in contract.tables:
        told[f"table {table.name}"] = [table.source, table.required, table.headerless]
        for column in table.columns:
            content = {k: v for k, v in asdict(column).items() if k not in _OF_COLUMN}
            told[f"column {table.name}.{column.name}"] = content
    for rule in contract.rules:
        told[f"rule {rule.table}.{rule.name}"] = asdict(rule)
    for supply in contract.supplies:
        told.setdefault(f"supply by {supply.partner}", []).append([supply.valid_from, supply.valid_to])
    return {name: digest(json.dumps(content, sort_keys=True, default=str)) for name, content in told.items()}


def rights_digest(rights: DecisionRights) -> str:
    """Hash of the matrix's row on breaking changes."""
    return digest(rights.decision(ACTION).model_dump())


def breaks(lock: ContractLock, contract: Contract, *, in_full: bool = True) -> list[str]:
    """What of the signed shape the contract does not keep, one phrase each.

    Args:
        in_full: what was signed is compared to the last detail, not only columns, types and classifications.
    """
    now = columns_of(contract)
    found = [f"{name} is gone" for name in lock.columns if name not in now]
    for name, (kind, classification) in lock.columns.items():
        kind_now, classification_now = now.get(name, (kind, classification))
        if kind_now != kind:
            found.append(f"{name} was a {kind} and is a {kind_now}")
        if classification_now != classification:
            found.append(f"{name} was {classification} and is {classification_now}")
    if in_full and lock.signatures:
        parts = parts_of(contract)
        gone = {f"column {name}" for name in lock.columns if name not in now}
        found += [
            f"{name} is not as it was"
            for name, was in lock.parts.items()
            if name not in gone and parts.get(name) != was
        ]
    return found


def folder_of(settings: Settings) -> Path:
    """Where locks lie: beside the contracts, or in a demonstration in the home."""
    if settings.is_production:
        return settings.expectations / "contracts" / "signed"
    return settings.demonstration / "contracts"


def read_locks(folder: Path) -> Locks:
    """All locks of a folder."""
    locks, faults = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            lock = ContractLock.model_validate(read_json(path))
        except (ContractError, ValidationError):
            faults.append(f"signed/{path.name} cannot be read: restore it from the repository's history")
            continue
        if lock.contract == path.stem:
            locks[path.stem] = lock
        else:
            faults.append(f"signed/{path.name} is about {lock.contract}")
    return Locks(locks, tuple(faults))


def sign_contract(
    contract: Contract,
    folder: Path,
    key: SigningKey | None,
    organisation: str,
    role: str,
    day: date,
    rights: DecisionRights,
) -> ContractLock:
    """Sign a contract's shape as it is now; a shape that breaks the one before starts without signatures.

    Args:
        key: None writes down the shape and signs nothing.
    """
    before = read_locks(folder).by_contract.get(contract.id)
    columns, parts = columns_of(contract), parts_of(contract)
    lock = ContractLock(contract=contract.id, version=contract.version, columns=columns, parts=parts)
    if before is not None and (before.columns, before.parts) == (columns, parts):
        lock = before.model_copy(update={"version": contract.version})
    elif before is not None:
        replaces = before.shape if breaks(before, contract) else before.replaces
        lock = lock.model_copy(update={"replaces": replaces, "number": before.number + 1})
    if key is not None:
        by = {"organisation": organisation, "role": role, "key": key.public.fingerprint}
        bare = Signature(signed_on=day, rights=rights_digest(rights), **by)
        signed = bare.model_copy(update={"signature": key.sign(DOMAIN, bare.content(contract.id, lock.shape))})
        others = tuple(s for s in lock.signatures if (s.organisation, s.role) != (organisation, role))
        lock = lock.model_copy(update={"signatures": (*others, signed)})
    write_json(folder / f"{contract.id}.json", lock.model_dump(mode="json"), point="governance.lock")
    return lock


def cosigners(contract: Contract, rights: DecisionRights, partners: Sequence[str] | None = None) -> tuple[Signer, ...]:
    """Whose signatures a contract's shape takes: each supplier's data steward, and others who are accountable.

    Args:
        partners: its suppliers, where more is known of them than the contract says.
    """
    touched = suppliers(contract) if partners is None else partners
    others = [role for role in rights.decision(ACTION).accountable if role != STEWARD]
    return (*(Signer(p, STEWARD) for p in touched), *(Signer(None, role) for role in others if touched))


def check_locks(
    contracts: Iterable[Contract], settings: Settings, rights: DecisionRights, trust: Trust | None
) -> list[str]:
    """Broken contracts and missing co-signatures among the committed locks, one sentence each.

    A contract without a lock has not been signed and breaks nothing; a release asks for more (`contract_duties`).

    Args:
        trust: None where no trust file is set: signatures are then asked for but not verified.
    """
    locks = read_locks(settings.expectations / "contracts" / "signed")
    faults = list(locks.faults)
    for contract in contracts:
        lock = locks.by_contract.get(contract.id)
        if lock is None:
            continue
        signers = cosigners(contract, rights, suppliers(contract, registers=trust.registers if trust else ()))
        if broken := breaks(lock, contract):
            faults.append(_broken(contract, broken, signers))
        elif lock.replaces is not None:
            signatures = lock.signatures if trust is None else lock.signed_by(trust, rights)
            missing = [s for s in signers if not any(s.is_met_by(o.organisation, o.role) for o in signatures)]
            faults += (
                [f"{contract.id}: its breaking change lacks the signature of {_named(missing)}"] if missing else []
            )
    return faults


def contract_duties(
    agreement: Agreement, contracts: Sequence[Contract], settings: Settings, rights: DecisionRights, trust: Trust
) -> list[tuple[str, str]]:
    """Who must sign what of the contracts whose fields an agreement uses, before anything is released under it.

    All who supply a contract sign, whoever the agreement names: an edit of it may be what makes them seem not to count.
    In a demonstration only a broken contract stops, so that a new layout or another supplier can be tried out.
    """
    locks, seen = read_locks(folder_of(settings)), seen_locks(settings)
    duties = []
    for contract in (c for c in contracts if c.dataset in agreement.datasets):
        lock = locks.by_contract.get(contract.id)
        broken = breaks(lock, contract, in_full=not trust.is_demo) if lock else []
        if trust.is_demo and not broken:
            continue
        if (
            lock
            and not broken
            and (lock.number, lock.shape) != (last := seen.get(contract.id, (0, "")))
            and (lock.number <= last[0])
        ):
            broken = ["an older shape was put back"]
        signers = cosigners(contract, rights, suppliers(contract, settings.lake, trust.registers))
        signatures = lock.signed_by(trust, rights) if lock and not broken else ()
        missing = [s for s in signers if not any(s.is_met_by(o.organisation, o.role) for o in signatures)]
        change = f", which was changed ({'; '.join(broken[:3])})" if broken else ""
        duties += [(_named([signer]), f"sign the contract {contract.id}{change}") for signer in missing]
    return duties


def note_signed(agreement: Agreement, contracts: Iterable[Contract], settings: Settings) -> None:
    """Keep which signed shape of each contract a release was made from, so that no older one can be put back."""
    locks = read_locks(folder_of(settings)).by_contract
    used = (locks[c.id] for c in contracts if c.dataset in agreement.datasets and c.id in locks)
    note_locks(settings, {lock.contract: (lock.number, lock.shape) for lock in used})


def refuse_role(contract: Contract, rights: DecisionRights, organisation: str, role: str) -> None:
    """Refuse a signature that the contract does not take.

    Raises:
        ContractError: says whose it takes.
    """
    signers = cosigners(contract, rights)
    if not any(signer.is_met_by(organisation, role) for signer in signers):
        raise ContractError(
            f"{contract.id}: takes the signatures of {_named(signers)}, not of {organisation} as {role}"
        )


def _broken(contract: Contract, broken: Sequence[str], signers: Sequence[Signer]) -> str:
    return (
        f"{contract.id}: breaks what its suppliers have agreed to: {'; '.join(broken)}. Take the change back, or "
        f"{_named(signers)} must sign it: `spine contracts sign {contract.id} --key ...`"
    )


def _named(signers: Iterable[Signer]) -> str:
    names = [f"{s.organisation or 'the partnership'} ({s.role.replace('_', ' ')})" for s in signers]
    return ", ".join(names) or "nobody"
