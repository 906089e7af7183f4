"""Everything Dagster knows of the spine, put together.

Put here: the one place where all definitions meet. Never here: a definition.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assets.cross_checks import cross_check_assets
from assets.dbt import model_assets
from assets.dbt_plan import load_plan
from assets.extracts import extract_assets
from assets.linkage import linkage_assets
from assets.release import release_assets
from assets.resources import HOME, home_resource
from assets.schedules import delivery_sensor, nightly_schedule, refresh_spine
from spine.contracts import Contract, load_contracts, load_partners
from spine.settings import Settings


def contracts_of(settings: Settings) -> tuple[Contract, ...]:
    """All input contracts of the project.

    Raises:
        ContractError: a contract or partners.yaml is not valid.
    """
    partners = load_partners(settings.expectations / "partners.yaml")
    return tuple(load_contracts(settings.expectations / "contracts", partners))


def build_defs(settings: Settings, contracts: Sequence[Contract] | None = None) -> dg.Definitions:
    """The definitions for one home; tests pass their own.

    Args:
        contracts: of the project, where they have been read already.

    Raises:
        ContractError: a file under expectations/ is not valid.
    """
    settings.prepare()
    partners = load_partners(settings.expectations / "partners.yaml")
    contracts = contracts_of(settings) if contracts is None else contracts
    return dg.Definitions(
        assets=[
            *extract_assets(settings, contracts, partners),
            *model_assets(settings, contracts, load_plan(settings, contracts)),
            linkage_assets(settings, list(partners.values()), contracts),
            cross_check_assets(settings, contracts, partners),
            *release_assets(settings, contracts),
        ],
        jobs=[refresh_spine],
        schedules=[nightly_schedule(settings)],
        sensors=[delivery_sensor(settings, contracts)],
        resources={HOME: home_resource(settings)},
        # One process for a run, as `spine run` does it: a process for each step would start Python a dozen times.
        executor=dg.in_process_executor,
    )
