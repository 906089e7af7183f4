"""Real files that nobody here wrote, dropped into landing as they are, through the whole pipeline.

They come from public repositories (sandbox patients, an SSDA903 validator's test data). Their folder
is SPINE_SAMPLES, by default shared/samples beside the project; in CI it is required.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from spine.settings import PROJECT_ROOT
from tests.acceptance.conftest import Home

SAMPLES = Path(os.environ.get("SPINE_SAMPLES", PROJECT_ROOT.parent / "shared" / "samples"))


@pytest.fixture(scope="module")
def samples(new_home: Callable[[str], Home]) -> Home:
    if not SAMPLES.exists():
        if os.environ.get("CI"):
            pytest.fail(f"the real samples are required in CI: set SPINE_SAMPLES (looked in {SAMPLES.name})")
        pytest.skip("the real samples are not here: set SPINE_SAMPLES to their folder")
    home = new_home("samples")
    landing = home.settings.landing
    shutil.copytree(SAMPLES / "fhir_pds", landing / "wexmoor_icb/gp_registrations/2028-03-01")
    shutil.copytree(SAMPLES / "ssda903", landing / "wexmoor_county/looked_after/2028-03-01")
    home.run()
    return home


def entry(home: Home, delivery: str) -> dict[str, object]:
    path = home.settings.ledger / delivery / "r001.json"
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def verdict(home: Home, delivery: str, rule: str) -> tuple[object, object, object]:
    results = entry(home, delivery)["results"]
    assert isinstance(results, list)
    found = next(result for result in results if result["name"] == rule)
    return found["outcome"], found["numerator"], found["denominator"]


def test_both_are_accepted_with_warnings(samples: Home) -> None:
    assert samples.summary.accepted == 2
    assert not samples.summary.refused
    assert samples.summary.checks_failed == 0


@pytest.mark.parametrize(
    ("rule", "outcome", "numerator", "denominator"),
    [
        ("header__upn__check_letter", "warned", 2568, 2675),
        ("header__sex__mapped", "passed", 0, 2675),
        ("header__sex__one_coding", "passed", 0, 2675),
        ("header__table__unique_key", "passed", 0, 2675),
        ("episodes__home_post__is_a_postcode", "warned", 2479, 5050),
        ("episodes__pl_post__is_a_postcode", "warned", 2432, 5050),
        ("episodes__decom__is_a_date", "passed", 0, 5050),
    ],
)
def test_known_faults_of_the_903_return(
    samples: Home, rule: str, outcome: str, numerator: int, denominator: int
) -> None:
    assert verdict(samples, "wexmoor_county/looked_after/2028-03-01", rule) == (outcome, numerator, denominator)


def test_patients_of_every_file_are_read_and_other_resources_counted_as_ignored(samples: Home) -> None:
    tables = entry(samples, "wexmoor_icb/gp_registrations/2028-03-01")["tables"]
    assert tables["patients"]["kept"] == 35  # type: ignore[index]
    assert tables["patients"]["ignored"] == 201  # type: ignore[index]
    outcome, repeated, rows = verdict(samples, "wexmoor_icb/gp_registrations/2028-03-01", "table__unique_key")
    assert (outcome, repeated, rows) == ("warned", 2, 35)


def test_each_patient_and_child_is_one_person_record(samples: Home) -> None:
    records = dict(samples.rows("SELECT dataset, count(*) FROM intermediate.int_person_records GROUP BY ALL"))
    assert records == {"gp_registrations": 33, "looked_after": 2675}


def test_children_keep_their_episodes(samples: Home) -> None:
    [(episodes, children)] = samples.rows(
        "SELECT count(*), count(DISTINCT _row_no) FROM raw.looked_after__ssda903__episodes"
    )
    assert (episodes, children) == (5050, 5050)
    [(known,)] = samples.rows("SELECT count(DISTINCT record_id) FROM intermediate.int_service_events")
    assert known > 2000


def test_nothing_is_released_without_an_opt_out_list(samples: Home) -> None:
    assert samples.summary.exit_code == 6
    assert not list(samples.settings.releases.rglob("*.duckdb"))
