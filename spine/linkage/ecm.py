"""The estimation of a Fellegi-Sunter model by expectation and maximisation: recordlinkage's classifier, extended.

Put here: what recordlinkage's ECM lacks for weighted patterns. Never here: what a pattern means (fit.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.special import expit

from spine.linkage.arrays import Floats
from spine.linkage.kernel import load_ecm

ECM: Any = load_ecm()


class WeightedECM(ECM):  # type: ignore[misc]
    """recordlinkage's ECM classifier, fitted on weighted patterns of many-levelled comparisons.

    The expectation step (`predict_proba`) is the library's. Added: weights; a missing value has no
    column and so no weight; fixed u; known classes; pseudo-counts; matches as a share of more pairs than
    were compared. Without these it gives the library's own estimates (see the tests).
    """

    def __init__(
        self,
        groups: npt.NDArray[np.int64],
        max_iter: int = 100,
        atol: float = 1e-5,
        splits: tuple[slice, ...] = (),
        split_weight: float = 0.0,
        most: Floats | None = None,
        least: tuple[tuple[slice, float], ...] = (),
    ) -> None:
        """What is estimated.

        Args:
            groups: comparison of each feature, as a number.
            max_iter: iterations at most.
            atol: change of a share at which it stops.
            splits: features that are one level, split.
            split_weight: pairs that the prior spread within a split weighs.
            most: largest share of matches of each feature.
            least: smallest share of non-matches of some splits.
        """
        super().__init__(init="given", max_iter=max_iter, binarize=None, atol=atol)
        self.groups, self.splits, self.split_weight = groups, splits, split_weight
        self.most, self.least = most, least

    def _transform_data(self, design: csr_matrix) -> csr_matrix:
        return design

    def fit(
        self,
        design: csr_matrix,
        weight: Floats,
        *,
        shares: Floats,
        matches: float,
        known: npt.NDArray[np.int64] | None = None,
        pseudo: tuple[float, float] = (0.0, 0.0),
        fixed: npt.NDArray[np.bool_] | None = None,
        population: float | None = None,
        held: float = 0.0,
    ) -> WeightedECM:
        """Estimate the shares and the number of matches.

        Args:
            design: patterns × features of 0 and 1.
            weight: pairs per pattern.
            shares: starting shares, 2 × features (row 0 non-matches, row 1 matches); also the prior.
            matches: starting share of matches; also the prior.
            known: 1, 0 or -1 per pattern, see `Patterns`.
            pseudo: prior's weight in pairs, for non-matches and matches.
            fixed: features whose u (row 0 of `shares`) is known and held.
            held: pairs that the prior of `matches` weighs.
            population: number of pairs that `matches` is a share of; the compared ones where left out.
        """
        self.classes_, self._matches, self.feature_log_prob_ = np.array([0, 1]), 0.0, np.zeros_like(shares)
        self._set(shares, matches)
        total = float(weight.sum()) if population is None else population
        label = np.full(weight.size, -1) if known is None else known
        self.converged_ = False
        for iteration in range(1, self.max_iter + 1):
            self.iterations_ = iteration
            expected = self._expected(design, weight, label)
            new = self._maximised((design.T @ expected.T).T, shares, pseudo, fixed)
            self.converged_ = self._set(new, (expected[1].sum() + held * matches) / (total + held)) < self.atol
            if self.converged_:
                break
        return self

    def _expected(self, design: csr_matrix, weight: Floats, label: npt.NDArray[np.int64]) -> Floats:
        """Pairs of each pattern that are no matches, and that are, as the estimates stand."""
        joint = self._joint_log_likelihood(design)
        # The library's predict_proba, whose sum over any number of classes takes five times as long as that of two.
        match = np.where(label >= 0, label, expit(joint[:, 1] - joint[:, 0]))
        return np.stack([weight * (1 - match), weight * match])

    def _maximised(
        self, counts: Floats, shares: Floats, pseudo: tuple[float, float], fixed: npt.NDArray[np.bool_] | None
    ) -> Floats:
        """The shares that expected counts make, with the prior's weight and within their limits."""
        counts = self._smoothed(counts, shares) + np.array(pseudo)[:, None] * shares
        new = self._raised(self._limited(self._normalised(counts, shares)))
        if fixed is not None:
            new[0, fixed] = shares[0, fixed]
        return new

    def _set(self, shares: Floats, matches: float) -> float:
        """Take new estimates; how far the one that moved most is from before."""
        moved = max(np.abs(shares - np.exp(self.feature_log_prob_)).max(), abs(matches - self._matches))
        self._matches = min(max(matches, 1e-15), 1 - 1e-9)
        self.class_log_prior_ = np.log([1 - self._matches, self._matches])
        self.feature_log_prob_ = np.log(np.maximum(shares, 1e-12))
        return float(moved)

    def _smoothed(self, counts: Floats, prior: Floats) -> Floats:
        """Shrink the spread within each split towards the prior's spread; its total stays."""
        for split in self.splits:
            total = counts[:, split].sum(axis=1, keepdims=True)
            spread = prior[:, split] / prior[:, split].sum(axis=1, keepdims=True)
            weight = np.maximum(total + self.split_weight, 1e-12)
            counts[:, split] = total * (counts[:, split] + self.split_weight * spread) / weight
        return counts

    def _limited(self, shares: Floats) -> Floats:
        """Shares of matches no larger than `most`; what is cut off goes to the other levels of the comparison."""
        if self.most is None:
            return shares
        over = shares[1] > self.most
        kept = np.where(over, self.most, shares[1])
        cut, free = (
            np.bincount(self.groups, weights=values)[self.groups]
            for values in (shares[1] - kept, np.where(over, 0.0, shares[1]))
        )
        shares[1] = np.where(over, kept, kept * (1 + cut / np.maximum(free, 1e-12)))
        return shares

    def _raised(self, shares: Floats) -> Floats:
        """Shares of non-matches no smaller than `least`; the other levels of the comparison make room."""
        for split, least in self.least:
            total = shares[0, split].sum()
            if 0 < total < least:
                others = self.groups == self.groups[split.start]
                others[split] = False
                shares[0, split] *= least / total
                shares[0, others] *= (1 - least) / (1 - total)
        return shares

    def _normalised(self, counts: Floats, fallback: Floats) -> Floats:
        """Shares within each comparison; the prior where no pair has both values."""
        totals = np.stack([np.bincount(self.groups, weights=row) for row in counts])[:, self.groups]
        return np.where(totals > 0, counts / np.where(totals > 0, totals, 1), fallback)
