"""An agreement in plain words, for the person who is about to sign it.

Put here: sentences made from an agreement, the contracts and counts. Never here: a count of fewer people than the
agreement's disclosure profile shows, how counts are taken (counts), or how sentences look on a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spine.contracts import Column, Contract, Partner
from spine.governance.agreements import Agreement
from spine.governance.counts import Counts
from spine.governance.quorum import whose_data
from spine.governance.terms import Terms

#: How a classification is called in plain words, the most telling first.
_CLASSES = {
    "special_category": "special category",
    "identifier": "identifies a person",
    "personal": "about a person",
    "public": "public",
    "unclassified": "not classified",
}


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, one line each."""

    heading: str
    lines: tuple[str, ...]


def preview(
    terms: Terms,
    contracts: Sequence[Contract],
    partners: Mapping[str, Partner],
    made_from: Mapping[str, Sequence[str]],
    counts: Counts | None,
) -> tuple[Section, ...]:
    """Everything that a signature on the agreement means.

    Args:
        made_from: the fields (`dataset.column`) behind each released `table.column`, as output contracts say.
        counts: residents by group, suppressed already; None where there is no warehouse to count in.
    """
    agreement = terms.agreement
    names = {partner: known.name for partner, known in partners.items()}
    return (
        Section("What", _what(terms)),
        Section(
            "Who decides",
            tuple(f"{names.get(c.partner, c.partner)}, {c.role.replace('_', ' ')}" for c in agreement.controllers),
        ),
        Section("Why it is lawful, as stated", _lawful(agreement)),
        Section("Which fields of whom", _fields(agreement, contracts, names)),
        Section("What is released", _released(agreement)),
        Section("Who is in it, and who is left out", _people(agreement)),
        Section("How many residents", _counted(counts)),
        Section("Who could see what", _readers(agreement)),
        Section("What may not be done, and when it ends", _bounds(agreement)),
        Section("What would stop if you refuse", _stops(agreement, contracts, names, made_from)),
    )


def _what(terms: Terms) -> tuple[str, ...]:
    agreement = terms.agreement
    tables = ", ".join(name.removesuffix(".odcs.yaml") for name, _ in terms.outputs)
    return (
        f"{agreement.title}: agreement {agreement.id}, version {agreement.version}, purpose {agreement.purpose}.",
        f"In force from {agreement.valid_from} to {agreement.valid_to}, to be reviewed by {agreement.review_date}.",
        f"You would sign exactly this text, with the output contracts {tables or '(none yet)'}: {terms.sha256}",
    )


def _lawful(agreement: Agreement) -> tuple[str, ...]:
    return (
        f"UK GDPR Article 6: {agreement.article_6}",
        f"UK GDPR Article 9: {agreement.article_9}",
        f"Statute: {agreement.statutory_gateway}",
        f"Confidentiality: {agreement.confidentiality_basis}",
        f"Impact assessment {agreement.dpia.id}, to be reviewed by {agreement.dpia.review_date}",
    )


def _fields(agreement: Agreement, contracts: Sequence[Contract], names: Mapping[str, str]) -> tuple[str, ...]:
    lines = []
    for dataset, fields in agreement.datasets.items():
        layouts = [contract for contract in contracts if contract.dataset == dataset]
        senders = sorted({names.get(s.partner, s.partner) for layout in layouts for s in layout.supplies})
        columns: dict[str, Column] = {}
        for column in (c for layout in layouts for table in layout.tables for c in table.columns):
            columns.setdefault(column.name, column)
        whose = f"{dataset.replace('_', ' ')}, from {', '.join(senders) or 'nobody yet'}"
        lines.append(f"{whose}: {len(fields)} field{'s' if len(fields) > 1 else ''}")
        others = sorted({columns[name].classification for name in fields if name in columns} - set(_CLASSES))
        for kind, words in {**_CLASSES, **{kind: f"classified as {kind}" for kind in others}}.items():
            mine = [name for name in fields if name in columns and columns[name].classification == kind]
            if mine:
                lines.append(f"  {words}: {', '.join(mine)}")
        if unknown := [name for name in fields if name not in columns]:
            lines.append(f"  in no contract: {', '.join(unknown)}")
    return tuple(lines)


def _released(agreement: Agreement) -> tuple[str, ...]:
    return tuple(f"{table}: {', '.join(columns)}" for table, columns in agreement.release.tables.items())


def _people(agreement: Agreement) -> tuple[str, ...]:
    exclusions = agreement.exclusions
    opt_out = "is honoured" if exclusions.national_opt_out == "applies" else "is not applied"
    return (
        f"{agreement.subjects}.",
        "The dead are left out." if exclusions.deceased else "The dead are not left out.",
        f"The national data opt-out {opt_out}: {exclusions.national_opt_out_reason}.",
        "Objections that a controller has upheld are left out by it, before it sends.",
        "Of people with a restricted record nothing tells where they live.",
    )


def _counted(counts: Counts | None) -> tuple[str, ...]:
    if counts is None:
        return ("Not counted: this home has no warehouse with the tables of the purpose.",)
    lines = [f"About {counts.total}, before those who are left out. {counts.rule}"]
    lines += [f"  {group}: " + ", ".join(f"{name} {count}" for name, count in found) for group, found in counts.groups]
    return tuple(lines)


def _readers(agreement: Agreement) -> tuple[str, ...]:
    level = "one row for each resident under a pseudonym of this purpose alone, without names, numbers or addresses"
    finest = agreement.output.geography
    return (
        *(f"{reader}: {level}." for reader in agreement.output.recipients),
        f"The finest area shown: {finest}." if finest != "none" else "No area is shown.",
        f"What leaves their hands is suppressed by the profile {agreement.output.disclosure_profile}.",
        f"Passing on: {agreement.onward_sharing}",
    )


def _bounds(agreement: Agreement) -> tuple[str, ...]:
    return (
        *(f"Not allowed: {use}." for use in agreement.prohibited_uses),
        f"Renewed {agreement.frequency}, kept {agreement.retention_days} days.",
        f"Leaving: {agreement.exit_terms}.",
    )


def _stops(
    agreement: Agreement,
    contracts: Sequence[Contract],
    names: Mapping[str, str],
    made_from: Mapping[str, Sequence[str]],
) -> tuple[str, ...]:
    """What nobody gets without each controller: first as it stands, then if it were varied to go without them."""
    lines = [
        f"Under this version nothing at all is released to anybody, and what is published for {agreement.purpose} is "
        "withdrawn, until you approve or the others agree a version without your fields. Without them:"
    ]
    for partner in (p for p in whose_data(agreement, contracts) if p in agreement.partners):
        theirs = {c.dataset for c in contracts for s in c.supplies if s.partner == partner} & set(agreement.datasets)
        others = {c.dataset for c in contracts for s in c.supplies if s.partner != partner}
        alone = {field.partition(".")[0] for fields in made_from.values() for field in fields} & theirs - others
        lost = sorted(column for column, fields in made_from.items() if {f.partition(".")[0] for f in fields} & alone)
        shared = sorted(dataset.replace("_", " ") for dataset in theirs - alone)
        parts = [f"these columns could not be made: {', '.join(lost)}"] if lost else []
        parts += [f"their residents would be missing from {', '.join(shared)}"] if shared else []
        lines.append(f"  {names.get(partner, partner)}: {'; '.join(parts) or 'nothing that is released'}")
    return tuple(lines)
