"""`spine contracts sign`: a supplier's word on a contract as it is now; and what `validate` says of broken ones.

Put here: arguments, and what a person reads. Never here: what breaks a contract (spine.governance.contract_locks).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from spine.cli.app import app
from spine.cli.terminal import out
from spine.contracts import Contract, load_contracts, load_partners
from spine.errors import ContractError, UsageError
from spine.rights import load_decision_rights
from spine.runs import as_of_from
from spine.settings import Settings

contracts_app = typer.Typer(
    no_args_is_help=True, help="Check the contracts, derive what follows from them, and sign a breaking change."
)
app.add_typer(contracts_app, name="contracts")


@contracts_app.command(epilog="Example: spine contracts sign council_tax__nfi --key ~/keys/harcombe.pem")
def sign(
    contract_id: Annotated[str, typer.Argument(metavar="CONTRACT", help="Its id: the file's name.")],
    key: Annotated[Path | None, typer.Option(help="Your private key; without it the shape is only noted.")] = None,
    organisation: Annotated[str, typer.Option(help="Your organisation's id.")] = "",
    role: Annotated[str, typer.Option(help="The role that you sign in.")] = "data_steward",
    on: Annotated[str, typer.Option("--on", help="YYYY-MM-DD; the day of the signature, today if left out.")] = "",
) -> None:
    """Sign a contract's columns, types and classifications as they are now."""
    from spine.governance.contract_locks import cosigners, folder_of, refuse_role, sign_contract
    from spine.governance.signing import load_key

    settings, rights = Settings(), load_decision_rights(Settings().expectations)
    partners = load_partners(settings.expectations / "partners.yaml")
    contracts = load_contracts(settings.expectations / "contracts", partners)
    contract = next((c for c in contracts if c.id == contract_id), None)
    if contract is None:
        raise UsageError(f"no contract of that id; expected one of: {', '.join(c.id for c in contracts)}")
    private = None
    if key is not None:
        if not organisation:
            raise UsageError("--organisation: say for whom you sign")
        refuse_role(contract, rights, organisation, role)
        private = load_key(key, lambda: str(typer.prompt("Passphrase", hide_input=True)))
    folder = folder_of(settings)
    lock = sign_contract(contract, folder, private, organisation, role, as_of_from(on, settings), rights)
    signed = {(s.organisation, s.role) for s in lock.signatures}
    missing = [s for s in cosigners(contract, rights) if not any(s.is_met_by(*by) for by in signed)]
    names = ", ".join(f"{s.organisation or 'anybody'} as {s.role}" for s in missing)
    out.print(Text(f"Written: {folder / contract.id}.json. Still to sign: {names or 'nobody'}."), soft_wrap=True)


def refuse_broken(contracts: Sequence[Contract], settings: Settings) -> None:
    """Refuse where a contract breaks what was signed, or a breaking change lacks a signature.

    Signatures are verified where the deployment's settings name a trust file; where they do not, as on a
    developer's machine, only their presence is asked for, and a release still refuses what cannot be verified.

    Raises:
        ContractError: every contract's fault.
        GovernanceError: the trust file is set and cannot be used.
    """
    from spine.governance import load_trust
    from spine.governance.contract_locks import check_locks

    trust = load_trust(settings) if settings.is_production and settings.trust_file else None
    faults = check_locks(contracts, settings, load_decision_rights(settings.expectations), trust)
    if faults:
        raise ContractError("\n".join(faults))
