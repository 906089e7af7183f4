"""The estimation against recordlinkage's own, and what it adds to it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from spine.errors import PipelineError
from spine.linkage.ecm import WeightedECM
from spine.linkage.fit import shrunk
from spine.linkage.kernel import load_ecm

COLUMNS = 4
GROUPS = np.repeat(np.arange(COLUMNS), 2)


@pytest.fixture(scope="module")
def library() -> Any:
    """The library's own classifier. It takes a second to import: only the worker that needs it does."""
    return import_module("recordlinkage.algorithms.nb_sklearn").ECM


@pytest.fixture(scope="module")
def agreements() -> np.ndarray:
    """3,000 pairs of 0 and 1 in four comparisons; one pair in five is a match."""
    rng = np.random.default_rng(5)
    match = rng.random(3000) < 0.2
    m, u = np.array([0.95, 0.9, 0.85, 0.8]), np.array([0.05, 0.1, 0.2, 0.3])
    return (rng.random((3000, COLUMNS)) < np.where(match[:, None], m, u)).astype(int)


def one_hot(levels: np.ndarray, missing: np.ndarray | None = None) -> csr_matrix:
    both = np.stack([1 - levels, levels], axis=2).astype(float)
    if missing is not None:
        both[missing] = 0
    return csr_matrix(both.reshape(len(levels), -1))


def start() -> np.ndarray:
    """Starting shares of recordlinkage's `jaro`: non-matches agree in one of ten, matches in nine."""
    return np.tile([[0.9, 0.1], [0.1, 0.9]], COLUMNS)


def test_equals_recordlinkage_on_its_own_ground(agreements: np.ndarray, library: Any) -> None:
    oracle = library(init="jaro", binarize=None, max_iter=500, atol=1e-12).fit(agreements)
    patterns, count = np.unique(agreements, axis=0, return_counts=True)
    ours = WeightedECM(GROUPS, 500, 1e-12).fit(one_hot(patterns), count.astype(float), shares=start(), matches=0.1)
    np.testing.assert_allclose(np.exp(ours.feature_log_prob_), np.exp(oracle.feature_log_prob_), atol=1e-4)
    np.testing.assert_allclose(np.exp(ours.class_log_prior_), np.exp(oracle.class_log_prior_), atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(one_hot(patterns)), oracle.predict_proba(patterns), atol=1e-3)


def test_weights_stand_for_repeated_pairs(agreements: np.ndarray) -> None:
    patterns, count = np.unique(agreements, axis=0, return_counts=True)
    fitted = [
        WeightedECM(GROUPS, 200, 1e-10).fit(one_hot(rows), weight.astype(float), shares=start(), matches=0.1)
        for rows, weight in ((patterns, count), (agreements, np.ones(len(agreements))))
    ]
    np.testing.assert_allclose(fitted[0].feature_log_prob_, fitted[1].feature_log_prob_, atol=1e-6)


def test_missing_values_carry_no_weight(agreements: np.ndarray) -> None:
    missing = np.zeros(agreements.shape, dtype=bool)
    missing[:, 3] = True
    fitted = WeightedECM(GROUPS, 200, 1e-10).fit(
        one_hot(agreements, missing), np.ones(len(agreements)), shares=start(), matches=0.1
    )
    np.testing.assert_allclose(np.exp(fitted.feature_log_prob_[:, 6:]), start()[:, 6:])
    alone = csr_matrix((1, 8))
    np.testing.assert_allclose(fitted.predict_proba(alone)[0], np.exp(fitted.class_log_prior_))


def test_fixed_u_known_classes_and_population(agreements: np.ndarray) -> None:
    weight = np.ones(len(agreements))
    known = np.where(agreements.sum(axis=1) == COLUMNS, 1, -1)
    fitted = WeightedECM(GROUPS, 200, 1e-10).fit(
        one_hot(agreements), weight, shares=start(), matches=1e-3, known=known, fixed=np.full(8, True), population=1e6
    )
    np.testing.assert_allclose(np.exp(fitted.feature_log_prob_[0]), start()[0])
    expected = np.where(known == 1, 1, fitted.predict_proba(one_hot(agreements))[:, 1]).sum()
    assert np.exp(fitted.class_log_prior_[1]) == pytest.approx(expected / 1e6, rel=1e-3)


def test_few_pairs_stay_near_the_prior_and_many_leave_it(agreements: np.ndarray) -> None:
    def moved(pairs: int) -> float:
        fitted = WeightedECM(GROUPS, 200, 1e-10).fit(
            one_hot(agreements[:pairs]), np.ones(pairs), shares=start(), matches=0.1, pseudo=(40, 40)
        )
        return float(np.abs(np.exp(fitted.feature_log_prob_) - start()).max())

    assert moved(5) < 0.06
    assert moved(3000) > 0.1


def test_a_split_is_shrunk_towards_its_spread() -> None:
    shares = np.array([[0.5, 0.25, 0.25], [0.2, 0.4, 0.4]])
    design = csr_matrix(np.array([[0.0, 1.0, 0.0]]))
    kernel = WeightedECM(np.zeros(3, dtype=int), 50, 1e-9, splits=(slice(1, 3),), split_weight=100.0)
    m = np.exp(
        kernel.fit(design, np.array([4.0]), shares=shares, matches=0.5, known=np.array([1])).feature_log_prob_[1]
    )
    assert m[1] == pytest.approx((4 + 50) / 104)
    assert m[2] == pytest.approx(50 / 104)


def test_the_kernel_runs_the_code_of_the_library(library: Any) -> None:
    for name in ("predict_proba", "predict_log_proba", "_joint_log_likelihood"):
        ours, theirs = getattr(WeightedECM, name).__code__, getattr(library, name).__code__
        assert (ours.co_filename, ours.co_code) == (theirs.co_filename, theirs.co_code)


def test_the_kernel_alone_is_loaded() -> None:
    told = "import sys, spine.linkage.ecm; print(sorted({'sklearn', 'pandas', 'recordlinkage'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", told], text=True) == "[]\n"


def test_a_library_without_the_module_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = ModuleSpec("recordlinkage", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("spine.linkage.kernel.find_spec", lambda _: elsewhere)
    with pytest.raises(PipelineError, match=r"no module algorithms/nb_sklearn\.py"):
        load_ecm()


def test_what_a_sample_says_of_a_rare_level_is_held_by_one_pair() -> None:
    prior = np.array([0.9, 0.0999998, 2e-7])
    never, once = (shrunk(np.array([180_000.0, 20_000.0, seen]), prior, 2000) for seen in (0.0, 1.0))
    assert never.sum() == pytest.approx(1)
    assert never[:2] == pytest.approx([0.9, 0.1], rel=1e-4)
    assert never[2] == pytest.approx(prior[2], rel=0.1)  # nothing seen says next to nothing
    assert 1.5 < once[2] / never[2] < 2.5  # and one pair no more than a bit
