"""A pair's waterfall: it adds up, and says everything in words."""

from __future__ import annotations

from typing import Any

import pytest

from spine.linkage.compare import VETOES
from spine.linkage.explain import Decision, Outcome, explain, subject_of, words_of, words_of_veto
from spine.linkage.levels import Scheme

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
LEVELS = {"surname": "exact_6", "first_name": "initial", "date_of_birth": "exact", "phone": "missing"}


def test_the_steps_add_up_to_the_total() -> None:
    told = explain(LEVELS, "elsewhere", MODEL, 3.0, Outcome(method="probabilistic", together=True))
    assert [step.bits for step in told.steps] == [-15.0, 10.5, 3.25, 14.0]
    assert told.total == told.steps[-1].total == 12.75
    assert told.not_known == ("phone number",)
    assert told.decision is Decision.linked
    assert told.probability == pytest.approx(1 / (1 + 2**-12.75))
    assert told.steps[1].words == "agrees exactly; about 1 person in 860 holds a surname this common"
    assert "1 pair in 33,000 is one person" in told.steps[0].words


@pytest.mark.parametrize(
    ("bits", "method", "subject"),
    [
        (9.0, "probabilistic", "Rivals"),
        (20.0, "exact", "NHS number"),
        (60.0, "manual", "Decision"),
        (0.0, "", "Relatives"),
    ],
)
def test_what_changed_the_sum_is_a_step_of_its_own(bits: float, method: str, subject: str) -> None:
    told = explain(LEVELS, "elsewhere", MODEL, 3.0, Outcome(bits=bits, method=method, together=True))
    assert (told.steps[-1].subject, told.steps[-1].total) == (subject, bits)
    assert told.steps[-1].bits == pytest.approx(bits - 12.75)


@pytest.mark.parametrize(
    ("outcome", "decision", "words"),
    [
        (Outcome(method="exact", together=True), Decision.linked, "is linked"),
        (Outcome(method="manual", together=True), Decision.manual, "a person decided"),
        (Outcome(bits=-2.0, together=True), Decision.joined, "other records join the two"),
        (Outcome(veto="twins"), Decision.vetoed, "twins"),
        (Outcome(bits=4.0), Decision.kept_apart, "must stay apart"),
        (Outcome(bits=4.0, compared=False), Decision.not_found, "no blocking rule"),
        (Outcome(bits=2.0), Decision.not_linked, "+2.0 bits against a threshold of +3.0"),
    ],
)
def test_the_decision_is_said(outcome: Outcome, decision: Decision, words: str) -> None:
    told = explain(LEVELS, "elsewhere", MODEL, 3.0, outcome)
    assert told.decision is decision
    assert words in told.reason


def test_every_level_and_veto_has_words_of_its_own() -> None:
    for comparison, names in Scheme(("birth_place",)).levels.items():
        sentences = [words_of(comparison, name) for name in names[1:]]
        assert len(set(sentences)) == len(sentences)
        assert not [text for text in sentences if "the level '" in text], comparison
    assert not [veto for veto in VETOES[1:] if "the rule '" in words_of_veto(veto)]


def test_a_further_column_is_named_as_it_was_given() -> None:
    assert subject_of("extra_birth_place") == "Birth place"
    assert words_of("extra_birth_place", "exact_0") == "agrees exactly; about 1 person in 2 holds a value this common"
    assert words_of("extra_birth_place", "exact_8") == (
        "agrees exactly; fewer than 1 person in 4,100 holds a value this rare"
    )
