"""The checks on decisions by people: what is told of them, and who must act.

Put here: check specs and verdicts on `linkage/decisions`. Never here: which decision holds (spine.identity.decisions),
or an id of a record or of a decision: those stand in linkage.decisions of the private warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dagster as dg

from assets.linkage_checks import DECISIONS
from assets.verdict import begun, table, verdict
from spine.contracts import Partner
from spine.identity.decisions import CONTRADICTED, STANDINGS, TOO_FEW, UNKNOWN, Judged

AGREE = "table__decisions_agree"
PEOPLE = "table__decisions_are_made_by_enough_people"
KNOWN = "table__decisions_name_known_records"
READABLE = "table__decisions_can_be_read"

#: By check: the standing that it counts, its dimension as the Open Data Contract Standard names it, and its sentence.
CHECKS = {
    AGREE: (CONTRADICTED, "consistency", "No decisions contradict each other, in whosever register they stand."),
    PEOPLE: (
        TOO_FEW,
        "conformity",
        "Every decision was made by as many people as the decision rights ask for.",
    ),
    KNOWN: (UNKNOWN, "completeness", "Every decision names two records that sources hold."),
    READABLE: ("unreadable", "conformity", "Every decision says what was decided, when, and until when."),
}
_TO_DO = {
    AGREE: "must settle them with each other: linkage.decision_conflicts lists them, and until then none of them holds",
    PEOPLE: "must have a second person decide; until then they do not hold",
    KNOWN: "must look whether the record ids are right; they hold once both records are delivered",
    READABLE: "must correct them; until then they do not hold",
}


def check_specs() -> list[dg.AssetCheckSpec]:
    """The checks of the asset."""
    return [dg.AssetCheckSpec(name, asset=DECISIONS, description=text) for name, (_, _, text) in CHECKS.items()]


def check_results(decisions: Judged, partners: Mapping[str, Partner]) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on one run's decisions.

    Args:
        partners: by id, for who must act on a register.
    """
    total = decisions.decisions.height
    for name, (standing, dimension, sentence) in CHECKS.items():
        registers = decisions.by_partner(standing)
        found = sum(registers.values())
        stewards = [partners[partner].steward if partner in partners else partner for partner in registers]
        owner = ", ".join(dict.fromkeys(stewards))
        act = f" {begun(owner)} {_TO_DO[name]}." if found else ""
        rows = [(register, f"{count:,}") for register, count in registers.items()]
        yield verdict(
            name,
            (DECISIONS, dimension, sentence),
            not found,
            f"{found:,} of {total:,} decisions {_said(name, decisions)}.{act}",
            (found, total),
            threshold=0,
            owner=owner or "nobody",
            more={"registers": table(("register", "decisions"), rows)},
        )


def materialization(decisions: Judged) -> dg.MaterializeResult[None]:
    """What is shown of the asset: how many decisions there are, and what became of them."""
    counts = decisions.counts
    return dg.MaterializeResult(
        asset_key=DECISIONS,
        metadata={
            "dagster/row_count": decisions.decisions.height,
            "people_for_a_decision": decisions.people,
            **{f"decisions_{standing}": count for standing, count in counts.items()},
            "standings": table(
                ("a decision that …", "decisions"),
                [(words, f"{counts[standing]:,}") for standing, words in STANDINGS.items()],
            ),
        },
    )


def _said(name: str, decisions: Judged) -> str:
    if name == AGREE:
        groups = decisions.contradicting["contradiction"].n_unique()
        return f"contradict each other, in {groups:,} {'group' if groups == 1 else 'groups'}"
    if name == PEOPLE:
        return f"were made by fewer than {decisions.people} different people"
    if name == KNOWN:
        return "name a record that no source holds"
    return "cannot be read"
