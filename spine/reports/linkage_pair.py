"""The waterfall of one pair as a page.

Put here: how an explanation is shown. Never here: what it says (spine.linkage.explain). No value and no id of
either record is known here.
"""

from __future__ import annotations

from html import escape

from spine.linkage.explain import Decision, Explanation, signed
from spine.reports.parts import document, rows, section, table
from spine.reports.svg import COLOURS, Picture

_ROW = 26


def pair_page(told: Explanation, number: int) -> str:
    """The explanation as HTML that needs nothing else.

    Args:
        told: the waterfall.
        number: of the explanation, as in its file's name.
    """
    steps = rows((step.subject, step.words, signed(step.bits), signed(step.total)) for step in told.steps)
    unknown = (
        f"<p>Not compared, because a record has no value: {escape(', '.join(told.not_known))}.</p>"
        if told.not_known
        else ""
    )
    kind = "accepted" if told.decision in (Decision.linked, Decision.manual, Decision.joined) else "refused"
    head = (
        f'<header><p class="about">Connected Spine</p><h1>Why this pair is {escape(told.decision)}</h1>'
        f'<p class="verdict {kind}">{escape(told.reason)} Odds of {signed(told.total)} bits are a probability of '
        f"{told.probability:.4f}.</p></header>"
    )
    body = section(
        "Weight by weight",
        "<p>Each bit doubles the odds that the two records are one person; a minus halves them. What the records "
        "hold is not "
        f"shown, only how alike they are.</p>{_waterfall(told)}"
        f"{table('The same as a table', ('What', 'How it fell out', 'Bits', 'Sum'), steps)}{unknown}",
        anchor="steps",
    )
    foot = f"<footer><p>Explanation {number}. pairs.csv in this folder says which records it is about.</p></footer>"
    return document(
        f"Explanation {number}: {told.decision}", (head, body, foot), first="steps", skip="Skip to the weights"
    )


def _waterfall(told: Explanation) -> str:
    sums = [0.0, *(step.total for step in told.steps), told.threshold]
    low, high = min(sums) - 2, max(sums) + 2
    parts = ", ".join(f"{step.subject} {signed(step.bits)}" for step in told.steps)
    picture = Picture(
        "waterfall",
        "Match weight, comparison by comparison",
        f"Bars that begin where the one above ends. {parts}. Total {signed(told.total)} bits, threshold "
        f"{signed(told.threshold)}.",
        low,
        high,
        height=72 + _ROW * len(told.steps),
        left=300,
    )
    for place, step in enumerate(told.steps):
        base = picture.top + _ROW * (place + 1) - 4
        start, end = sorted((step.total - step.bits, step.total))
        picture.bar(start, end, base, _ROW - 8, COLOURS[0] if step.bits >= 0 else COLOURS[1])
        picture.text(picture.left - 58, base - 5, step.subject, anchor="end")
        picture.text(picture.left - 8, base - 5, signed(step.bits), anchor="end")
    picture.mark(told.threshold, "threshold")
    step_bits = 10 if high - low > 30 else 5
    first = int(low // step_bits + 1) * step_bits
    picture.axis("match weight in bits", range(first, int(high) + 1, step_bits))
    return picture.render()
