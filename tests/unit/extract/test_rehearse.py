"""SQL of a rule that cannot run is told before any delivery comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spine.contracts import load_contracts, load_partners
from spine.extract.rehearse import unrunnable_rules
from spine.settings import PROJECT_ROOT

EXPECTATIONS = PROJECT_ROOT / "expectations"
CONTRACTS = load_contracts(EXPECTATIONS / "contracts", load_partners(EXPECTATIONS / "partners.yaml"))


def test_every_rule_of_the_committed_contracts_can_run() -> None:
    assert sum(rule.metric == "sql" for contract in CONTRACTS for rule in contract.rules) > 200
    assert unrunnable_rules(CONTRACTS) == []


def test_a_function_or_a_column_that_is_not_there_is_told_with_the_rule() -> None:
    nfi = next(contract for contract in CONTRACTS if contract.id == "council_tax__nfi")
    sound = next(rule for rule in nfi.rules if rule.name == "postcode__is_a_postcode")
    queries = (
        "SELECT count_if(is_bad_postcod(${column})) FROM ${table}",
        "SELECT count(*) FROM ${table} WHERE house_colour IS NULL",
        "SELECT count(*) FROM ${table} JOIN rooms USING (postcode)",
        "SELECT count(*) FROM ${table} WHERE _row_no = 0",
    )
    rules = tuple(replace(sound, name=f"postcode__{n}", arguments={"query": query}) for n, query in enumerate(queries))
    told = unrunnable_rules([replace(nfi, rules=rules)])
    assert [fault.split(":")[1] for fault in told] == [f" rule 'postcode__{n}' cannot run" for n in range(3)]
    assert 'Did you mean "is_bad_postcode"' in told[0]
    assert "house_colour" in told[1]
    assert "rooms" in told[2]


def test_no_rule_reaches_a_file(tmp_path: Path) -> None:
    """Contracts whose SQL names a file are refused when they are read; were one not, it would be refused here."""
    file = tmp_path / "there.csv"
    file.write_text("a\n1\n", encoding="utf-8")
    contract = next(contract for contract in CONTRACTS if contract.id == "council_tax__nfi")
    rule = next(rule for rule in contract.rules if rule.metric == "sql")
    reads = replace(rule, arguments={"query": f"SELECT count(*) FROM read_csv('{file}')"})
    (told,) = unrunnable_rules([replace(contract, rules=(reads,))])
    assert "disabled" in told
