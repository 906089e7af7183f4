"""The report on a linkage as one page that a board can read, and its pictures.

Put here: the sections, their order and their sentences. Never here: a figure that is not in the report
(spine.linkage.report), or shapes (charts, svg). No value or id of any record is known here.

The sections follow GUILD, the GUidance for Information about Linking Data sets (Gilbert and others 2018): what
came in, how it was prepared and linked, how well that went, and what an analyst has to reckon with.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from spine.files import replacing
from spine.linkage.explain import words_of_veto
from spine.reports.charts import curves_of, score_histogram_svg, threshold_curve_svg
from spine.reports.linkage_quality import for_analysts, groups, quality
from spine.reports.parts import document, percent, plain, rows, section, source_name, table

__all__ = ["linkage_page", "score_histogram_svg", "threshold_curve_svg", "write_linkage_page"]

#: Names of identifiers that are not their own words.
_IDENTIFIERS = {
    "nhs_number": "NHS number",
    "nino": "National insurance number",
    "upn": "Unique pupil number",
    "uprn": "Property reference number (UPRN)",
    "house": "House number or name",
    "email": "E-mail address",
    "phone": "Phone number",
}
#: Largest cluster sizes that have a row of their own.
_SIZES = 20


def linkage_page(report: Mapping[str, Any]) -> str:
    """The report as HTML that needs nothing else: no script, no other host.

    Args:
        report: as `LinkageResult.report`; `input` (what was read), `evaluation`, `evaluation_by_group` and
            `measured_curve` are shown where it holds them.
    """
    body = (
        _head(report),
        _came_in(report),
        _prepared(report),
        _linked(report),
        _scores(report),
        _clusters(report),
        quality(report),
        groups(report),
        for_analysts(report),
        "<footer><p>This page holds counts and estimates only: no name, number or id of a person. The same figures are "
        "in report.json, all weights in model.json. Words: a bit of match weight doubles the odds that two "
        "records are one person; a link is a pair that is accepted; a resident is all records that links "
        "join.</p></footer>",
    )
    return document("Report on a linkage", body, first="in", skip="Skip to what came in")


def write_linkage_page(folder: Path, report: Mapping[str, Any]) -> Path:
    """Write `report.html` of a run of the pipeline.

    Args:
        folder: the home's linkage folder.
        report: see `linkage_page`.

    Raises:
        PipelineError: the folder cannot be written to.
    """
    path = folder / "report.html"
    with replacing(path, point="linkage.page") as temporary:
        temporary.write_text(linkage_page(report), encoding="utf-8")
    return path


def _head(report: Mapping[str, Any]) -> str:
    sources = len(report["sources"])
    several = f" of {sources} sources" if sources > 1 else ""
    at_threshold = _at_threshold(report)
    text = (
        f"{report['records']:,} records{several} were found to be {report['clusters']:,} residents. "
        f"{report['linked_records']:,} records ({percent(report['linked_records'], report['records'])}) share their "
        f"resident with another record. By the model's own reckoning {at_threshold['expected_precision']:.1%} of the "
        f"links are right, and {at_threshold['expected_found']:.1%} of the matches among the pairs that were compared "
        "are found."
    )
    measured = ""
    if found := report.get("evaluation"):
        measured = (
            f" Measured against the truth that was given, {found['precision']:.1%} of the links are right and "
            f"{found['recall']:.1%} of all matches are found."
        )
    facts = {
        "Records": f"{report['records']:,}",
        "Residents": f"{report['clusters']:,}",
        "Links": f"{report['links']:,}",
        "Configuration": str(report["configuration"]),
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return (
        '<header><p class="about">Connected Spine</p><h1>Report on a linkage</h1>'
        f'<p class="verdict accepted">{text}{measured}</p><dl>{listed}</dl></header>'
    )


def _at_threshold(report: Mapping[str, Any]) -> Mapping[str, float]:
    found: Mapping[str, float] = min(
        report["threshold_curve"], key=lambda row: abs(row["threshold_bits"] - report["link_bits"])
    )
    return found


def _came_in(report: Mapping[str, Any]) -> str:
    """GUILD, step 1: the population of each source."""
    sources = rows(
        (
            source_name(name),
            f"{row['records']:,}",
            f"{row['residents']:,}",
            f"{row['linked']:,}",
            percent(row["linked"], row["records"]),
            f"{row['link_rate']:.1%}",
        )
        for name, row in report["sources"].items()
    )
    head = ("Source", "Records", "Residents", "Linked records", "Share linked", "Linked to another source")
    identifiers = dict.fromkeys(name for shares in report["completeness"].values() for name in shares)
    complete = rows(
        (
            _IDENTIFIERS.get(identifier, plain(identifier).capitalize()),
            *(f"{shares.get(identifier, 0):.1%}" for shares in report["completeness"].values()),
        )
        for identifier in identifiers
    )
    names = [source_name(name) for name in report["completeness"]]
    ignored = report.get("input", {}).get("ignored_columns", ())
    note = f"<p>These columns were not used: {', '.join(escape(name) for name in ignored)}.</p>" if ignored else ""
    return section(
        "What came in",
        "<p>A linkage can find no more than its sources tell. A source has fewer residents than records where it holds "
        "a person more than once. Identifiers are counted after cleaning: an invalid number or a placeholder date "
        f"counts as missing.</p>{table('Sources', head, sources)}"
        f"{table('Records that have a usable identifier', ('Identifier', *names), complete)}{note}",
        anchor="in",
    )


def _prepared(report: Mapping[str, Any]) -> str:
    """GUILD, step 2: cleaning and blocking."""
    blocking = report["blocking"]
    found = rows(
        (
            plain(rule["rule"]),
            f"{rule['pairs']:,}",
            f"{rule['blocks']:,}",
            f"{rule['cap']:,}",
            f"{rule['capped_blocks']:,}",
            f"{rule['records_in_capped_blocks']:,}",
        )
        for rule in blocking.get("rules", ())
    )
    head = ("Rule", "Pairs", "Blocks", "Cap", "Blocks above the cap", "Records in them")
    capped = blocking.get("capped_blocks", 0)
    said = (
        f"{capped:,} blocks were larger than their rule's cap and were left to the other rules; a person who is "
        "found by no other rule is missed."
        if capped
        else "No block was larger than its rule's cap."
    )
    withheld = blocking.get("pairs_withheld_restricted", 0)
    restricted = f" {withheld:,} pairs were withheld because a record is restricted." if withheld else ""
    return section(
        "How pairs were found",
        "<p>Not every record can be compared with every other. Records are compared where they agree on one of the "
        "rules "
        f"below: {blocking.get('candidate_pairs', 0):,} pairs in all. {said}{restricted}</p>"
        f"{table('Blocking rules', head, found)}",
    )


def _linked(report: Mapping[str, Any]) -> str:
    """GUILD, step 3: the links."""
    methods = rows((plain(name), f"{count:,}") for name, count in report["links_by_method"].items())
    pairs = rows(
        (
            f"{source_name(row['source'])} and {source_name(row['source_2'])}",
            f"{row['clusters']:,}",
            f"{row['link_rate']:.1%}",
            f"{row['link_rate_2']:.1%}",
        )
        for row in report["source_pairs"]
    )
    between = (
        table(
            "Links by pair of sources",
            ("Sources", "Residents in both", "Records of the first that are linked to the second", "And the reverse"),
            pairs,
        )
        if pairs
        else "<p>No resident has records of two sources.</p>"
    )
    return section(
        "What was linked",
        "<p>A pair is linked by its weight: the sum, in bits, of what every comparison says for or against it. The "
        "weights "
        "are learned from these records. An exact link rests on a national number that agrees with nothing against "
        f"it; a manual one on a person's decision.</p>{table('Links', ('Method', 'Links'), methods)}{between}",
    )


def _scores(report: Mapping[str, Any]) -> str:
    bars, band = report["score_histogram"], report["clerical"]
    counted = rows(
        (f"{start} to {start + bars['bin_bits']}", f"{home:,}", f"{elsewhere:,}", f"{vetoed:,}")
        for start, home, elsewhere, vetoed in zip(
            bars["from_bits"], bars["home"], bars["elsewhere"], bars["vetoed"], strict=True
        )
    )
    lines = curves_of(report)
    thresholds = [bits for bits, _ in next(iter(lines.values()))]
    curve = rows(
        (f"{bits}", *(f"{points[place][1]:.2%}" for points in lines.values())) for place, bits in enumerate(thresholds)
    )
    heading = tuple(name[0].upper() + name[1:] for name in lines)
    return section(
        "How sure the links are",
        f"<p>{band['pairs_below'] + band['pairs_above']:,} pairs lie in the band from {band['from_bits']:g} to "
        f"{band['to_bits']:g} bits, where a person who looked might decide otherwise: {band['pairs_above']:,} of "
        f"them are "
        f"above the threshold ({band['share_of_links']:.1%} of all pairs above it) and {band['pairs_below']:,} "
        f"below.</p>"
        f"{score_histogram_svg(report)}"
        f"{_figures(table('Pairs by match weight', ('Bits', 'At one home', 'Elsewhere', 'Vetoed'), counted))}"
        "<p>A higher threshold makes fewer links, of which more are right; a lower one finds more matches.</p>"
        f"{threshold_curve_svg(report)}"
        f"{_figures(table('What each threshold would do', ('Threshold in bits', *heading), curve))}",
    )


def _figures(content: str) -> str:
    return f"<details><summary>The figures of this picture</summary>{content}</details>"


def _clusters(report: Mapping[str, Any]) -> str:
    sizes = sorted((int(size), count) for size, count in report["cluster_sizes"].items())
    shown = [(f"{size}", f"{count:,}") for size, count in sizes[:_SIZES]]
    if more := sizes[_SIZES:]:
        shown.append((f"{more[0][0]} to {more[-1][0]}", f"{sum(count for _, count in more):,}"))
    vetoes = [(words_of_veto(name).capitalize(), f"{count:,}") for name, count in report["vetoes"].items() if count]
    vetoed = (
        table("Pairs that may never be linked, by reason", ("Reason", "Pairs"), rows(vetoes))
        if vetoes
        else "<p>No pair that was compared is forbidden.</p>"
    )
    return section(
        "Conflicts",
        "<p>Links join records in chains, and a chain can put two records together that must stay apart. Where that "
        f"happened, the stronger links were kept: {report.get('components_rebuilt', 0):,} chains were taken apart and "
        f"{report.get('merges_refused', 0):,} joins refused. {report['kept_apart_above_threshold']:,} pairs above the "
        f"threshold are two residents for this reason, {report['vetoed_above_threshold']:,} because they may never be "
        f"linked. In {report.get('contested_pairs', 0):,} pairs a rival was as good, so that neither was taken.</p>"
        f"{vetoed}{table('Residents by number of records', ('Records', 'Residents'), rows(shown))}",
    )
