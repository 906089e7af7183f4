"""Approvals: what makes one count, and everything that must make it void."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import yaml

from spine import audit
from spine.contracts import Contract, Supply
from spine.errors import ContractError, GovernanceError
from spine.governance import TrustError, load_agreement, permission, standing
from spine.governance.lineage import note_lineage
from spine.settings import PROJECT_ROOT
from tests.fixtures.agreements import (
    AS_OF,
    CONTENT,
    GUARDIAN,
    LAY,
    OFFICER,
    QUORUM,
    RISK_OWNER,
    STEWARD,
    Partnership,
    contracts,
    private_key,
    write_trust,
)

EXPECTATIONS = PROJECT_ROOT / "expectations"


def test_everybody_has_signed(here: Partnership) -> None:
    found = here.judge()
    assert {(s.organisation, s.role) for s in found.approvals} == set(QUORUM)
    assert (found.is_demo, found.ends_on, found.days_to_expiry) == (False, date(2029, 1, 1), 276)
    assert found.trust.sha256 == here.settings.trust_sha256
    assert {(s.organisation, s.role) for s in found.required} == {
        ("east", RISK_OWNER), ("west", RISK_OWNER), (None, OFFICER), (None, GUARDIAN), (None, LAY),
    }, "health sends nothing that is used, so its risk owner need not sign"  # fmt: skip


@pytest.mark.parametrize(("organisation", "role"), QUORUM)
def test_each_signature_is_needed_and_the_refusal_says_whose(here: Partnership, organisation: str, role: str) -> None:
    here.path_of(organisation, role).unlink()
    with pytest.raises(GovernanceError, match=rf"{organisation}.*must approve it as it stands") as error:
        here.judge()
    assert role.replace("_", " ") in str(error.value)


EDITS: dict[str, Any] = {
    "version": "1.0.1", "title": "Plans", "article_6": "6(1)(c)", "article_9": "9(2)(h)",
    "statutory_gateway": "another Act", "confidentiality_basis": "consent",
    "dpia": {"id": "E", "review_date": date(2029, 1, 1)},
    "controllers": CONTENT["controllers"][:2], "datasets": {"tax": ["name"]}, "subjects": "all",
    "release": {"tables": {"people": ["resident_id"]}}, "exclusions": CONTENT["exclusions"] | {"deceased": False},
    "output": CONTENT["output"] | {"recipients": ["analysts", "suppliers"]}, "retention_days": 31, "frequency": "daily",
    "onward_sharing": "to anybody", "prohibited_uses": ["none"], "valid_from": date(2028, 1, 2),
    "valid_to": date(2029, 1, 2), "review_date": date(2028, 12, 31), "exit_terms": "none",
}  # fmt: skip


@pytest.mark.parametrize("field", sorted(EDITS))
def test_an_edit_of_any_field_makes_every_approval_void(here: Partnership, field: str) -> None:
    here.write(**{field: EDITS[field]})
    with pytest.raises(GovernanceError, match="must approve it as it stands"):
        here.judge()
    assert standing("plan", here.settings, contracts(), AS_OF).approvals == ()


def test_every_field_is_edited_above() -> None:
    assert set(EDITS) == set(CONTENT) - {"id", "purpose"}, "another id or purpose is another agreement"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "1.0.1"), ("sha256", "0" * 64), ("rights", "0" * 64), ("organisation", "west"), ("role", OFFICER),
        ("reason", "with pleasure"), ("signed_on", date(2028, 1, 6)), ("number", 2), ("key", "0" * 64),
        ("signature", None), ("signature", "no base64"), ("agreement", "other"),
        ("decision", "dissent"),
    ],
)  # fmt: skip
def test_an_edit_of_any_part_of_an_approval_makes_it_void(here: Partnership, field: str, value: Any) -> None:
    more = {"reason": "no"} if field == "decision" else {}
    if value is None:  # its own key, put to another use
        value = private_key("east").sign("another use", b"")
    here.alter(here.path_of("east", RISK_OWNER), **{field: value}, **more)
    with pytest.raises(GovernanceError, match=r"east \(senior information risk owner\) must approve"):
        here.judge()


def test_the_same_approval_in_another_s_place_counts_for_nobody(here: Partnership) -> None:
    shutil.copy(here.path_of("east", RISK_OWNER), here.path_of("west", RISK_OWNER))
    with pytest.raises(GovernanceError, match=r"west .*must approve.*expected the name of its signer"):
        here.judge()


def test_whoever_writes_the_whole_project_and_holds_no_key_still_needs_a_signature(here: Partnership) -> None:
    """The matrix asks for nobody else, every field is public, and a stranger is the only controller."""
    matrix = here.settings.expectations / "decision_rights.yaml"
    content = yaml.safe_load(matrix.read_text())
    content["decisions"]["sign_agreement"] |= {"responsible": [RISK_OWNER], "accountable": [RISK_OWNER], "vetoes": []}
    matrix.unlink()
    matrix.write_text(yaml.safe_dump(content), encoding="utf-8")
    tax = contracts()[1]
    columns = tuple(replace(column, classification="public") for column in tax.tables[0].columns)
    open_tax = replace(tax, tables=(replace(tax.tables[0], columns=columns),))
    here.write(controllers=[{"partner": "stranger", "role": "sole_controller"}])
    with pytest.raises(GovernanceError, match=r"east \(data steward\) must sign the contract"):
        permission("plan", here.settings, (open_tax,), AS_OF)
    shutil.rmtree(here.settings.expectations / "contracts" / "signed")
    with pytest.raises(GovernanceError, match=r"west \(senior information risk owner\) must approve"):
        permission("plan", here.settings, (open_tax,), AS_OF)
    nobody = replace(open_tax, supplies=())
    with pytest.raises(GovernanceError, match=r"stranger \(senior information risk owner\) must approve"):
        permission("plan", here.settings, (nobody,), AS_OF)


@pytest.mark.parametrize("key", ["west", "stranger"])
def test_a_signature_by_the_wrong_key_does_not_count(here: Partnership, key: str) -> None:
    here.sign("east", RISK_OWNER, number=2, key=key)
    with pytest.raises(GovernanceError, match="a key that the trust file does not list for east as senior_information"):
        here.judge()


def test_one_person_cannot_sign_in_a_role_that_is_not_theirs(here: Partnership) -> None:
    here.path_of("board", LAY).unlink()
    here.sign("east", LAY)
    with pytest.raises(
        GovernanceError, match=r"lay member \(board\) must approve.*does not list for east as lay_member"
    ):
        here.judge()


def test_an_approval_of_another_version_or_agreement_does_not_count(here: Partnership) -> None:
    before = here.agreement
    here.write(version="2.0.0")
    for organisation, role in QUORUM[1:]:
        here.sign(organisation, role, number=2)
    with pytest.raises(GovernanceError, match=r"east .*must approve.*is for version 1.0.0; the agreement is now 2.0.0"):
        here.judge()
    other = before.model_copy(update={"id": "other"})
    here.sign("east", RISK_OWNER, number=2, agreement=other)
    with pytest.raises(GovernanceError, match="is about agreement other, not plan"):
        here.judge()
    here.alter(here.path_of("east", RISK_OWNER), agreement="plan")
    with pytest.raises(GovernanceError, match="altered after it was signed"):
        here.judge()


def test_other_decision_rights_make_every_approval_void(here: Partnership) -> None:
    path = here.settings.expectations / "decision_rights.yaml"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    path.write_text(text.replace("    vetoes: [lay_member]\n", ""), encoding="utf-8")
    with pytest.raises(GovernanceError, match="made under other decision rights"):
        here.judge()


def test_a_dissent_stops_where_the_approval_is_needed_and_is_shown_where_not(here: Partnership) -> None:
    here.sign("health", RISK_OWNER, "dissent", reason="too many fields")
    assert [s.reason for s in here.judge().dissents] == ["too many fields"]
    here.sign("west", RISK_OWNER, "dissent", number=2, reason="not for us")
    with pytest.raises(GovernanceError, match=r"west .*must approve it as it stands, having dissented: not for us"):
        here.judge()
    here.path_of("west", RISK_OWNER).unlink()
    here.sign("west", RISK_OWNER)
    with pytest.raises(GovernanceError, match=r"having dissented: not for us.*older than another of the same signer"):
        here.judge()
    here.sign("west", RISK_OWNER, number=3)
    assert here.judge().is_granted


def test_a_dissent_needs_a_reason(here: Partnership) -> None:
    with pytest.raises(ContractError, match="takes a reason"):
        here.sign("west", RISK_OWNER, "dissent", number=2)


def test_one_controller_suspends_and_only_it_lifts(here: Partnership) -> None:
    here.sign("health", RISK_OWNER, "suspend", reason="a breach")
    refused = r"health must lift its suspension of 2028-01-05 \(number 1; its reason: a breach\)"
    with pytest.raises(GovernanceError, match=refused):
        here.judge()
    suspension = here.path_of("health", "suspension").read_bytes()
    here.path_of("health", "suspension").unlink()
    with pytest.raises(GovernanceError, match=refused):
        here.judge()
    here.write(version="2.0.0")
    here.sign_all(number=2)
    with pytest.raises(GovernanceError, match=refused):
        here.judge()
    here.sign("east", RISK_OWNER, "lift", number=2, reason="it is over")
    with pytest.raises(GovernanceError, match=refused):
        here.judge()
    here.sign("health", RISK_OWNER, "lift", number=2, reason="it is over")
    assert here.judge().is_granted
    here.path_of("health", "suspension").write_bytes(suspension)
    assert here.judge().is_granted, "the suspension that was lifted does not come back"


def test_a_suspension_that_cannot_be_verified_stops_until_it_is_cleared_up(here: Partnership) -> None:
    path = here.path_of("health", "suspension")
    here.sign("health", RISK_OWNER, "suspend", reason="a breach", key="stranger")
    with pytest.raises(GovernanceError, match="health must say whether it suspends"):
        here.judge()
    path.write_text("decision: susp", encoding="utf-8")
    with pytest.raises(GovernanceError, match="health must say whether it suspends"):
        here.judge()


def test_whoever_must_sign_may_suspend(here: Partnership) -> None:
    """West supplies and signs, though the agreement no longer names it."""
    here.write(controllers=CONTENT["controllers"][::2])
    here.sign_all(number=2)
    assert here.judge().is_granted
    here.sign("west", RISK_OWNER, "suspend", reason="a breach")
    with pytest.raises(GovernanceError, match="west must lift its suspension"):
        here.judge()
    (here.statements / "west.suspension.yaml").unlink()
    with pytest.raises(GovernanceError, match="west must lift its suspension"):
        here.judge()


@pytest.mark.parametrize(("organisation", "role"), [("board", LAY), ("health", GUARDIAN)])
def test_nobody_else_suspends(here: Partnership, organisation: str, role: str) -> None:
    here.sign(organisation, role, "suspend", reason="a breach")
    with pytest.raises(GovernanceError, match="must say whether it suspends"):
        here.judge()
    assert standing("plan", here.settings, contracts(), AS_OF).suspensions == ()


def test_what_was_seen_is_logged_once(here: Partnership) -> None:
    here.judge()
    here.judge()
    log = here.settings.runs / "audit.log"
    lines = [yaml.safe_load(line) for line in log.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["agreement_decision"] * len(QUORUM)
    assert {(line["facts"]["organisation"], line["facts"]["role"]) for line in lines} == set(QUORUM)
    assert audit.verify(log) == []


def test_a_damaged_register_permits_nothing(here: Partnership) -> None:
    here.judge()
    (here.settings.governance / "plan.json").write_text("[", encoding="utf-8")
    with pytest.raises(GovernanceError, match="not known whether somebody has suspended"):
        here.judge()


def test_an_expired_agreement_permits_nothing_whoever_signed(here: Partnership) -> None:
    with pytest.raises(GovernanceError, match="ended on 2029-01-01"):
        here.judge(date(2029, 1, 2))


def takes_over(here: Partnership, *, west_is_named: bool) -> tuple[Contract, ...]:
    """East, who holds a key, makes the fields of both councils public and itself the only controller, and signs."""
    matrix = here.settings.expectations / "decision_rights.yaml"
    content = yaml.safe_load(matrix.read_text())
    content["decisions"]["sign_agreement"] |= {"responsible": [RISK_OWNER], "accountable": [RISK_OWNER], "vetoes": []}
    content["decisions"]["accept_breaking_change"] |= {"accountable": [STEWARD]}
    matrix.unlink()
    matrix.write_text(yaml.safe_dump(content), encoding="utf-8")
    tax = contracts()[1]
    columns = tuple(replace(column, classification="public") for column in tax.tables[0].columns)
    supplies = tax.supplies if west_is_named else tax.supplies[:1]
    open_tax = replace(tax, tables=(replace(tax.tables[0], columns=columns),), supplies=supplies)
    here.write(controllers=[{"partner": "east", "role": "sole_controller"}])
    shutil.rmtree(here.settings.expectations / "contracts" / "signed")
    here.sign("east", RISK_OWNER, number=2)
    here.sign_contract("east", STEWARD, open_tax)
    return (open_tax,)


@pytest.mark.parametrize("west_is_named", [True, False])
def test_a_controller_that_writes_the_whole_project_cannot_sign_for_others(
    here: Partnership, west_is_named: bool
) -> None:
    """What west has delivered says whose data they are, even where the contract no longer names it."""
    (here.settings.lake / "tax__flat" / "west" / "2028-03-01").mkdir(parents=True)
    edited = takes_over(here, west_is_named=west_is_named)
    with pytest.raises(GovernanceError) as error:
        permission("plan", here.settings, edited, AS_OF)
    assert "west (senior information risk owner) must approve it as it stands, since its data are used" in str(
        error.value
    )
    assert "west (data steward) must sign the contract tax__flat" in str(error.value)
    assert "east (" not in str(error.value)


def test_a_dataset_of_one_s_own_does_not_hide_whose_data_are_used(here: Partnership) -> None:
    """East names a dataset that it alone supplies; what the models are built from says otherwise."""
    (here.settings.lake / "tax__flat" / "west" / "2028-03-01").mkdir(parents=True)
    mine = replace(contracts()[1], id="mine__x", supplies=(Supply("east"),))
    here.write(controllers=[{"partner": "east", "role": "sole_controller"}], datasets={"mine": ["name"]})
    here.sign("east", RISK_OWNER, number=2)
    west = r"west \(senior information risk owner\) must approve"
    with pytest.raises(GovernanceError, match=west):
        permission("plan", here.settings, (mine,), AS_OF)
    note_lineage(here.settings, {"plan": ("mine__x", "tax__flat")})
    with pytest.raises(GovernanceError, match=west):
        permission("plan", here.settings, (mine,), AS_OF)
    note_lineage(here.settings, {"plan": ("mine__x",)})
    with pytest.raises(GovernanceError) as error:
        permission("plan", here.settings, (mine,), AS_OF)
    assert "west (senior" not in str(error.value), "nothing of theirs is behind it"
    (here.settings.governance / ".lineage.json").write_text("[")
    with pytest.raises(GovernanceError, match="is damaged"):
        permission("plan", here.settings, (mine,), AS_OF)


def test_an_edit_of_an_output_contract_makes_every_approval_void(here: Partnership) -> None:
    """It says from which fields a column is made."""
    real = EXPECTATIONS / "contracts" / "spine" / "care_planning__residents.odcs.yaml"
    path = here.settings.expectations / "contracts" / "spine" / "plan__people.odcs.yaml"
    path.parent.mkdir()
    shutil.copy(real, path)
    with pytest.raises(GovernanceError, match="is for another text of the agreement or of an output contract"):
        here.judge()
    here.sign_all(number=2)
    assert here.judge().is_granted
    path.write_text(path.read_text() + "# a comment\n")
    assert here.judge().is_granted
    path.write_text(path.read_text().replace("gp_registrations.", "area_lookup.", 1))
    with pytest.raises(GovernanceError, match="is for another text"):
        here.judge()


def test_nobody_signs_for_a_register_that_the_trust_file_lists(here: Partnership) -> None:
    edited = takes_over(here, west_is_named=True)
    with pytest.raises(GovernanceError, match="can list it under `registers` in the trust file"):
        permission("plan", here.settings, edited, AS_OF)
    path = here.folder / "outside" / "trust.yaml"
    keys = {("east", RISK_OWNER): "east", ("east", STEWARD): "east"}
    register = here.trusting(trust_sha256=write_trust(path, keys, registers=["west"]))
    assert permission("plan", register.settings, edited, AS_OF).is_granted
    both = here.trusting(trust_sha256=write_trust(path, {**keys, ("west", RISK_OWNER): "west"}, registers=["west"]))
    with pytest.raises(TrustError, match=r"registers names who has a key \(west\)"):
        both.judge()


def test_a_key_that_stands_twice_is_a_fault(here: Partnership) -> None:
    here.file.write_text(here.file.read_text() + "title: Another\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"plan\.yaml, line \d+: 'title' stands there twice"):
        load_agreement(here.file)


def test_a_signature_in_another_spelling_does_not_count(here: Partnership) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    signature = here.sign("east", RISK_OWNER).signature
    other = signature[:-3] + letters[letters.index(signature[-3]) ^ 1] + "=="
    here.alter(here.path_of("east", RISK_OWNER), signature=other)
    with pytest.raises(GovernanceError, match="east"):
        here.judge()
