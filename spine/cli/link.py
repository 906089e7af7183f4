"""`spine link`: any files of person records in, residents and a report out; and why a pair is linked or not.

Put here: arguments, progress and what a person reads. Never here: reading (link_input) and writing (link_output)
of files, or a rule of linkage.

This command is a tool of its own and is timed from its start: what is slow is imported where it is needed.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine.cli.app import app
from spine.cli.memory import share_one_heap
from spine.cli.terminal import err
from spine.errors import PipelineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from spine.cli.link_input import Given
    from spine.linkage import LinkageConfig, LinkageResult

#: What Polars and others read once, when they are first used.
_THREADS = ("POLARS_MAX_THREADS", "RAYON_NUM_THREADS")
#: Linkage multiplies no dense matrices: more threads for that would only wait, and take processor time for it.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_EPILOG = """
Example: spine link people.parquet --out linked

Example: spine link gp.csv care.csv --out linked --map first_name=given_name,date_of_birth=dob --extra birth_place

Example: spine link february.csv --state linked --withdrawn left.csv --out linked

Example: spine link explain GP-0017 CARE-0342 --out linked

Exit codes: 0 done · 2 an argument or a file cannot be used · 3 --config is not valid · 8 linkage or writing failed.
Columns, outputs and how to read the report: docs/linkage.md.
"""


@dataclass(frozen=True)
class Options:
    """What a run was told.

    Attributes:
        paths: files of person records.
        out: folder of the result.
        mapping: our column by theirs.
        state: result of an earlier run that the records change.
    """

    paths: tuple[Path, ...]
    out: Path
    config: Path | None
    mapping: Mapping[str, str]
    extras: tuple[str, ...]
    overrides: Path | None
    truth: str | None
    seed: int | None
    state: Path | None
    withdrawn: Path | None
    keep_state: bool


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Parquet or CSV files of person records; or `explain` and two record_ids of an earlier result.",
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the result; an earlier result in it is replaced.")]
Config = Annotated[Path | None, typer.Option(help="Settings, as spine/linkage/linkage.yaml.")]
Columns = Annotated[
    list[str] | None, typer.Option("--map", help="Our column = theirs: first_name=given_name,surname=family_name")
]
Extra = Annotated[list[str] | None, typer.Option(help="A further column to compare; may be repeated.")]
Overrides = Annotated[
    Path | None, typer.Option(help="Decisions: left_record_id, right_record_id, must_link or cannot_link.")
]
Truth = Annotated[str | None, typer.Option(help="Column that says who is who; only to measure quality.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads to use; all processors if left out.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of the random pairs; 20280331 if left out.")]
State = Annotated[Path | None, typer.Option(help="An earlier result: INPUT holds only new and changed records.")]
Withdrawn = Annotated[
    Path | None, typer.Option(help="With --state: file with the record_id of each record that is gone.")
]
KeepState = Annotated[
    bool, typer.Option("--keep-state", help="Keep what --state needs later (about 0.5 GB a million records).")
]


@app.command(epilog=_EPILOG)
def link(
    arguments: Inputs,
    out: Out,
    config: Config = None,
    mapping: Columns = None,
    extra: Extra = None,
    overrides: Overrides = None,
    truth: Truth = None,
    threads: Threads = None,
    seed: Seed = None,
    state: State = None,
    withdrawn: Withdrawn = None,
    keep_state: KeepState = False,
) -> None:
    """Find the records that are one person, in any Parquet or CSV files of people; explain any pair.

    Every column but record_id may be missing. All weights are learned from the records. The result is a folder with
    residents.parquet, links.parquet, model.json, report.json and report.html.
    """
    gc.disable()  # one computation, then the process ends: looking for cycles of objects is time lost
    share_one_heap(map(Path, arguments))
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    if threads:
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    if arguments[0] == "explain":
        given = (config, mapping, extra, overrides, truth, seed, state, withdrawn, keep_state or None)
        if len(arguments) != 3 or any(option is not None for option in given):
            raise UsageError("link explain: expected two record_ids and --out, and no other option")
        from spine.cli.link_explain import show_explanation

        show_explanation(out, arguments[1], arguments[2])
        return
    paths, columns, extras = tuple(map(Path, arguments)), _pairs(mapping or ()), tuple(extra or ())
    keep = keep_state or state is not None
    run(Options(paths, out, config, columns, extras, overrides, truth, seed, state, withdrawn, keep))


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """`first_name=given_name,surname=family_name` as a dictionary."""
    found: dict[str, str] = {}
    for part in ",".join(given).split(",") if given else ():
        ours, sign, theirs = (piece.strip() for piece in part.partition("="))
        if not (ours and sign and theirs):
            raise UsageError("--map: expected ours=theirs, parted by commas, such as first_name=given_name")
        if ours in found:
            raise UsageError(f"--map: names {ours} more than once")
        found[ours] = theirs
    return found


def run(options: Options) -> None:
    """Link, and write the result."""
    from spine.cli.link_input import read_records
    from spine.cli.link_output import check_folder, write_result
    from spine.cli.link_show import show_result

    _check_state(options)
    check_folder(options.out)
    config = configured(options)
    with _progress() as step:
        step("Reading")
        given = read_records(options.paths, options.mapping, config.extras, options.truth)
        step("Linking")
        result = linked(given, config, options)
        step("Writing")
        report = {**result.report, **_quality(result, options), "input": _input(given)}
        write_result(options.out, result, report, told_of(options), keep_state=options.keep_state)
    show_result(report, options.out)
    gc.freeze()  # nor need the process look for them when it ends


def _check_state(options: Options) -> None:
    """An earlier result brings its settings and decisions along."""
    if options.state is None:
        if options.withdrawn is not None:
            raise UsageError("--withdrawn: only with --state, the earlier result that the records are withdrawn from")
        return
    if options.config or options.extras or options.seed is not None:
        raise UsageError("--state: leave out --config, --extra and --seed; they are those of the state")
    state_folder(options.state)


def configured(options: Options) -> LinkageConfig:
    """The settings of a run; those of the earlier result where it brings one up to date."""
    from spine.linkage import load_config
    from spine.linkage.state import settings_of

    if options.state is not None:
        return settings_of(state_folder(options.state))
    if options.config is not None and not options.config.is_file():
        raise UsageError(f"--config {options.config}: no such file")
    config = load_config(options.config)
    changes: dict[str, Any] = {"extras": tuple(dict.fromkeys((*config.extras, *options.extras)))}
    if options.seed is not None:
        changes["fit"] = config.fit.model_copy(update={"seed": options.seed})
    return config.model_copy(update=changes)


def linked(given: Given, config: LinkageConfig, options: Options) -> LinkageResult:
    """Link the records, or bring an earlier result up to date with them."""
    import polars as pl

    from spine.cli.link_input import read_overrides, what_is_wrong_with_ids
    from spine.linkage import link as link_records

    try:
        overrides = read_overrides(options.overrides) if options.overrides else None
        if options.state is not None:
            return _changed(given, options, overrides)
        return link_records(given.records, config, overrides, keep_state=options.keep_state)
    except PipelineError:
        if told := what_is_wrong_with_ids(given.records):
            prefix = ". Where files number their records alike, prefix them with the file's name"
            hint = prefix if len(given.files) > 1 else ". Correct the file"
            raise UsageError(f"record_id must tell all records apart: {told}{hint}") from None
        raise
    except pl.exceptions.PolarsError:
        raise PipelineError(
            "The records could not be read to the end: a Parquet file is damaged or a column has a type that cannot be "
            "text, a date, a list or a flag. Export the files again."
        ) from None


def _changed(given: Given, options: Options, overrides: pl.DataFrame | None) -> LinkageResult:
    """What the new, changed and withdrawn records make of an earlier result."""
    from spine.cli.link_input import read_ids
    from spine.linkage import link_changes
    from spine.linkage.state import load_state

    gone = read_ids(options.withdrawn) if options.withdrawn else []
    return link_changes(load_state(state_folder(options.state or Path())), given.records.collect(), gone, overrides)


def told_of(options: Options) -> dict[str, Any]:
    """What a run was told, as JSON; enough to do it again from the same files."""
    from spine.cli.link_input import marks

    named = {name: getattr(options, name) for name in ("config", "overrides")}
    return {
        "paths": [str(path.resolve()) for path in options.paths],
        "marks": marks((*options.paths, *(path for path in named.values() if path))),
        "mapping": dict(options.mapping),
        "extras": list(options.extras),
        "seed": options.seed,
        **{name: None if path is None else str(path.resolve()) for name, path in named.items()},
    }


def state_folder(result: Path) -> Path:
    """Where the state of an earlier result lies.

    Raises:
        UsageError: the folder holds none.
    """
    for folder in (result / "state", result):
        if (folder / "state.json").is_file():
            return folder
    raise UsageError(
        f"{result}: holds no state of an earlier run. Expected the folder that --out named, of a run with --keep-state"
    )


def _quality(result: LinkageResult, options: Options) -> dict[str, Any]:
    if options.truth is None:
        return {}
    from spine.cli.link_input import read_truth
    from spine.linkage.evaluate import against_truth

    record_id = options.mapping.get("record_id", "record_id")
    truth = read_truth(options.paths, record_id, options.truth)
    return against_truth(result.clusters, result.scored, result.groups, truth)


def _input(given: Given) -> dict[str, Any]:
    return {"files": list(given.files), "ignored_columns": list(given.ignored)}


def _progress() -> AbstractContextManager[Callable[[str], None]]:
    """A function to call at each step; a spinner shows the step where somebody is looking."""
    return _spinner() if err.is_terminal else nullcontext(lambda _: None)


@contextmanager
def _spinner() -> Iterator[Callable[[str], None]]:
    with err.status("Starting") as status:
        yield status.update
