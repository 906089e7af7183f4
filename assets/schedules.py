"""The job, and what starts it by itself: both off until someone turns them on.

Put here: jobs, schedules and sensors. Never here: what a step does.
"""

import json
from collections.abc import Sequence

import dagster as dg

from spine.contracts import Contract
from spine.extract import find_deliveries
from spine.runs import as_of_from
from spine.settings import Settings

refresh_spine = dg.define_asset_job(
    "refresh_spine",
    selection=dg.AssetSelection.all(),
    description="Judge every new delivery, conform, link, and publish what the agreements permit.",
)

nightly = dg.ScheduleDefinition(
    name="nightly",
    job=refresh_spine,
    cron_schedule="0 2 * * *",
    execution_timezone="Europe/London",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at two, off until it is turned on.",
)


def delivery_sensor(settings: Settings, contracts: Sequence[Contract]) -> dg.SensorDefinition:
    """Starts one run when a delivery folder appears or its files change."""

    @dg.sensor(
        name="new_delivery",
        job=refresh_spine,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Starts a run when a partner has delivered, off until it is turned on.",
    )
    def new_delivery(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = find_deliveries(settings.landing, contracts, as_of_from(None, settings))
        seen = {
            d.key: sorted((p.stat().st_size, p.stat().st_mtime_ns) for p in d.folder.rglob("*") if p.is_file())
            for d in found.deliveries
        }
        cursor = json.dumps(seen, sort_keys=True)
        if cursor == (context.cursor or "{}"):
            return dg.SensorResult(run_requests=[], cursor=cursor)
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=cursor)

    return new_delivery
