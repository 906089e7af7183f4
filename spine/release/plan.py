"""What may leave: the columns that contract and agreement both allow, decided before any row is read.

Put here: pure decisions from contracts and agreements. Never here: SQL, files or rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from spine.contracts import Contract
from spine.errors import ContractError, GovernanceError
from spine.governance import Agreement, check_agreement
from spine.release.output_contracts import PSEUDONYM, OutputColumn, OutputTable


@dataclass(frozen=True, order=True)
class Input:
    """One delivery in use, `partner/dataset/YYYY-MM-DD`, and the hash of its content."""

    delivery: str
    content_sha256: str


@dataclass(frozen=True)
class Plan:
    """What one release will hold, and what it will not.

    Attributes:
        tables: reduced to the columns that are released; the population table first.
        withheld: `table.column` (or `table`) and the reason why it is not released.
        inputs: sorted.
        partners: ids of all who supply data.
    """

    purpose: str
    as_of: date
    agreement: Agreement
    tables: tuple[OutputTable, ...]
    withheld: Mapping[str, str]
    inputs: tuple[Input, ...]
    is_demo: bool
    partners: frozenset[str]

    @property
    def inputs_sha256(self) -> str:
        """One hash over all deliveries in use."""
        return inputs_sha256(self.inputs)


def inputs_sha256(inputs: Iterable[Input]) -> str:
    """One hash over deliveries, in their order."""
    text = json.dumps([[entry.delivery, entry.content_sha256] for entry in inputs])
    return hashlib.sha256(text.encode()).hexdigest()


def plan_release(
    agreement: Agreement,
    promised: Sequence[OutputTable],
    present: Mapping[str, Collection[str]],
    contracts: Sequence[Contract],
    *,
    as_of: date,
    inputs: Iterable[Input],
    is_demo: bool,
) -> Plan:
    """Decide column by column what is released.

    It must be in the output contract and the agreement, and made only from fields the agreement covers.

    Args:
        promised: the purpose's output contracts.
        present: column names of each table in the warehouse's schema of the purpose.

    Raises:
        ContractError: agreement or output contracts do not fit the input contracts.
        GovernanceError: the pseudonym, or the population table, would be withheld.
    """
    faults = [*check_agreement(agreement, contracts), *_unknown_sources(promised, contracts)]
    if faults:
        raise ContractError("\n".join(faults))
    tables, withheld = _listed(agreement, promised)
    withheld = _not_promised(agreement, promised, present) | withheld
    if not tables or not tables[0].is_population:
        raise GovernanceError(
            f"agreement {agreement.id}: the release list lacks '{promised[0].name}', the table of residents. "
            "The controllers must add it, or nothing can be released"
        )
    partners = frozenset(supply.partner for contract in contracts for supply in contract.supplies)
    return Plan(
        agreement.purpose, as_of, agreement, tuple(tables), withheld, tuple(sorted(set(inputs))), is_demo, partners
    )


def _listed(agreement: Agreement, promised: Sequence[OutputTable]) -> tuple[list[OutputTable], dict[str, str]]:
    """The promised tables that the agreement lists, reduced to what may leave, and why the rest is withheld."""
    tables, withheld = [], {}
    for table in promised:
        if table.name not in agreement.release.tables:
            withheld[table.name] = f"agreement {agreement.id} does not list the table"
            continue
        reasons = _reasons(table, agreement)
        withheld |= {f"{table.name}.{name}": reason for name, reason in reasons.items()}
        tables.append(table.without(reasons))
    return tables, withheld


def _reasons(table: OutputTable, agreement: Agreement) -> dict[str, str]:
    """Why columns of a table are withheld, by column; refuses where the pseudonym would be one of them."""
    reasons = {c.name: reason for c in table.columns if (reason := _reason(c, table.name, agreement))}
    if PSEUDONYM in reasons:
        raise GovernanceError(
            f"table '{table.name}': the pseudonym cannot be released: {reasons[PSEUDONYM]}. "
            f"The controllers must vary agreement {agreement.id}, or nothing of this table can be linked"
        )
    return reasons


def _reason(column: OutputColumn, table: str, agreement: Agreement) -> str | None:
    """Why a promised column is withheld; None where it may leave."""
    if column.name not in agreement.release.tables[table]:
        return f"agreement {agreement.id} does not list it for release"
    uncovered = sorted(set(column.sources) - agreement.fields)
    if uncovered:
        return f"agreement {agreement.id} does not cover {', '.join(uncovered)}"
    return None


def _not_promised(
    agreement: Agreement, promised: Sequence[OutputTable], present: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """Columns that the warehouse or the agreement has and no output contract promises."""
    known = {table.name: {column.name for column in table.columns} for table in promised}
    found = {(table, column) for table, columns in present.items() for column in columns}
    found |= {(table, column) for table, columns in agreement.release.tables.items() for column in columns}
    return {f"{t}.{c}": "no output contract promises it" for t, c in sorted(found) if c not in known.get(t, ())}


def _unknown_sources(promised: Sequence[OutputTable], contracts: Sequence[Contract]) -> list[str]:
    known = {f"{c.dataset}.{column.name}" for c in contracts for table in c.tables for column in table.columns}
    return [
        f"output contract {table.purpose}__{table.name}: column '{column.name}' is made from '{source}', "
        "which is in no contract"
        for table in promised
        for column in table.columns
        for source in column.sources
        if source not in known
    ]
