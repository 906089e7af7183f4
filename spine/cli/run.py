"""`spine run`, `spine demo`, `spine synth` and `spine dev`.

Put here: commands that change a home. Never here: commands that only look.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from spine import audit
from spine.changes import Changes, compare, look, look_at_results
from spine.cli.app import STARTED, app, pipeline
from spine.cli.report import show_next_steps, show_summary
from spine.cli.terminal import err, out, progress_bar
from spine.errors import UsageError
from spine.files import write_json
from spine.locks import home_lock
from spine.quality.worker import collect_seldom, standing_by
from spine.runs import LastRun, RunRecord, RunSummary, as_of_from
from spine.settings import Settings, refuse_dotenv

if TYPE_CHECKING:  # slow to import: only where it is needed
    from spine.contracts import Contract

#: The date of the fictional region: fixed, so that nothing about a demonstration ages.
REGION_DATE = date(2028, 3, 31)

#: Dagster's own command warns at each start that another of Dagster's is to follow it.
_SUPERSEDED = "ignore:Function `dev_command` is superseded"

Residents = Annotated[int, typer.Option(help="People in the region, 200 to 800,000.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same files.")]


@app.command(epilog="Example: spine run --as-of 2028-03-31")
def run(
    as_of: Annotated[
        str,
        typer.Option(
            help="YYYY-MM-DD; deliveries dated later are ignored. Default: today, in a demonstration the region's date."
        ),
    ] = "",
    full: Annotated[
        bool, typer.Option("--full", help="Rebuild everything, changed or not; --full-link is part of it.")
    ] = False,
    full_link: Annotated[
        bool, typer.Option("--full-link", help="Link all person records anew, and rebuild what follows from that.")
    ] = False,
) -> None:
    """Judge new deliveries, conform, link, and publish what the agreements permit. Only what changed is rebuilt.

    Linkage, too, takes up only the person records that changed and what they touch, with the weights of the last full
    link. --full-link settles them: the clusters are then those of all records linked at once.
    """
    settings = Settings()
    summary = run_home(settings, as_of_from(as_of, settings), full=full, full_link=full_link)
    show_summary(summary, settings)
    raise typer.Exit(summary.exit_code)


@app.command(epilog="Example: spine demo --residents 5000 --seed 1")
def demo(residents: Residents = 5000, seed: Seed = 1) -> None:
    """Write the fictional Wexmoor region into the home and run the whole pipeline on it."""
    from spine.governance import approve_all  # slow to import

    settings = Settings().prepare()
    with standing_by():  # for the run; what it imports takes longer than the region
        _write_demo_region(settings, residents, seed)
        approve_all(settings, _contracts(settings))
        summary = run_home(settings, REGION_DATE)
    show_summary(summary, settings)
    if summary.succeeded:
        show_next_steps(settings)
    raise typer.Exit(summary.exit_code)


@app.command(epilog="Example: spine synth --residents 5000 --seed 1 --as-of 2028-03-31 --out /tmp/region")
def synth(
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for landing/ and truth/.")],
    residents: Residents = 5000,
    seed: Seed = 1,
    as_of: Annotated[
        str, typer.Option(help="YYYY-MM-DD, the date the files are written for.")
    ] = REGION_DATE.isoformat(),
) -> None:
    """Write the fictional Wexmoor region's extract files, with the truth in a folder of its own."""
    _synthesise(out_dir, residents, seed, as_of_from(as_of, Settings()), out_dir / "truth")


@app.command(epilog="Example: spine dev --port 3000")
def dev(port: Annotated[int, typer.Option(help="Port of the UI on this machine.")] = 3000) -> None:
    """Open the Dagster UI on this home; Ctrl-C ends it.

    It is started in the home, on the home's own workspace file: Dagster takes settings from files of the folder that it
    is started in. It takes the place of this process, so that whoever ends this one ends Dagster.
    """
    settings = Settings().prepare()
    refuse_dotenv(settings)
    home = pipeline("home")(settings)
    workspace = str(Path(home) / "workspace.yaml")
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "--port", str(port), "-w", workspace]
    environment = {
        "DAGSTER_HOME": home,
        "SPINE_HOME": str(settings.root),
        "SPINE_PROJECT": str(settings.project.absolute()),
        "DO_NOT_TRACK": "1",
    }
    _show_pages(port)
    os.chdir(home)
    os.execve(command[0], command, {"PYTHONWARNINGS": _SUPERSEDED, **os.environ, **environment})


def _show_pages(port: int) -> None:
    """Print where to look first: the UI opens on an overview of the runs that the UI itself has begun."""
    pages = {"lineage": "asset-groups", "sources and their checks": "assets/raw", "runs": "runs"}
    out.print(
        Text(f"The Dagster UI opens at http://localhost:{port} in half a minute; Ctrl-C ends it."), soft_wrap=True
    )
    for label, page in pages.items():
        out.print(Text(f"  {label:<26}http://localhost:{port}/{page}"), soft_wrap=True)
    sys.stdout.flush()


def _write_demo_region(settings: Settings, residents: int, seed: int) -> None:
    """Write the region once; what a user has added to it or changed in it since is kept."""
    marker = settings.runs / "demo.json"
    asked = {"residents": residents, "seed": seed}
    there = json.loads(marker.read_text(encoding="utf-8")) if marker.exists() else None
    if there == asked:
        return
    if there is not None:
        raise UsageError(
            f"{settings.home} holds a demonstration of {there['residents']:,} residents, seed {there['seed']}. "
            f"Choose another home (SPINE_HOME=.spine-{residents} make demo RESIDENTS={residents} SEED={seed}), "
            "or remove this one with `make clean`"
        )
    record = RunRecord(settings)
    if record.pinned_as_of is None and any(settings.landing.glob("*/*/*")):
        raise UsageError(
            f"{settings.home} holds deliveries that no demonstration wrote. A demonstration signs for all its "
            "partners, so it needs a home of its own: choose another (SPINE_HOME=.spine-demo make demo)"
        )
    record.pin(REGION_DATE)
    _synthesise(settings.root, residents, seed, REGION_DATE, settings.root.with_name(f"{settings.root.name}.truth"))
    write_json(marker, asked, point="run.demo")


def run_home(settings: Settings, as_of: date, *, full: bool = False, full_link: bool = False) -> RunSummary:
    """Run the pipeline on what has changed since the last successful run.

    Args:
        full: rebuild everything, changed or not.
        full_link: link all person records, changed or not; `full` does so too.

    Raises:
        LockedError: another run has the home.
    """
    settings.prepare()
    record = RunRecord(settings)
    with home_lock(settings):
        last, made = record.last(), look_at_results(settings)
        withdrawn = _withdraw_first(settings, as_of, last)
        now = look(settings, as_of), made
        if last is not None and not (full or full_link or withdrawn) and last.is_up_to_date(*now):
            out.print(f"[green]Nothing has changed[/] since the last run as of {as_of}; here is what it made.")
            return last.summary.model_copy(update={"because": ""})
        changes = Changes("there is no finished run to build on", {})
        if last is not None:
            changes = compare(settings, (last.inputs, last.made), now)
        changes = replace(changes, everything="all was asked for" if full else changes.everything)
        changes = replace(changes, full_link=full or full_link, agreements=changes.agreements or withdrawn)
        record.forget()
        before = audit.head(settings.audit_log).lines
        summary = _with_progress(settings, as_of, changes)
        _warn_of_anchors(settings, before)
        summary.seconds = round(time.monotonic() - STARTED, 1)  # of the whole command, as a person waits for it
        if summary.succeeded:
            record.save(now[0], look_at_results(settings), summary)
    return summary


def _withdraw_first(settings: Settings, as_of: date, last: LastRun | None) -> bool:
    """Take away what is over before anything of the project is read, whose faults would end the run before that.

    Left out where it is known without importing anything slow that nothing is: on the day of the last success, and
    with no suspension ever seen.

    Returns:
        Whether something was withdrawn.
    """
    seen = any(b'"suspend"' in path.read_bytes() for path in settings.governance.glob("*.json"))
    if last is not None and last.inputs.as_of == as_of and not seen:
        return False
    from spine.release import withdraw_over

    withdrawn, faults = withdraw_over(settings, as_of)
    for sentence in (*withdrawn, *faults):
        err.print(Text(sentence, style="yellow"), soft_wrap=True)
    return bool(withdrawn)


def _warn_of_anchors(settings: Settings, lines: int) -> None:
    """Say which anchors of the audit log could not be set in the lines after the first `lines`."""
    for entry in audit.entries(settings.audit_log):
        if entry.line > lines and entry.kind == "anchor" and entry.facts.get("decision") == "failed":
            err.print(
                f"[yellow]Warning[/]: the head of the audit log could not be noted at the {entry.facts.get('place')} "
                f"({entry.facts.get('problem')}). The run stands, and the next one tries again."
            )


def _with_progress(settings: Settings, as_of: date, changes: Changes) -> RunSummary:
    collect_seldom()
    columns = (SpinnerColumn(), TextColumn("{task.description:<44}"), BarColumn(), TimeElapsedColumn())
    # Great Expectations first, in a process of its own: it takes as long to import as all the rest.
    rules = standing_by() if changes.may_judge else nullcontext()
    with rules, _door(settings, as_of, changes), progress_bar(*columns) as progress:
        task = progress.add_task("Starting Dagster", total=None)
        refresh = pipeline("refresh")

        def listen(ended: int, steps: int, step: str) -> None:
            progress.update(task, completed=ended, total=steps, description=step.replace("__", " / "))

        summary: RunSummary = refresh(settings, as_of, listen, changes)
    return summary


def _door(settings: Settings, as_of: date, changes: Changes) -> AbstractContextManager[None]:
    """Deliveries are judged while Dagster is imported: those of the sources that the run is about to judge."""
    if not (changes.everything or changes.sources):
        return nullcontext()
    from spine.door import judging_ahead  # slow to import, and not needed where nothing has changed

    return judging_ahead(settings, _contracts(settings), as_of, None if changes.everything else changes.sources.keys())


def _contracts(settings: Settings) -> tuple[Contract, ...]:
    from spine.contracts import load_contracts, load_partners

    partners = load_partners(settings.expectations / "partners.yaml")
    return load_contracts(settings.expectations / "contracts", partners)


def _synthesise(folder: Path, residents: int, seed: int, as_of: date, truth: Path) -> None:
    from spine.synthetic import write_region  # slow to import, and needed here only

    with progress_bar(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as bar:
        task = bar.add_task("Writing the Wexmoor region")

        def tell(step: str) -> None:
            bar.update(task, description=f"Writing the Wexmoor region: {step}")

        region = write_region(folder, residents, seed, as_of, tell, truth)
    sizes = ", ".join(f"{source.replace('__', ' / ')} {rows:,}" for source, rows in region.records.items())
    out.print(f"Wexmoor, {region.residents:,} residents as of {as_of}: {sizes}.", highlight=False, soft_wrap=True)
