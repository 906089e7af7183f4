"""What breaks a data contract, and whose signatures it then takes: the rules as a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spine.contracts import Column, Contract
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


@pytest.fixture
def here(tmp_path: Path) -> Partnership:
    found = build_partnership(tmp_path)
    found.sign_all()
    return found


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


def test_a_new_shape_drops_the_signatures_on_the_old_one(here: Partnership) -> None:
    here.sign_contract("west", STEWARD, changed("gone"))
    lock = read_locks(here.settings.expectations / "contracts" / "signed").by_contract["tax__flat"]
    assert [(s.organisation, s.role) for s in lock.signatures] == [("west", STEWARD)]
    assert lock.columns == columns_of(changed("gone"))
    assert lock.replaces is not None
