"""What checks add to a run: the pipeline with all of them, and without any, on the same region.

Usage: .venv/bin/python benchmarks/checks_cost.py [--residents 50000]

Without checks no rule is measured at the door (Great Expectations is not loaded), no dbt test that is a check of one
asset runs, and nothing of quality across sources is built. Each run is a process of its own in a fresh home. Processor
seconds (user + system, children included) are compared, which hardly depend on what else the machine does; the
promise is that checks add at most 25 % at 50,000 residents. Small regions say little: what is fixed weighs most there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.measure import measured  # noqa: E402
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
    with tempfile.TemporaryDirectory() as scratch:
        taken = {}
        for kind in ("without", "with"):
            home = Path(scratch) / kind
            settings = Settings(home=home).prepare()
            write_region(settings.root, options.residents, 7, AS_OF, None, Path(scratch) / f"truth-{kind}")
            command: Sequence[str | Path] = [sys.executable, __file__, "--run", kind]
            taken[kind] = measured(command, {"SPINE_HOME": str(home)}).cpu
    added = 100 * (taken["with"] / taken["without"] - 1)
    print("| residents | without, processor s | with, processor s | added |\n|---:|---:|---:|---:|")
    print(f"| {options.residents:,} | {taken['without']:.1f} | {taken['with']:.1f} | {added:.0f} % |")


def run(*, has_checks: bool) -> None:
    """One run of the pipeline in the home that SPINE_HOME names."""
    import dagster as dg

    from assets import run as pipeline
    from spine.governance import approve_all

    settings = Settings()
    approve_all(settings)
    if has_checks:
        summary = pipeline.refresh(settings, AS_OF, lambda *_: None)
    else:
        resolve = dg.Definitions.resolve_job_def

        def unchecked(definitions: dg.Definitions, name: str) -> dg.JobDefinition:
            job = resolve(definitions, name)
            assets = {key for key in job.asset_layer.executable_asset_keys if key.path[0] != "quality"}
            kept = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.asset_key.path[0] in _WHOLE}
            return job.get_subset(asset_selection=assets, asset_check_selection=kept)

        with patch("spine.door.evaluate", _unmeasured), patch.object(dg.Definitions, "resolve_job_def", unchecked):
            summary = pipeline.refresh(settings, AS_OF, lambda *_: None)
    if not summary.succeeded:
        raise SystemExit("; ".join(summary.failures))


def _unmeasured(_: Mapping[str, Path], rules: Sequence[Rule], *__: object, **___: object) -> list[RuleResult]:
    """Every rule passes, and nothing was measured."""
    return [RuleResult(name=rule.name, outcome="passed", numerator=0, denominator=1) for rule in rules]


if __name__ == "__main__":
    main()
