"""A pair's waterfall: it adds up, and says everything in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spine.linkage.compare import VETOES, Compared
from spine.linkage.config import LinkageConfig, Thresholds
from spine.linkage.explain import (
    LEVEL_WORDS,
    VETO_WORDS,
    Decision,
    Outcome,
    explain,
    subject_of,
    words_of,
    words_of_veto,
)
from spine.linkage.facts import anchored, related, thin
from spine.linkage.fit import Model, Stratified, histogram
from spine.linkage.levels import EXACT, LEVELS, STRATA, Scheme
from spine.linkage.score import weigh

LIMITS = Thresholds(link_bits=3.0, refuse_bits=-6.0, anchor_bits=20.0, thin_bits=15.0, rival_bits=-3.0)

MODEL: dict[str, Any] = {
    "elsewhere": {
        "prior_bits": -15.0,
        "comparisons": {
            "surname": {"exact_6": {"bits": 10.5}, "different": {"bits": -4.0}},
            "first_name": {"initial": {"bits": 3.25}},
            "date_of_birth": {"exact": {"bits": 14.0}},
            "phone": {"agree": {"bits": 9.0}},
        },
    }
}
LEVELS_OF_ONE = {"surname": "exact_6", "first_name": "initial", "date_of_birth": "exact", "phone": "missing"}


def test_the_steps_add_up_to_the_total() -> None:
    told = explain(LEVELS_OF_ONE, "elsewhere", MODEL, LIMITS, Outcome(method="probabilistic", together=True))
    assert [step.bits for step in told.steps] == [-15.0, 10.5, 3.25, 14.0]
    assert told.total == told.steps[-1].total == 12.75
    assert told.not_known == ("phone number",)
    assert told.decision is Decision.linked
    assert told.probability == pytest.approx(1 / (1 + 2**-12.75))
    assert told.steps[1].words == "agrees exactly; about 1 person in 860 holds a surname this common"
    assert "1 pair in 33,000 is one person" in told.steps[0].words


RELATIVES = {**LEVELS_OF_ONE, "first_name": "different", "date_of_birth": "missing"}
THIN = {**LEVELS_OF_ONE, "first_name": "missing"}
NUMBER = {**LEVELS_OF_ONE, "nhs_number": "agree"}


@pytest.mark.parametrize(
    ("levels", "bits", "corrected"),
    [
        (LEVELS_OF_ONE, 12.75, []),
        (LEVELS_OF_ONE, 9.0, [("Rivals", 9.0)]),
        (THIN, 0.0, [("Too little", 0.0)]),
        (LEVELS_OF_ONE, 3.0, [("Rivals", 3.0)]),
        (NUMBER, 20.0, [("NHS number", 20.0)]),
        (NUMBER, 14.0, [("NHS number", 20.0), ("Rivals", 14.0)]),
        (RELATIVES, 0.0, [("Relatives", 0.0)]),
    ],
)
def test_what_changed_the_sum_is_a_step_of_its_own(
    levels: dict[str, str], bits: float, corrected: list[tuple[str, float]]
) -> None:
    model = {"elsewhere": {**MODEL["elsewhere"], "prior_bits": -15.0 if levels is not RELATIVES else -5.0}}
    told = explain(levels, "elsewhere", model, LIMITS, Outcome(bits=bits, together=True))
    weights = len(told.steps) - len(corrected)
    assert [(step.subject, step.total) for step in told.steps[weights:]] == corrected
    assert sum(step.bits for step in told.steps) == pytest.approx(bits) == told.total


def test_records_that_were_taken_as_one_say_so() -> None:
    levels = {"surname": "exact_6", "first_name": "exact_2", "address": "same_home"}
    model = {"home": {**MODEL["elsewhere"], "prior_bits": -9.0}}
    told = explain(levels, "home", model, LIMITS, Outcome(bits=3.0, method="probabilistic", together=True))
    assert (told.steps[-1].subject, told.steps[-1].bits) == ("Taken as one", 1.5)


@pytest.mark.parametrize(("prior", "limit"), [(80.0, 60.0), (-95.0, -60.0)])
def test_no_pair_counts_for_more_than_the_limit(prior: float, limit: float) -> None:
    model = {"home": {**MODEL["elsewhere"], "prior_bits": prior}}
    told = explain(LEVELS_OF_ONE, "home", model, LIMITS, Outcome(bits=limit))
    assert (told.steps[-1].subject, told.steps[-1].total) == ("Limit", limit)


@pytest.mark.parametrize("stratum", STRATA)
def test_the_steps_lead_to_what_scoring_gives_for_any_levels(config: LinkageConfig, stratum: str) -> None:
    """Random levels and weights without rivals: every step has a reason that the levels bear out."""
    config = config.model_copy(update={"extras": ("birth_place",)})
    scheme, size, rng = config.scheme, 600, np.random.default_rng(5)
    levels = {name: rng.integers(0, len(names), size).astype(np.uint8) for name, names in scheme.levels.items()}
    levels["nearby_birth_place"] *= levels["extra_birth_place"] == 0  # one of the two is known
    home, none = np.full(size, stratum == "home"), np.zeros(size, dtype=np.uint8)
    place = np.arange(size)
    compared = Compared(
        place, place + size, levels, home, anchored(levels), none > 0, related(levels, ()), ~home & thin(levels), none
    )
    shares = np.log(rng.uniform(0.1, 0.9, (2, len(scheme.features))))
    shares[1] += np.where([name.startswith(EXACT) for _, name in scheme.features], 3.0, 0.0)
    model = Model(scheme, dict.fromkeys(STRATA, Stratified(shares, 0.2, 0, True, 1)))
    patterns = histogram((compared,), scheme, np.ones(size))
    weights = weigh(compared, patterns.of_pair, patterns, model, config)
    seen = set()
    for pair, bits in enumerate(weights.tolist()):
        named = {name: scheme.levels[name][values[pair]] for name, values in levels.items()}
        told = explain(named, stratum, model.as_dict(config), config.thresholds, Outcome(bits=bits))
        assert told.steps[-1].total == pytest.approx(bits, abs=0.01)
        assert sum(step.bits for step in told.steps) == pytest.approx(bits, abs=0.01)
        seen |= {step.subject for step in told.steps}
    assert {"NHS number", "Relatives"} <= seen
    assert ("Too little" in seen) == (stratum == "elsewhere")
    assert not {"Rivals", "Taken as one", "Otherwise"} & seen


@pytest.mark.parametrize(
    ("outcome", "decision", "words"),
    [
        (Outcome(method="exact", together=True), Decision.linked, "is linked"),
        (Outcome(method="manual", together=True), Decision.manual, "a person decided"),
        (Outcome(bits=-2.0, together=True), Decision.joined, "other records join the two"),
        (Outcome(veto="twins"), Decision.vetoed, "twins"),
        (Outcome(veto="twins", together=True), Decision.joined, "itself may never be linked (they were born"),
        (Outcome(bits=4.0), Decision.kept_apart, "must stay apart"),
        (Outcome(bits=4.0, compared=False), Decision.not_found, "no blocking rule"),
        (Outcome(bits=2.0), Decision.not_linked, "+2.0 bits against a threshold of +3.0"),
    ],
)
def test_the_decision_is_said(outcome: Outcome, decision: Decision, words: str) -> None:
    told = explain(LEVELS_OF_ONE, "elsewhere", MODEL, LIMITS, outcome)
    assert told.decision is decision
    assert words in told.reason


def test_every_level_and_veto_has_words_of_its_own() -> None:
    for comparison, names in Scheme(("birth_place",)).levels.items():
        sentences = [words_of(comparison, name) for name in names[1:]]
        assert len(set(sentences)) == len(sentences)
        assert not [text for text in sentences if "the level '" in text], comparison
    assert not [veto for veto in VETOES[1:] if "the rule '" in words_of_veto(veto)]


def test_there_are_no_words_for_what_is_not_there() -> None:
    for comparison, words in LEVEL_WORDS.items():
        assert words.keys() <= set(LEVELS[comparison]), comparison
    assert set(VETO_WORDS) == set(VETOES[1:])


def test_a_further_column_is_named_as_it_was_given() -> None:
    assert subject_of("extra_birth_place") == "Birth place"
    assert subject_of("nearby_birth_place") == "Birth place, at addresses that agree"
    assert words_of("extra_birth_place", "exact_0") == "agrees exactly; about 1 person in 2 holds a value this common"
    assert words_of("extra_birth_place", "exact_8") == (
        "agrees exactly; fewer than 1 person in 4,100 holds a value this rare"
    )
