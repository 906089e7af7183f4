"""How a rule has fared over a source's deliveries, judged by today's threshold.

Put here: since when a rule is broken, how often it would have been, and what a picture of it shows. Never here:
where verdicts are kept (history), or a drawing (spine.reports).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from spine.contracts.rules import Rule, RuleResult, Threshold


@dataclass(frozen=True)
class Trend:
    """A rule's past, oldest delivery first.

    Attributes:
        dates: of the deliveries that it was measured on.
        percentages: broken rows in percent of all; None where it could not run.
        broken: by today's threshold; a rule that could not run counts as broken.
    """

    dates: tuple[date, ...]
    percentages: tuple[float | None, ...]
    broken: tuple[bool, ...]

    @property
    def times_broken(self) -> int:
        """Deliveries that break the rule as it reads today."""
        return sum(self.broken)

    @property
    def since(self) -> date | None:
        """The first delivery of the present run of failures; None where the newest one passes."""
        run = self._run
        return self.dates[-run] if run else None

    @property
    def deliveries_since(self) -> int:
        """How many deliveries in a row break the rule, the newest among them."""
        return self._run

    @property
    def _run(self) -> int:
        whole = next((n for n, broken in enumerate(reversed(self.broken)) if not broken), None)
        return len(self.broken) if whole is None else whole


def trend(rule: Rule, measured: Sequence[tuple[date, RuleResult]], threshold: Threshold | None = None) -> Trend:
    """Judge a rule's past counts anew.

    Args:
        measured: the rule's result by delivery date, oldest first, one for each date.
        threshold: instead of the rule's own.
    """
    bound = threshold or rule.threshold
    return Trend(
        tuple(day for day, _ in measured),
        tuple(result.percentage for _, result in measured),
        tuple(is_broken(bound, result.numerator, result.denominator) for _, result in measured),
    )


def is_broken(threshold: Threshold, numerator: int | None, denominator: int | None) -> bool:
    """True where a count does not satisfy a threshold, or there is none."""
    return numerator is None or denominator is None or not threshold.holds(numerator, denominator)
