"""Fingerprints of records: what changes one, and what does not."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from spine.identity.assign import assign
from spine.identity.churn import churn
from spine.identity.evidence import comparable, conformed, fingerprints, form_of
from tests.fixtures.clusters import clusters, decisions, prints

ONE: dict[str, Any] = {
    "record_id": "gp:1",
    "first_name": "Maeve",
    "surname": "Quillfeather",
    "former_surnames": ["Sorrel", "Ash"],
    "date_of_birth": date(1950, 4, 5),
    "nhs_number": None,
    "postcode": "WX1 1AA",
    "known_since": date(2027, 1, 1),
}


def of(key: str = "seed", **changes: Any) -> int:
    return int(fingerprints(pl.DataFrame([ONE | changes]), key)["fingerprint"][0])


@pytest.mark.parametrize(
    "changes",
    [
        {"first_name": "Maeva"},
        {"former_surnames": ["Sorrel"]},
        {"date_of_birth": date(1950, 5, 4)},
        {"date_of_birth": None},
        {"first_name": "MaeveQuillfeather", "surname": ""},
        {"postcode": None, "nhs_number": "WX1 1AA"},
    ],
)
def test_a_linking_attribute_changes_it(changes: dict[str, Any]) -> None:
    assert of(**changes) != of()


@pytest.mark.parametrize("changes", [{"known_since": date(2020, 1, 1)}, {"former_surnames": ["Ash", "Sorrel"]}])
def test_what_linkage_does_not_read_and_the_order_of_a_list_do_not(changes: dict[str, Any]) -> None:
    assert of(**changes) == of()


def test_it_is_the_same_in_every_version_and_another_in_every_store() -> None:
    """A change of this number makes every record seem changed once, and blinds the churn budget in that run."""
    assert of() == 7424097995434796351
    assert of("another seed") != of()


def test_order_of_rows_and_columns_does_not_matter_and_no_record_is_no_fault() -> None:
    rows = [ONE | {"record_id": f"gp:{n}", "surname": f"Moss{n}"} for n in range(5)]
    frame = pl.DataFrame(rows)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1).select(sorted(frame.columns))
    assert fingerprints(shuffled, "seed").equals(fingerprints(frame, "seed"))
    assert fingerprints(frame.clear(), "seed").is_empty()


def test_decisions_count_once_whichever_record_stands_first() -> None:
    said = decisions(("ba", "must_link"), ("ab", "must_link"), ("bc", "cannot_link"))
    assert conformed(said).rows() == [("a", "b", "must_link"), ("b", "c", "cannot_link")]
    assert conformed(None).is_empty()


def test_the_form_tells_what_fingerprints_are_made_of() -> None:
    frame = pl.DataFrame([ONE])
    assert form_of(frame) == form_of(frame.select(sorted(frame.columns)).drop("known_since"))
    assert form_of(frame) != form_of(frame.drop("postcode"))


def test_fingerprints_of_another_form_count_for_no_change_and_hide_none() -> None:
    """All look changed: were they compared, no change of an id would be without a cause."""
    before = assign(clusters("a b"), None, date(2028, 3, 1), fingerprints=prints({"a": 1, "b": 2}), form="1").crosswalk
    given = {"fingerprints": prints({"a": 7, "b": 8}), "form": "2"}
    result = assign(clusters("ab"), before, date(2028, 3, 2), **given)  # type: ignore[arg-type]
    assert churn(comparable(before, "2"), result.crosswalk).without_cause["merged"] == 1
    assert result.events["attribute_changed"].sum() == 0
    assert result.crosswalk.form == "2"
    told = prints({"a": 7, "b": 9})
    again = assign(clusters("a b"), result.crosswalk, date(2028, 3, 3), fingerprints=told, form="2")
    assert again.events["attribute_changed"].sum() > 0
