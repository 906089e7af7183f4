"""Running `refresh_spine` in this process: what the `spine` command finds through its entry point.

Put here: one run and its summary. Never here: printing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg
import yaml

from assets import imports
from assets.definitions import build_defs, contracts_of
from assets.history import open_history, open_instance
from assets.linkage_checks import LINKS
from assets.release import release_key
from assets.resources import AS_OF_TAG, EXIT_CODE, FULL_LINK_TAG
from assets.selection import Selection, select
from assets.summary import summarise
from spine.changes import Changes
from spine.errors import DeliveryError, PipelineError
from spine.files import replacing
from spine.governance import trust_line
from spine.locks import home_lock_unless_held
from spine.runs import PublishedRelease, RunSummary
from spine.settings import PROJECT_ROOT, Settings

#: Marks runs of the `spine` command.
COMMAND_TAG = "spine/command"

#: Says in Dagster why a run rebuilds what it rebuilds.
BECAUSE_TAG = "spine/because"
EVERYTHING = Changes("all was asked for", {})

#: Called with (steps ended, steps in all, the step that now runs).
Listener = Callable[[int, int, str], None]

_INSTANCE = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "concurrency": {"runs": {"max_concurrent_runs": 1}},
}

_WORKSPACE = {
    "load_from": [
        {
            "python_module": {
                "module_name": "assets.location",
                "attribute": "defs",
                "location_name": "spine",
                "working_directory": str(PROJECT_ROOT),
            }
        }
    ]
}


def dagster_home(settings: Settings) -> str:
    """The home's DAGSTER_HOME with its configuration: no telemetry, one run at a time; and what the UI opens there."""
    with replacing(settings.dagster / "workspace.yaml", point="dagster.config") as temporary:
        temporary.write_text(yaml.safe_dump(_WORKSPACE), encoding="utf-8")
    with replacing(settings.dagster / "dagster.yaml", point="dagster.config") as temporary:
        temporary.write_text(yaml.safe_dump(_INSTANCE), encoding="utf-8")
    return str(settings.dagster)


def refresh(settings: Settings, as_of: date, listener: Listener, changes: Changes = EVERYTHING) -> RunSummary:
    """Run the pipeline once.

    Args:
        changes: what changed since the last successful run; only what follows from it is rebuilt.

    Returns:
        The summary; `succeeded` is False and `exit_code` set where a step failed.
    """
    started = time.monotonic()
    settings.prepare()
    contracts = contracts_of(settings)
    definitions = build_defs(settings, contracts)
    selection = select(definitions, contracts, changes)
    run_id = str(uuid.uuid4())
    folder = dagster_home(settings)
    held = home_lock_unless_held(settings, "spine run")
    with held, open_history(settings.dagster), open_instance(folder) as instance:
        _end_stale_runs(instance)
        if selection.keys is None or LINKS in selection.keys:
            imports.start()
        full_link = changes.full_link
        result = _execute(definitions, instance, run_id, as_of, selection, listener, full_link=full_link)
        summary = summarise(settings, contracts, as_of, run_id, result.get_asset_check_evaluations())
        summary.releases = [_with_outcome(release, result) for release in summary.releases]
    _tell_outcome(summary, result)
    _tell_scope(summary, definitions, selection, evaluated=len(result.get_asset_check_evaluations()))
    summary.trust = trust_line(settings)
    summary.seconds = round(time.monotonic() - started, 1)
    return summary


def _tell_outcome(summary: RunSummary, result: dg.ExecuteInProcessResult) -> None:
    """Whether the run succeeded, why not, and what it left to a later one."""
    summary.failures, summary.exit_code = _failures(result)
    summary.waiting = _waiting(result)
    summary.succeeded = result.success
    if not result.success:
        summary.exit_code = summary.exit_code or PipelineError.exit_code
    elif summary.refused or summary.unrecognised:
        summary.exit_code = DeliveryError.exit_code


def _tell_scope(summary: RunSummary, definitions: dg.Definitions, selection: Selection, *, evaluated: int) -> None:
    """How much of the graph was built, and why."""
    graph = definitions.resolve_asset_graph()
    planned = [c for c in graph.asset_check_keys if selection.keys is None or c.asset_key in selection.keys]
    summary.assets, summary.because = len(graph.materializable_asset_keys), selection.because
    summary.assets_built = summary.assets if selection.keys is None else len(selection.keys)
    summary.checks_skipped = len(planned) - evaluated
    if selection.keys is not None and LINKS not in selection.keys:
        summary.linking = ""


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    run_id: str,
    as_of: date,
    selection: Selection,
    listener: Listener,
    *,
    full_link: bool,
) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def("refresh_spine")
    if selection.keys is not None:
        job = job.get_subset(asset_selection=selection.keys)
    _announce(instance, run_id, len(job.nodes), listener)
    tags = {AS_OF_TAG: as_of.isoformat(), COMMAND_TAG: "1", BECAUSE_TAG: selection.because}
    return job.execute_in_process(
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        instance=instance,
        run_id=run_id,
        raise_on_error=False,
        tags={**tags, FULL_LINK_TAG: "1"} if full_link else tags,
    )


def _waiting(result: dg.ExecuteInProcessResult) -> list[str]:
    """Keys of deliveries that the raw assets left alone because they were still being sent."""
    found: list[str] = []
    for event in result.get_asset_materialization_events():
        facts = event.materialization.metadata
        if "waiting" in facts and facts["waiting"].value:
            found += str(facts["waiting_for"].value).split(", ")
    return sorted(found)


def _end_stale_runs(instance: dg.DagsterInstance) -> None:
    """Close runs that were killed. Every run holds the home's lock while it lives, and now this one has it."""
    for run in instance.get_runs(
        filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
    ):
        instance.report_run_failed(run, "The process ended before the run did.")


def _with_outcome(release: PublishedRelease, result: dg.ExecuteInProcessResult) -> PublishedRelease:
    """What the run's own materialization says of a release: who was left out, and whether it is new."""
    for event in result.get_asset_materialization_events():
        materialization = event.materialization
        if materialization.asset_key == release_key(release.purpose):
            facts = {name: entry.value for name, entry in materialization.metadata.items()}
            return release.model_copy(update={"excluded": facts["excluded"], "is_new": bool(facts["is_new"])})
    return release


def _announce(instance: dg.DagsterInstance, run_id: str, steps: int, listener: Listener) -> None:
    ended = 0

    def hear(entry: Any) -> None:
        nonlocal ended
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        if event.event_type_value in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"):
            ended += 1
        if event.event_type_value in ("STEP_START", "STEP_SUCCESS"):
            listener(ended, steps, event.step_key)

    instance.add_event_listener(run_id, hear)


def _failures(result: dg.ExecuteInProcessResult) -> tuple[list[str], int]:
    texts, code = [], 0
    for event in result.filter_events(lambda e: e.is_step_failure):
        failure = event.step_failure_data.user_failure_data
        if failure is None:
            kind = event.step_failure_data.error.cls_name if event.step_failure_data.error else "unknown"
            texts.append(f"{event.step_key}: failed outside its own code ({kind}); see the run in the Dagster UI.")
            code = code or PipelineError.exit_code
            continue
        texts.append(failure.description or event.step_key or "a step failed")
        value = failure.metadata.get(EXIT_CODE)
        code = code or int(getattr(value, "value", None) or PipelineError.exit_code)
    return texts, code
