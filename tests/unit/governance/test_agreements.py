"""An agreement: complete or refused, in force or refused, and true to the contracts."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from spine.contracts import Contract, load_contracts, load_partners
from spine.errors import ContractError, GovernanceError
from spine.governance import Agreement, agreement_for, check_agreement, load_agreement, load_agreements
from spine.governance.preview import preview
from spine.governance.terms import terms_of
from spine.rights import load_decision_rights
from spine.settings import PROJECT_ROOT

EXPECTATIONS = PROJECT_ROOT / "expectations"
IN_FORCE = date(2028, 3, 31)


@pytest.fixture(scope="module")
def contracts() -> tuple[Contract, ...]:
    return load_contracts(EXPECTATIONS / "contracts", load_partners(EXPECTATIONS / "partners.yaml"))


@pytest.fixture
def content() -> dict[str, Any]:
    text = (EXPECTATIONS / "agreements" / "care_planning.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def write(folder: Path, content: dict[str, Any], name: str = "care_planning") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_every_committed_agreement_holds_against_the_contracts(contracts: tuple[Contract, ...]) -> None:
    for agreement in load_agreements(EXPECTATIONS / "agreements"):
        assert check_agreement(agreement, contracts) == []


def test_all_faults_are_told_at_once(tmp_path: Path, content: dict[str, Any]) -> None:
    del content["dpia"]
    content["colour"] = "blue"
    content["controllers"][0]["role"] = "friend"
    content["exclusions"]["opt_out_max_age_days"] = 60
    with pytest.raises(ContractError) as error:
        load_agreement(write(tmp_path, content))
    lines = str(error.value).splitlines()
    text = (tmp_path / "care_planning.yaml").read_text(encoding="utf-8").splitlines()
    found = {fault.split(": at ")[1].split(":")[0]: int(fault.split("line ")[1].split(":")[0]) for fault in lines}
    assert set(found) == {"dpia", "colour", "controllers/0/role", "exclusions/opt_out_max_age_days"}
    assert found.pop("dpia") == 1, "what is missing has no line of its own"
    for place, number in found.items():
        assert place.split("/")[-1] in text[number - 1]


def test_faults_of_all_files_are_told_at_once(tmp_path: Path, content: dict[str, Any]) -> None:
    write(tmp_path, content | {"title": ""})
    (tmp_path / "second.yaml").write_text("a: [", encoding="utf-8")
    expected = r"(?s)care_planning\.yaml, line \d+: at title.*second\.yaml: is not valid YAML"
    with pytest.raises(ContractError, match=expected):
        load_agreements(tmp_path)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"id": "other"}, "must be the file's name"),
        ({"valid_to": date(2027, 1, 1)}, "must follow each other"),
        ({"datasets": {"council_tax": []}}, "needs each field used, once"),
        ({"datasets": {"council_tax": ["uprn", "uprn"]}}, "needs each field used, once"),
        ({"output": {"recipients": ["analysts"], "level": "identifiable"}}, "at output/level"),
    ],
)
def test_faults(tmp_path: Path, content: dict[str, Any], change: dict[str, Any], match: str) -> None:
    with pytest.raises(ContractError, match=match):
        load_agreement(write(tmp_path, content | change))


@pytest.mark.parametrize(
    ("as_of", "change", "match"),
    [
        (date(2026, 11, 22), {}, "not in force before 2027-04-01"),
        (date(2029, 4, 1), {}, "ended on 2029-03-31.*must renew it"),
        (IN_FORCE, {"review_date": date(2028, 3, 30)}, "due for review by 2028-03-30.*wexmoor_county"),
        (IN_FORCE, {"dpia": {"id": "D1", "review_date": date(2028, 3, 30)}}, "assessment D1.*data protection officers"),
    ],
)
def test_out_of_date_is_refused_with_who_must_act(
    tmp_path: Path, content: dict[str, Any], as_of: date, change: dict[str, Any], match: str
) -> None:
    write(tmp_path, content | change)
    with pytest.raises(GovernanceError, match=match):
        agreement_for("care_planning", load_agreements(tmp_path), as_of)


@pytest.mark.parametrize("as_of", [date(2027, 4, 1), IN_FORCE, date(2029, 3, 31)])
def test_in_force_from_the_first_day_to_the_last(tmp_path: Path, content: dict[str, Any], as_of: date) -> None:
    write(tmp_path, content)
    assert agreement_for("care_planning", load_agreements(tmp_path), as_of).version == "1.3.0"


def test_no_agreement_and_several_are_both_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    with pytest.raises(GovernanceError, match="no agreement permits it"):
        agreement_for("care_planning", load_agreements(tmp_path), IN_FORCE)
    write(tmp_path, content)
    write(tmp_path, content | {"id": "second"}, "second")
    with pytest.raises(GovernanceError, match="2 agreements claim it"):
        agreement_for("care_planning", load_agreements(tmp_path), IN_FORCE)


def test_unknown_fields_and_strangers_are_faults(content: dict[str, Any], contracts: tuple[Contract, ...]) -> None:
    content["datasets"] = {"council_tax": ["uprn", "shoe_size"], "weather": ["rain"], "area_lookup": ["lsoa21"]}
    content["controllers"] = [{"partner": "saltmarsh_district", "role": "sole_controller"}]
    faults = "\n".join(check_agreement(Agreement.model_validate(content), contracts))
    assert "field 'council_tax.shoe_size' is in no contract" in faults
    assert "dataset 'weather' has no contract" in faults
    assert "partner 'brackenfell_borough' supplies council_tax but is no controller" in faults
    assert "reference" not in faults, "public registers need no controller"


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        ("exclusions", {"objections": "list"}, "no contract describes a list of objections"),
        ("exclusions", {"restricted_records": "left_out"}, "can hide where they live, not leave them out"),
        ("output", {"level": "aggregate"}, "releases no aggregates yet"),
        ("output", {"geography": "msoa21"}, "'lsoa21' tells a place more finely than output/geography, msoa21"),
        ("output", {"geography": "none"}, "'lsoa21' tells a place more finely than output/geography, none"),
    ],
)
def test_what_the_spine_cannot_do_is_refused(
    content: dict[str, Any], contracts: tuple[Contract, ...], part: str, change: dict[str, str], told: str
) -> None:
    assert check_agreement(Agreement.model_validate(content), contracts) == []
    content[part] |= change
    assert told in "\n".join(check_agreement(Agreement.model_validate(content), contracts))


@pytest.mark.parametrize("hidden", ["\x1b[2K", "\u202e", "\u200b", "\x00"])
def test_a_character_that_cannot_be_seen_is_refused(content: dict[str, Any], hidden: str) -> None:
    content["output"]["recipients"] = [f"analysts{hidden}"]
    with pytest.raises(ValueError, match="a character that cannot be seen"):
        Agreement.model_validate(content)


def test_the_preview_tells_every_field(content: dict[str, Any], contracts: tuple[Contract, ...]) -> None:
    agreement = Agreement.model_validate(content)
    rights = load_decision_rights(EXPECTATIONS)
    sections = preview(terms_of(agreement, rights, EXPECTATIONS), contracts, {}, {}, None)
    told = "\n".join(
        line for section in sections if section.heading == "Which fields of whom" for line in section.lines
    )
    assert not {name for names in agreement.datasets.values() for name in names} - set(re.findall(r"\w+", told))


def test_the_hash_follows_the_content_not_the_layout(tmp_path: Path, content: dict[str, Any]) -> None:
    reordered = load_agreement(write(tmp_path, dict(sorted(content.items()))))
    assert reordered.sha256 == load_agreement(EXPECTATIONS / "agreements" / "care_planning.yaml").sha256
    edited = load_agreement(write(tmp_path, content | {"retention_days": 366}))
    assert edited.sha256 != reordered.sha256
