"""`spine agreement preview | verify | list | diff`: what was agreed, what a signature means, and how it stands.

Put here: commands that look at agreements. Never here: signing (agreement_sign), or a rule (spine.governance).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from spine.cli.app import app
from spine.cli.terminal import listing, out
from spine.contracts import Contract, load_contracts, load_partners
from spine.errors import GovernanceError, UsageError
from spine.rights import load_decision_rights
from spine.runs import as_of_from
from spine.settings import Settings

if TYPE_CHECKING:
    from spine.governance import Agreement, Permission
    from spine.governance.terms import Terms

agreement_app = typer.Typer(
    no_args_is_help=True,
    help="Agreements of the controllers: read one in plain words, sign it, suspend it, and see how all of them stand.",
    epilog="Exit codes: 0 done · 2 wrong arguments · 3 an agreement is not valid · 6 refused. See docs/governance.md.",
)
app.add_typer(agreement_app, name="agreement")

Id = Annotated[str, typer.Argument(metavar="AGREEMENT", help="Its id: the file's name in expectations/agreements.")]
AsOf = Annotated[str, typer.Option("--as-of", help="YYYY-MM-DD; the day to judge it on.")]


@agreement_app.command("preview", epilog="Example: spine agreement preview care_planning")
def show_preview(agreement_id: Id) -> None:
    """Say in plain words what signing an agreement means: fields, residents, readers, and what stops without you."""
    from spine.governance.counts import count_residents
    from spine.governance.preview import preview
    from spine.release.output_contracts import load_output_contracts, purposes_with_contracts

    settings = Settings()
    agreement, contracts = the_agreement(settings, agreement_id), the_contracts(settings)
    folder = settings.expectations / "contracts" / "spine"
    begun = agreement.purpose in purposes_with_contracts(folder)
    tables = load_output_contracts(folder, agreement.purpose) if begun else ()
    made_from = {
        f"{table.name}.{column.name}": column.sources
        for table in tables
        for column in table.columns
        if column.name in agreement.release.tables.get(table.name, ())
    }
    counts = count_residents(settings.warehouse, agreement, tables[0].name) if tables else None
    partners = load_partners(settings.expectations / "partners.yaml")
    for section in preview(the_terms(settings, agreement), contracts, partners, made_from, counts):
        out.print(Text(section.heading, style="bold"))
        for line in section.lines:
            out.print(Text(f"  {line}"), soft_wrap=True)


@agreement_app.command("list", epilog="Example: spine agreement list --as-of 2028-03-31")
def show_list(as_of: AsOf = "") -> None:
    """Show every agreement: in force or not, who has approved it, who must still act, and whose keys count."""
    from spine.governance import load_agreements, trust_line

    settings, contracts = Settings(), the_contracts(Settings())
    day = as_of_from(as_of, settings)
    out.print(Text(trust_line(settings)), soft_wrap=True)
    table = listing("agreement", "purpose", "in force", "approvals", "must act", title=f"As of {day}")
    for agreement in load_agreements(settings.expectations / "agreements"):
        in_force = agreement.lapse(day) or f"for {(agreement.ends_on - day).days:,} days more"
        try:
            approvals, duties = _stand(_standing(agreement, settings, contracts, day))
        except GovernanceError:  # the line above the table says why
            approvals, duties = "not verified", "whoever runs this deployment"
        name = f"{agreement.id} {agreement.version}"
        table.add_row(*(Text(cell) for cell in (name, agreement.purpose, in_force, approvals, duties)))
    out.print(table)


@agreement_app.command(epilog="Example: spine agreement verify care_planning --as-of 2028-03-31")
def verify(agreement_id: Id, as_of: AsOf = "") -> None:
    """Check every signature on an agreement against the trust file; ends with exit code 6 where it does not permit."""
    settings, contracts = Settings(), the_contracts(Settings())
    day = as_of_from(as_of, settings)
    agreement = the_agreement(settings, agreement_id)
    found = _standing(agreement, settings, contracts, day)
    out.print(Text(found.trust.line), soft_wrap=True)
    signed = the_terms(settings, agreement).sha256
    out.print(Text(f"{agreement.id} {agreement.version}, {signed}"), soft_wrap=True)
    for kind, statements in (
        ("approved", found.approvals),
        ("dissents", found.dissents),
        ("suspends", found.suspensions),
    ):
        for statement in statements:
            role = statement.role.replace("_", " ")
            why = f": {statement.reason}" if statement.reason else ""
            line = f"  {kind}: {statement.organisation}, {role}, {statement.signed_on}, key {statement.key[:16]}{why}"
            out.print(Text(line), soft_wrap=True)
    for fault in found.faults:
        out.print(Text(f"  does not count: {fault}", style="yellow"), soft_wrap=True)
    if refusal := agreement.lapse(day):
        raise GovernanceError(f"agreement {agreement.id} {agreement.version} {refusal}")
    if not found.is_granted:
        raise GovernanceError(found.refusal)
    out.print("It permits releases.")


@agreement_app.command(epilog="Example: spine agreement diff before.yaml care_planning")
def diff(
    first: Annotated[str, typer.Argument(metavar="OLD", help="An agreement's id or file.")],
    second: Annotated[str, typer.Argument(metavar="NEW", help="An agreement's id or file.")],
) -> None:
    """Say in plain words how two versions of an agreement differ."""
    from spine.governance.compare import differences

    settings = Settings()
    old, new = (_given(settings, text) for text in (first, second))
    lines = differences(old, new)
    out.print(Text(f"{old.id} {old.version} to {new.id} {new.version}: {len(lines) or 'no'} differences"))
    for line in lines:
        out.print(Text(f"  {line}"), soft_wrap=True)


def the_contracts(settings: Settings) -> tuple[Contract, ...]:
    """All input contracts of the project."""
    partners = load_partners(settings.expectations / "partners.yaml")
    return load_contracts(settings.expectations / "contracts", partners)


def the_terms(settings: Settings, agreement: Agreement) -> Terms:
    """What is signed of an agreement, as it stands in the project."""
    from spine.governance.terms import terms_of

    return terms_of(agreement, load_decision_rights(settings.expectations), settings.expectations)


def the_agreement(settings: Settings, agreement_id: str) -> Agreement:
    """One agreement of the project.

    Raises:
        UsageError: there is none of that id.
    """
    from spine.governance import load_agreement

    folder = settings.expectations / "agreements"
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if agreement_id not in known:
        there = ", ".join(known) or "none is there"
        raise UsageError(f"'{agreement_id}' is not the id of an agreement; expected one of: {there}")
    return load_agreement(folder / f"{agreement_id}.yaml")


def _given(settings: Settings, text: str) -> Agreement:
    from spine.governance.agreements import Agreement
    from spine.governance.reading import read_model

    path = Path(text)
    if path.suffix == ".yaml" and not path.is_file():
        raise UsageError(f"there is no file {path}; expected an agreement's file or id")
    return read_model(path, Agreement) if path.is_file() else the_agreement(settings, text)


def _standing(agreement: Agreement, settings: Settings, contracts: tuple[Contract, ...], day: date) -> Permission:
    from spine.governance import standing_of

    return standing_of(agreement, settings, contracts, day)


def _stand(found: Permission) -> tuple[str, str]:
    met = sum(any(signer.is_met_by(s.organisation, s.role) for s in found.approvals) for signer in found.required)
    against = f", {len(found.dissents)} dissent" if found.dissents else ""
    return f"{met} of {len(found.required)}{against}", "; ".join(d.sentence for d in found.duties) or "nobody"
