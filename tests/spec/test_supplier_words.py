"""What a partner reads about a delivery: plain English, with a next step, and no word that only we need to know."""

from __future__ import annotations

import re

import pytest

from spine.contracts import Contract, Rule, Threshold, load_contracts, load_partners
from spine.extract import read_csv
from spine.reports import advice
from spine.settings import PROJECT_ROOT

CONTRACTS = load_contracts(
    PROJECT_ROOT / "expectations/contracts", load_partners(PROJECT_ROOT / "expectations/partners.yaml")
)
RULES = [(contract, rule) for contract in CONTRACTS for rule in contract.rules]
#: Words of programmers, which a partner's data person should not have to look up.
JARGON = re.compile(
    r"\b(null|nulls|regex|regexp|varchar|boolean|sql|pars(e|ed|ing)|cast|schema|tuple|exception|dataframe|parquet|dtype|"
    r"cardinality|idempotent|stderr|traceback|quarantined?|ingest(ed|ion)?|pipeline|utilis\w+|leverag\w+)\b|\$\{|\bdocs/",
    re.IGNORECASE,
)
#: How advice begins: with what to do, or with who need not.
STEPS = re.compile(
    r"(Add|Check|Complete|Compare|Correct|Export|Find out|Leave|List|Look|Map|Put|Rename|Save|Send|"
    r"Nothing for you to do)\b"
)


def _names(entry: tuple[Contract, Rule]) -> str:
    return f"{entry[0].id}-{entry[1].name}"


@pytest.mark.parametrize("entry", RULES, ids=_names)
def test_a_rule_is_one_plain_sentence(entry: tuple[Contract, Rule]) -> None:
    sentence = entry[1].sentence
    assert re.match(r"[A-Z]", sentence)
    assert sentence.endswith(".")
    assert not re.search(r"[.!?] [A-Z]", sentence), "one sentence"
    assert not JARGON.search(sentence)
    assert 3 <= len(sentence.split()) <= 30


@pytest.mark.parametrize("entry", RULES, ids=_names)
def test_a_rule_that_is_broken_comes_with_a_next_step_and_its_threshold_in_words(entry: tuple[Contract, Rule]) -> None:
    contract, rule = entry
    step = advice.for_rule(rule, contract)
    assert STEPS.match(step)
    assert step.endswith(".")
    assert not JARGON.search(step)
    if rule.column is not None and rule.metric != "rowCount":
        name = next(c.source_name for c in contract.table(rule.table).columns if c.name == rule.column)
        assert name in step, "the column as the partner's layout calls it"
    assert "must be" not in advice.allowed(rule.threshold)


@pytest.mark.parametrize("reason", [*read_csv._RULES.values(), "not_json", "row_too_long"])
def test_every_reason_for_putting_a_row_aside_has_words_of_its_own(reason: str) -> None:
    contract = CONTRACTS[0]
    expected, step = advice.for_quarantine(reason, contract, contract.tables[0].name)
    assert (expected, step) != advice.for_quarantine("a new reason", contract, contract.tables[0].name)
    assert STEPS.match(step)
    assert expected.endswith(".")
    assert step.endswith(".")


# our message | what the partner reads | what the partner is told to do
MESSAGES = """
    file 1 of 2 (.csv): the file is empty. Ask the partner to resend it | File 1 of 2 (.csv): the file is empty. | Send the whole delivery again.
    file 1 of 1 (.csv): column 'UPRN' is missing (contract 1.0.0). Ask the partner to resend, or change the contract; see docs/add-a-partner-extract.md | File 1 of 1 (.csv): column 'UPRN' is missing (contract 1.0.0). | Add the column to the export under that name.
    file 1 of 1 (.csv): column 'UPRN' is missing (contract 1.0.0); the file has 'UPRNO', which is close. Ask the partner to resend, or change the contract; see docs/add-a-partner-extract.md | File 1 of 1 (.csv): column 'UPRN' is missing (contract 1.0.0); the file has 'UPRNO', which is close. | Rename UPRNO to UPRN, if that is what it holds.
    table 'accounts': 30 of 100 rows (30.00 %) cannot be used; the contract allows 2 %. Ask the partner to correct and resend | Table 'accounts': 30 of 100 rows (30.00 %) cannot be used; the contract allows 2 %. | Correct the rows that were put aside; they are listed by what is wrong with them.
    table 'episodes' has no file: none of 2 has a name or kind that the contract knows (x 1.0.0). Ask the partner to send it | Table 'episodes' has no file: none of 2 has a name or kind that the contract knows (x 1.0.0). | Send it.
    file 1 of 1 (.xlsm): is a workbook with macros; expected CSV. Ask the partner to save it without macros | File 1 of 1 (.xlsm): is a workbook with macros; expected CSV. | Save it without macros.
    file 1 of 1 is a link that leaves the landing folder. Put the file itself there | File 1 of 1 is a link that leaves the landing folder. | Put the file itself there.
    file 1 of 1 (.csv): cannot be read as delimited text; ask the partner to resend it (BinderException) | File 1 of 1 (.csv): cannot be read as delimited text. | Send the whole delivery again.
    file 1 of 1 (.json): column 'note' holds several values in 3 rows; expected one plain value. Ask the partner to resend it, one row for each value | File 1 of 1 (.json): column 'note' holds several values in 3 rows; expected one plain value. | Send the whole delivery again, one row for each value.
    file 2 of 2 (.csv) is not listed in _control.json. Ask the partner to list it, or to take it away | File 2 of 2 (.csv) is not listed in _control.json. | List it, or take it away.
"""  # noqa: E501


@pytest.mark.parametrize("line", MESSAGES.strip().splitlines(), ids=lambda line: line.strip()[:50])
def test_our_message_to_an_engineer_becomes_a_word_to_the_partner(line: str) -> None:
    message, expected, step = (part.strip() for part in line.split(" | "))
    assert advice.for_fault(message) == (expected, step)
    assert STEPS.match(step)


# comparator | bound | unit | in words
THRESHOLDS = """
    mustBe                  | 0  | rows    | none
    mustBeLessOrEqualTo     | 0  | percent | none
    mustBeLessOrEqualTo     | 20 | percent | at most 20 % of the rows
    mustBeLessThan          | 5  | rows    | less than 5 rows
    mustBeGreaterThan       | 0  | rows    | more than 0 rows
    mustBeGreaterOrEqualTo  | 10 | rows    | at least 10 rows
    mustBe                  | 3  | rows    | exactly 3 rows
    mustNotBe               | 3  | rows    | any number but 3 rows
"""


@pytest.mark.parametrize("line", THRESHOLDS.strip().splitlines(), ids=lambda line: line.split("|")[0].strip())
def test_a_threshold_in_words(line: str) -> None:
    comparator, bound, unit, words = (part.strip() for part in line.split("|"))
    assert advice.allowed(Threshold(comparator, float(bound), unit)) == words  # type: ignore[arg-type]


def test_a_range_in_words() -> None:
    assert advice.allowed(Threshold("mustBeBetween", [1, 5])) == "between 1 and 5 rows"
    assert advice.allowed(Threshold("mustNotBeBetween", [1, 5], "percent")) == "not between 1 and 5 % of the rows"
