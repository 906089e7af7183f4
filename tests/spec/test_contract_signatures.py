"""What breaks a data contract, and whose signatures it then takes: the rules as a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from spine.contracts import Column, Contract, Rule, Supply, Threshold
from spine.errors import GovernanceError
from spine.governance import permission
from spine.governance.contract_locks import breaks, check_locks, columns_of, read_locks
from spine.governance.trust import load_trust
from spine.rights import load_decision_rights
from tests.fixtures.agreements import AS_OF, COSIGNERS, STEWARD, Partnership, build_partnership, contracts

# change to the column `area` of the signed contract | broken | in words
CHANGES = """
    nothing                    | no  |
    gone                       | yes | accounts.area is gone
    renamed                    | yes | accounts.area is gone
    type integer               | yes | accounts.area was a string and is a integer
    classification identifier  | yes | accounts.area was personal and is identifier
    classification public      | yes | accounts.area was personal and is public
    a column beside it         | no  |
    another description        | no  |
"""


def rows() -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in CHANGES.strip().splitlines()]


def changed(change: str) -> Contract:
    tax = contracts()[1]
    name, area = tax.tables[0].columns
    kind, _, value = change.partition(" ")
    areas: dict[str, list[Column]] = {
        "nothing": [area],
        "gone": [],
        "renamed": [replace(area, name="district")],
        "type": [replace(area, logical_type=value)],
        "classification": [replace(area, classification=value)],
        "a": [area, replace(area, name="ward")],
        "another": [replace(area, description="Where.")],
    }
    return replace(tax, tables=(replace(tax.tables[0], columns=(name, *areas[kind])),))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Partnership:
    """Everybody has signed; tests copy it."""
    found = build_partnership(tmp_path_factory.mktemp("partnership"))
    found.sign_all()
    return found


@pytest.fixture
def here(signed: Partnership, tmp_path: Path) -> Partnership:
    return signed.copied_to(tmp_path / "whole")


def faults(here: Partnership, contract: Contract, *, verified: bool = True) -> list[str]:
    rights = load_decision_rights(here.settings.expectations)
    return check_locks([contract], here.settings, rights, load_trust(here.settings) if verified else None)


@pytest.mark.parametrize(("change", "broken", "words"), rows())
def test_what_breaks_a_contract(here: Partnership, change: str, broken: str, words: str) -> None:
    contract = changed(change)
    lock = read_locks(here.settings.expectations / "contracts" / "signed").by_contract["tax__flat"]
    assert breaks(lock, contract) == ([words] if broken == "yes" else [])
    told = "\n".join(faults(here, contract))
    assert ("east (data steward), west (data steward), the partnership (chief data officer) must sign" in told) == (
        broken == "yes"
    )


def test_a_breaking_change_takes_the_signature_of_everybody_it_touches(here: Partnership) -> None:
    contract = changed("gone")
    for number, (organisation, role) in enumerate(COSIGNERS):
        here.sign_contract(organisation, role, contract)
        left = ", ".join(f"{o or 'the partnership'}" for o in (["west", None] if number == 0 else [None]))
        told = faults(here, contract)
        assert told == [] if number == 2 else f"lacks the signature of {left.split(',')[0]}" in told[0]


def test_a_signature_that_was_made_up_counts_once_a_trust_file_is_set(here: Partnership) -> None:
    contract = changed("gone")
    for organisation, role in COSIGNERS:
        here.sign_contract(organisation, role, contract)
    path = here.settings.expectations / "contracts" / "signed" / "tax__flat.json"
    path.write_text(path.read_text().replace('"signed_on": "2028-01-05"', '"signed_on": "2028-01-06"'))
    assert faults(here, contract, verified=False) == []
    assert "lacks the signature of east (data steward), west (data steward)" in faults(here, contract)[0]


def test_nothing_is_released_from_a_contract_that_was_broken_or_is_not_signed(here: Partnership) -> None:
    assert here.judge().is_granted
    with pytest.raises(
        GovernanceError, match=r"west \(data steward\) must sign the contract tax__flat, which was changed"
    ):
        permission("plan", here.settings, (contracts()[0], changed("gone")), AS_OF)
    (here.settings.expectations / "contracts" / "signed" / "tax__flat.json").unlink()
    with pytest.raises(GovernanceError, match=r"east \(data steward\) must sign the contract tax__flat"):
        here.judge()


def edited(part: str) -> Contract:
    tax = contracts()[1]
    (table,) = tax.tables
    name, area = table.columns
    column: dict[str, dict[str, Any]] = {
        "another header": {"source_name": "class"},
        "another synonym": {"synonyms": ("ward",)},
        "another pattern": {"header_pattern": "^a"},
        "another element": {"nested": "JSON"},
        "no key": {"key": True},
    }
    if part in column:
        return replace(tax, tables=(replace(table, columns=(name, replace(area, **column[part]))),))
    whole: dict[str, dict[str, Any]] = {
        "another file": {"tables": (replace(table, source="x"),)},
        "another mode": {"mode": "append"},
        "more quarantine": {"quarantine_max_percent": 50},
        "one per person": {"one_record_per_person": True},
        "an end of supply": {"supplies": (tax.supplies[0], replace(tax.supplies[1], valid_to=AS_OF))},
        "a supplier less": {"supplies": tax.supplies[:1]},
        "a supplier more": {"supplies": (*tax.supplies, Supply("north"))},
        "a rule more": {"rules": (RULE,)},
        "another title": {"title": "Rates", "description": "Of rates.", "frequency_days": 7},
    }
    return replace(tax, **whole[part])


RULE = Rule("tax__flat", "accounts", "area", "area__mapped", "It is.", "conformity", "warning", "nullValues", {},
            Threshold("mustBe", 0))  # fmt: skip


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("another header", "column accounts.area is not as it was"),
        ("another synonym", "column accounts.area is not as it was"),
        ("another pattern", "column accounts.area is not as it was"),
        ("another element", "column accounts.area is not as it was"),
        ("no key", "column accounts.area is not as it was"),
        ("another file", "table accounts is not as it was"),
        ("another mode", "the contract is not as it was"),
        ("more quarantine", "the contract is not as it was"),
        ("one per person", "the contract is not as it was"),
        ("an end of supply", "supply by west is not as it was"),
        ("a supplier less", "supply by west is not as it was"),
        ("a supplier more", None),
        ("a rule more", None),
        ("another title", None),
    ],
)
def test_how_a_signed_contract_is_read_is_signed_too(here: Partnership, part: str, words: str | None) -> None:
    lock = read_locks(here.settings.expectations / "contracts" / "signed").by_contract["tax__flat"]
    assert breaks(lock, edited(part)) == ([words] if words else [])
    assert breaks(lock.model_copy(update={"signatures": ()}), edited(part)) == [], "nobody has signed it"


def test_an_older_signed_shape_cannot_be_put_back(here: Partnership) -> None:
    assert here.judge().is_granted
    folder = here.settings.expectations / "contracts" / "signed"
    before = (folder / "tax__flat.json").read_bytes()
    newer = (contracts()[0], changed("classification identifier"))
    for organisation, role in COSIGNERS:
        here.sign_contract(organisation, role, newer[1])
    assert permission("plan", here.settings, newer, AS_OF).is_granted
    (folder / "tax__flat.json").write_bytes(before)
    with pytest.raises(GovernanceError, match=r"west \(data steward\) must sign .*an older shape was put back"):
        here.judge()
    here.sign_contract(*COSIGNERS[0], newer[1])
    for organisation, role in COSIGNERS:  # signed anew, the older one is the newest
        here.sign_contract(organisation, role)
    assert here.judge().is_granted


def test_a_signature_made_under_other_decision_rights_does_not_count(here: Partnership) -> None:
    matrix = here.settings.expectations / "decision_rights.yaml"
    content = yaml.safe_load(matrix.read_text())
    content["decisions"]["accept_breaking_change"]["accountable"] = [STEWARD]
    matrix.unlink()
    matrix.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(GovernanceError, match=r"east \(data steward\) must sign the contract tax__flat"):
        here.judge()


def test_a_new_shape_drops_the_signatures_on_the_old_one(here: Partnership) -> None:
    here.sign_contract("west", STEWARD, changed("gone"))
    lock = read_locks(here.settings.expectations / "contracts" / "signed").by_contract["tax__flat"]
    assert [(s.organisation, s.role) for s in lock.signatures] == [("west", STEWARD)]
    assert lock.columns == columns_of(changed("gone"))
    assert lock.replaces is not None
