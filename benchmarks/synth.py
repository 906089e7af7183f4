"""How fast the synthetic region is written, and in how much memory.

Run it: `python benchmarks/synth.py --residents 500000`. Prints seconds for each step, residents a
second and the process's peak memory. The issue's limit is 3 minutes and 6 GB for 500,000.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

from spine.synthetic import write_region


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2028, 3, 31))
    arguments = parser.parse_args()
    begin = time.perf_counter()
    steps: list[tuple[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="spine-synth-") as folder:
        summary = write_region(
            Path(folder),
            arguments.residents,
            arguments.seed,
            arguments.as_of,
            progress=lambda step: steps.append((step, time.perf_counter())),
        )
        end = time.perf_counter()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    for (step, start), (_, stop) in zip(steps, [*steps[1:], ("", end)], strict=True):
        print(f"{stop - start:8.1f} s  {step}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{end - begin:8.1f} s  in all, {summary.residents / (end - begin):,.0f} residents a second")
    print(f"{peak:8.2f} GB peak memory, {size / 1024**2:,.0f} MB of files")
    for source, records in summary.records.items():
        print(f"{records:>10,}  person records of {source}")


if __name__ == "__main__":
    main()
