"""What Dagster is given: assets, lineage, checks, and nothing that runs by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets import release
from assets.definitions import build_defs
from assets.resources import HOME, home_resource
from spine.contracts import load_contracts, load_partners
from spine.errors import ReconciliationError
from spine.settings import PROJECT_ROOT, Settings

RAW = {
    "brackenfell_borough__council_tax",
    "saltmarsh_district__council_tax",
    "harcombe_district__council_tax",
    "tor_valley_district__council_tax",
    "harcombe_district__housing_tenancies",
    "wexmoor_homes__housing_tenancies",
    "wexmoor_county__social_care",
    "wexmoor_county__looked_after",
    "wexmoor_icb__gp_registrations",
    "wexmoor_icb__opt_out",
    "reference__area_lookup",
}
#: Registers of decisions on linked records: they decide who is one person, and nothing of them is released.
DECISIONS = {"spine_team__linkage_decisions", "wexmoor_county__linkage_decisions"}
#: In no agreement: conformed for the partnership's own checks, and released to nobody.
UNRELEASED = {"harcombe_district__rent_accounts", "wexmoor_homes__rent_accounts"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def repository(settings: Settings) -> dg.RepositoryDefinition:
    return build_defs(settings).get_repository_def()


def test_every_source_has_its_asset(repository: dg.RepositoryDefinition) -> None:
    raw = {key.path[1] for key in repository.asset_graph.get_all_asset_keys() if key.path[0] == "raw"}
    assert raw == RAW | UNRELEASED | DECISIONS


@pytest.mark.parametrize("source", sorted(RAW))
def test_lineage_runs_from_each_source_to_the_release(repository: dg.RepositoryDefinition, source: str) -> None:
    upstream = dg.AssetSelection.assets(["release", "care_planning"]).upstream().resolve(repository.asset_graph)
    assert dg.AssetKey(["raw", source]) in upstream


def test_raw_assets_say_whose_they_are(repository: dg.RepositoryDefinition) -> None:
    node = repository.asset_graph.get(dg.AssetKey(["raw", "saltmarsh_district__council_tax"]))
    assert node.group_name == "saltmarsh_district"
    assert node.owners == ["team:saltmarsh_district"]
    assert node.description
    assert node.metadata["agreement"] == "care_planning"
    assert "identifier" in node.metadata["classification"]


def test_every_check_is_a_sentence_and_none_stops_other_partners(repository: dg.RepositoryDefinition) -> None:
    checks = [repository.asset_graph.get(key) for key in repository.asset_graph.asset_check_keys]
    assert len(checks) > 120
    assert not [check.key.name for check in checks if not (check.description or "").strip().endswith(".")]
    assert not [check.key.name for check in checks if check.key.asset_key.path[0] == "raw" and check.blocking]


def test_nothing_starts_by_itself(repository: dg.RepositoryDefinition) -> None:
    assert [job.name for job in repository.get_all_jobs() if not job.name.startswith("__")] == ["refresh_spine"]
    assert [s.default_status for s in repository.schedule_defs] == [dg.DefaultScheduleStatus.STOPPED]
    assert [s.default_status for s in repository.sensor_defs] == [dg.DefaultSensorStatus.STOPPED]


def test_the_sensor_asks_for_one_run_when_a_delivery_has_arrived(
    repository: dg.RepositoryDefinition, settings: Settings
) -> None:
    sensor = repository.get_sensor_def("new_delivery")
    quiet = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository, cursor="{}"))
    assert not quiet.run_requests
    folder = settings.landing / "saltmarsh_district/council_tax/2026-01-01"
    folder.mkdir(parents=True)
    (folder / "accounts.csv").write_text("x", encoding="utf-8")
    first = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository, cursor=quiet.cursor))
    assert not first.run_requests
    loud = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository, cursor=first.cursor))
    assert len(loud.run_requests or []) == 1
    again = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository, cursor=loud.cursor))
    assert not again.run_requests


def test_a_partner_with_a_known_layout_is_one_server_entry(tmp_path: Path) -> None:
    for name in ("expectations", "dbt_project"):
        shutil.copytree(PROJECT_ROOT / name, tmp_path / name)
    path = tmp_path / "expectations/contracts/housing_tenancies__nec.odcs.yaml"
    contract = yaml.safe_load(path.read_text(encoding="utf-8"))
    contract["servers"].append({"server": "brackenfell_borough", "type": "local", "path": "landing/", "format": "csv"})
    path.write_text(yaml.safe_dump(contract), encoding="utf-8")
    repository = build_defs(Settings(home=tmp_path / "home", project=tmp_path)).get_repository_def()
    key = dg.AssetKey(["raw", "brackenfell_borough__housing_tenancies"])
    downstream = dg.AssetSelection.assets(key).downstream().resolve(repository.asset_graph)
    assert dg.AssetKey(["release", "care_planning"]) in downstream
    names = {check.name for check in repository.asset_graph.asset_check_keys if check.asset_key == key}
    assert {"_delivery__accepted", "_delivery__arrives_on_time"} <= names


def test_rows_that_do_not_add_up_fail_the_check_and_the_release(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_rows(*_: object, **__: object) -> None:
        raise ReconciliationError("3 rows in, 2 released")

    monkeypatch.setattr(release, "publish", lose_rows)
    monkeypatch.setattr(release, "require_built_for", lambda *_: None)
    partners = load_partners(settings.expectations / "partners.yaml")
    contracts = load_contracts(settings.expectations / "contracts", partners)
    assets = release.release_assets(settings.prepare(), contracts)
    resources = {HOME: home_resource(settings)}
    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize(assets, instance=instance, raise_on_error=False, resources=resources)
    assert not result.success
    [check] = [e for e in result.get_asset_check_evaluations() if e.check_name == release.COUNTED]
    assert not check.passed
    assert check.description == "3 rows in, 2 released"
    [verdict] = [e for e in result.get_asset_check_evaluations() if e.check_name == "agreement__care_planning"]
    assert not verdict.passed
    assert "care_planning" in str(verdict.description)
