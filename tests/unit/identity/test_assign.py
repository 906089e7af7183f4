"""Who keeps which id, who gets a new one, and what is said of it."""

from __future__ import annotations

import polars as pl
import pytest

from spine.errors import PipelineError
from spine.identity import Crosswalk, IdentityResult, assign
from spine.identity.ids import is_resident_id
from tests.fixtures.clusters import FIRST_DAY as AS_OF
from tests.fixtures.clusters import clusters, decisions, prints, residents, runs, told


def run(*steps: str) -> IdentityResult:
    return runs(steps)[-1]


def test_first_run_mints_in_order_of_the_smallest_record() -> None:
    result = run("da b c")
    assert residents(result.crosswalk) == {"a": "1", "d": "1", "b": "2", "c": "3"}
    assert all(is_resident_id(name) for name in result.crosswalk.current["resident_id"])
    assert told(result) == [("mint", n, None) for n in ("1", "2", "3")]
    assert (result.crosswalk.high_water, result.crosswalk.last_run) == (3, 1)


def test_the_same_clusters_again_change_nothing() -> None:
    once, twice = runs(["ab c", "ab c"])
    assert twice.events.is_empty()
    assert twice.crosswalk.current.equals(once.crosswalk.current)
    assert twice.crosswalk.runs.equals(once.crosswalk.runs)


def test_row_order_and_names_of_clusters_do_not_matter() -> None:
    before = run("ab cd e").crosswalk
    frame = clusters("abc d ef gh")
    plain = assign(frame, before, AS_OF)
    same = frame.with_columns(cluster_id=pl.col("cluster_id").replace({"a": "z", "d": "y", "e": "b", "g": "a"}))
    for seed in range(3):
        shuffled = assign(same.sample(fraction=1, shuffle=True, seed=seed), before, AS_OF)
        assert shuffled.crosswalk.current.equals(plain.crosswalk.current)
        assert shuffled.events.equals(plain.events)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("b c", "ab c"), {"a": "1", "b": "1", "c": "2"}),  # an arrival joins a resident and takes its id
        (("b c", "a b c"), {"a": "3", "b": "1", "c": "2"}),  # an arrival that sorts first moves nobody
        (("b c d", "ad b c"), {"a": "3", "b": "1", "c": "2", "d": "3"}),
        (("abc d", "abcd"), {"a": "1", "b": "1", "c": "1", "d": "1"}),  # merge: most records win
        (("a bcd", "abcd"), {"a": "2", "b": "2", "c": "2", "d": "2"}),
        (("a b", "ab"), {"a": "1", "b": "1"}),  # merge of equals: the id of the smallest record wins
        (("b", "b a", "ab"), {"a": "1", "b": "1"}),  # but the older id before it
        (("b", "ab", "a b"), {"a": "2", "b": "1"}),  # and of one id's records who has had it longest
        (("abc", "ab c"), {"a": "1", "b": "1", "c": "2"}),  # split: most records keep
        (("abc", "a bc"), {"a": "2", "b": "1", "c": "1"}),
        (("ab", "a b"), {"a": "1", "b": "2"}),  # split of equals: the smallest record keeps
        (("ab cd", "b cd"), {"b": "1", "c": "2", "d": "2"}),  # deletion keeps the ids of what stays
        (("a b c", "a c", "a c d"), {"a": "1", "c": "3", "d": "4"}),  # a retired id is not given again
        (("a b", "a", "a b"), {"a": "1", "b": "2"}),  # a record that returns finds its resident
        (("ab", "a", "a", "ab"), {"a": "1", "b": "1"}),
        (("a b", "b", "ab"), {"a": "2", "b": "2"}),  # who was present speaks before who returns
        (("abc d", "ab cd"), {"a": "1", "b": "1", "c": "2", "d": "2"}),  # a record moves
    ],
)
def test_who_keeps_which_id(steps: tuple[str, ...], expected: dict[str, str]) -> None:
    assert residents(run(*steps).crosswalk) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("a b", "ab", "a b"), {"a": "1", "b": "2"}),
        (("a bcd", "abcd", "a bcd"), {"a": "1", "b": "2", "c": "2", "d": "2"}),
        # Whoever joined since stays with whom they are one person with; the merged part is not the resident for it.
        (("ab c", "abc", "abcdef", "ab cdef"), {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2", "f": "2"}),
        # Two merges, taken back in either order.
        (("a b c", "ab c", "abc", "ab c", "a b c"), {"a": "1", "b": "2", "c": "3"}),
        (("a b c", "ab c", "abc", "ac b"), {"a": "1", "b": "2", "c": "1"}),
        (("a b c", "abc", "ac b", "a b c"), {"a": "1", "b": "2", "c": "3"}),
        # A record that was wrong in the merged part does not take that part's id; most of it does.
        (("ab cdefg", "abcdefg", "acdefg b"), {"a": "2", "b": "3", "c": "2", "d": "2", "e": "2", "f": "2", "g": "2"}),
        # A split that is taken back, and comes again.
        (("ab", "a b", "ab", "a b"), {"a": "1", "b": "2"}),
        # The merged part was away when the merge was taken back.
        (("a b", "ab", "a", "a b"), {"a": "1", "b": "2"}),
        # One merge on top of another, both taken back at once, or the first before the second: each has its own.
        (("ab c d", "ab cd", "abcd", "ab c d"), {"a": "1", "b": "1", "c": "2", "d": "3"}),
        (("ab cd e", "ab cde", "abcde", "abcd e", "ab cd e"), {"a": "1", "b": "1", "c": "2", "d": "2", "e": "3"}),
        (("a bc d", "a bcd", "abcd", "abc d"), {"a": "2", "b": "2", "c": "2", "d": "3"}),
        # Two that were merged leave together, then part; of two claims as good, the older id's holds.
        (
            ("ab cd ef", "abcd ef", "abcdef", "ab cdef", "ab cd ef"),
            {"a": "1", "b": "1", "c": "2", "d": "2", "e": "3", "f": "3"},
        ),
        # Who had the id before the merge was away for a run, and the merged part has grown.
        (("ab cd", "abcd", "cde", "abcde", "ab cde"), {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2"}),
        # Of the merged part some were away while the resident was merged further.
        (
            ("abc d e", "abc de", "abc d", "abcd", "abcde", "abc d e"),
            {"a": "1", "b": "1", "c": "1", "d": "2", "e": "3"},
        ),
    ],
)
def test_an_undone_merge_gives_the_old_ids_back(steps: tuple[str, ...], expected: dict[str, str]) -> None:
    assert residents(run(*steps).crosswalk) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("a b", "ab"), [("merge", "2", "1")]),
        (("ab", "a b"), [("split", "2", "1")]),
        (("a b", "a"), [("retire", "2", None)]),
        (("a b", "a", "a b"), [("return", "2", None)]),
        (("a", "a b"), [("mint", "2", None)]),
        (("abc d", "ab cd"), [("split", "2", "1")]),
        (("ab c", "a bc"), [("split", "2", "1")]),
        (("ab", "a"), []),
        (("a b", "ab", "a b"), [("return", "2", "1")]),
        (("abc de f", "abd ce f"), [("split", "1", "2"), ("split", "2", "1")]),
        (("ab c d", "ac bd"), [("merge", "2", "1"), ("split", "3", "1")]),
    ],
)
def test_events_tell_what_changed(steps: tuple[str, ...], expected: list[tuple[str, str, str | None]]) -> None:
    assert told(run(*steps)) == expected


def test_an_event_says_when_why_and_on_what_evidence() -> None:
    first = assign(clusters("ab c"), None, AS_OF, run="one", fingerprints=prints("abc"))
    changed = prints({"a": 1, "b": ord("b"), "c": ord("c"), "d": 4})
    said = decisions(("ca", "must_link"))
    second = assign(clusters("abcd"), first.crosswalk, AS_OF, run="two", fingerprints=changed, decisions=said)
    [event] = second.events.to_dicts()
    expected = {"event": "merge", "run_number": 2, "run": "two", "run_as_of": AS_OF, "records": 1}
    evidence = {
        "cause": "decision_made",
        "decision_made": 2,
        "attribute_changed": 1,
        "record_added": 1,
        "record_withdrawn": 0,
        "decision_lapsed": 0,
    }
    assert {name: event[name] for name in (*expected, *evidence)} == {**expected, **evidence}
    assert event["reason"] == "records joined another resident: a person decided"
    undone = assign(clusters("ab cd"), second.crosswalk, AS_OF, run="three", fingerprints=changed)
    [event] = undone.events.to_dicts()
    assert (event["event"], event["reason"]) == ("return", "a merge was undone: a decision by a person lapsed")


@pytest.mark.parametrize(
    ("now", "known", "cause"),
    [
        ("a b", {"a": 97, "b": 5}, "attribute_changed"),
        ("a bc", {"a": 97, "b": 98, "c": 99}, "record_added"),
        ("a b", {"a": 97, "b": 98}, "none_found"),
    ],
)
def test_the_cause_of_an_undone_merge(now: str, known: dict[str, int], cause: str) -> None:
    merged = runs(["a b", "ab"])[-1].crosswalk
    result = assign(clusters(now), merged, AS_OF, fingerprints=prints(known))
    assert result.events.select("event", "cause").rows() == [("return", cause)]


def test_ids_are_not_reused_after_every_record_is_deleted() -> None:
    emptied = assign(clusters("a b").clear(), run("a b").crosswalk, AS_OF).crosswalk
    forgotten = Crosswalk(emptied.current, emptied.spells.clear(), emptied.runs, high_water=2, seed=emptied.seed)
    later = assign(clusters("x"), forgotten, AS_OF).crosswalk
    assert later.high_water == 3
    assert later.current["resident_id"].is_in(emptied.spells["resident_id"].implode()).sum() == 0


def test_the_crosswalk_holds_exactly_the_current_records() -> None:
    result = run("abc d", "ab")
    assert result.crosswalk.current.columns == ["record_id", "source", "resident_id", "method", "confidence"]
    assert result.crosswalk.current["record_id"].to_list() == ["a", "b"]
    assert result.crosswalk.absent["record_id"].to_list() == ["c", "d"]


def test_a_record_twice_is_refused_without_naming_it() -> None:
    with pytest.raises(PipelineError, match="not unique") as caught:
        assign(pl.concat([clusters("zebra"), clusters("zebra")]), None, AS_OF)
    assert "zebra" not in str(caught.value)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(PipelineError, match="confidence"):
        assign(clusters("a").drop("confidence"), None, AS_OF)
