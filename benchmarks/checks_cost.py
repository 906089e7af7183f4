"""What checks add to a run: `spine run` with all of them, and without any, on the same region.

Usage: .venv/bin/python benchmarks/checks_cost.py [--residents 50000]

Without checks no rule is measured at the door (Great Expectations is not loaded) and no profile is taken, no dbt test
that is a check of one asset runs, and nothing of quality across sources is built. Each run is the command's own, in a
process of its own in a fresh home. Seconds of wall and processor seconds (user + system, children included) are
compared; the latter hardly depend on what else the machine does. The promise is that checks add at most 25 % at 50,000
residents. Small regions say little: what is fixed weighs most there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from datetime import date
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.measure import Run, measured  # noqa: E402
from spine.contracts import Rule, RuleResult  # noqa: E402
from spine.settings import Settings  # noqa: E402
from spine.synthetic import write_region  # noqa: E402

AS_OF = date(2028, 3, 31)
#: Steps whose few checks can't be left out; they read figures that the step has anyway.
_WHOLE = ("governance", "linkage", "release")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--residents", type=int, default=50_000)
    arguments.add_argument("--run", choices=["with", "without"], help="one run in SPINE_HOME (the script calls itself)")
    options = arguments.parse_args()
    if options.run:
        run(has_checks=options.run == "with")
        return
    from spine.governance import approve_all

    with tempfile.TemporaryDirectory() as scratch:
        taken: dict[str, Run] = {}
        for kind in ("without", "with"):
            home = Path(scratch) / kind
            settings = Settings(home=home).prepare()
            write_region(settings.root, options.residents, 7, AS_OF, None, Path(scratch) / f"truth-{kind}")
            approve_all(settings)
            command: Sequence[str | Path] = [sys.executable, __file__, "--run", kind]
            taken[kind] = measured(command, {"SPINE_HOME": str(home)})
    print(f"{options.residents:,} residents\n\n| seconds | without | with | added |\n|---|---:|---:|---:|")
    for name, measure in (("wall", "wall"), ("processor", "cpu")):
        without, full = (getattr(taken[kind], measure) for kind in ("without", "with"))
        print(f"| {name} | {without:.1f} | {full:.1f} | {100 * (full / without - 1):.0f} % |")


def run(*, has_checks: bool) -> None:
    """One run of the pipeline in the home that SPINE_HOME names, as `spine run` does it."""
    from spine.cli.run import run_home

    with ExitStack() as stack:
        if not has_checks:
            _leave_out_checks(stack)
        summary = run_home(Settings(), AS_OF)
    if not summary.succeeded:
        raise SystemExit("; ".join(summary.failures))


def _leave_out_checks(stack: ExitStack) -> None:
    import dagster as dg

    resolve = dg.Definitions.resolve_job_def

    def unchecked(definitions: dg.Definitions, name: str) -> dg.JobDefinition:
        job = resolve(definitions, name)
        assets = {key for key in job.asset_layer.executable_asset_keys if key.path[0] != "quality"}
        kept = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.asset_key.path[0] in _WHOLE}
        return job.get_subset(asset_selection=assets, asset_check_selection=kept)

    stack.enter_context(patch("spine.cli.run.standing_by", nullcontext))
    stack.enter_context(patch("spine.door.evaluate", _unmeasured))
    stack.enter_context(patch("spine.extract.judge.profile", lambda *_, **__: {}))
    stack.enter_context(patch.object(dg.Definitions, "resolve_job_def", unchecked))


def _unmeasured(_: Mapping[str, Path], rules: Sequence[Rule], *__: object, **___: object) -> list[RuleResult]:
    """Every rule passes, and nothing was measured."""
    return [RuleResult(name=rule.name, outcome="passed", numerator=0, denominator=1) for rule in rules]


if __name__ == "__main__":
    main()
