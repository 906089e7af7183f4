"""Time and memory of each stage of the pipeline, on a region of a given size.

Usage: .venv/bin/python benchmarks/pipeline.py --residents 50000

Each stage is a Dagster step. Peak memory is the largest resident set of this process while the
stage ran (sampled every 50 ms), so it includes what earlier stages left loaded. Start-up (imports,
parsing the dbt project) is a line of its own. docs/benchmarks.md holds the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil

AS_OF = date(2028, 3, 31)


@dataclass
class Stages:
    """Seconds and peak bytes by stage; whatever is current is charged."""

    current: str = "region written"
    seconds: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    since: float = field(default_factory=time.perf_counter)

    def begin(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[self.current] = self.seconds.get(self.current, 0.0) + now - self.since
        self.current, self.since = stage, now

    def sample(self, stop: threading.Event) -> None:
        process = psutil.Process()
        while not stop.wait(0.05):
            rss = process.memory_info().rss
            self.peak[self.current] = max(self.peak.get(self.current, 0), rss)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--residents", type=int, default=5000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--home", type=Path, help="keep the home here")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = options.home or Path(scratch) / "home"
        run(home, options.residents, options.seed)


def run(home: Path, residents: int, seed: int) -> None:
    os.environ["SPINE_HOME"] = str(home)
    stages, stop = Stages(), threading.Event()
    sampler = threading.Thread(target=stages.sample, args=(stop,), daemon=True)
    sampler.start()
    from spine.governance import approve_all
    from spine.settings import Settings
    from spine.synthetic import write_region

    settings = Settings(home=home).prepare()
    write_region(home, residents, seed, AS_OF, None, home.with_name(home.name + ".truth"))
    approve_all(settings)
    stages.begin("start-up")
    from assets.run import refresh

    summary = refresh(settings, AS_OF, lambda ended, steps, step: stages.begin(step))
    stages.begin("end")
    stop.set()
    sampler.join()
    if summary.exit_code:
        raise SystemExit("\n".join(summary.failures) or "a delivery was refused")
    report(settings.ledger, stages, summary.person_records, residents)


def report(ledger: Path, stages: Stages, person_records: int, residents: int) -> None:
    rows = rows_by_stage(ledger, person_records)
    print(f"| stage ({residents:,} residents) | rows | seconds | rows/s | peak memory |\n|---|---:|---:|---:|---:|")
    for stage, seconds in stages.seconds.items():
        count = rows.get(stage)
        speed = f"{count / seconds:,.0f}" if count and seconds else ""
        peak = stages.peak.get(stage, 0) / 1e9
        print(f"| {stage} | {f'{count:,}' if count else ''} | {seconds:.1f} | {speed} | {peak:.2f} GB |")
    whole = sum(s for stage, s in stages.seconds.items() if stage != "region written")
    print(f"| **pipeline** | | **{whole:.1f}** | | **{max(stages.peak.values()) / 1e9:.2f} GB** |")


def rows_by_stage(ledger: Path, person_records: int) -> dict[str, int]:
    rows: dict[str, int] = {}
    for path in ledger.rglob("r*.json"):
        entry = json.loads(path.read_text(encoding="utf-8"))
        stage = f"raw__{entry['partner']}__{entry['dataset']}"
        rows[stage] = rows.get(stage, 0) + sum(table["rows_read"] for table in entry["tables"].values())
    rows["conform"] = sum(rows.values())
    return rows | {"link": person_records, "core": person_records, "release__care_planning": person_records}


if __name__ == "__main__":
    main()
