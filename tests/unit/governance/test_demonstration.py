"""Throwaway approvals: for a demonstration only, void after an edit, never over somebody's no."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from spine.contracts import Contract, Supply, load_contracts, load_partners
from spine.errors import GovernanceError
from spine.governance import approve_all, load_agreement, load_trust, permission, require_right
from spine.governance.demonstration import demo_key
from spine.governance.quorum import CONTROLLER
from spine.governance.signing import load_key
from spine.governance.statements import folder_of, sign, write_statement
from spine.governance.terms import terms_of
from spine.rights import load_decision_rights
from spine.settings import PROJECT_ROOT, Settings

AS_OF = date(2028, 3, 31)
EXPECTATIONS = PROJECT_ROOT / "expectations"
REAL = load_contracts(EXPECTATIONS / "contracts", load_partners(EXPECTATIONS / "partners.yaml"))


@dataclass(frozen=True)
class Demo:
    settings: Settings

    @property
    def file(self) -> Path:
        return self.settings.expectations / "agreements" / "care_planning.yaml"

    def edit(self, old: str, new: str) -> None:
        self.file.write_text(self.file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    def granted(self, contracts: tuple[Contract, ...] = REAL) -> bool:
        return permission("care_planning", self.settings, contracts, AS_OF).is_demo


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    project = tmp_path / "project" / "expectations"
    shutil.copytree(EXPECTATIONS / "agreements", project / "agreements")
    for name in ("partners.yaml", "decision_rights.yaml"):
        shutil.copy(EXPECTATIONS / name, project / name)
    found = Demo(Settings(home=tmp_path / "home", project=project.parent).prepare())
    approve_all(found.settings)
    return found


def test_a_demonstration_is_granted_as_such_and_its_keys_are_closed(demo: Demo) -> None:
    assert demo.granted()
    keys = list((demo.settings.demonstration / "keys").iterdir())
    signers = [p for p in load_partners(EXPECTATIONS / "partners.yaml").values() if p.kind not in ("register", "spine")]
    assert len(keys) == len(signers) + 1, "and one for the board"
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    assert demo.settings.demonstration.stat().st_mode & 0o777 == 0o700
    assert not list(demo.settings.expectations.rglob("*.approvals")), "nothing is signed in the project"
    assert approve_all(demo.settings) == [], "once is enough"


def test_an_edit_makes_its_approvals_void_and_says_how_to_sign_again(demo: Demo) -> None:
    assert demo.granted()
    demo.edit("retention_days: 365", "retention_days: 3650")
    with pytest.raises(GovernanceError, match=r"`spine agreement approve .* --demo` signs with its keys"):
        demo.granted()
    assert approve_all(demo.settings)
    assert demo.granted()


def test_a_dissent_or_suspension_is_not_signed_over(demo: Demo) -> None:
    rights, agreement = load_decision_rights(demo.settings.expectations), load_agreement(demo.file)
    for decision, match in (("dissent", "having dissented: too much"), ("suspend", "lift its suspension")):
        key = load_key(demo_key(demo.settings, "wexmoor_icb"), str)
        statement = sign(
            key, terms_of(agreement, rights, demo.settings.expectations).subject, organisation="wexmoor_icb",
            role=CONTROLLER, decision=decision, reason="too much",
            signed_on=AS_OF, number=2,
        )  # fmt: skip
        write_statement(folder_of(demo.settings, "care_planning"), statement)
        assert approve_all(demo.settings) == []
        with pytest.raises(GovernanceError, match=rf"wexmoor_icb.*{match}") as refused:
            demo.granted()
        assert "--demo" not in str(refused.value), "it would not help"


@pytest.mark.parametrize(
    "change", [{"mode": "production"}, {"trust_file": Path("elsewhere.yaml"), "trust_sha256": "0" * 64}]
)
def test_a_deployment_takes_no_throwaway_approval(demo: Demo, change: dict[str, object]) -> None:
    production = demo.settings.model_copy(update=change)
    with pytest.raises(GovernanceError, match="this home is a deployment's"):
        approve_all(production)
    with pytest.raises(GovernanceError, match="trust file"):
        Demo(production).granted()


def test_the_trust_file_of_a_demonstration_is_refused_in_production(demo: Demo) -> None:
    trust = load_trust(demo.settings)
    production = demo.settings.model_copy(update={"trust_file": trust.path, "trust_sha256": trust.sha256})
    with pytest.raises(GovernanceError, match="throwaway keys of a demonstration: production refuses them"):
        Demo(production).granted()


def test_a_home_that_no_demo_made_has_nobody_to_sign(demo: Demo, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other", project=demo.settings.project).prepare()
    with pytest.raises(GovernanceError, match="must set SPINE_TRUST_FILE and SPINE_TRUST_SHA256"):
        Demo(other).granted()
    with pytest.raises(GovernanceError, match="no demonstration made by `spine demo`"):
        Demo(other.model_copy(update={"mode": "demo"})).granted()


def test_a_contract_that_is_broken_after_it_was_signed_stops_the_demonstration_too(demo: Demo) -> None:
    approve_all(demo.settings, REAL)
    assert demo.granted()
    tax = next(contract for contract in REAL if contract.id == "council_tax__nfi")
    shorter = replace(tax, tables=(replace(tax.tables[0], columns=tax.tables[0].columns[:-1]),))
    broken = (*(contract for contract in REAL if contract is not tax), shorter)
    with pytest.raises(
        GovernanceError, match=r"brackenfell_borough \(data steward\) must sign the contract council_tax"
    ):
        demo.granted(broken)
    approve_all(demo.settings, broken)
    assert demo.granted(broken)
    another = replace(shorter, supplies=(*shorter.supplies, Supply("wexmoor_homes")))
    assert demo.granted((*broken[:-1], another)), "another supplier can be tried out"


def test_roles_of_the_user_decide_what_they_may_do(demo: Demo, tmp_path: Path) -> None:
    assert require_right("rotate_key", demo.settings), "in a demonstration its user holds every role"
    other = Settings(home=tmp_path / "other", project=demo.settings.project).prepare()
    with pytest.raises(GovernanceError, match="no trust file is set"):
        require_right("rotate_key", other)
