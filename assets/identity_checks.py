"""The check on resident ids: whether more of them changed without a cause than the budget allows.

Put here: its spec, its verdict and what a board is told of it. Never here: how a change or a cause is found
(spine.identity.churn), or an id.
"""

from __future__ import annotations

from datetime import date

import dagster as dg

from assets.linkage_checks import CROSSWALK
from assets.verdict import table, verdict
from spine.errors import PipelineError
from spine.identity import CHANGES_OF_ID, Churn, IdentityLimits, Resolution

CHURN = "table__ids_change_for_a_cause"
_SENTENCE = (
    "A resident's id changes only where a record, what linkage knows of one, or a person's decision has changed. "
    "A failure keeps every id as it was, and the release that is published."
)
_NONE = Churn(0, dict.fromkeys(CHANGES_OF_ID, 0), dict.fromkeys(CHANGES_OF_ID, 0))


def identity_specs() -> list[dg.AssetCheckSpec]:
    """The check of `linkage/crosswalk`; what follows it waits for it."""
    return [dg.AssetCheckSpec(CHURN, asset=CROSSWALK, description=_SENTENCE, blocking=True)]


def identity_result(resolution: Resolution, budget: IdentityLimits, as_of: date) -> dg.AssetCheckResult:
    """The verdict on one run."""
    found = resolution.churn or _NONE
    without, changed = sum(found.without_cause.values()), sum(found.changed.values())
    rows = [
        (words, f"{found.changed[kind]:,}", f"{found.without_cause[kind]:,}") for kind, words in CHANGES_OF_ID.items()
    ]
    return verdict(
        CHURN,
        (CROSSWALK, "consistency", _SENTENCE),
        not resolution.is_held,
        _said(resolution, budget, as_of),
        (without, found.residents),
        threshold=budget.budget_percent(as_of),
        owner=budget.owner,
        severity=dg.AssetCheckSeverity.ERROR,
        more={
            "changed": changed,
            **{f"changed_{kind}": count for kind, count in found.changed.items()},
            **{f"without_cause_{kind}": count for kind, count in found.without_cause.items()},
            **resolution.events,
            "kinds": table(("residents of whom …", "changed", "without a cause"), rows),
        },
    )


def refuse_held(resolution: Resolution, budget: IdentityLimits, as_of: date) -> None:
    """End the step where the ids of a run were not taken.

    Raises:
        PipelineError: nothing after linkage is built, and the published releases stand.
    """
    if resolution.is_held:
        raise PipelineError(_said(resolution, budget, as_of))


def _said(resolution: Resolution, budget: IdentityLimits, as_of: date) -> str:
    found = resolution.churn
    if found is None:
        return "A first run: no resident had an id before."
    without, changed = sum(found.without_cause.values()), sum(found.changed.values())
    told = (
        f"{changed:,} of {found.residents:,} residents have a record with another id, {without:,} of them without a "
        f"cause ({found.percent:.2f} %; the budget is {budget.budget_percent(as_of):g} %)."
    )
    if not resolution.is_held:
        return told
    anew = f" {resolution.linking.sentence}" if resolution.linking.kind == "full" else ""
    return (
        f"{told} No id was changed, nothing after linkage was built, and the published releases stand.{anew} "
        f"Ask {budget.owner} to look into linkage/held_events.parquet in the spine's home. If linkage itself was "
        "changed on purpose, or all records were linked anew and that alone moved the ids, whoever answers for linkage "
        "sets an allowance in expectations/identity_checks.yaml."
    )
