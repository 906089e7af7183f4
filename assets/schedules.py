"""The job, and what starts it by itself: both off until someone turns them on.

Put here: jobs, schedules and sensors. Never here: what a step does, or when a delivery has arrived
(spine.extract).

The sensor's looks are a minute apart. What has arrived it notes in the home (`runs/arrived.json`), and the
run that it asks for takes a delivery only while that is exactly what lies in landing: what comes or
changes between the look and the run waits for the next one. Fingerprints are compared, never clocks: landing may
lie on another machine.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg

from assets.resources import AS_OF_TAG, scrubbed
from spine.contracts import Contract
from spine.extract import Look, arrived, find_deliveries, look_at
from spine.files import write_json
from spine.runs import as_of_from
from spine.settings import Settings

#: Marks a run that takes only what the sensor has seen to have arrived.
ARRIVED_TAG = "spine/only_arrived"

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
    """Starts one run when a delivery has arrived in full, or has changed since and is whole again."""

    @dg.sensor(
        name="new_delivery",
        job=refresh_spine,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Starts a run when a delivery is unchanged for a minute, carries _complete, or its control "
        "totals match. Off until it is turned on.",
    )
    def new_delivery(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with scrubbed("the sensor"):
            as_of = as_of_from(None, settings)
            memory, due, waiting = _look(settings, contracts, as_of, _Memory.read(context.cursor))
        requests = [dg.RunRequest(tags={AS_OF_TAG: as_of.isoformat(), ARRIVED_TAG: "1"})] if due else []
        reason = None if due else f"{waiting} deliveries are still arriving." if waiting else "Nothing new has arrived."
        return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=memory.write())

    return new_delivery


def arrived_fingerprints(settings: Settings) -> dict[str, str]:
    """What the sensor last saw to have arrived: how each delivery's folder looked, by key."""
    path = _arrived_path(settings)
    try:
        return {str(key): str(value) for key, value in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


@dataclass(frozen=True)
class _Memory:
    """The sensor's cursor: the last look at each delivery, and the looks for which it has asked for a run."""

    looks: Mapping[str, Look]
    asked: Mapping[str, str]

    @classmethod
    def read(cls, cursor: str | None) -> "_Memory":
        """From the cursor; one of an earlier version counts as none."""
        try:
            raw = json.loads(cursor or "{}")
            looks = {key: Look(fingerprint, marker) for key, (fingerprint, marker) in raw["looks"].items()}
            return cls(looks, dict(raw["asked"]))
        except (ValueError, KeyError, TypeError):
            return cls({}, {})

    def write(self) -> str:
        looks = {key: (look.fingerprint, look.marker) for key, look in self.looks.items()}
        return json.dumps({"looks": looks, "asked": self.asked}, sort_keys=True)


def _look(settings: Settings, contracts: Sequence[Contract], as_of: date, before: _Memory) -> tuple[_Memory, bool, int]:
    """Look at landing: what to remember, whether to ask for a run, and how many deliveries are not there in full."""
    found = {delivery.key: delivery for delivery in find_deliveries(settings.landing, contracts, as_of).deliveries}
    looks = {key: look_at(delivery.folder) for key, delivery in found.items()}
    ready = {key: looks[key].fingerprint for key in arrived(looks, before.looks, found)}
    if ready != arrived_fingerprints(settings):
        write_json(_arrived_path(settings), ready, point="sensor.arrived")
    asked = {key: value for key, value in before.asked.items() if key in looks} | ready
    return (
        _Memory(looks, asked),
        any(before.asked.get(key) != value for key, value in ready.items()),
        len(found) - len(ready),
    )


def _arrived_path(settings: Settings) -> Path:
    return settings.runs / "arrived.json"
