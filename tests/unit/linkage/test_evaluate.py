"""Quality measures against a listing of all pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from spine.errors import PipelineError
from spine.linkage.evaluate import evaluate, evaluate_by_group


def sample(seed: int, records: int = 60) -> pl.DataFrame:
    """Records of two sources, most of them clustered as their person, some not."""
    rng = np.random.default_rng(seed)
    person = rng.integers(0, 20, records)
    cluster = np.where(rng.random(records) < 0.8, person, rng.integers(0, 25, records))
    return pl.DataFrame(
        {
            "record_id": [f"r{n:03d}" for n in range(records)],
            "source": rng.choice(["north", "south"], records),
            "cluster_id": [f"c{n}" for n in cluster],
            "person_id": person,
            "sex": rng.choice(["female", "male"], records),
        }
    )


def listed(frame: pl.DataFrame) -> list[tuple[dict[str, object], dict[str, object], bool, bool]]:
    rows = frame.to_dicts()
    return [
        (a, b, a["cluster_id"] == b["cluster_id"], a["person_id"] == b["person_id"]) for a, b in combinations(rows, 2)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_measures_equal_those_of_a_listing(seed: int) -> None:
    frame = sample(seed)
    pairs = [(linked, true) for *_, linked, true in listed(frame)]
    tp, fp, fn = (pairs.count(kind) for kind in ((True, True), (True, False), (False, True)))
    found = evaluate(frame, frame)
    assert (found.true_links, found.false_links, found.missed_links) == (tp, fp, fn)
    assert found.precision == pytest.approx(tp / (tp + fp))
    assert found.recall == pytest.approx(tp / (tp + fn))
    assert found.f1 == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert found.f_star == pytest.approx(tp / (tp + fp + fn))
    shares = []
    for row in frame.iter_rows(named=True):
        mine = frame.filter(pl.col("cluster_id") == row["cluster_id"])
        same = frame.filter(pl.col("person_id") == row["person_id"])
        both = mine.filter(pl.col("person_id") == row["person_id"]).height
        shares.append((both / mine.height, both / same.height))
    precision, recall = (sum(column) / frame.height for column in zip(*shares, strict=True))
    assert found.bcubed_precision == pytest.approx(precision)
    assert found.bcubed_recall == pytest.approx(recall)
    assert found.bcubed_f1 == pytest.approx(2 * precision * recall / (precision + recall))
    for name, (low, high) in found.intervals.items():
        assert 0 <= low < getattr(found, name) < high <= 1


@pytest.mark.parametrize("seed", range(3))
def test_groups_equal_those_of_a_listing(seed: int) -> None:
    frame = sample(seed)
    found = evaluate_by_group(frame, frame.select("record_id", "person_id"), frame.select("record_id", "sex"))
    for sex in ("female", "male"):
        weight = [((a["sex"] == sex) + (b["sex"] == sex), linked, true) for a, b, linked, true in listed(frame)]
        both = sum(w for w, linked, true in weight if linked and true)
        assert found["sex"][sex]["precision"] == pytest.approx(both / sum(w for w, linked, _ in weight if linked))
        assert found["sex"][sex]["recall"] == pytest.approx(both / sum(w for w, _, true in weight if true))
    for one, other in (("north", "north"), ("north", "south"), ("south", "south")):
        mine = [(k, t) for a, b, k, t in listed(frame) if sorted((a["source"], b["source"])) == [one, other]]  # type: ignore[type-var]
        cell = found["source_pair"][f"{one} + {other}"]
        told = [cell[name] for name in ("true_links", "false_links", "missed_links")]
        assert told == [mine.count(kind) for kind in ((True, True), (True, False), (False, True))]


def test_perfect_clusters_leave_room_for_an_error_that_was_not_seen() -> None:
    frame = pl.DataFrame({"record_id": [str(n) for n in range(200)], "cluster_id": [str(n // 2) for n in range(200)]})
    found = evaluate(frame, frame.rename({"cluster_id": "person_id"}))
    assert (found.precision, found.recall, found.f_star, found.bcubed_f1) == (1, 1, 1, 1)
    assert found.intervals["precision"] == (pytest.approx(1 - 3 / 100), 1.0)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Clusters of one region are drawn again and again; the share that is right lies within the interval."""
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        size = 300
        wrong = rng.random(size) < 0.1  # of two records, the second is another person's
        person = np.stack([np.arange(size), np.where(wrong, np.arange(size) + size, np.arange(size))], axis=1).ravel()
        frame = pl.DataFrame(
            {
                "record_id": [str(n) for n in range(2 * size)],
                "cluster_id": [str(n // 2) for n in range(2 * size)],
                "person_id": person,
            }
        )
        low, high = evaluate(frame, frame).intervals["precision"]
        inside += low <= 0.9 <= high
    assert 180 <= inside <= 199


def test_records_without_a_truth_are_left_out_and_none_at_all_is_an_error() -> None:
    clusters = pl.DataFrame({"record_id": ["a", "b", "c"], "cluster_id": ["a", "a", "a"]})
    truth = pl.DataFrame({"record_id": ["a", "b", "c", "z"], "person_id": ["1", "1", None, "1"]})
    assert (evaluate(clusters, truth).records, evaluate(clusters, truth).true_links) == (2, 1)
    with pytest.raises(PipelineError, match="no record is in both"):
        evaluate(clusters, truth.filter(pl.col("record_id") == "z"))
