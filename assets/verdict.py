"""One verdict on linkage, identity or decisions as Dagster shows it.

Put here: the fields that such a check always has, and how words and tables are written. Never here: a check, or how a
figure is judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg


def verdict(
    name: str,
    about: tuple[dg.AssetKey, str, str],
    passed: bool,
    description: str,
    shares: tuple[int, int],
    *,
    threshold: float | str,
    owner: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    more: Mapping[str, Any] | None = None,
) -> dg.AssetCheckResult:
    """A verdict with the fields of every check of the spine (see spine.quality.metadata); numbers make a trend.

    Args:
        about: the check's asset, its dimension in the words of the Open Data Contract Standard, and its sentence.
        shares: how many are against it, and of how many.
        more: further fields.
    """
    key, dimension, sentence = about
    numerator, denominator = shares
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=name,
        severity=severity,
        description=description,
        metadata={
            "sentence": sentence,
            "dimension": dimension,
            "severity": severity.value.lower(),
            "outcome": "passed" if passed else "failed",
            "threshold": threshold,
            "owner": owner,
            "numerator": numerator,
            "denominator": denominator,
            "percentage": round(100 * numerator / denominator, 3) if denominator else 0.0,
            **(more or {}),
        },
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> dg.MarkdownMetadataValue:
    """Rows as a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return dg.MarkdownMetadataValue("\n".join(f"| {' | '.join(line)} |" for line in lines))


def begun(words: str) -> str:
    """As a sentence begins."""
    return words[:1].upper() + words[1:]
