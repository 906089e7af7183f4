"""What every asset needs of its run: the as-of date, and errors that cannot quote a value.

Put here: helpers of asset bodies. Never here: an asset.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import dagster as dg
import duckdb

from spine import audit
from spine.anchors import set_anchors
from spine.changes import look
from spine.errors import PipelineError, SpineError
from spine.files import machine_fault
from spine.locks import home_lock_unless_held
from spine.runs import as_of_from
from spine.settings import Settings
from spine.warehouse import open_warehouse

#: The run tag that carries the as-of date; a run started in the UI may leave it out.
AS_OF_TAG = "spine/as_of"
#: The run tag that has a run link all person records; the launchpad of the UI can give it.
FULL_LINK_TAG = "spine/full_link"
EXIT_CODE = "exit_code"
#: The resource that every asset needs, so that each run, whoever started it, holds the home from start to end.
HOME = "home"


def home_resource(settings: Settings) -> dg.ResourceDefinition:
    """The right to work on the home, for as long as the run lives: one process does all its steps.

    A run inside `spine run` finds the home held by its own process. Any other takes it, and fails at its
    start where somebody else has it (LockedError says who).
    """

    @dg.resource(description="The home's lock, held for the whole run.")
    def home(context: dg.InitResourceContext) -> Iterator[None]:
        run = f" {context.run.run_id[:8]}" if context.run else ""
        with (
            home_lock_unless_held(settings, f"run{run} of the Dagster UI, schedule or sensor"),
            _logged(context, settings),
        ):
            yield

    return home


@contextmanager
def _logged(context: dg.InitResourceContext, settings: Settings) -> Iterator[None]:
    """Say in the audit log that a run began and on what, and how it ended; then note the log's head elsewhere.

    A run that was killed has no second line.
    """
    if context.run is None or context.instance is None:
        yield
        return
    as_of = as_of_from(context.run.tags.get(AS_OF_TAG), settings)
    inputs = look(settings, as_of)
    facts = {"run": context.run.run_id, "as_of": as_of}
    audit.append(settings.audit_log, "run", decision="started", **facts, inputs_sha256=_hash(inputs.deliveries),
                 definitions=inputs.definitions, agreements=inputs.agreements)  # fmt: skip
    yield
    failed = context.instance.get_records_for_run(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    audit.append(settings.audit_log, "run", decision="failed" if failed else "succeeded", **facts,
                 steps_failed=sorted(str(record.event_log_entry.step_key) for record in failed))  # fmt: skip
    for warning in set_anchors(settings):
        if context.log:
            context.log.warning(warning)


def _hash(deliveries: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(deliveries, sort_keys=True).encode()).hexdigest()


def run_as_of(context: dg.AssetExecutionContext, settings: Settings) -> date:
    """The as-of date of the run that `context` belongs to; a run that names none is given one, for all its steps."""
    run = context.instance.get_run_by_id(context.run.run_id)
    tag = run.tags.get(AS_OF_TAG) if run else None
    as_of = as_of_from(tag, settings)
    if tag is None:
        context.instance.add_run_tags(context.run.run_id, {AS_OF_TAG: as_of.isoformat()})
    return as_of


def require_built_for(settings: Settings, as_of: date) -> None:
    """Refuse to go on from a warehouse that was built for another day.

    Raises:
        PipelineError: the warehouse is missing or of another as-of date.
    """
    built = None
    if settings.warehouse.exists():
        with open_warehouse(settings.warehouse, settings.threads) as connection:
            row = connection.execute(
                "SELECT max(as_of) FROM raw.run" if _has_run_table(connection) else "SELECT NULL"
            ).fetchone()
            built = row[0] if row else None
    if built != as_of:
        raise PipelineError(f"The warehouse was built as of {built}, not {as_of}. Run the whole job refresh_spine.")


def _has_run_table(connection: duckdb.DuckDBPyConnection) -> bool:
    sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'raw' AND table_name = 'run'"
    return connection.execute(sql).fetchone() is not None


@contextmanager
def scrubbed(step: str) -> Iterator[None]:
    """Turn any error into a Dagster failure whose text holds no data.

    Our own errors are written to be shown. A library's message can quote a row, so of those only
    the class and the place in our code are kept.
    """
    try:
        yield
    except dg.Failure:
        raise
    except SpineError as error:
        raise dg.Failure(str(error), metadata={EXIT_CODE: error.exit_code}, allow_retries=False) from None
    except Exception as error:
        if fault := machine_fault(error):
            raise dg.Failure(str(fault), metadata={EXIT_CODE: fault.exit_code}, allow_retries=False) from None
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
        place = f"{ours[-1].name}, line {ours[-1].lineno}" if ours else "a library"
        text = f"{step}: {type(error).__name__} in {place}. The message is withheld because it may quote data."
        raise dg.Failure(text, metadata={EXIT_CODE: SpineError.exit_code}, allow_retries=False) from None
