"""Counts as they may be shown: small ones suppressed, the others rounded.

Put here: the one rule by which a count of people leaves the machine in a text. Never here: a release's rows, which
are governed by the agreement.

The rule is the one NHS England publishes hospital and emergency care counts by below national level: 1 to 7 is not
shown, anything above is rounded to the nearest 5, nought is shown.
"""

from __future__ import annotations

#: From this count on a number is shown.
SHOWN_FROM = 8
_STEP = 5


def shown(count: int) -> int | None:
    """The count as it may be shown; None where it is from 1 to 7."""
    if 0 < count < SHOWN_FROM:
        return None
    return (2 * count + _STEP) // (2 * _STEP) * _STEP


def in_words(count: int | None) -> str:
    """A count that went through `shown`, for a sentence."""
    if count is None:
        return f"fewer than {SHOWN_FROM}"
    return f"about {count:,}" if count else "no"
