"""Decisions by people: places, unknown records, and decisions that contradict each other."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from spine.errors import PipelineError
from spine.linkage.overrides import DECISIONS, Decisions, named, on_nodes, read_decisions

IDS = pl.Series(["a", "b", "c", "d", "zebra"])
COLUMNS = ["left_record_id", "right_record_id", "decision"]
MUST, CANNOT = DECISIONS


def read(*rows: tuple[str | None, str | None, str | None]) -> Decisions:
    return read_decisions(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row"), IDS)


def test_decisions_are_pairs_of_places_each_once_and_left_before_right() -> None:
    found = read(("c", "a", MUST), ("a", "c", MUST), ("b", "c", CANNOT), ("d", "b", CANNOT))
    assert found.must.tolist() == [0 * 5 + 2]
    assert found.cannot.tolist() == [1 * 5 + 2, 1 * 5 + 3]
    assert found.both.tolist() == [2, 7, 8]
    assert named(found, 5).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("rows", [None, pl.DataFrame()])
def test_no_decisions(rows: pl.DataFrame | None) -> None:
    found = read_decisions(rows, IDS)
    assert (found.both.size, found.unknown) == (0, 0)
    assert not named(found, 5).any()


def test_unknown_records_are_counted_and_leave_the_rest_alone() -> None:
    found = read(("a", "gone", MUST), ("gone", "lost", CANNOT), (None, "a", MUST), ("a", "b", CANNOT))
    assert (found.unknown, found.must.tolist(), found.cannot.tolist()) == (3, [], [1])


def test_a_record_is_one_person_with_itself() -> None:
    assert read(("a", "a", MUST)).both.size == 0


@pytest.mark.parametrize(
    "rows",
    [
        [("zebra", "b", MUST), ("b", "zebra", CANNOT)],
        [("zebra", "b", MUST), ("b", "c", MUST), ("d", "c", MUST), ("zebra", "d", CANNOT)],
        [("zebra", "zebra", CANNOT)],
        [("zebra", "b", "perhaps")],
        [("zebra", "b", None)],
    ],
    ids=["both ways", "a chain", "a record and itself", "no decision at all", "none"],
)
def test_what_contradicts_itself_is_refused_without_an_id(rows: list[tuple[str, str, str]]) -> None:
    with pytest.raises(PipelineError, match="overrides: ") as caught:
        read(*rows)
    assert "zebra" not in str(caught.value)
    assert "perhaps" not in str(caught.value)


def test_chains_that_do_not_meet_are_no_contradiction() -> None:
    found = read(("a", "b", MUST), ("c", "d", MUST), ("b", "c", CANNOT), ("a", "d", CANNOT))
    assert (found.must.size, found.cannot.size) == (2, 2)


def test_a_column_that_is_missing_is_named() -> None:
    with pytest.raises(PipelineError, match="no column decision, right_record_id"):
        read_decisions(pl.DataFrame({"left_record_id": ["a"]}), IDS)


def test_decisions_move_to_the_nodes_of_their_records() -> None:
    found = read(("a", "zebra", MUST), ("c", "d", CANNOT))
    moved = on_nodes(found, np.array([3, 0, 1, 2, 0]), 5, 4)
    assert (moved.must.tolist(), moved.cannot.tolist()) == ([0 * 4 + 3], [1 * 4 + 2])
