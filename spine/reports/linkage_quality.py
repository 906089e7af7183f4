"""The sections of a linkage report that say how good it is, for whom, and what follows for analysts.

Put here: quality, groups, and advice that follows from figures. Never here: a figure that the report does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from spine.reports.parts import plain, rows, section, source_name, table

#: Groups of fewer records are not counted out: a page may go further than the table of records does.
_FEWEST = 10

_MEASURES = {
    "precision": "Links that are right (precision)",
    "recall": "Matches that are found (recall)",
    "f1": "Both in one figure (F1)",
    "f_star": "Right among all pairs in question (F*)",
    "bcubed_precision": "B-cubed precision: by record, share of its resident that is right",
    "bcubed_recall": "B-cubed recall: by record, share of its person that is found",
    "bcubed_f1": "B-cubed F1",
}
_GROUPS = {
    "sex": "Sex",
    "birth_decade": "Born in the",
    "has_postcode": "Has a postcode",
    "has_date_of_birth": "Has a date of birth",
    "source": "Source",
    "source_pair": "Pair of sources",
}


def quality(report: Mapping[str, Any]) -> str:
    """Measures against a truth, where one was given."""
    found = report.get("evaluation")
    if not found:
        return section(
            "Quality against a truth",
            "<p>No truth was given, so nothing was measured: the figures above are the model's own. To measure, "
            "link a file "
            "that says who is who, and name its column with --truth.</p>",
        )
    measures = rows((words, f"{found[name]:.2%}", _ends(found["intervals"][name])) for name, words in _MEASURES.items())
    parts = [
        f"<p>The truth is known of {found['records']:,} records. {found['true_links']:,} pairs are rightly together, "
        f"{found['false_links']:,} wrongly together, and {found['missed_links']:,} wrongly apart. Intervals hold "
        f"with 95 % "
        "confidence; they treat groups of records that share residents or persons as what was sampled.</p>",
        table("Quality", ("Measure", "Value", "95 % interval"), measures),
    ]
    for group, values in report.get("evaluation_by_group", {}).items():
        cells = rows(
            (
                _value(group, value),
                f"{row['precision']:.2%}",
                _ends(row["precision_interval"]),
                f"{row['recall']:.2%}",
                _ends(row["recall_interval"]),
            )
            for value, row in values.items()
            if row.get("records", _FEWEST) >= _FEWEST
        )
        name = _GROUPS.get(group, plain(group))
        head = (name, "Precision", "95 % interval", "Recall", "95 % interval")
        parts.append(table(f"Quality by group: {name.lower()}", head, cells))
    return section("Quality against a truth", "".join(parts))


def groups(report: Mapping[str, Any]) -> str:
    """Who is linked: rates by group with intervals, and the largest gap."""
    parts = [
        "<p>Linkage seldom works equally well for everybody, and who is not linked is missed in every figure that "
        "needs two "
        "sources. A difference between groups may be true (some are in one source only) or a fault of linkage; the "
        "intervals tell whether it may be chance.</p>"
    ]
    for group, rates in report["groups"].items():
        cells = rows(_rate(_value(group, value), row) for value, row in rates.items())
        name = _GROUPS.get(group, plain(group))
        head = (name, "Records", "Linked", "Link rate", "95 % interval")
        parts.append(table(f"Linked records by group: {name.lower()}", head, cells))
        gap = report["group_gaps"].get(group)
        if gap and gap["gap"]:
            lowest, highest = (escape(_value(group, gap[end])) for end in ("lowest", "highest"))
            parts.append(
                f"<p>Largest gap: {gap['gap'] * 100:.1f} percentage points, between {lowest} (lowest) and {highest} "
                "(highest).</p>"
            )
    return section("Who is linked", "".join(parts))


def for_analysts(report: Mapping[str, Any]) -> str:
    """GUILD, step 4: what follows for who works with the linked data."""
    said = [
        "A record that is linked to nothing is not proof that a person is unknown to the other sources: the match may "
        "have been missed.",
        "Two people wrongly taken for one make histories that nobody had. Each record carries a confidence: repeat an "
        "important result without the least certain.",
    ]
    gaps = {name: gap for name, gap in report["group_gaps"].items() if gap and name != "source"}
    if gaps:
        name, gap = max(gaps.items(), key=lambda item: item[1]["gap"])
        said.append(
            f"The largest gap in link rate is by {_GROUPS.get(name, plain(name)).lower()}: {escape(gap['lowest'])} "
            f"against {escape(gap['highest'])}. Compare these groups with care."
        )
    if capped := report["blocking"].get("capped_blocks", 0):
        said.append(
            f"{capped:,} blocks were too large to compare, such as very common names or large institutions: people "
            f"in them "
            "are more easily missed."
        )
    if largest := max((int(size) for size in report["cluster_sizes"]), default=0):
        said.append(f"The largest resident has {largest:,} records. Look at the largest before you count on them.")
    return section("What to keep in mind", f"<ul>{''.join(f'<li>{line}</li>' for line in said)}</ul>")


def _value(group: str, value: str) -> str:
    """A group's name for a page."""
    return source_name(value) if group.startswith("source") else value


def _rate(value: str, row: Mapping[str, float]) -> tuple[str, ...]:
    if row["records"] < _FEWEST:
        return (value, f"fewer than {_FEWEST}", "–", "–", "–")
    interval = _ends((row["low"], row["high"]))
    return (value, f"{row['records']:,}", f"{row['linked']:,}", f"{row['link_rate']:.1%}", interval)


def _ends(ends: Any) -> str:
    return f"{ends[0]:.1%} to {ends[1]:.1%}"
