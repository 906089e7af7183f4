"""Why two records are one person or not: the match weight of a pair, comparison by comparison, in words.

Put here: words for levels, vetoes and decisions, and the sum of a pair's weights. Never here: a value of
a record (only levels are known here), how it is shown, or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from spine.linkage.config import Thresholds
from spine.linkage.facts import anchored, related, thin
from spine.linkage.levels import BUCKET_BITS, BUCKETS, EXACT, LEVELS, MISSING, level

#: A sum of weights that differs from the pair's own by less is the same: weights are rounded in the model.
_ROUNDING = 0.01
#: The limits themselves are kept to single precision.
_EXACTLY = 1e-3
_MOST_BITS = 60.0

_SUBJECTS = {
    "first_name": "First name",
    "surname": "Surname",
    "date_of_birth": "Date of birth",
    "address": "Address",
    "sex": "Sex",
    "middle_name": "Middle name",
    "phone": "Phone number",
    "email": "E-mail address",
    "nhs_number": "NHS number",
    "other_number": "National insurance or pupil number",
    "same_source": "Source",
}
_HOLDS = {"first_name": "holds a first name", "surname": "holds a surname"}

_NAMES = {
    "different": "is different",
    "similar": "is somewhat alike",
    "close": "is nearly the same, as with a slip of the pen",
    "sounds_alike": "sounds alike, as another spelling of one name does",
}
#: How a comparison fell out, by comparison and level; those that only agree or differ are in `_USUAL`.
LEVEL_WORDS: dict[str, dict[str, str]] = {
    "first_name": {
        **_NAMES,
        "crossed": "is the other record's surname, though not the other way round",
        "swapped": "is the other record's other name: first name and surname are swapped",
        "initial": "is an initial that fits",
        "nickname": "is a short or pet form of the other",
        "middle_name": "is the other record's middle name",
    },
    "surname": {
        **_NAMES,
        "part": "is one half of the other's double-barrelled name",
        "former": "is a former surname of the other",
    },
    "date_of_birth": {
        "generation": "is a generation apart",
        "different": "is different",
        "year_apart": "is a year or so apart",
        "near": "is a few days apart",
        "one_part": "differs in one of day, month and year",
        "one_digit": "differs by one slip of the pen",
        "default_day": "fits, but one record has the first of January or of the month, which often stands for unknown",
        "swapped": "has day and month swapped",
        "partial": "fits as far as it is known",
        "exact_other_name": "agrees, though the first names are different: twins would look like this",
        "exact": "agrees exactly",
    },
    "address": {
        "different": "is different",
        "sector": "is in the same postcode sector",
        "street": "is in the same street",
        "postcode": "has the same postcode",
        "house_and_street": "has the same house number and street",
        "same_home": "is the same home",
    },
    "other_number": {"differ": "differs", "close": "is nearly the same", "agree": "agrees"},
    "same_source": {
        "differ": "is another one",
        "agree": "is the same one: most sources hold a person once",
    },
}
_USUAL = {"differ": "differs", "agree": "agrees"}

#: Why a pair may never be linked, by veto.
VETO_WORDS = {
    "verified_nhs_numbers_differ": "both have a verified NHS number, and the two differ",
    "twins": "they were born on one day and live at one address, but have different first names: twins",
    "nhs_number_on_another_person": "they share an NHS number, but the rest says that it stands on the wrong record",
    "cannot_link": "a person decided that they are not one person",
    "one_record_per_person": "their source promises one record a person, so its two records are two people",
    "dates_of_death_differ": "both have a date of death, and the two differ",
    "event_after_death": "one of them has an event after the other's death",
}
#: With these a pair may have counted as linked by NHS number before: they are settled after its weight.
_AFTER_ANCHOR = ("", "none", "twins", "cannot_link")


class Decision(StrEnum):
    """What became of a pair."""

    linked = "linked"
    manual = "linked by a person's decision"
    joined = "joined through other records"
    vetoed = "never linked"
    kept_apart = "kept apart"
    not_found = "not compared"
    not_linked = "not linked"


@dataclass(frozen=True)
class Step:
    """One line of the waterfall: what was compared, how it fell out in words, its bits, and the sum so far."""

    subject: str
    words: str
    bits: float
    total: float


@dataclass(frozen=True)
class Explanation:
    """A pair's waterfall and what became of it; no value of either record.

    Attributes:
        stratum: home or elsewhere.
        steps: the prior, every comparison whose values both records have, and what corrected the sum.
        not_known: comparisons that one of the records has no value for.
        total: match weight in bits.
        threshold: weight from which a pair is a link.
        decision: what became of the pair.
        reason: the same as a sentence.
    """

    stratum: str
    steps: tuple[Step, ...]
    not_known: tuple[str, ...]
    total: float
    threshold: float
    decision: Decision
    reason: str

    @property
    def probability(self) -> float:
        """Match probability of the total."""
        return float(1 / (1 + 2 ** -max(min(self.total, _MOST_BITS), -_MOST_BITS)))


@dataclass(frozen=True)
class Outcome:
    """What a run made of a pair.

    Attributes:
        bits: the pair's own match weight; the sum of its weights where left out.
        method: how it was linked (exact, probabilistic, manual); empty where it is no link.
        veto: why it may never be linked; empty or `none` where nothing forbids it.
        together: both records are one resident.
        compared: a blocking rule found the pair.
    """

    bits: float | None = None
    method: str = ""
    veto: str = ""
    together: bool = False
    compared: bool = True


def explain(
    levels: Mapping[str, str], stratum: str, model: Mapping[str, Any], thresholds: Thresholds, outcome: Outcome
) -> Explanation:
    """Take a pair's match weight apart.

    Args:
        levels: name of the level by comparison.
        stratum: home or elsewhere: which of the model's two sets of weights holds.
        model: as `LinkageResult.model`.
        thresholds: those of the run.
        outcome: what the run made of the pair.
    """
    fitted = model[stratum]
    total = float(fitted["prior_bits"])
    steps = [Step("Before comparing", _before(stratum, total), total, total)]
    not_known = []
    for comparison, weights in fitted["comparisons"].items():
        found = levels.get(comparison, MISSING)
        if found == MISSING or found not in weights:
            not_known.append(_inside(subject_of(comparison)))
            continue
        bits = float(weights[found]["bits"])
        total += bits
        steps.append(Step(subject_of(comparison), words_of(comparison, found), bits, total))
    final = total if outcome.bits is None else outcome.bits
    for subject, words, reached in _corrections(levels, stratum, total, final, thresholds, outcome.veto):
        steps.append(Step(subject, words, reached - total, reached))
        total = reached
    decision = _decision(final, thresholds.link_bits, outcome)
    reason = _reason(decision, final, thresholds.link_bits, outcome.veto)
    return Explanation(stratum, tuple(steps), tuple(not_known), final, thresholds.link_bits, decision, reason)


def subject_of(comparison: str) -> str:
    """What a comparison is about, in words."""
    if comparison.startswith("nearby_"):
        return f"{_plain(comparison.removeprefix('nearby_')).capitalize()}, at addresses that agree"
    return _SUBJECTS.get(comparison) or _plain(comparison.removeprefix("extra_")).capitalize()


def words_of(comparison: str, level: str) -> str:
    """How a comparison fell out, as the end of a sentence that begins with its subject."""
    if level.startswith(f"{EXACT}_") and level.removeprefix(f"{EXACT}_").isdigit():
        return f"agrees exactly; {_rarity(comparison, int(level.removeprefix(f'{EXACT}_')))}"
    return LEVEL_WORDS.get(comparison, _USUAL).get(level) or f"is at the level '{_plain(level)}'"


def signed(bits: float) -> str:
    """Bits with their sign and one figure behind the point; nothing is never minus nothing."""
    return f"{round(bits, 1) + 0.0:+.1f}"


def words_of_veto(veto: str) -> str:
    """Why a pair may never be linked."""
    return VETO_WORDS.get(veto) or f"the rule '{_plain(veto)}' forbids it"


def _rarity(comparison: str, bucket: int) -> str:
    holds = _HOLDS.get(comparison, "holds a value")
    if bucket >= BUCKETS - 1:
        return f"fewer than 1 person in {_round(2 ** (BUCKET_BITS * bucket)):,} {holds} this rare"
    return f"about 1 person in {_round(2 ** (BUCKET_BITS * (bucket + 0.5))):,} {holds} this common"


def _round(number: float) -> int:
    """Two figures are enough."""
    digits = max(len(str(int(number))) - 2, 0)
    return int(round(number / 10**digits) * 10**digits)


def _before(stratum: str, bits: float) -> str:
    place = "of one home" if stratum == "home" else "that do not share a home"
    odds = 2 ** min(abs(bits), _MOST_BITS)
    if odds < 1.5:
        return f"two records {place} are as likely one person as two"
    if bits > 0:
        return f"of two records {place}, {_round(odds):,} pairs are one person for each that is not"
    return f"of two records {place}, 1 pair in {_round(odds + 1):,} is one person"


def _corrections(
    levels: Mapping[str, str], stratum: str, total: float, final: float, thresholds: Thresholds, veto: str
) -> Iterator[tuple[str, str, float]]:
    """What leads from the sum of a pair's weights to its own weight: subject, words, and the sum after it.

    In the order in which `score.weigh` and what follows it apply them.
    """
    facts = _Facts.of(levels, stratum)
    if abs(total) > _MOST_BITS:
        total = min(max(total, -_MOST_BITS), _MOST_BITS)
        yield "Limit", "no pair counts for more than this, for or against", total
    may_anchor = facts.anchored and veto in _AFTER_ANCHOR and abs(final - total) > _ROUNDING
    if may_anchor and total < thresholds.anchor_bits:
        total = thresholds.anchor_bits
        yield "NHS number", "agrees and nothing else speaks against it: it counts for at least this much", total
    weak = _weakness(facts, total, thresholds.thin_bits)
    if weak and total > _EXACTLY > abs(final):
        total = 0.0
        yield *weak, total
    if abs(final - total) <= _ROUNDING:
        return
    if final < total:
        yield "Rivals", "another record of the same source fits as well, so this one is less sure", final
    elif abs(final - thresholds.link_bits) < _EXACTLY:
        yield "Taken as one", "both have the same names and home, and nothing sets them apart", final
    else:
        yield "Otherwise", "what the levels do not tell", final


def _weakness(facts: _Facts, total: float, thin_bits: float) -> tuple[str, str] | None:
    """Why a pair may count for nothing though the sum of its weights is for it."""
    too_little = facts.thin and total < thin_bits
    if too_little and (facts.extra_agrees or not facts.related):
        return "Too little", "two homes, and fewer than three things agree: not enough to go by unless they are rare"
    if facts.related:
        return "Relatives", "first names differ and nothing of the person's own agrees: relatives at most"
    return None


@dataclass(frozen=True)
class _Facts:
    """What the levels of one pair say together (see `facts`).

    Whether a further column is like a number of the person's own is not kept with a pair. Where one agrees
    (`extra_agrees`), `related` may say too much.
    """

    anchored: bool
    thin: bool
    related: bool
    extra_agrees: bool

    @classmethod
    def of(cls, levels: Mapping[str, str], stratum: str) -> _Facts:
        names = {*LEVELS, *levels}
        numbers = {name: np.array([level(name, levels.get(name, MISSING))], dtype=np.uint8) for name in names}
        agree = (numbers[name][0] >= level(name, EXACT) for name in names - LEVELS.keys())
        return cls(
            anchored=bool(anchored(numbers)[0]),
            thin=stratum != "home" and bool(thin(numbers)[0]),
            related=bool(related(numbers, ())[0]),
            extra_agrees=any(agree),
        )


def _decision(bits: float, threshold: float, outcome: Outcome) -> Decision:
    if outcome.method:
        return Decision.manual if outcome.method == "manual" else Decision.linked
    if outcome.together:
        return Decision.joined
    if outcome.veto not in ("", "none"):
        return Decision.vetoed
    if bits < threshold:
        return Decision.not_linked
    return Decision.kept_apart if outcome.compared else Decision.not_found


def _reason(decision: Decision, bits: float, threshold: float, veto: str) -> str:
    weight = f"{signed(bits)} bits against a threshold of {signed(threshold)}"
    if decision is Decision.joined and veto not in ("", "none"):
        return (
            f"The pair itself may never be linked ({words_of_veto(veto)}), but other records, or a person's decision "
            "on them, join the two to one resident."
        )
    return {
        Decision.linked: f"The pair is linked: {weight}.",
        Decision.manual: "The pair is linked because a person decided so.",
        Decision.joined: f"The pair itself is no link ({weight}), but other records join the two to one resident.",
        Decision.vetoed: f"The pair may never be linked, whatever its weight: {words_of_veto(veto)}.",
        Decision.kept_apart: (
            f"The pair is strong enough ({weight}), but to link it would contradict stronger links, or put records "
            "together that must stay apart: the cluster rule kept those and refused this one."
        ),
        Decision.not_found: f"The pair would be strong enough ({weight}), but no blocking rule found it.",
        Decision.not_linked: f"The pair is not linked: {weight}.",
    }[decision]


def _inside(subject: str) -> str:
    """A subject as it stands inside a sentence."""
    return subject if subject[:2].isupper() else subject[0].lower() + subject[1:]


def _plain(name: str) -> str:
    return name.replace("_", " ")
