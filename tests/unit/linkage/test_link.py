"""The whole of linkage on a small region: quality, determinism, and what leaves it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spine.errors import ContractError, PipelineError
from spine.linkage import LinkageResult, evaluate, link, load_config

Region = Callable[[int], tuple[pl.DataFrame, pl.DataFrame]]


@pytest.fixture(scope="module")
def linked(region: Region) -> LinkageResult:
    return link(region(2000)[0])


@pytest.mark.parametrize(("residents", "precision", "recall"), [(200, 0.97, 0.80), (2000, 0.99, 0.92)])
def test_quality(region: Region, residents: int, precision: float, recall: float) -> None:
    records, truth = region(residents)
    found = evaluate(link(records).clusters, truth)
    assert found.precision >= precision
    assert found.recall >= recall


def test_row_order_does_not_matter(region: Region, linked: LinkageResult) -> None:
    shuffled = link(region(2000)[0].sample(fraction=1, shuffle=True, seed=3))
    assert shuffled.clusters.equals(linked.clusters)
    assert shuffled.links.equals(linked.links)
    assert (shuffled.model, shuffled.report) == (linked.model, linked.report)


def test_number_of_threads_does_not_matter(region: Region, tmp_path: Path) -> None:
    region(200)[0].write_parquet(tmp_path / "records.parquet")
    code = (
        "import sys, polars as pl; from spine.linkage import link; r = link(pl.read_parquet(sys.argv[1]));"
        "r.clusters.write_parquet(sys.argv[2] + '.clusters'); r.links.write_parquet(sys.argv[2] + '.links')"
    )
    out, threads = tmp_path / "other", "1" if pl.thread_pool_size() > 1 else "3"
    command = [sys.executable, "-c", code, str(tmp_path / "records.parquet"), str(out)]
    subprocess.run(command, check=True, env={**os.environ, "POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads})
    here = link(region(200)[0])
    assert pl.read_parquet(f"{out}.clusters").equals(here.clusters)
    assert pl.read_parquet(f"{out}.links").equals(here.links)


def test_frames_have_their_promised_shape(region: Region, linked: LinkageResult) -> None:
    records = region(2000)[0]
    clusters, links = linked.clusters, linked.links
    assert clusters.columns == ["record_id", "source", "cluster_id", "method", "confidence"]
    assert clusters["record_id"].to_list() == records["record_id"].sort().to_list()
    assert clusters.filter(pl.col("cluster_id") != pl.col("record_id").min().over("cluster_id")).is_empty()
    alone = pl.len().over("cluster_id") == 1
    assert clusters.filter(alone != (pl.col("method") == "single")).is_empty()
    assert clusters.filter(alone != pl.col("confidence").is_null()).is_empty()
    assert links.columns[:6] == ["left_record_id", "right_record_id", "bits", "probability", "method", "stratum"]
    assert all(name.startswith("level_") for name in links.columns[6:])
    assert links.filter(pl.col("left_record_id") >= pl.col("right_record_id")).is_empty()
    assert set(links["method"]) == {"exact", "probabilistic"}


def test_weights_in_the_model_add_up_to_the_link(linked: LinkageResult) -> None:
    """A link can be explained from its levels; competition only ever lowers it."""
    for row in linked.links.filter(pl.col("method") == "probabilistic").head(50).iter_rows(named=True):
        stratum = linked.model[row["stratum"]]
        bits = stratum["prior_bits"] + sum(
            stratum["comparisons"][name][row[f"level_{name}"]]["bits"]
            for name in stratum["comparisons"]
            if row[f"level_{name}"] != "missing"
        )
        assert row["bits"] <= bits + 0.01


def test_the_report_counts(linked: LinkageResult) -> None:
    report = linked.report
    assert report["records"] == linked.clusters.height == sum(s["records"] for s in report["sources"].values())
    assert sum(int(size) * count for size, count in report["cluster_sizes"].items()) == report["records"]
    assert report["links"] == linked.links.height
    assert report["completeness"]["district__tax"]["date_of_birth"] == 0


def test_model_and_report_hold_no_personal_value(region: Region, linked: LinkageResult) -> None:
    text = json.dumps([linked.model, linked.report]).lower()
    records = region(2000)[0]
    for column in ("record_id", "nhs_number", "postcode", "surname"):
        values = {value.lower() for value in records[column].drop_nulls() if len(value) > 4}
        assert not [value for value in values if f'"{value}"' in text], column


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_link(rows: int) -> None:
    result = link(pl.DataFrame({"record_id": ["a"]}).head(rows))
    assert result.clusters.height == rows
    assert result.links.is_empty()
    json.dumps([result.model, result.report], allow_nan=False)


def test_columns_may_be_missing_or_null() -> None:
    records = pl.DataFrame(
        {"record_id": ["a", "b"], "surname": [None, None], "date_of_birth": [date(1984, 7, 9), None]}
    )
    assert link(records).clusters["method"].to_list() == ["single", "single"]


def test_organisations_are_left_alone() -> None:
    same = {"first_name": "Orla", "surname": "Penhallow", "date_of_birth": date(1951, 2, 3), "is_organisation": True}
    records = pl.DataFrame([{"record_id": "a", **same}, {"record_id": "b", **same}])
    assert link(records).clusters["method"].to_list() == ["single", "single"]


def test_a_faulty_configuration_lists_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "linkage.yaml"
    path.write_text("version: 1.0.0\nsurprise: 1\n")
    with pytest.raises(ContractError) as caught:
        load_config(path)
    assert all(word in str(caught.value) for word in ("surprise", "thresholds", "blocking", "comparisons"))


def test_evaluate_counts_pairs_without_listing_them() -> None:
    clusters = pl.DataFrame({"record_id": list("abcdef"), "cluster_id": list("aaaddf")})
    truth = pl.DataFrame({"record_id": list("abcdefz"), "person_id": [1, 1, 2, 2, 2, 3, 9]})
    found = evaluate(clusters, truth)
    # together: ab ac bc de; one person: ab cd ce de; both: ab de
    assert (found.true_links, found.false_links, found.missed_links) == (2, 2, 2)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.bcubed_precision == pytest.approx((2 / 3 * 2 + 1 / 3 + 1 * 2 + 1) / 6)


def test_evaluate_refuses_frames_that_do_not_meet() -> None:
    frame = pl.DataFrame({"record_id": ["a"], "cluster_id": ["a"]})
    with pytest.raises(PipelineError, match="no record"):
        evaluate(frame, pl.DataFrame({"record_id": ["b"], "person_id": [1]}))
