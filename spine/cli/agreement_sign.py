"""`spine agreement keygen | approve | suspend`: what is signed with a key.

Put here: arguments, passphrases and what a person reads. Never here: what makes a signature count (spine.governance),
or a private key in anything that is shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from spine.cli.agreement import Id, agreement_app, the_agreement, the_contracts, the_terms
from spine.cli.terminal import out
from spine.errors import ContractError, GovernanceError, LockedError, SpineError, UsageError
from spine.rights import load_decision_rights
from spine.runs import as_of_from
from spine.settings import Settings

if TYPE_CHECKING:
    from spine.governance import Agreement, Statement
    from spine.governance.signing import SigningKey
    from spine.governance.statements import Decision
    from spine.governance.terms import Subject

KeyFile = Annotated[Path | None, typer.Option("--key", help="Your private key, as `keygen` wrote it.")]
Organisation = Annotated[str, typer.Option(help="Your organisation's id, where the trust file does not tell.")]
Role = Annotated[str, typer.Option(help="The role that you sign in, where your key has several.")]
On = Annotated[str, typer.Option("--on", help="YYYY-MM-DD; the day of the signature, today if left out.")]
_DONE = {"approve": "Approved", "dissent": "Dissent recorded", "suspend": "Suspended", "lift": "Suspension lifted"}


@agreement_app.command(
    epilog="Example: spine agreement keygen --organisation wexmoor_county --role senior_information_risk_owner "
    "--out ~/keys/county.pem"
)
def keygen(
    organisation: Annotated[str, typer.Option(help="Your organisation's id, as in expectations/partners.yaml.")],
    role: Annotated[str, typer.Option(help="The role that you sign in, as in expectations/decision_rights.yaml.")],
    path: Annotated[Path, typer.Option("--out", help="Where to keep the private key: nowhere that others read.")],
    passphrase: Annotated[bool, typer.Option(help="Encrypt the key with a passphrase that is asked for.")] = True,
) -> None:
    """Make a key pair: the private key stays with you, the public one goes into the deployment's trust file."""
    from spine.governance.signing import make_key

    settings = Settings()
    roles = load_decision_rights(settings.expectations).roles
    if role not in roles:
        raise UsageError(f"--role: expected one of {', '.join(sorted(roles))}")
    words = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True) if passphrase else None
    key = make_key(path, words, forbidden=(settings.project, settings.root))
    out.print(Text(f"The private key is in {path}. Keep it to yourself, with a copy in a safe place."), soft_wrap=True)
    out.print("Give this entry for the trust file to whoever runs the deployment, in person or by telephone:")
    entry = f"  - {{organisation: {organisation}, role: {role}, public_key: '{key.text}'}}"
    out.print(Text(entry), soft_wrap=True)
    out.print(Text(f"Fingerprint to read out: {key.fingerprint}"), soft_wrap=True)


@agreement_app.command(epilog="Example: spine agreement approve care_planning --key ~/keys/county.pem")
def approve(
    agreement_id: Id,
    key: KeyFile = None,
    dissent: Annotated[str, typer.Option(help="Say no instead, for this reason; it is kept and shown.")] = "",
    reason: Annotated[str, typer.Option(help="A remark that is kept with the approval.")] = "",
    sha256: Annotated[str, typer.Option(help="Sign only if the text is still this one, as the preview showed.")] = "",
    organisation: Organisation = "",
    role: Role = "",
    on: On = "",
    demo: Annotated[bool, typer.Option("--demo", help="In a demonstration: sign for all, with its own keys.")] = False,
) -> None:
    """Sign an agreement exactly as it stands, or record your dissent; any later edit makes the signature void."""
    settings = Settings()
    agreement = the_agreement(settings, agreement_id)
    if demo:
        _approve_demo(settings)
        return
    if sha256 and not (now := the_terms(settings, agreement).sha256).startswith(sha256.lower()):
        raise GovernanceError(
            f"the text of {agreement.id} is not the one that was previewed: it is now {now}. "
            f"Read it again: `spine agreement preview {agreement.id}`"
        )
    _refuse_faulty(agreement, settings)
    decision: Decision = "dissent" if dissent else "approve"
    subject = the_terms(settings, agreement).subject
    _signed(settings, subject, key, decision, dissent or reason, organisation, role, on)


@agreement_app.command(
    epilog='Example: spine agreement suspend care_planning --key ~/keys/county.pem --reason "A breach is examined"'
)
def suspend(
    agreement_id: Id,
    reason: Annotated[str, typer.Option(help="Why; it is kept and shown to all.")],
    key: KeyFile = None,
    lift: Annotated[bool, typer.Option("--lift", help="End your own organisation's suspension.")] = False,
    organisation: Organisation = "",
    role: Role = "",
    on: On = "",
) -> None:
    """Stop everything under an agreement at once, as one controller alone may; only the same controller lifts it."""
    settings = Settings()
    subject, partners = _subject(settings, agreement_id)
    statement = _signed(settings, subject, key, "lift" if lift else "suspend", reason, organisation, role, on, partners)
    _take_effect(settings, statement)


def _subject(settings: Settings, agreement_id: str) -> tuple[Subject, Sequence[str]]:
    """What a suspension names, and who may suspend.

    An agreement that cannot be read, or is gone, can be suspended all the same, by whoever has a key for that.
    """
    from spine.governance.statements import folder_of
    from spine.governance.terms import Subject

    try:
        agreement = the_agreement(settings, agreement_id)
        return the_terms(settings, agreement).subject, _touched(settings, agreement)
    except SpineError:
        places = (
            settings.expectations / "agreements" / f"{agreement_id}.yaml",
            folder_of(settings, agreement_id),
            settings.governance / f"{agreement_id}.json",
        )
        if not re.fullmatch(r"[a-z][a-z0-9_]*", agreement_id) or not any(os.path.lexists(place) for place in places):
            raise
        out.print("The agreement cannot be read as it stands; it is suspended by its id.")
        return Subject(agreement_id), ()


def _touched(settings: Settings, agreement: Agreement) -> tuple[str, ...]:
    """The controllers, and everybody else whose data are used."""
    from spine.governance import load_trust
    from spine.governance.lineage import behind
    from spine.governance.quorum import whose_data

    registers = load_trust(settings).registers
    lineage = behind(settings, agreement.purpose)
    return (*agreement.partners, *whose_data(agreement, the_contracts(settings), settings.lake, registers, lineage))


def _approve_demo(settings: Settings) -> None:
    from spine.governance import approve_all

    if settings.is_production:
        raise GovernanceError("this home is no demonstration made by `spine demo`: sign with a key of your own (--key)")
    for statement in approve_all(settings, the_contracts(settings)):
        out.print(Text(f"Signed with a throwaway key: {statement.agreement} {statement.version}, {statement.signer}"))
    out.print("Every agreement has the demonstration's approvals, but for dissents and suspensions.")


def _signed(
    settings: Settings,
    subject: Subject,
    key_file: Path | None,
    decision: Decision,
    reason: str,
    organisation: str,
    role: str,
    on: str,
    partners: Sequence[str] = (),
) -> Statement:
    """Sign and write one statement.

    Args:
        partners: who may; everybody whom the trust file lists for the role where empty.
    """
    from spine.governance.seen import seen_statements
    from spine.governance.statements import folder_of, next_number, read_statements, sign, write_statement

    key = _key(key_file)
    organisation, role = _signer(settings, key, _roles(settings, decision), organisation, role)
    if partners and organisation not in partners:
        raise GovernanceError(
            f"{organisation} is no controller of {subject.agreement}, and none of its data are used: "
            f"{', '.join(dict.fromkeys(partners))} may"
        )
    folder = folder_of(settings, subject.agreement)
    known = [*read_statements(folder, subject.agreement).statements, *seen_statements(settings, subject.agreement)]
    signer = f"{organisation}.{role if decision in ('approve', 'dissent') else 'suspension'}"
    statement = sign(
        key, subject, organisation=organisation, role=role, decision=decision, reason=reason,
        signed_on=_day(on), number=next_number(known, signer),
    )  # fmt: skip
    path = write_statement(folder, statement)
    out.print(Text(f"{_DONE[decision]}: {subject.agreement} {subject.version}, for {organisation} as {role}."))
    out.print(Text(f"Commit {path}" if settings.is_production else str(path)), soft_wrap=True)
    return statement


def _key(path: Path | None) -> SigningKey:
    from spine.governance.signing import load_key

    if path is None:
        raise UsageError("--key: name the file of your private key")
    return load_key(path, lambda: str(typer.prompt("Passphrase", hide_input=True)))


def _roles(settings: Settings, decision: Decision) -> Sequence[str]:
    """Roles that the decision-rights matrix lets make this statement."""
    from spine.governance.quorum import ACTION, CONTROLLER, SUSPENSION

    if decision in ("suspend", "lift"):
        try:
            return load_decision_rights(settings.expectations).decision(SUSPENSION).responsible
        except SpineError:  # a matrix that cannot be read stops nobody from stopping
            return (CONTROLLER,)
    rights = load_decision_rights(settings.expectations)
    row = rights.decision(ACTION)
    return tuple(dict.fromkeys((CONTROLLER, *row.responsible, *row.accountable, *row.vetoes)))


def _signer(settings: Settings, key: SigningKey, roles: Sequence[str], organisation: str, role: str) -> tuple[str, str]:
    """Who signs, in which role: as the trust file says of the key, narrowed by what was asked for.

    Raises:
        GovernanceError: the matrix gives this to other roles, or the trust file does not list the key for it.
        UsageError: it is not clear which role is meant.
    """
    from spine.governance import load_trust

    if role and role not in roles:
        raise GovernanceError(f"a {role} may not sign this: it is for {', '.join(roles)}. Ask one of them")
    try:
        keys = load_trust(settings).keys
    except GovernanceError:
        if not (organisation and role):
            raise UsageError("no trust file tells whose key this is: give --organisation and --role") from None
        return organisation, role
    mine = [k for k in keys if k.key == key.public and k.role in roles]
    mine = [k for k in mine if organisation in ("", k.organisation) and role in ("", k.role)]
    if not mine:
        raise GovernanceError(
            f"the trust file does not list this key (fingerprint {key.public.fingerprint[:16]}) for this: it is for "
            f"{', '.join(roles)}. Whoever runs the deployment must add its entry, or another must sign"
        )
    if len(mine) > 1:
        raise UsageError(f"--role: this key has several, choose one of {', '.join(k.role for k in mine)}")
    return mine[0].organisation, mine[0].role


def _refuse_faulty(agreement: Agreement, settings: Settings) -> None:
    from spine.governance import check_agreement

    faults = check_agreement(agreement, the_contracts(settings))
    if faults:
        raise ContractError("\n".join([*faults, "Nothing was signed."]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else date.today()
    except ValueError:
        raise UsageError("--on: expected a day of the calendar as YYYY-MM-DD") from None


def _take_effect(settings: Settings, statement: Statement) -> None:
    """Keep the suspension in this home and withdraw what is published, as the next run would."""
    from spine.governance import load_trust
    from spine.governance.seen import note
    from spine.locks import home_lock
    from spine.release import withdraw_over

    if not settings.runs.is_dir():
        out.print("There is no home of the spine here: the deployment acts on it once it has the file.")
        return
    if fault := statement.fault(load_trust(settings)):
        raise GovernanceError(f"written, but of no effect: it {fault}")
    note(settings, statement.agreement, [statement])
    try:
        with home_lock(settings, "spine agreement suspend"):
            for sentence in (line for lines in withdraw_over(settings, as_of_from(None, settings)) for line in lines):
                out.print(Text(sentence), soft_wrap=True)
    except LockedError:
        out.print(
            "A run holds the home: it publishes nothing more under this, and the next run withdraws what is there."
        )
