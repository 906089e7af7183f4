from datetime import date

import polars as pl
import pytest

from spine.errors import PipelineError
from spine.identity import Crosswalk, IdentityResult, assign

AS_OF = date(2028, 3, 31)


def clusters(*groups: str) -> pl.DataFrame:
    """Clusters written as words: "ab c" is one cluster of records a and b, and one of c."""
    words = " ".join(groups).split()
    rows = [(record, "gp", min(word), "exact", 0.99) for word in words for record in word]
    return pl.DataFrame(rows, schema=["record_id", "source", "cluster_id", "method", "confidence"], orient="row")


def run(*steps: str) -> IdentityResult:
    """Assign one step after the other; the result of the last."""
    previous: Crosswalk | None = None
    for step in steps:
        result = assign(clusters(step), previous, AS_OF)
        previous = result.crosswalk
    return result


def ids(result: IdentityResult) -> dict[str, str]:
    short = pl.col("resident_id").str.strip_prefix("R").cast(pl.Int64).cast(pl.String)
    return dict(result.crosswalk.current.select("record_id", short).iter_rows())


def events(result: IdentityResult) -> list[tuple[str, str, str | None]]:
    return list(result.events.select("event", "resident_id", "other_resident_id").iter_rows())


def name(serial: int) -> str:
    return f"R{serial:09d}"


def test_first_run_mints_in_order_of_the_smallest_record() -> None:
    result = run("da b c")
    assert ids(result) == {"a": "1", "d": "1", "b": "2", "c": "3"}
    assert result.crosswalk.current["resident_id"].to_list() == [name(1), name(2), name(3), name(1)]
    assert events(result) == [("mint", name(n), None) for n in (1, 2, 3)]
    assert result.crosswalk.high_water == 3


def test_the_same_clusters_again_change_nothing() -> None:
    once, twice = run("ab c"), run("ab c", "ab c")
    assert twice.events.is_empty()
    assert twice.crosswalk.current.equals(once.crosswalk.current)


def test_row_order_does_not_matter() -> None:
    before = run("ab cd e").crosswalk
    frame = clusters("abc d ef gh")
    plain = assign(frame, before, AS_OF)
    for seed in range(3):
        shuffled = assign(frame.sample(fraction=1, shuffle=True, seed=seed), before, AS_OF)
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
        (("a b", "ab"), {"a": "1", "b": "1"}),  # merge of equals: smallest id wins
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
    assert ids(run(*steps)) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("a b", "ab"), [("merge", name(2), name(1))]),
        (("ab", "a b"), [("split", name(2), name(1))]),
        (("a b", "a"), [("retire", name(2), None)]),
        (("a b", "a", "a b"), [("mint", name(2), None)]),
        (("a", "a b"), [("mint", name(2), None)]),
        (("abc d", "ab cd"), [("split", name(2), name(1))]),
        (("ab c", "a bc"), [("split", name(2), name(1))]),
        (("ab", "a"), []),
    ],
)
def test_events_tell_what_changed(steps: tuple[str, ...], expected: list[tuple[str, str, str | None]]) -> None:
    assert events(run(*steps)) == expected


def test_ids_are_not_reused_after_every_record_is_deleted() -> None:
    emptied = assign(clusters("a b").clear(), run("a b").crosswalk, AS_OF).crosswalk
    erased = Crosswalk(emptied.current, emptied.absent.clear(), emptied.high_water)
    result = assign(clusters("x"), erased, AS_OF)
    assert ids(result) == {"x": "3"}


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
