"""The report's figures against sets that were counted by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from spine.linkage.config import Thresholds, load_config
from spine.linkage.distribution import THRESHOLDS, Spread, clerical, histogram, measured_curve, spread, threshold_curve
from spine.linkage.report import Found, codes, report, wilson


@dataclass
class Pairs:
    """Candidate pairs, written as rows of (left, right, bits, records, home, veto)."""

    rows: list[tuple[int, int, float, float, bool, int]]

    def __getattr__(self, name: str) -> Any:
        columns = {"left": int, "right": int, "bits": float, "records": float, "home": bool, "veto": np.uint8}
        return np.array([row[list(columns).index(name)] for row in self.rows], dtype=columns[name])


#: Seven records: 0, 1 and 2 are one person, 3 and 4 another; 5 and 6 are alone.
LABEL = np.array([0, 0, 0, 3, 3, 5, 6])
SOURCE = pl.Series(["gp", "care", "tax", "gp", "gp", "tax", "care"])
PAIRS = Pairs(
    [
        (0, 1, 12.0, 1, True, 0),
        (0, 2, 3.0, 2, True, 0),
        (3, 4, 7.5, 1, False, 0),
        (5, 6, 2.9, 1, False, 0),
        (4, 5, 8.0, 1, False, 0),  # strong, yet in two clusters
        (1, 6, 9.0, 3, False, 2),  # vetoed
        (2, 6, -70.0, 4, False, 0),
    ]
)
APART = np.array([False, False, False, False, True, False, False])
LIMITS = Thresholds(link_bits=3.0, refuse_bits=-6.0, anchor_bits=10.0, thin_bits=4.0, rival_bits=-3.0)
CONFIG = load_config().model_copy(update={"thresholds": LIMITS})
GROUPS = pl.DataFrame(
    {
        "record_id": list("abcdefg"),
        "sex": ["female"] * 4 + ["male"] * 3,
        "has_postcode": [True, True, True, False, True, False, False],
    }
)


def spread_of(pairs: Pairs, apart: np.ndarray[Any, Any] = APART) -> Spread:
    return spread(pairs.bits, pairs.records, pairs.home, pairs.veto, apart, LIMITS.link_bits)


@pytest.fixture
def told() -> dict[str, Any]:
    return report(
        Found(LABEL, *codes(SOURCE)),
        spread_of(PAIRS),
        GROUPS,
        links={"exact": 1, "probabilistic": 2},
        blocking={"capped_blocks": 0},
        known=(("email", "phone"), np.array([2, 1, 2, 2, 1, 0, 0])),
        counts={"merges_refused": 1},
        config=CONFIG,
    )


def test_records_clusters_and_sources(told: dict[str, Any]) -> None:
    assert (told["records"], told["clusters"], told["linked_records"]) == (7, 4, 5)
    assert (told["links"], told["links_exact"], told["merges_refused"]) == (3, 1, 1)
    assert told["cluster_sizes"] == {"1": 2, "2": 1, "3": 1}
    gp = {"records": 3, "residents": 2, "linked": 3, "linked_to_another_source": 1, "link_rate": 0.333333}
    assert told["sources"]["gp"] == gp
    assert told["sources"]["tax"]["linked"] == 1
    pair = {"source": "care", "source_2": "gp", "clusters": 1, "link_rate": 0.5, "link_rate_2": 0.333333}
    assert told["source_pairs"][0] == pair
    assert len(told["source_pairs"]) == 3


def test_completeness_is_the_share_of_a_source_that_has_a_value(told: dict[str, Any]) -> None:
    assert told["completeness"] == {
        "care": {"email": 0.5, "phone": 0.0},
        "gp": {"email": 0.333333, "phone": 0.666667},
        "tax": {"email": 0.0, "phone": 0.5},
    }


def test_vetoes_and_pairs_kept_apart_count_records(told: dict[str, Any]) -> None:
    assert told["vetoes"]["twins"] == 3
    assert told["vetoed_above_threshold"] == 3
    assert told["kept_apart_above_threshold"] == 1


def test_groups_have_rates_with_intervals(told: dict[str, Any]) -> None:
    female = told["groups"]["sex"]["female"]
    assert (female["records"], female["linked"], female["link_rate"]) == (4, 4, 1.0)
    assert (female["low"], female["high"]) == (pytest.approx(0.510109, abs=1e-6), 1.0)
    assert told["groups"]["has_postcode"]["no"]["records"] == 3
    assert told["groups"]["source"]["care"]["linked"] == 1
    assert told["group_gaps"]["sex"] is None  # too few records to say


def test_a_gap_is_told_between_groups_that_are_large_enough() -> None:
    label = np.arange(500)
    label[1:300:2] = label[0:300:2]
    sex = ["unknown"] * 100 + ["f"] * 250 + ["m"] * 145 + ["x"] * 5  # unknown is no group of people, x too small
    frame = pl.DataFrame({"record_id": [str(n) for n in range(500)], "sex": sex})
    told = report(
        Found(label, *codes(pl.Series(["one"] * 500))),
        spread_of(Pairs([]), APART[:0]),
        frame,
        links={},
        blocking={},
        known=((), np.zeros(500, dtype=np.int64)),
        counts={},
        config=CONFIG,
    )
    assert told["group_gaps"]["sex"] == {"lowest": "m", "highest": "f", "gap": 0.8}
    assert told["threshold_curve"][0]["expected_precision"] == 1.0


def test_histogram_weighs_pairs_by_records() -> None:
    bars = histogram(spread_of(PAIRS))
    at = {bits: place for place, bits in enumerate(bars["from_bits"])}
    assert (bars["home"][at[12]], bars["home"][at[2]]) == (1, 2)
    assert (bars["elsewhere"][at[2]], bars["elsewhere"][at[6]], bars["elsewhere"][at[8]]) == (1, 1, 1)
    assert bars["elsewhere"][0] == 4  # beyond the first bar
    assert sum(bars["vetoed"]) == bars["vetoed"][at[8]] == 3


def test_threshold_curve_is_the_sum_of_probabilities() -> None:
    curve = {row["threshold_bits"]: row for row in threshold_curve(spread_of(PAIRS))}
    weights = {12.0: 1, 3.0: 2, 7.5: 1, 2.9: 1, 8.0: 1, -60.0: 4}
    matches = {bits: n / (1 + 2**-bits) for bits, n in weights.items()}
    for threshold, row in curve.items():
        above = [bits for bits in weights if bits >= threshold]
        pairs, expected = sum(weights[b] for b in above), sum(matches[b] for b in above)
        assert row["pairs"] == pairs
        assert row["expected_precision"] == pytest.approx(expected / pairs if pairs else 1, abs=1e-6)
        assert row["expected_found"] == pytest.approx(expected / sum(matches.values()), abs=1e-6)
    assert list(curve) == list(THRESHOLDS)


def test_measured_curve_counts_true_pairs() -> None:
    person = np.array([1, 1, 1, 2, 3, 3, -1])
    curve = {row["threshold_bits"]: row for row in measured_curve(PAIRS, person)}  # type: ignore[arg-type]
    assert curve[-5]["precision"] == pytest.approx(4 / 5)  # 0-1, 0-2 twice, 4-5 of these and 3-4
    assert curve[8]["precision"] == 1.0
    assert curve[8]["found"] == pytest.approx(2 / 4)  # of 0-1, 0-2, 1-2 and 4-5


def test_clerical_band_lies_around_the_threshold() -> None:
    band = clerical(spread_of(PAIRS))
    assert (band["from_bits"], band["to_bits"]) == (0.0, 9.0)
    assert (band["pairs_below"], band["pairs_above"]) == (1, 4)
    assert band["share"] == pytest.approx(5 / 6, abs=1e-6)
    assert band["share_of_links"] == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"), [(0, 10, 0.0, 0.277533), (5, 10, 0.236593, 0.763407), (0, 0, 0.0, 1.0)]
)
def test_wilson_interval(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part, whole) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


def test_any_number_of_sources_is_counted_by_source_and_pair() -> None:
    """Cluster n holds a record of source n, one of source n + 1, and the last cluster two of one source."""
    names = [f"source_{n:03}" for n in range(140)]
    source = [name for n in range(139) for name in (names[n], names[n + 1])] + [names[0]] * 2
    label = np.repeat(np.arange(0, len(source), 2), 2)
    told = report(
        Found(label, *codes(pl.Series(source))),
        spread_of(Pairs([]), APART[:0]),
        pl.DataFrame({"record_id": [str(n) for n in range(len(source))]}),
        links={}, blocking={}, known=((), np.zeros(len(source), dtype=np.int64)), counts={}, config=CONFIG,
    )  # fmt: skip
    of_source = told["sources"]
    assert (of_source[names[0]]["records"], of_source[names[0]]["residents"]) == (3, 2)
    assert of_source[names[0]]["linked_to_another_source"] == 1
    assert all((of_source[name]["residents"], of_source[name]["link_rate"]) == (2, 1.0) for name in names[1:-1])
    pairs = {(pair["source"], pair["source_2"]): pair["clusters"] for pair in told["source_pairs"]}
    assert pairs == {(names[n], names[n + 1]): 1 for n in range(139)}
