"""Whose id changed without a cause, from records and fingerprints alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spine.errors import ContractError, GovernanceError
from spine.identity import Churn, Crosswalk, IdentityLimits, churn, load_identity_limits
from spine.identity.crosswalk import empty
from spine.settings import PROJECT_ROOT
from tests.fixtures.clusters import decisions, prints

SAME = {"merged": 0, "dissolved": 0, "split": 0}


def crosswalk(words: str, known: dict[str, int] | None = None, said: pl.DataFrame | None = None) -> Crosswalk:
    """ "x:ab y:c" is a resident x of records a and b, and y of c; no step of `assign` is used."""
    rows = [(record, "gp", *word.split(":")[:1], "exact", 0.9) for word in words.split() for record in word[2:]]
    current = pl.DataFrame(rows, schema=list(empty().current.schema), orient="row").sort("record_id")
    of = {record: (known or {}).get(record, ord(record)) for record in current["record_id"]}
    return replace(empty(), current=current, prints=prints(of), decisions=empty().decisions if said is None else said)


@pytest.mark.parametrize(
    ("before", "after", "changed", "without"),
    [
        ("x:ab y:c", "x:ab y:c", {}, {}),
        ("x:a y:b", "x:ab", {"merged": 1}, {"merged": 1}),
        ("x:ab", "x:a y:b", {"split": 1}, {"split": 1}),
        ("x:ab y:c z:d", "y:ac z:bd", {"dissolved": 1}, {"dissolved": 1}),
        ("x:ab y:cd", "y:ab x:cd", {"merged": 2}, {"merged": 2}),  # ids changed hands: the worst of all
        ("x:a y:b", "x:abn", {"merged": 1}, {}),  # a record came into the component
        ("x:ac y:b", "x:ab", {"merged": 1}, {}),  # one went from it
        ("x:a y:b z:c", "x:ab z:cn", {"merged": 1}, {"merged": 1}),  # that came elsewhere
        ("x:ab y:cd z:e", "x:a y:bcd z:en", {"split": 1}, {"split": 1}),
        # What changed where the records come from, or where they go to, is a cause: both are in the component.
        ("x:abc y:d", "x:a y:bd", {"split": 1}, {}),
        ("x:ab y:c", "x:a y:bcn", {"split": 1}, {}),
        # A rival elsewhere is none: b leaves a because n fits it as well, but n is z's, who took no record of theirs.
        ("x:ab z:c", "x:a y:b z:cn", {"split": 1}, {"split": 1}),
        # Far in the component counts too: a, b, c, d and n are joined by residents of one run or the other.
        ("x:ab y:cd", "x:a y:bc z:dn", {"split": 2}, {}),
    ],
)
def test_a_change_of_id_needs_a_cause_in_its_component(
    before: str, after: str, changed: dict[str, int], without: dict[str, int]
) -> None:
    found = churn(crosswalk(before), crosswalk(after))
    assert (found.changed, found.without_cause) == (SAME | changed, SAME | without)


def test_a_changed_attribute_is_a_cause_where_it_is() -> None:
    before = crosswalk("x:a y:b z:c w:d")
    after = "x:ab z:cd"
    assert churn(before, crosswalk(after, {"a": 1})).without_cause == SAME | {"merged": 1}
    assert churn(before, crosswalk(after, {"a": 1, "d": 1})).without_cause == SAME
    blind = replace(crosswalk(after), prints=crosswalk(after).prints.with_columns(fingerprint=pl.lit(None, pl.UInt64)))
    assert churn(before, blind).without_cause == SAME | {"merged": 2}


@pytest.mark.parametrize("comes", [True, False])
def test_a_decision_that_comes_or_lapses_is_a_cause_and_one_that_stands_is_none(comes: bool) -> None:
    said = decisions(("ab", "must_link"))
    before, after = ("x:a y:b", "x:ab") if comes else ("x:ab", "x:a y:b")
    one, other = (None, said) if comes else (said, None)
    assert churn(crosswalk(before, said=one), crosswalk(after, said=other)).without_cause == SAME
    stands = churn(crosswalk(before, said=said), crosswalk(after, said=said))
    assert sum(stands.without_cause.values()) == 1


def test_a_decision_joins_components() -> None:
    """b and c are to be kept apart, and a leaves b: the decision is the cause although c did not move."""
    said = decisions(("bc", "cannot_link"))
    assert churn(crosswalk("x:ab y:c"), crosswalk("x:a z:b y:c", said=said)).without_cause == SAME


def test_the_budget_is_in_percent_of_residents_and_a_few_never_block() -> None:
    limits = IdentityLimits(without_cause_percent=1, least_residents=2)

    def of(residents: int, without: int) -> Churn:
        return Churn(residents, SAME | {"split": without}, SAME | {"split": without})

    day = date(2028, 3, 31)
    assert [limits.allows(of(1000, n), day) for n in (10, 11)] == [True, False]
    assert [limits.allows(of(10, n), day) for n in (2, 3)] == [True, False]


def test_an_allowance_holds_until_its_day(tmp_path: Path) -> None:
    shutil.copy(PROJECT_ROOT / "expectations" / "decision_rights.yaml", tmp_path)
    text = "{percent: 5, until: 2028-04-30, reason: Linkage was changed., agreed_by: [%s]}"
    (tmp_path / "identity_checks.yaml").write_text("allowance: " + text % "chief_data_officer")
    limits = load_identity_limits(tmp_path)
    assert [limits.budget_percent(date(2028, month, 30)) for month in (4, 5)] == [5, 0.1]
    (tmp_path / "identity_checks.yaml").write_text("allowance: " + text % "engineer")
    with pytest.raises(GovernanceError, match="not agreed by chief_data_officer"):
        load_identity_limits(tmp_path)
    (tmp_path / "identity_checks.yaml").write_text("allowance: {percent: 500}")
    with pytest.raises(ContractError, match=r"identity_checks\.yaml: not valid: allowance\.percent"):
        load_identity_limits(tmp_path)


def test_the_projects_own_budget_is_that_of_the_module() -> None:
    assert load_identity_limits(PROJECT_ROOT / "expectations") == IdentityLimits()
