"""The trust file: only the pinned one outside the project counts, and what it says of keys and users."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
import yaml

from spine.errors import GovernanceError
from spine.files import sha256_of
from spine.governance import TrustError, require_right
from spine.governance.trust import current_user
from tests.fixtures.agreements import QUORUM, RISK_OWNER, Partnership, write_trust


def swap(here: Partnership) -> Partnership:
    write_trust(here.folder / "outside" / "trust.yaml", dict.fromkeys(QUORUM[:1], "stranger"))
    return here


def remove(here: Partnership) -> Partnership:
    (here.folder / "outside" / "trust.yaml").unlink()
    return here


def into_project(here: Partnership) -> Partnership:
    inside = here.settings.expectations / "trust.yaml"
    inside.symlink_to(here.folder / "outside" / "trust.yaml")
    inside.unlink()
    shutil.move(here.folder / "outside" / "trust.yaml", inside)
    (here.folder / "outside" / "trust.yaml").symlink_to(inside)
    return here


def unpinned(here: Partnership) -> Partnership:
    return here.trusting(trust_sha256=None)


def unset(here: Partnership) -> Partnership:
    return here.trusting(trust_file=None)


def demo_keys(here: Partnership) -> Partnership:
    path = here.folder / "outside" / "trust.yaml"
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, "demonstration": True}))
    return here.trusting(trust_sha256=sha256_of(path))


def demo_mode(here: Partnership) -> Partnership:
    return here.trusting(mode="demo")


@pytest.mark.parametrize(
    ("change", "match", "kind"),
    [
        (swap, "not the one that the settings pin", TrustError),
        (remove, "cannot be read", TrustError),
        (into_project, "lies in the project", GovernanceError),
        (unpinned, "must set SPINE_TRUST_FILE and SPINE_TRUST_SHA256", GovernanceError),
        (unset, "must set SPINE_TRUST_FILE and SPINE_TRUST_SHA256", GovernanceError),
        (demo_keys, "production refuses them", GovernanceError),
        (demo_mode, "must take away one of them", GovernanceError),
    ],
)
def test_only_the_pinned_trust_file_outside_the_project_counts(
    here: Partnership, change: Callable[[Partnership], Partnership], match: str, kind: type[Exception]
) -> None:
    with pytest.raises(GovernanceError, match=match) as error:
        change(here).judge()
    assert type(error.value) is kind


def test_a_trust_file_with_faults_is_told_of_with_its_lines(here: Partnership) -> None:
    path = here.folder / "outside" / "trust.yaml"
    path.write_text("keys:\n  - organisation: east\n    role: x\n    public_key: 'ed25519:AAAA'\ncolour: blue\n")
    with pytest.raises(TrustError, match=r"(?s)line 4: at keys/0/public_key.*line 5: at colour"):
        here.trusting(trust_sha256=sha256_of(path)).judge()


def test_one_key_speaks_for_one_organisation(here: Partnership) -> None:
    path = here.folder / "outside" / "trust.yaml"
    pinned = write_trust(path, {("east", RISK_OWNER): "east", ("west", RISK_OWNER): "east"})
    with pytest.raises(TrustError, match="one key speaks for several organisations"):
        here.trusting(trust_sha256=pinned).judge()


def test_what_takes_no_key_is_done_by_users_with_the_role(here: Partnership) -> None:
    path = here.folder / "outside" / "trust.yaml"
    keys = {("east", RISK_OWNER): "east"}
    mine = {"user": current_user(), "organisation": "east", "roles": ["engineer"]}
    other = {"user": "somebody else", "organisation": "east", "roles": ["caldicott_guardian"]}
    settings = here.trusting(trust_sha256=write_trust(path, keys, users=[mine, other])).settings
    assert require_right("rotate_key", settings) == current_user()
    with pytest.raises(GovernanceError, match="for Manager of the service to do, and was asked for by Data engineer"):
        require_right("reidentify_for_service", settings)
    with pytest.raises(GovernanceError, match="does not say who may decide this"):
        require_right("read_everything", settings)
    settings = here.trusting(trust_sha256=write_trust(path, keys, users=[other])).settings
    with pytest.raises(GovernanceError, match="was asked for by nobody"):
        require_right("rotate_key", settings)
