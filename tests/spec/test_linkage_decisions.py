"""Which decisions by people hold: a register on 31 March 2028, and what becomes of each row."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from spine.errors import PipelineError
from spine.identity.decisions import REGISTER, STANDINGS, Judged, judge_decisions

AS_OF = date(2028, 3, 31)
#: Records that sources hold: those of `gp` are a to f, those of `homes` u to z.
RECORDS = pl.DataFrame({"record_id": list("abcdefuvwxyz"), "source": ["icb__gp"] * 6 + ["homes__tenancies"] * 6})
_SOURCES = {**dict.fromkeys("abcdef", "icb__gp"), **dict.fromkeys("uvwxyz", "homes__tenancies")}


def register(table: str, **more: dict[str, Any]) -> pl.DataFrame:
    """Rows of `number left decision right`; `more` changes columns of single rows."""
    rows = []
    for line in table.strip().splitlines():
        number, left, decision, right = line.split()
        row: dict[str, Any] = {
            "partner": "spine_team",
            "decision_id": number,
            "decision": {"=": "must_link", "#": "cannot_link"}[decision],
            "left_source": _SOURCES.get(left, "icb__gp"),
            "left_record_id": left,
            "right_source": _SOURCES.get(right, "icb__gp"),
            "right_record_id": right,
            "deciders": ["e. marlow", "t. quill"],
            "decided_on": date(2028, 1, 10),
            "reason_code": "other",
            "valid_until": None,
            "is_withdrawn": False,
            "is_readable": True,
            "delivery": "spine_team/linkage_decisions/2028-03-01",
        }
        rows.append({**row, **more.get(number, {})})
    return pl.DataFrame(rows, schema=REGISTER)


def judged(table: str, people: int = 2, **more: dict[str, Any]) -> Judged:
    return judge_decisions(register(table, **more), RECORDS, AS_OF, people)


def standings(found: Judged) -> dict[str, str]:
    return dict(found.decisions.select("decision_id", "standing").iter_rows())


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        ({}, "holds"),
        ({"decided_on": AS_OF, "valid_until": AS_OF}, "holds"),
        ({"valid_until": date(2028, 3, 30)}, "expired"),
        ({"decided_on": date(2028, 4, 1)}, "not_yet"),
        ({"is_withdrawn": True}, "withdrawn"),
        ({"is_withdrawn": None}, "withdrawn"),
        ({"is_readable": False}, "unreadable"),
        ({"decision": "merge"}, "unreadable"),
        ({"decision": None}, "unreadable"),
        ({"deciders": ["e. marlow"]}, "too_few_people"),
        ({"deciders": ["e. marlow", "E. Marlow "]}, "too_few_people"),
        ({"deciders": ["e. marlow", ""]}, "too_few_people"),
        ({"deciders": None}, "too_few_people"),
        ({"right_record_id": "a"}, "one_record_twice"),
        ({"right_record_id": "gone"}, "unknown_record"),
        ({"right_source": "icb__gp"}, "unknown_record"),
    ],
)
def test_what_becomes_of_a_decision(change: dict[str, Any], standing: str) -> None:
    found = judged("1 a = u", **{"1": change})
    assert standings(found) == {"1": standing}
    assert found.applied.height == (standing == "holds")
    assert found.counts == {**dict.fromkeys(STANDINGS, 0), standing: 1}


def test_as_many_people_as_the_decision_rights_ask_for() -> None:
    assert standings(judged("1 a = u", people=1, **{"1": {"deciders": ["e. marlow"]}})) == {"1": "holds"}
    assert standings(judged("1 a = u", people=3)) == {"1": "too_few_people"}


def test_none_of_a_contradicting_chain_holds_and_all_else_does() -> None:
    found = judged(
        """
        1 a = u
        2 u = b
        3 b # a
        4 b # z
        5 c = w
        6 d # x
        """
    )
    assert standings(found) == {
        "1": "contradicted", "2": "contradicted", "3": "contradicted", "4": "holds", "5": "holds", "6": "holds",
    }  # fmt: skip
    assert found.contradicting["decision_id"].to_list() == ["1", "2", "3"]
    assert found.contradicting["contradiction"].unique().to_list() == [1]
    assert found.applied.rows() == [("b", "z", "cannot_link"), ("c", "w", "must_link"), ("d", "x", "cannot_link")]


def test_decisions_that_name_no_record_join_nothing() -> None:
    nobody = {"left_record_id": None}
    found = judged("1 a = b\n2 a = c\n3 b # c", **{"1": nobody, "2": nobody})
    assert standings(found) == {"1": "unknown_record", "2": "unknown_record", "3": "holds"}


def test_contradictions_are_numbered_apart_and_by_register() -> None:
    found = judged("1 c = w\n2 w # c\n3 a = u\n4 a # u", **{"4": {"partner": "wexmoor_county"}})
    told = found.contradicting.select("contradiction", "partner", "decision_id").rows()
    assert told == [(1, "spine_team", "3"), (1, "wexmoor_county", "4"), (2, "spine_team", "1"), (2, "spine_team", "2")]
    assert found.by_partner("contradicted") == {"spine_team": 3, "wexmoor_county": 1}


@pytest.mark.parametrize("change", [{"is_withdrawn": True}, {"valid_until": date(2028, 3, 1)}, {"deciders": ["one"]}])
def test_a_decision_that_does_not_hold_contradicts_nothing(change: dict[str, Any]) -> None:
    found = judged("1 a = u\n2 a # u", **{"2": change})
    assert standings(found)["1"] == "holds"


def test_a_record_that_leaves_settles_no_contradiction() -> None:
    assert set(standings(judged("1 a = gone\n2 gone = b\n3 a # b")).values()) == {"contradicted"}


def test_the_same_decision_twice_is_given_once_whichever_way_round() -> None:
    assert judged("1 a = u\n2 u = a").applied.rows() == [("a", "u", "must_link")]


def test_the_order_of_rows_does_not_matter() -> None:
    table = "1 a = u\n2 u = b\n3 b # a\n4 c # w\n5 d = x"
    one = judge_decisions(register(table), RECORDS, AS_OF, 2)
    other = judge_decisions(register(table).reverse(), RECORDS.reverse(), AS_OF, 2)
    assert one.decisions.equals(other.decisions)
    assert one.applied.equals(other.applied)


def test_no_decisions_and_a_column_that_is_missing() -> None:
    assert judge_decisions(pl.DataFrame(schema=REGISTER), RECORDS, AS_OF, 2).applied.is_empty()
    with pytest.raises(PipelineError, match="decisions: no column deciders"):
        judge_decisions(register("1 a = u").drop("deciders"), RECORDS, AS_OF, 2)
