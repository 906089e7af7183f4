"""`spine agreement` as people use it: keys, trust file, signatures, and what stops after each."""

from __future__ import annotations

import re
import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spine.cli import app
from spine.errors import GovernanceError
from spine.files import sha256_of
from spine.locks import home_lock
from spine.settings import PROJECT_ROOT, Settings
from tests.fixtures.release_warehouse import build_home

SIGNERS = [
    *((name, "senior_information_risk_owner") for name in (
        "harcombe_district", "saltmarsh_district", "brackenfell_borough", "tor_valley_district", "wexmoor_county",
        "wexmoor_icb", "wexmoor_homes",
    )),
    ("wexmoor_county", "data_protection_officer"), ("wexmoor_icb", "caldicott_guardian"), ("board", "lay_member"),
]  # fmt: skip
AS_OF = ("--as-of", "2028-03-31")


@dataclass
class Deployment:
    """A project and a home, with environment variables as a deployment sets them."""

    folder: Path
    environment: dict[str, str]

    def spine(self, *arguments: str, said: str = "") -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments), env=self.environment, input=said)
        return result.exit_code, re.sub(r"\s+", " ", result.output)

    def key(self, organisation: str, role: str) -> Path:
        return self.folder / "keys" / f"{organisation}.{role}.pem"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, str]:
    """A deployment without a trust file, and the entries of a trust file as `keygen` prints them."""
    folder = tmp_path_factory.mktemp("deployment")
    shutil.copytree(PROJECT_ROOT / "expectations", folder / "project" / "expectations")
    environment = {"SPINE_HOME": str(folder / "home"), "SPINE_PROJECT": str(folder / "project"), "COLUMNS": "400"}
    place = Deployment(folder, environment)
    entries = []
    for organisation, role in SIGNERS:
        out = str(place.key(organisation, role))
        code, text = place.spine(
            "agreement", "keygen", "--organisation", organisation, "--role", role, "--out", out, "--no-passphrase"
        )
        assert code == 0, text
        entries += re.findall(r"- (\{organisation: .*?\})", text)
        assert place.key(organisation, role).read_text().splitlines()[1] not in text
    return place, "".join(f"  - {entry}\n" for entry in entries)


@pytest.fixture
def place(made: tuple[Deployment, str]) -> Deployment:
    return Deployment(made[0].folder, dict(made[0].environment))


def test_from_keys_to_a_permission_and_to_its_suspension(made: tuple[Deployment, str], place: Deployment) -> None:
    code, text = place.spine("agreement", "verify", "care_planning", *AS_OF)
    assert (code, "must set SPINE_TRUST_FILE" in text) == (6, True)

    trust = place.folder / "outside" / "trust.yaml"
    trust.parent.mkdir()
    trust.write_text(f"registers: [reference]\nkeys:\n{made[1]}", encoding="utf-8")
    place.environment |= {"SPINE_TRUST_FILE": str(trust), "SPINE_TRUST_SHA256": sha256_of(trust)}

    code, text = place.spine("agreement", "list", *AS_OF)
    assert (code, "0 of 10" in text, sha256_of(trust)[:16] in text) == (0, True, True)
    _, text = place.spine("agreement", "preview", "care_planning")
    digest = re.findall("[0-9a-f]{64}", text)[0]
    for organisation, role in SIGNERS:
        arguments = ("--key", str(place.key(organisation, role)), "--sha256", digest, "--on", "2028-01-05")
        code, text = place.spine("agreement", "approve", "care_planning", *arguments)
        assert code == 0, text
        assert f"for {organisation} as {role}" in text
    code, text = place.spine("agreement", "verify", "care_planning", *AS_OF)
    assert code == 6
    assert "data steward) must sign the contract" in text, "all approved; the contracts are still to be signed"
    assert "must approve" not in text

    icb = str(place.key("wexmoor_icb", "senior_information_risk_owner"))
    suspend = ("agreement", "suspend", "care_planning", "--key", icb, "--reason")
    assert place.spine(*suspend, "A breach")[0] == 0
    code, text = place.spine("agreement", "verify", "care_planning", *AS_OF)
    assert (code, "wexmoor_icb must lift its suspension" in text) == (6, True)
    county = str(place.key("wexmoor_county", "senior_information_risk_owner"))
    place.spine("agreement", "suspend", "care_planning", "--key", county, "--reason", "No", "--lift")
    assert "wexmoor_icb must lift" in place.spine("agreement", "verify", "care_planning", *AS_OF)[1]
    assert place.spine(*suspend, "It is over", "--lift")[0] == 0
    assert "must lift" not in place.spine("agreement", "verify", "care_planning", *AS_OF)[1]


def test_a_text_that_was_not_previewed_is_not_signed(place: Deployment) -> None:
    county = str(place.key("wexmoor_county", "senior_information_risk_owner"))
    code, text = place.spine("agreement", "approve", "care_planning", "--key", county, "--sha256", "0" * 64)
    assert (code, "not the one that was previewed" in text) == (6, True)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("approve", "care_planning"), 2, "--key"),
        (("approve", "falls"), 2, "expected one of: care_planning"),
        (("approve", "care_planning", "--demo"), 6, "no demonstration made by `spine demo`"),
        (("keygen", "--organisation", "x", "--role", "king", "--out", "k.pem"), 2, "expected one of analyst"),
    ],
)
def test_what_cannot_be_done_says_why(place: Deployment, arguments: tuple[str, ...], code: int, told: str) -> None:
    ended, text = place.spine("agreement", *arguments)
    assert (ended, told in text) == (code, True), text


def test_a_key_below_the_home_or_project_is_refused(place: Deployment) -> None:
    for folder in ("home", "project"):
        path = str(place.folder / folder / "k.pem")
        code, text = place.spine(
            "agreement", "keygen", "--organisation", "x", "--role", "lay_member", "--out", path, "--no-passphrase"
        )
        assert (code, "must not lie below" in text) == (6, True)


def test_a_role_that_may_not_sign_is_told_who_may(place: Deployment) -> None:
    county = str(place.key("wexmoor_county", "senior_information_risk_owner"))
    code, text = place.spine("agreement", "approve", "care_planning", "--key", county, "--role", "analyst")
    assert (code, "it is for senior_information_risk_owner" in text) == (6, True), text


def test_a_suspension_withdraws_what_is_published_at_once(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    home.publish()
    key = home.settings.demonstration / "keys" / "wexmoor_icb.pem"
    key_copy = shutil.copy(key, tmp_path / "key.pem")
    place = Deployment(
        tmp_path,
        {"SPINE_HOME": str(home.settings.root), "SPINE_PROJECT": str(home.settings.project), "COLUMNS": "400"},
    )
    reason = ("--reason", "A breach", "--role", "senior_information_risk_owner")
    code, text = place.spine("agreement", "suspend", "care_planning", "--key", str(key_copy), *reason)
    assert code == 0, text
    assert "The release that was published has been withdrawn" in text
    assert home.files() == ["version.json"]
    assert home.decisions() == ["published", "withdrawn"]


def test_a_preview_counts_residents_and_shows_no_small_number(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    place = Deployment(
        tmp_path,
        {"SPINE_HOME": str(home.settings.root), "SPINE_PROJECT": str(home.settings.project), "COLUMNS": "400"},
    )
    home.sql("ALTER TABLE core.bridge_resident_record ADD COLUMN partner VARCHAR DEFAULT 'wexmoor_icb'")
    home.sql(
        "CREATE TABLE more AS SELECT r.*, i FROM care_planning.residents AS r, range(3) AS n(i); "
        "INSERT INTO care_planning.residents SELECT * EXCLUDE (i) REPLACE (resident_id || i AS resident_id, "
        "'45-54' AS age_band) FROM more; DROP TABLE more"
    )
    code, text = place.spine("agreement", "preview", "care_planning")
    assert code == 0, text
    assert "About 25, before those who are left out. 1 to 7 people are not counted out" in text
    assert "age band: 35-44 fewer than 8, 45-54 20" in text
    assert "known to: wexmoor_icb fewer than 8" in text
    assert "wexmoor_homes" not in text
    assert "Wexmoor Homes: their residents would be missing from housing tenancies" in text


def test_two_versions_are_told_apart_in_words(place: Deployment) -> None:
    settings = Settings(project=Path(place.environment["SPINE_PROJECT"]))
    old = settings.expectations / "agreements" / "care_planning.yaml"
    new = place.folder / "new.yaml"
    text = old.read_text(encoding="utf-8").replace("retention_days: 365", "retention_days: 30")
    text = text.replace("    - exemption_code\n", "").replace("      - gp_since\n", "")
    new.write_text(text.replace("  deceased: true", "  deceased: false"), encoding="utf-8")
    code, told = place.spine("agreement", "diff", "care_planning", str(new))
    assert code == 0
    for line in (
        "4 differences",
        "no longer a field of council_tax: exemption_code",
        "no longer a released column of residents: gp_since",
        "exclusions/deceased: was True, becomes False",
        "retention_days: was 365, becomes 30",
    ):
        assert line in told


def test_an_agreement_without_a_mart_can_be_read_and_is_told_whom_it_lacks(place: Deployment) -> None:
    folder = Path(place.environment["SPINE_PROJECT"]) / "expectations" / "agreements"
    text = (folder / "care_planning.yaml").read_text(encoding="utf-8")
    text = text.replace("id: care_planning", "id: falls").replace("purpose: care_planning", "purpose: falls")
    (folder / "falls.yaml").write_text(text, encoding="utf-8")
    code, told = place.spine("agreement", "preview", "falls")
    (folder / "falls.yaml").unlink()
    assert (code, "Not counted" in told, "purpose falls" in told) == (0, True, True), told


@pytest.mark.parametrize("state", ["faulty", "gone", "a folder among the approvals", "a run holds the home"])
def test_a_suspension_needs_no_readable_agreement_and_no_idle_home(tmp_path: Path, state: str) -> None:
    home = build_home(tmp_path)
    home.publish()
    key_copy = shutil.copy(home.settings.demonstration / "keys" / "wexmoor_icb.pem", tmp_path / "key.pem")
    agreement = home.settings.expectations / "agreements" / "care_planning.yaml"
    whole = agreement.read_text(encoding="utf-8")
    environment = {"SPINE_HOME": str(home.settings.root), "SPINE_PROJECT": str(home.settings.project), "COLUMNS": "400"}
    place = Deployment(tmp_path, environment)
    if state == "faulty":
        agreement.write_text(f"{whole}colour: blue\n", encoding="utf-8")
    elif state == "gone":
        agreement.unlink()
    elif state == "a folder among the approvals":
        (home.settings.demonstration / "approvals" / "care_planning.approvals" / "x.yaml").mkdir()
    held = home_lock(home.settings, "a run") if state == "a run holds the home" else nullcontext()
    role = ("--role", "senior_information_risk_owner", "--organisation", "wexmoor_icb")
    with held:
        code, text = place.spine(
            "agreement", "suspend", "care_planning", "--key", str(key_copy), "--reason", "A breach", *role
        )
    assert code == 0, text
    assert ("has been withdrawn" in text) == (state != "a run holds the home"), text
    for path in (home.settings.demonstration / "approvals" / "care_planning.approvals").glob("*.suspension.yaml"):
        path.unlink()
    agreement.write_text(whole, encoding="utf-8")
    with pytest.raises(GovernanceError, match=r"wexmoor_icb (suspended it|must lift)"):
        home.publish()


def test_an_agreement_that_nobody_knows_is_not_suspended(place: Deployment) -> None:
    key = str(place.key("wexmoor_icb", "senior_information_risk_owner"))
    for name in ("falls", "..", "Care_Planning"):
        assert place.spine("agreement", "suspend", name, "--key", key, "--reason", "A breach")[0] == 2
