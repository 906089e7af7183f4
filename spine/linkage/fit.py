"""Stage 6: what agreement and disagreement are worth, estimated without labels.

Put here: the Fellegi-Sunter model and its estimation by expectation and maximisation on the
histogram of comparison patterns. Never here: single pairs, or a name.

Two strata: in one *home* every pair of residents is compared, so m, u and the share of matches are
all estimated there. *Elsewhere* blocking shows only the pairs that agree on something, so u is
measured on random pairs and held fixed, and the share of matches refers to all pairs there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spine.linkage.arrays import Codes, Floats, factorise
from spine.linkage.compare import Compared, compare, stack
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Encoded
from spine.linkage.levels import BY_RARITY, COMPARISONS, EXACT, LEVELS, NUMBERS, Scheme, Stratum, level
from spine.linkage.parallel import both, by_rows
from spine.linkage.strangers import random_pairs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_DAYS_IN_YEAR = 365.25


@dataclass(frozen=True)
class Patterns:
    """Histogram of comparison patterns.

    Attributes:
        scheme: what was compared.
        design: patterns × `scheme.features`, 1 where the pattern has that level.
        home: pattern belongs to the stratum *home*.
        known: 1 known match, 0 known non-match, -1 to be estimated.
        count: pairs of records with the pattern.
        of_pair: pattern of each pair.
        keys: key of each pattern, ascending (see `pattern_keys`).
    """

    scheme: Scheme
    design: csr_matrix
    home: npt.NDArray[np.bool_]
    known: Codes
    count: Floats
    of_pair: npt.NDArray[np.int64]
    keys: Codes


@dataclass(frozen=True)
class Stratified:
    """Estimates of one stratum: log shares by feature (row 0 u, row 1 m), and the share of matches."""

    log_shares: Floats
    matches: float
    iterations: int
    converged: bool
    pairs: int


@dataclass(frozen=True)
class Model:
    """What was estimated, by stratum."""

    scheme: Scheme
    strata: dict[Stratum, Stratified]

    def weights(self, stratum: Stratum, config: LinkageConfig) -> Floats:
        """Bits of every feature in a stratum, none above its cap (`most_bits`)."""
        shares = self.strata[stratum].log_shares
        bits: Floats = (shares[1] - shares[0]) / np.log(2)
        for comparison, levels in config.thresholds.most_bits.items():
            for name, most in levels.items():
                feature = self.scheme.start[comparison] + level(comparison, name) - 1
                bits[feature] = min(bits[feature], most)
        return bits

    def as_dict(self, config: LinkageConfig) -> dict[str, Any]:
        """Counts, shares and weights in bits, by stratum, comparison and level; no value of any record.

        Shares m and u are as estimated, bits as they count: a cap holds for them.

        Args:
            config: the caps.
        """
        return {name: _describe(self, name, config) for name in self.strata}


def _most(scheme: Scheme, config: LinkageConfig) -> Floats:
    """Largest share of matching pairs that each feature may have."""
    most = np.ones(len(scheme.features))
    for comparison, levels in config.fit.most_different.items():
        for name, share in levels.items():
            most[scheme.start[comparison] + level(comparison, name) - 1] = share
    return most


def histogram(parts: Sequence[Compared], scheme: Scheme, records: Floats) -> Patterns:
    """Count pairs of records by pattern.

    Args:
        parts: compared pairs, one part after the other.
        scheme: what was compared.
        records: how many pairs of records each of the pairs stands for.
    """
    starts = np.cumsum([0, *(part.left.size for part in parts)])
    keys = np.empty(int(starts[-1]), dtype=np.int64)
    for compared, start, end in zip(parts, starts, starts[1:], strict=False):
        pattern_keys(compared, scheme, keys[start:end])
    of_pair, where = factorise(keys)
    keys = keys[where]
    count = np.bincount(of_pair, weights=records, minlength=where.size)
    part = np.searchsorted(starts[1:], where, side="right")
    examples = [parts[i].taken(where[part == i] - starts[i]) for i in range(len(parts))]
    order = np.argsort(np.concatenate([np.flatnonzero(part == i) for i in range(len(parts))]))
    return patterns_of(keys, stack(*examples).taken(order), count, scheme, of_pair)


def patterns_of(keys: Codes, one_each: Compared, count: Floats, scheme: Scheme, of_pair: Codes) -> Patterns:
    """The histogram, from an example of each pattern."""
    return Patterns(scheme, _design(one_each.levels, scheme), one_each.home, _known(one_each), count, of_pair, keys)


def pattern_keys(compared: Compared, scheme: Scheme, out: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
    """One integer for each pattern of levels, in `out` where that is given."""
    keys = np.empty(compared.left.size, dtype=np.int64) if out is None else out

    def put(some: slice) -> None:
        key = keys[some]
        np.add(compared.home[some] * np.int8(3), _known(compared, some) + 1, out=key)
        for comparison, names in scheme.levels.items():
            key *= len(names)
            key += compared.levels[comparison][some]

    by_rows(put, keys.size)
    return keys


def _known(compared: Compared, some: slice = slice(None)) -> npt.NDArray[np.int8]:
    """1 known match, 0 known non-match, -1 to be estimated."""
    apart = (compared.veto[some] > 0) | compared.kin[some]
    return np.where(apart, 0, np.where(compared.anchor[some], 1, -1)).astype(np.int8)


def fit(
    encoded: Encoded,
    records: int,
    patterns: Patterns,
    config: LinkageConfig,
    before: Model | None = None,
    counted: Floats | None = None,
) -> Model:
    """Estimate both strata (Fellegi and Sunter 1969; EM as Winkler 1988).

    Args:
        encoded: the nodes, for frequencies and random pairs.
        records: number of records.
        patterns: histogram of the candidate pairs.
        config: priors and limits.
        before: take from this model how often strangers agree, instead of counting it on other random pairs: of rare
            levels a sample says so little that weights would change by the draw alone.
        counted: how often strangers agree, where that was counted already (see `strangers`).
    """
    home, elsewhere = patterns.home, ~patterns.home
    home_pairs = float(patterns.count[home].sum())
    others = max(records * (records - 1) / 2 - home_pairs, 1.0)
    # A handful of records tells nothing about how rare their names are: they are taken as a part of a region.
    region = max(records, config.fit.region_records)
    per_record = 2 * config.fit.elsewhere_matches_per_record / region
    together = _neighbours(_prior(encoded, config, "home"), patterns, home, config)
    if before is not None:
        apart = _strangers_of(before, encoded, config)
    else:
        random = strangers(encoded, config) if counted is None else counted
        apart = _neighbours(random, patterns, elsewhere, config)
    at_home, between = both(
        lambda: _estimate(patterns, home, together, config.fit.home_matches_per_pair, config),
        lambda: _estimate(patterns, elsewhere, apart, per_record, config, population=others),
        patterns.count.size,
    )
    return Model(patterns.scheme, {"home": at_home, "elsewhere": between})


def _neighbours(shares: Floats, patterns: Patterns, own: npt.NDArray[np.bool_], config: LinkageConfig) -> Floats:
    """Shares before the fit, with u of further columns at addresses that agree.

    What two people share there beyond chance they share because they live together or close by, whatever the value.
    """
    scheme, shares, held = patterns.scheme, shares.copy(), config.fit.prior_nonmatches
    pairs = patterns.count @ patterns.design.multiply((own & _two_people(patterns))[:, None])
    for further, nearby in zip(scheme.extra_comparisons, scheme.nearby_comparisons, strict=True):
        differ, split, chance = scheme.start[nearby], scheme.splits[nearby], shares[0, scheme.splits[further]]
        agree = pairs[split].sum()
        shared = (agree + held * config.extra_shared) / (agree + pairs[differ] + held)
        holders = shares[1, split] / shares[1, split].sum()
        shares[0, split] = chance + max(shared - chance.sum(), 0.0) * holders
        shares[0, differ] = 1 - min(shares[0, split].sum(), 1 - 1e-9)
    return shares


def _two_people(patterns: Patterns) -> npt.NDArray[np.bool_]:
    """Patterns of pairs that are plainly two people: another forename, and another date of birth where any is known."""
    first, born = (patterns.scheme.start[comparison] - 1 for comparison in ("first_name", "date_of_birth"))
    other_name = _has(patterns, slice(first + level("first_name", "different"), first + level("first_name", "similar")))
    dates = slice(born + 1, born + len(LEVELS["date_of_birth"]))
    others = slice(born + level("date_of_birth", "generation"), born + level("date_of_birth", "near"))
    known = _has(patterns, dates)
    return other_name & (patterns.known != 1) & (_has(patterns, others) | (not known.any()))


def _has(patterns: Patterns, features: slice) -> npt.NDArray[np.bool_]:
    """Patterns with one of these features."""
    found: npt.NDArray[np.bool_] = np.asarray(patterns.design[:, features].sum(axis=1)).ravel() > 0
    return found


def _estimate(
    patterns: Patterns,
    own: npt.NDArray[np.bool_],
    shares: Floats,
    matches: float,
    config: LinkageConfig,
    *,
    population: float | None = None,
) -> Stratified:
    """Fit one stratum; the priors stand where it has no pair. A given population means that u is known."""
    pairs = int(patterns.count[own].sum())
    if not pairs:
        return Stratified(np.log(np.maximum(shares, 1e-12)), matches, 0, True, 0)
    limits, scheme = config.fit, patterns.scheme
    comparisons = list(scheme.levels)
    groups = np.array([comparisons.index(comparison) for comparison, _ in scheme.features], dtype=np.int64)
    # recordlinkage, pandas and scikit-learn take seconds to import: only where something is estimated.
    from spine.linkage.ecm import WeightedECM

    most, at_home = _most(scheme, config), limits.least_alike_at_home.items() if population is None else ()
    least = tuple((scheme.splits[comparison], share) for comparison, share in at_home)
    splits = tuple(scheme.splits.values())
    kernel = WeightedECM(
        groups, limits.max_iterations, limits.tolerance, splits, limits.prior_rarity_pairs, most, least
    ).fit(
        patterns.design[np.flatnonzero(own)],
        patterns.count[own],
        shares=shares,
        matches=matches,
        known=patterns.known[own],
        pseudo=(config.fit.prior_nonmatches, config.fit.prior_matches),
        fixed=_fixed(scheme) if population is None else np.full(len(scheme.features), True),
        population=population,
        held=limits.prior_home_pairs if population is None else 0.5 * limits.prior_matches / matches,
    )
    share = float(np.exp(kernel.class_log_prior_[1]))
    return Stratified(kernel.feature_log_prob_, share, kernel.iterations_, kernel.converged_, pairs)


def _fixed(scheme: Scheme) -> npt.NDArray[np.bool_]:
    """Features whose u at home is not estimated: numbers, and further columns, whose u is measured."""
    return np.array([comparison in (*NUMBERS, *scheme.nearby_comparisons) for comparison, _ in scheme.features])


def _prior(encoded: Encoded, config: LinkageConfig, stratum: Stratum) -> Floats:
    """Prior shares by feature: row 0 u, row 1 m. Exact agreement is spread over its rarity buckets."""
    scheme = encoded.scheme
    shares = np.full((2, len(scheme.features)), 1e-9)
    for comparison in COMPARISONS:
        prior, start = config.prior(comparison, stratum), scheme.start[comparison] - 1
        for row, values in enumerate((prior.u, prior.m)):
            for name, share in values.items():  # written shares are rounded: they sum to about 1
                part = share / sum(values.values())
                if comparison in BY_RARITY and name == EXACT:
                    shares[row, scheme.splits[comparison]] = part * encoded.rarity[comparison].holders
                else:
                    shares[row, start + level(comparison, name)] = part
    for comparison in scheme.extra_comparisons:
        rarity, differ = encoded.rarity[comparison], scheme.start[comparison]
        shares[0, scheme.splits[comparison]] = rarity.chance
        shares[1, scheme.splits[comparison]] = config.extra_agrees * rarity.holders
        shares[:, differ] = 1 - np.minimum(shares[:, scheme.splits[comparison]].sum(axis=1), 1 - 1e-9)
    for further, nearby in zip(scheme.extra_comparisons, scheme.nearby_comparisons, strict=True):
        shares[:, scheme.splits[nearby]] = shares[:, scheme.splits[further]]
        shares[:, scheme.start[nearby]] = shares[:, scheme.start[further]]
    return shares


def strangers(encoded: Encoded, config: LinkageConfig) -> Floats:
    """Shares elsewhere before the fit, with u measured on random pairs and shrunk towards the prior.

    Random pairs that agree on a date of birth and a name are left out: they are as likely to be
    one person. Exact agreement on names is the sum of squared shares, on a date of birth the share of
    equal years over the days of a year: both too rare to be counted on a sample.
    """
    shares = _prior(encoded, config, "elsewhere")
    compared = compare(encoded, *random_pairs(encoded, config.fit.random_pairs, config.fit.seed))
    birth, weight = compared.levels["date_of_birth"], config.fit.prior_random_pairs
    names = [compared.levels[comparison] >= level(comparison, "close") for comparison in BY_RARITY]
    numbers = compared.levels["nhs_number"] == 2
    kept = ~compared.home & ~numbers & ~((birth > level("date_of_birth", "different")) & (names[0] | names[1]))
    for comparison in COMPARISONS:
        start, levels = encoded.scheme.start[comparison], len(encoded.scheme.levels[comparison]) - 1
        counts = np.bincount(compared.levels[comparison][kept], minlength=levels + 1)[1:]
        shares[0, start : start + levels] = shrunk(counts, shares[0, start : start + levels], weight)
    for comparison in BY_RARITY:
        shares[0, encoded.scheme.splits[comparison]] = encoded.rarity[comparison].chance
    start = encoded.scheme.start["date_of_birth"] - 1
    shares[0, start + level("date_of_birth", EXACT)] = _same_birthday(encoded, config)
    return shares


def shrunk(counts: Floats, prior: Floats, weight: float) -> Floats:
    """Shares of levels, shrunk towards the prior as if by so many pairs, and by at least one at each level.

    A level that one pair in a million of strangers has is seen once in a sample, or not at all: neither says much.
    """
    held = np.maximum(weight * prior, 1.0)
    shares: Floats = (counts + held) / (counts.sum() + held / prior)
    return shares / shares.sum()


def _strangers_of(before: Model, encoded: Encoded, config: LinkageConfig) -> Floats:
    """Shares elsewhere before the fit, with u as it was measured for another model."""
    shares = _prior(encoded, config, "elsewhere")
    shares[0] = np.exp(before.strata["elsewhere"].log_shares[0])
    return shares


def _same_birthday(encoded: Encoded, config: LinkageConfig) -> float:
    """Chance that two strangers were born on one day."""
    years = np.bincount(encoded.codes["birth"] // 10_000)[1:].astype(np.float64)
    weight = config.fit.name_prior_records
    same_year = ((years**2).sum() + weight**2 / 80) / (years.sum() + weight) ** 2
    return float(same_year / _DAYS_IN_YEAR)


def _design(levels: dict[str, npt.NDArray[np.uint8]], scheme: Scheme) -> csr_matrix:
    rows, columns = [], []
    for comparison, values in levels.items():
        known = np.flatnonzero(values)
        rows.append(known)
        columns.append(scheme.start[comparison] + values[known].astype(np.int64) - 1)
    from scipy.sparse import csr_matrix

    size = next(iter(levels.values())).size
    row, column = np.concatenate(rows), np.concatenate(columns)
    return csr_matrix((np.ones(row.size), (row, column)), shape=(size, len(scheme.features)))


def _describe(model: Model, name: Stratum, config: LinkageConfig) -> dict[str, Any]:
    stratum, weights = model.strata[name], model.weights(name, config)
    shares = np.exp(stratum.log_shares)
    comparisons: dict[str, dict[str, Any]] = {}
    for i, (comparison, level_name) in enumerate(model.scheme.features):
        values = {"m": float(shares[1, i]), "u": float(shares[0, i]), "bits": round(float(weights[i]), 4)}
        comparisons.setdefault(comparison, {})[level_name] = values
    return {
        "matches_per_pair": stratum.matches,
        "prior_bits": round(float(np.log2(stratum.matches / (1 - stratum.matches))), 4),
        "pairs": stratum.pairs,
        "iterations": stratum.iterations,
        "converged": stratum.converged,
        "comparisons": comparisons,
    }
