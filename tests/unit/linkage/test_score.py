"""Stage 7: weights, what caps them, and rivals that lower each other's odds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spine.linkage.compare import VETOES, Compared
from spine.linkage.config import LinkageConfig
from spine.linkage.fit import Model, Patterns, Stratified, fit, histogram
from spine.linkage.levels import BY_RARITY, level
from spine.linkage.overrides import Decisions
from spine.linkage.score import Scored, probability, score, weigh
from tests.unit.linkage.rows import NOBODY, ORLA, blank, encoded, first_two

NONE = Decisions(NOBODY, NOBODY)


def compared(pairs: list[tuple[int, int]], **flags: list[bool]) -> Compared:
    """Pairs that agree on names and birth; flags as of `Compared`."""
    left, right = (np.array(column) for column in zip(*pairs, strict=True))
    given = {name: np.array(values) for name, values in flags.items()}
    none = {name: np.zeros(left.size, dtype=bool) for name in ("home", "anchor", "lookalike", "kin", "thin")}
    equal = ("first_name", "surname", "date_of_birth")
    levels = {name: np.full(left.size, level(name, "exact"), dtype=np.uint8) for name in equal}
    levels |= {name: np.zeros(left.size, dtype=np.uint8) for name in ("sex", "nhs_number", "other_number")}
    return Compared(
        left=left, right=right, levels=levels, veto=np.zeros(left.size, dtype=np.uint8), **{**none, **given}
    )


def settled(
    config: LinkageConfig, pairs: Compared, bits: list[float], sources: list[int], decisions: Decisions = NONE
) -> Scored:
    return score(blank(len(sources), source=sources), pairs, np.array(bits), decisions, config)


def test_two_rivals_of_one_source_lower_each_others_odds(config: LinkageConfig) -> None:
    found = settled(config, compared([(0, 2), (1, 2)]), [5.0, 5.0], [1, 1, 2])
    np.testing.assert_allclose(found.bits, 5 - np.log2(1 + 2**5), atol=1e-5)
    assert found.contested == 2


def test_the_better_of_two_rivals_keeps_most_of_its_odds(config: LinkageConfig) -> None:
    found = settled(config, compared([(0, 2), (1, 2)]), [12.0, 3.0], [1, 1, 2])
    np.testing.assert_allclose(found.bits, [12 - np.log2(1 + 2**3), 3 - np.log2(1 + 2**12)], atol=1e-5)
    assert found.contested == 1


def test_records_of_two_sources_or_in_a_single_one_are_no_rivals(config: LinkageConfig) -> None:
    pairs, bits = compared([(0, 2), (1, 2)]), np.array([5.0, 5.0])
    assert settled(config, pairs, [5.0, 5.0], [1, 4, 2]).bits.tolist() == [5.0, 5.0]
    single = replace(blank(3, source=[1, 1, 1]), bits={"a__b": 1})
    assert score(single, pairs, bits, NONE, config).bits.tolist() == [5.0, 5.0]


def test_two_records_that_may_be_one_person_are_no_rivals(config: LinkageConfig) -> None:
    pairs = compared([(0, 1), (0, 2), (1, 2)])
    limit = config.thresholds.rival_bits
    assert settled(config, pairs, [limit, 5.0, 5.0], [1, 1, 2]).bits.tolist() == [limit, 5.0, 5.0]
    assert (settled(config, pairs, [limit - 0.1, 5.0, 5.0], [1, 1, 2]).bits[1:] < 0).all()
    vetoed = replace(pairs, veto=np.array([1, 0, 0], dtype=np.uint8))
    assert (settled(config, vetoed, [limit, 5.0, 5.0], [1, 1, 2]).bits[1:] < 0).all()


def test_two_records_of_one_name_and_birth_that_were_not_compared_are_no_rivals(config: LinkageConfig) -> None:
    pairs, bits = compared([(0, 2), (1, 2)]), np.array([5.0, 5.0])
    same = blank(3, source=[1, 1, 2], first=[7, 7, 7], surname=[8, 8, 8], birth=[19510203] * 3)
    assert score(same, pairs, bits, NONE, config).bits.tolist() == [5.0, 5.0]
    other = blank(3, source=[1, 1, 2], first=[7, 7, 7], surname=[8, 8, 8], birth=[19510203, 19790112, 19510203])
    assert (score(other, pairs, bits, NONE, config).bits < 0).all()


def test_a_vetoed_pair_is_nobodys_rival(config: LinkageConfig) -> None:
    pairs = replace(compared([(0, 2), (1, 2)]), veto=np.array([0, 1], dtype=np.uint8))
    assert settled(config, pairs, [5.0, 9.0], [1, 1, 2]).bits[0] == 5.0


def test_an_equal_number_with_nothing_against_it_fears_no_rival(config: LinkageConfig) -> None:
    pairs = compared([(0, 2), (1, 2)], anchor=[True, False])
    assert settled(config, pairs, [10.0, 10.0], [1, 1, 2]).bits[0] == 10.0
    pairs.levels["first_name"][0] = level("first_name", "different")
    assert settled(config, pairs, [10.0, 10.0], [1, 1, 2]).bits[0] < 0


def test_decisions_lift_a_veto_or_make_one(config: LinkageConfig) -> None:
    pairs = replace(compared([(0, 1), (0, 2), (1, 2)], anchor=[True] * 3), veto=np.array([1, 0, 0], dtype=np.uint8))
    decisions = Decisions(np.array([0 * 3 + 1]), np.array([1 * 3 + 2]))
    found = settled(config, pairs, [-30.0, 9.0, 9.0], [1, 2, 4], decisions)
    assert found.manual.tolist() == [True, False, False]
    assert [VETOES[code] for code in found.veto] == ["none", "none", "cannot_link"]


def test_lookalikes_are_twins_unless_the_whole_weight_says_otherwise(config: LinkageConfig) -> None:
    pairs = compared([(0, 1), (2, 3)], lookalike=[True, True])
    found = settled(config, pairs, [-0.1, 3.0], [1, 2, 1, 2])
    assert [VETOES[code] for code in found.veto] == ["twins", "none"]


def test_two_forenames_of_which_three_sources_each_know_one_are_one_person(config: LinkageConfig) -> None:
    pairs = compared([(0, 1), (0, 2), (1, 2)], lookalike=[True, True, False])
    pairs.levels["sex"][:] = level("sex", "agree")
    entries = blank(3, source=[1, 2, 4], first=[7, 8, 8])
    assert score(entries, pairs, np.array([-5.0, -5.0, 9.0]), NONE, config).veto.tolist() == [0, 0, 0]
    twins = VETOES.index("twins")
    for name in ("sex", "nhs_number", "other_number"):
        other = replace(pairs, levels={**pairs.levels, name: np.full(3, level(name, "differ"), dtype=np.uint8)})
        assert score(entries, other, np.array([-5.0, -5.0, 9.0]), NONE, config).veto.tolist() == [twins, twins, 0]
    for sources in ([1, 2, 2], [1, 2, 5], [1, 2, 0]):
        few = blank(3, source=sources, first=[7, 8, 8])
        assert score(few, pairs, np.array([-5.0, -5.0, 9.0]), NONE, config).veto.tolist() == [twins, twins, 0]


@pytest.fixture
def weighed(config: LinkageConfig) -> tuple[Compared, Patterns, Model]:
    """One pair of equal names and birth between two homes, and a model in which it weighs 20 bits."""
    pair = first_two(config, ORLA, {**ORLA, "house_number": "7", "postcode": "WX9 9ZZ"})
    patterns = histogram((pair,), config.scheme, np.ones(1))
    half = np.full((2, len(config.scheme.features)), 0.5)
    for name in BY_RARITY:
        half[0, config.scheme.splits[name]] = 0.5 / 2**10
    strata = Stratified(np.log(half), 0.5, 0, True, 1)
    return pair, patterns, Model(config.scheme, {"home": strata, "elsewhere": strata})


def test_a_weight_is_the_prior_and_one_weight_for_each_comparison(
    config: LinkageConfig, weighed: tuple[Compared, Patterns, Model]
) -> None:
    pair, patterns, model = weighed
    assert weigh(pair, patterns.of_pair, patterns, model, config) == pytest.approx([20.0])


def test_what_caps_or_lifts_a_weight(config: LinkageConfig, weighed: tuple[Compared, Patterns, Model]) -> None:
    pair, patterns, model = weighed
    pair = replace(pair, veto=np.zeros(1, dtype=np.uint8))
    yes, no = np.array([True]), np.array([False])

    def bits(matches: float, **flags: np.ndarray) -> float:
        strata = {name: replace(stratum, matches=matches) for name, stratum in model.strata.items()}
        return float(weigh(replace(pair, **flags), patterns.of_pair, patterns, Model(model.scheme, strata), config)[0])

    thin = config.thresholds.thin_bits
    assert bits(0.5, kin=yes) == 0.0
    assert bits(0.5, thin=yes) == pytest.approx(20.0)
    assert bits(2.0 ** (thin - 20.5), thin=yes) == 0.0
    assert bits(2.0 ** (thin - 20.5), thin=no) == pytest.approx(thin - 0.5, abs=0.01)
    assert bits(2.0**-40, anchor=yes) == config.thresholds.anchor_bits
    assert bits(2.0**-40, anchor=yes, veto=np.array([1], dtype=np.uint8)) == pytest.approx(-20.0, abs=0.01)


def test_every_pattern_is_weighed_in_its_own_stratum(config: LinkageConfig) -> None:
    records = encoded(config, ORLA, ORLA)
    pair = first_two(config, ORLA, ORLA)
    patterns = histogram((pair,), config.scheme, np.ones(1))
    model = fit(records, 2, patterns, config)
    own = model.as_dict(config)["home"]
    names = {name: config.scheme.levels[name][values[0]] for name, values in pair.levels.items()}
    told = own["prior_bits"] + sum(own["comparisons"][c][n]["bits"] for c, n in names.items() if n != "missing")
    assert weigh(pair, patterns.of_pair, patterns, model, config)[0] == pytest.approx(told, abs=0.01)


def test_bits_and_probability() -> None:
    np.testing.assert_allclose(probability(np.array([0.0, 3.0, -3.0])), [1 / 2, 8 / 9, 1 / 9])
