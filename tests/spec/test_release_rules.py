"""What may leave, column by column: the rules of a release as tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from spine.contracts import Column, Contract, Supply, Table
from spine.errors import ContractError, GovernanceError
from spine.governance import Agreement
from spine.release import Input, OutputColumn, OutputTable
from spine.release.plan import Plan, plan_release

AS_OF = date(2028, 3, 31)

# contract: the output contract promises the column. agreement: its release list names it. made from: its
# source fields. The agreement covers tax.name and tax.area, not tax.income.
COLUMNS = """
    column    | contract | agreement | made from            | released | because
    area      | yes      | yes       | tax.area             | yes      |
    both      | yes      | yes       | tax.area, tax.name   | yes      |
    unlisted  | yes      | no        | tax.area             | no       | agreement plan does not list it for release
    income    | yes      | yes       | tax.income           | no       | agreement plan does not cover tax.income
    mixed     | yes      | yes       | tax.area, tax.income | no       | agreement plan does not cover tax.income
    surprise  | no       | yes       |                      | no       | no output contract promises it
    leftover  | no       | no        |                      | no       | no output contract promises it
"""


def rows(table: str) -> list[dict[str, str]]:
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def contract() -> Contract:
    columns = tuple(Column(n, n, n, "string", "personal") for n in ("name", "area", "income"))
    return Contract(
        id="tax__flat", title="Tax", version="1.0.0", description="", domain="tax", format="csv", mode="snapshot",
        quarantine_max_percent=0, frequency_days=None, tables=(Table("accounts", ".*", "", columns),),
        supplies=(Supply("town"),), rules=(),
    )  # fmt: skip


def agreement(**change: Any) -> Agreement:
    listed = [row["column"] for row in rows(COLUMNS) if row["agreement"] == "yes"]
    content = {
        "id": "plan", "version": "1.0.0", "title": "Plan", "purpose": "plan",
        "controllers": [{"partner": "town", "role": "sole_controller"}],
        "article_6": "6(1)(e)", "article_9": "none", "statutory_gateway": "an Act", "confidentiality_basis": "none",
        "dpia": {"id": "D", "review_date": date(2029, 1, 1)},
        "datasets": {"tax": ["name", "area"]}, "release": {"tables": {"people": ["resident_id", *listed]}},
        "subjects": "everyone", "exit_terms": "none", "frequency": "daily",
        "output": {
            "recipients": ["analysts"], "level": "pseudonymised", "disclosure_profile": "hes", "geography": "lsoa21",
        },
        "exclusions": {"deceased": True, "national_opt_out": "does_not_apply", "national_opt_out_reason": "no health",
                       "objections": "at_source", "restricted_records": "without_place"},
        "retention_days": 30, "onward_sharing": "none", "prohibited_uses": ["any other"],
        "valid_from": date(2028, 1, 1), "valid_to": date(2029, 1, 1), "review_date": date(2029, 1, 1),
    }  # fmt: skip
    return Agreement.model_validate(content | change)


def promised(key_sources: tuple[str, ...] = ("tax.name",)) -> OutputTable:
    columns = [OutputColumn("resident_id", "string", "Id.", "pseudonym", key_sources, required=True, key=True)]
    columns += [
        OutputColumn(row["column"], "string", "Text.", "personal", tuple(row["made from"].split(", ")))
        for row in rows(COLUMNS)
        if row["contract"] == "yes"
    ]
    return OutputTable("plan", "people", "1.0.0", "People.", tuple(columns))


def decide(agreed: Agreement, *tables: OutputTable) -> Plan:
    present = {"people": ["resident_id", *(row["column"] for row in rows(COLUMNS))]}
    return plan_release(agreed, tables, present, (contract(),), as_of=AS_OF, inputs=(), is_demo=False)


@pytest.mark.parametrize("row", rows(COLUMNS), ids=lambda row: row["column"])
def test_a_column_leaves_only_where_contract_agreement_and_fields_allow_it(row: dict[str, str]) -> None:
    plan = decide(agreement(), promised())
    released = {column.name for column in plan.tables[0].columns}
    assert (row["column"] in released) == (row["released"] == "yes")
    assert plan.withheld.get(f"people.{row['column']}", "") == row["because"]


def test_the_pseudonym_itself_needs_an_agreement() -> None:
    with pytest.raises(
        GovernanceError, match=r"pseudonym cannot be released: agreement plan does not cover tax\.income"
    ):
        decide(agreement(), promised(key_sources=("tax.income",)))
    with pytest.raises(GovernanceError, match="pseudonym cannot be released: agreement plan does not list it"):
        decide(agreement(release={"tables": {"people": ["area"]}}), promised())


def test_without_the_table_of_residents_nothing_leaves() -> None:
    with pytest.raises(GovernanceError, match="release list lacks 'people'"):
        decide(agreement(release={"tables": {"other": ["resident_id"]}}), promised())


def test_a_second_table_leaves_only_where_the_agreement_lists_it() -> None:
    second = OutputTable("plan", "services", "1.0.0", "Services.", promised().columns[:1])
    plan = decide(agreement(), promised(), second)
    assert [table.name for table in plan.tables] == ["people"]
    assert plan.withheld["services"] == "agreement plan does not list the table"


def test_a_source_that_no_partner_sends_is_a_fault_of_the_contract() -> None:
    with pytest.raises(ContractError, match=r"'resident_id' is made from 'tax\.shoe_size', which is in no contract"):
        decide(agreement(), promised(key_sources=("tax.shoe_size",)))


def test_the_order_of_inputs_does_not_matter() -> None:
    inputs = [Input("town/tax/2028-03-01", "a" * 64), Input("town/tax/2028-02-01", "b" * 64)]
    hashes = {
        plan_release(agreement(), (promised(),), {}, (contract(),), as_of=AS_OF, inputs=i, is_demo=False).inputs_sha256
        for i in (inputs, inputs[::-1], inputs * 2)
    }
    assert len(hashes) == 1
