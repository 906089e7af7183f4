"""Where an old id leads, what was known on a day, and what analysts may follow."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from spine.identity import assign, register, supersessions
from tests.fixtures.clusters import FIRST_DAY, clusters, names, runs


def led(*steps: str) -> dict[str, tuple[str, str | None]]:
    """Each id ever minted: its status and who stands in its place."""
    crosswalk = runs(steps)[-1].crosswalk
    short = names(crosswalk)
    rows = register(crosswalk).select("resident_id", "status", "current_resident_id").rows()
    return {short[one]: (status, short[now] if now else None) for one, status, now in rows}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("a b",), {"1": ("current", "1"), "2": ("current", "2")}),
        (("a b", "ab"), {"1": ("current", "1"), "2": ("merged", "1")}),
        (("a b", "a"), {"1": ("current", "1"), "2": ("retired", None)}),
        # A chain of merges leads to its end, and one that ends with nobody says so.
        (("abc de f", "abc def", "abcdef"), {"1": ("current", "1"), "2": ("merged", "1"), "3": ("merged", "1")}),
        (("a b c", "ab c", "c"), {"1": ("retired", None), "2": ("merged", None), "3": ("current", "3")}),
        # Its records went two ways: told apart from a merge, and it leads to where most went.
        (("ab cde fghi", "acde bfghi"), {"1": ("split", "2"), "2": ("current", "2"), "3": ("current", "3")}),
        # Its records came back after an absence, as somebody else's.
        (("ab", "a b", "b", "ab"), {"1": ("merged", "2"), "2": ("current", "2")}),
        # An undone merge leads nowhere else any more.
        (("a b", "ab", "a b"), {"1": ("current", "1"), "2": ("current", "2")}),
    ],
)
def test_every_id_ever_minted_leads_somewhere_or_says_that_nobody_is_there(
    steps: tuple[str, ...], expected: dict[str, tuple[str, str | None]]
) -> None:
    assert led(*steps) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("a b", "a b"), []),
        (("a b", "ab"), [("2", "1", "merge", 2)]),
        (("ab", "a b"), [("1", "2", "split", 2)]),
        (("a b", "a"), []),
        (("abc de f", "abc def", "abcdef"), [("2", "1", "merge", 3), ("3", "1", "merge", 3)]),
        (("a b", "ab", "a b"), [("1", "2", "return", 3)]),
        (("ab cde fghi", "acde bfghi"), [("1", "2", "split", 2), ("1", "3", "split", 2)]),
        # The records that were merged are gone since, and still the old id leads there.
        (("a b", "ab", "a"), [("2", "1", "merge", 2)]),
        # The record that was left of it was away, and came back to who had taken the others.
        (("ab", "a b", "b", "b", "ab"), [("1", "2", "merge", 5)]),
        # One record left, then the rest was withdrawn: no merge.
        (("abc", "ab c", "c"), [("1", "2", "split", 2)]),
    ],
)
def test_analysts_can_follow_merges_splits_and_returns(
    steps: tuple[str, ...], expected: list[tuple[str, str, str, int]]
) -> None:
    crosswalk = runs(steps)[-1].crosswalk
    short = names(crosswalk)
    rows = supersessions(crosswalk).rows()
    found = [(short[a], short[b], kind, (since - FIRST_DAY).days + 1) for a, b, kind, since in rows]
    assert sorted(found) == expected


def test_a_resident_as_known_on_a_day() -> None:
    results = runs(["a b", "ab", "ab", "a b"])
    known = results[-1].crosswalk
    by_day = {day: known.known_on(date(2028, 3, day))["resident_id"].n_unique() for day in (1, 2, 3, 4, 30)}
    assert by_day == {1: 2, 2: 1, 3: 1, 4: 2, 30: 2}
    assert known.known_on(date(2028, 2, 29)).is_empty()
    assert known.known_on(date(2028, 3, 30), run=2)["resident_id"].n_unique() == 1


def test_a_later_run_for_an_earlier_day_replaces_what_was_said_since() -> None:
    crosswalk = runs(["a b", "ab"])[-1].crosswalk
    again = assign(clusters("a b"), crosswalk, FIRST_DAY).crosswalk
    assert again.runs["number"].to_list() == [1, 2, 3]
    for day in (1, 2, 9):
        assert again.known_on(date(2028, 3, day))["resident_id"].n_unique() == 2
    assert again.known_on(date(2028, 3, 9), run=2)["resident_id"].n_unique() == 1


def test_a_run_for_an_earlier_day_is_noted_even_where_nothing_moves() -> None:
    crosswalk = runs(["a b"])[-1].crosswalk
    again = assign(clusters("a b"), crosswalk, date(2028, 1, 31)).crosswalk
    assert again.known_on(date(2028, 2, 1)).equals(crosswalk.known_on(FIRST_DAY))
    assert pl.Series([1, 2]).equals(again.runs["number"])
