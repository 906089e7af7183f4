"""waivers.yaml: what it may say, who may decide, and that all faults are told with their line."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from spine.contracts import Contract, Rule, Supply, Threshold, Waiver, load_waivers, waived_rules
from spine.errors import ContractError, GovernanceError
from spine.settings import PROJECT_ROOT
from tests.unit.extract.conftest import PEOPLE, contract

RULE = Rule("people__flat", "people", None, "table__unique", "It is.", "uniqueness", "error", "sql", {"query": ""},
            Threshold("mustBe", 0))  # fmt: skip
TEXT = Rule("people__flat", "people", None, "table__asked", "By hand.", "accuracy", "warning", "text", {},
            Threshold("mustBe", 0))  # fmt: skip
CONTRACTS: tuple[Contract, ...] = (
    contract("people__flat", PEOPLE, rules=(RULE, TEXT), supplies=(Supply("north"), Supply("south"))),
)
GOOD = """\
waivers:
  - partner: north
    dataset: people
    rule: table__unique
    reason: The supplier repeats accounts until May.
    decided_by: [{role: data_steward, organisation: north}]
    from: 2028-03-01
    to: 2028-03-31
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(PROJECT_ROOT / "expectations/decision_rights.yaml", tmp_path)
    return tmp_path


def load(folder: Path, text: str) -> tuple[Waiver, ...]:
    (folder / "waivers.yaml").write_text(text)
    return load_waivers(folder, CONTRACTS)


def test_a_waiver_holds_for_its_source_from_its_first_day_to_its_last(folder: Path) -> None:
    waivers = load(folder, GOOD)
    assert waivers[0].deciders == "data steward of north"
    held = {day: bool(waived_rules(waivers, "north", "people", date.fromisoformat(day)))
            for day in ("2028-02-29", "2028-03-01", "2028-03-31", "2028-04-01")}  # fmt: skip
    assert list(held.values()) == [False, True, True, False]
    assert not waived_rules(waivers, "south", "people", date(2028, 3, 1))


@pytest.mark.parametrize("text", ["", "waivers: []\n", "waivers:\n"])
def test_no_waivers_need_no_decision_rights(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == ()
    (tmp_path / "waivers.yaml").unlink()
    assert load_waivers(tmp_path, CONTRACTS) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rule: table__unique", "rule: table__gone", "line 2: 'table__gone' is no rule of north/people"),
        ("rule: table__unique", "rule: table__asked", "line 2: 'table__asked' is no rule of north/people"),
        ("partner: north\n", "partner: west\n", "line 2: no contract says that partner 'west' sends dataset 'people'"),
        ("dataset: people", "dataset: opt_out", "line 2: opt_out protects people: none of its rules is waived"),
        ("to: 2028-03-31", "to: 2028-02-01", "line 2: Value error, `from` is later than `to`"),
        ("to: 2028-03-31", "to: 2029-03-31", "line 2: Value error, it lasts longer than 366 days"),
        ("    reason: The supplier repeats accounts until May.\n", "", "line 2: reason: Field required"),
        ("    from:", "    why: no\n    from:", "line 2: why: Extra inputs are not permitted"),
        ("role: data_steward", "role: analyst", "this is for Data steward of the source's organisation to do"),
        ("organisation: north", "organisation: south", "decides for its own organisation: expected north, got south"),
        ("waivers:\n", "waivers: 3\nx:\n", "expected one key, `waivers`"),
        ("waivers:\n", "waivers: [\n", "not readable as YAML"),
    ],
)  # fmt: skip
def test_what_is_refused(folder: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ContractError) as error:
        load(folder, GOOD.replace(old, new))
    assert said in str(error.value)


def test_all_faults_are_told_at_once_with_their_lines(folder: Path) -> None:
    second = GOOD.removeprefix("waivers:\n")
    text = GOOD.replace("table__unique", "_drift__volume") + second.replace("role: data_steward", "role: engineer")
    text += second.replace("2028-03-01", "2028-03-31") + second.replace("dataset: people", "dataset: gone")
    with pytest.raises(ContractError) as error:
        load(folder, text)
    lines = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "waivers.yaml line 9", "waivers.yaml line 23", "waivers.yaml lines 9 and 16"
    ]  # fmt: skip


def test_without_decision_rights_nobody_may_waive(tmp_path: Path) -> None:
    with pytest.raises(GovernanceError, match="nobody may decide"):
        load(tmp_path, GOOD)
