"""The job, and what starts it by itself: both off until someone turns them on.

Put here: jobs, schedules and sensors. Never here: what a step does.
"""

import json
from collections.abc import Sequence
from datetime import date

import dagster as dg

from assets.resources import AS_OF_TAG, scrubbed
from spine.contracts import Contract
from spine.extract import Delivery, find_deliveries
from spine.runs import as_of_from
from spine.settings import Settings

refresh_spine = dg.define_asset_job(
    "refresh_spine",
    selection=dg.AssetSelection.all(),
    description="Judge every new delivery, conform, link, and publish what the agreements permit.",
)


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """One run every night at two."""

    @dg.schedule(
        name="nightly",
        job=refresh_spine,
        cron_schedule="0 2 * * *",
        execution_timezone="Europe/London",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every night at two, off until it is turned on.",
    )
    def nightly() -> dg.RunRequest:
        return dg.RunRequest(tags={AS_OF_TAG: as_of_from(None, settings).isoformat()})

    return nightly


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
        with scrubbed("the sensor"):
            as_of = as_of_from(None, settings)
            cursor = _look(settings, contracts, as_of)
        new = cursor != (context.cursor or "{}")
        requests = [dg.RunRequest(tags={AS_OF_TAG: as_of.isoformat()})] if new else []
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return new_delivery


def _look(settings: Settings, contracts: Sequence[Contract], as_of: date) -> str:
    """What lies in landing, as text that changes when a delivery does. It holds no file name."""
    found = find_deliveries(settings.landing, contracts, as_of)
    return json.dumps({delivery.key: _seen(delivery) for delivery in found.deliveries}, sort_keys=True)


def _seen(delivery: Delivery) -> list[tuple[int, int]]:
    """Size and time of each file; a file that vanishes meanwhile, or a folder that can't be read, counts as nothing."""
    try:
        files = [path.stat() for path in delivery.folder.rglob("*") if path.is_file()]
    except OSError:
        return []
    return sorted((file.st_size, file.st_mtime_ns) for file in files)
