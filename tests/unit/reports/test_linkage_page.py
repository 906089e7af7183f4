"""The linkage report's page and pictures: well-formed, described, and true to the figures."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any
from xml.etree import ElementTree

import pytest

from spine.linkage.distribution import THRESHOLDS
from spine.linkage.explain import Decision, Explanation, Step
from spine.reports.linkage import linkage_page, score_histogram_svg, threshold_curve_svg
from spine.reports.linkage_pair import pair_page

BARS = list(range(-40, 40, 2))
RATE = {"records": 400, "linked": 300, "link_rate": 0.75, "low": 0.705, "high": 0.79}


#: A report as linkage gives it, with round figures.
TOLD: dict[str, Any] = {
    "configuration": "1.0.0",
    "records": 1200,
    "clusters": 900,
    "linked_records": 600,
    "links": 300,
    "links_by_method": {"exact": 100, "probabilistic": 200},
    "sources": {
        "a<b": {"records": 1200, "residents": 900, "linked": 600, "linked_to_another_source": 0, "link_rate": 0.0}
    },
    "source_pairs": [],
    "completeness": {"a<b": {"surname": 0.987}},
    "blocking": {
        "candidate_pairs": 5000,
        "capped_blocks": 3,
        "rules": [
            {
                "rule": "surname_and_birth",
                "cap": 60,
                "blocks": 70,
                "pairs": 90,
                "capped_blocks": 3,
                "records_in_capped_blocks": 200,
            }
        ],
    },
    "vetoes": {"twins": 4, "verified_nhs_numbers_differ": 0},
    "kept_apart_above_threshold": 2,
    "vetoed_above_threshold": 1,
    "cluster_sizes": {"1": 600, "2": 300},
    "link_bits": 3.0,
    "score_histogram": {
        "bin_bits": 2,
        "from_bits": BARS,
        "home": [n == 30 for n in range(40)],
        "elsewhere": [7 * (n == 5) for n in range(40)],
        "vetoed": [0] * 40,
    },
    "threshold_curve": [
        {"threshold_bits": t, "pairs": 10, "expected_precision": 0.9 + t / 500, "expected_found": 0.8 - t / 100}
        for t in THRESHOLDS
    ],
    "clerical": {
        "from_bits": 0.0,
        "to_bits": 9.0,
        "pairs_below": 5,
        "pairs_above": 7,
        "share": 0.04,
        "share_of_links": 0.02,
    },
    "groups": {"sex": {"female": RATE, "male": {**RATE, "records": 4}}},
    "group_gaps": {"sex": {"lowest": "male", "highest": "female", "gap": 0.125}},
}


def told(**more: Any) -> dict[str, Any]:
    """A report, with some of its parts changed."""
    return {**deepcopy(TOLD), **more}


def evaluation() -> dict[str, Any]:
    names = ("precision", "recall", "f1", "f_star", "bcubed_precision", "bcubed_recall", "bcubed_f1")
    return {
        "records": 1200,
        "true_links": 290,
        "false_links": 10,
        "missed_links": 20,
        **dict.fromkeys(names, 0.9),
        "intervals": {name: [0.85, 0.95] for name in names},
    }


@pytest.mark.parametrize("draw", [score_histogram_svg, threshold_curve_svg])
@pytest.mark.parametrize("measured", [False, True])
def test_pictures_are_well_formed_and_described(draw: Any, measured: bool) -> None:
    curve = [{"threshold_bits": t, "precision": 0.95, "found": 0.3} for t in THRESHOLDS]
    text = draw(told(measured_curve=curve) if measured else told())
    root = ElementTree.fromstring(text)
    assert root.attrib["role"] == "img"
    assert len(root.find("desc").text) > 50  # type: ignore[arg-type, union-attr]
    assert "http" not in text
    assert ElementTree.fromstring(draw(told(), standalone=True)).tag == "{http://www.w3.org/2000/svg}svg"
    if draw is threshold_curve_svg:
        assert len(root.findall("polyline")) == (4 if measured else 2)


def test_a_bar_is_as_high_as_the_root_of_its_count() -> None:
    bars = told()["score_histogram"]
    bars["home"] = [100 * (n == 30) + 25 * (n == 31) for n in range(40)]
    root = ElementTree.fromstring(score_histogram_svg(told(score_histogram=bars)))
    heights = [float(r.attrib["height"]) for r in root.findall("rect") if r.attrib["fill"] == "#1d70b8"]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.11)


def test_the_page_says_the_figures_in_sentences() -> None:
    text = linkage_page(told())
    assert "1,200 records were found to be 900 residents" in text
    assert "600 records (50.0%) share their resident" in text
    assert "12 pairs lie in the band from 0 to 9 bits" in text
    assert "Largest gap: 12.5 percentage points, between male (lowest) and female (highest)" in text
    assert "3 blocks were larger than their rule" in text
    assert "surname and birth" in text
    assert "no truth was given" in text.lower()
    assert "fewer than 10" in text  # a group of four people is not counted out
    assert "a&lt;b" in text
    assert "a<b" not in text


def test_the_page_shows_what_was_measured() -> None:
    pair = {"precision": 1.0, "precision_interval": [0.9, 1.0], "recall": 0.5, "recall_interval": [0.4, 0.6]}
    text = linkage_page(told(evaluation=evaluation(), evaluation_by_group={"source_pair": {"a + b": pair}}))
    assert "90.0% of the links are right" in text
    assert "290 pairs are rightly together" in text
    assert "85.0% to 95.0%" in text
    assert "a + b" in text


def test_the_page_is_whole_and_needs_no_other_host() -> None:
    text = linkage_page(told())
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|<script|src=", text)
    body = re.sub(r"<meta[^>]*>", "", text.split("\n", 1)[1])
    ElementTree.fromstring(body)  # every element is closed
    assert text.count("<caption>") == text.count("<table>")


def test_a_report_of_nothing_is_a_page_too() -> None:
    empty = told(
        records=0, clusters=0, linked_records=0, links=0, sources={}, completeness={}, cluster_sizes={}, blocking={},
        links_by_method={}, vetoes={}, groups={}, group_gaps={},
        score_histogram={"bin_bits": 2, "from_bits": BARS, **dict.fromkeys(("home", "elsewhere", "vetoed"), [0] * 40)},
    )  # fmt: skip
    assert "0 records were found to be 0 residents" in linkage_page(empty)


def test_a_waterfall_names_every_step() -> None:
    steps = (Step("Before comparing", "few are", -15.0, -15.0), Step("Surname", "agrees <exactly>", 20.04, 5.04))
    pair = Explanation("home", steps, ("sex",), 5.04, 3.0, Decision.linked, "The pair is linked.")
    text = pair_page(pair, 4)
    assert "<h1>Why this pair is linked</h1>" in text
    assert "agrees &lt;exactly&gt;" in text
    assert "+20.0" in text
    picture = ElementTree.fromstring(re.findall(r"<svg.*?</svg>", text, re.DOTALL)[0])
    assert {"Before comparing", "Surname"} <= {t.text for t in picture.findall("text")}
    assert "Explanation 4" in text
