"""What holds of ids whatever comes: random runs of added, withdrawn, merged and split records."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from spine.identity import Crosswalk, assign, churn, register, supersessions
from spine.identity.ids import is_resident_id
from tests.fixtures.clusters import FIRST_DAY, prints

RECORDS = "abcdefgh"
#: One run: to which cluster each record belongs; None where the record is not there.
STATE = st.tuples(*[st.none() | st.integers(0, 4)] * len(RECORDS))
FEW = settings(max_examples=8, deadline=None, derandomize=True, database=None)


def frame(state: tuple[int | None, ...], records: str = RECORDS, label: str = "c") -> pl.DataFrame:
    rows = [(r, "gp", f"{label}{c}", "exact", 0.9) for r, c in zip(records, state, strict=True) if c is not None]
    names = ("record_id", "source", "cluster_id", "method", "confidence")
    kinds = (pl.String, pl.String, pl.String, pl.String, pl.Float64)
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")


def play(states: list[tuple[int | None, ...]]) -> list[Crosswalk]:
    found: list[Crosswalk] = []
    for n, state in enumerate(states):
        day = FIRST_DAY + timedelta(days=n)
        before = found[-1] if found else None
        found.append(assign(frame(state), before, day, fingerprints=prints(RECORDS)).crosswalk)
    return found


@FEW
@given(st.lists(STATE, min_size=1, max_size=4))
def test_invariants_of_every_sequence(states: list[tuple[int | None, ...]]) -> None:
    ever: set[str] = set()
    for state, crosswalk in zip(states, play(states), strict=True):
        current = crosswalk.current.join(frame(state).select("record_id", "cluster_id"), on="record_id")
        pairs = current.select("resident_id", "cluster_id").unique()
        assert current.height == frame(state).height
        assert pairs["resident_id"].is_unique().all(), "an id is of one cluster"
        assert pairs["cluster_id"].is_unique().all(), "a cluster has one id"
        ids = set(current["resident_id"])
        assert ever <= set(crosswalk.spells["resident_id"]), "no id is forgotten"
        assert crosswalk.high_water == len(ever | ids), "each id is minted once"
        ever |= ids
        assert all(map(is_resident_id, ids - ever | ids))
        assert crosswalk.members.select("record_id", "resident_id").equals(
            crosswalk.current.select("record_id", "resident_id")
        )
        _check_register(crosswalk, ever, ids)


def _check_register(crosswalk: Crosswalk, ever: set[str], current: set[str]) -> None:
    known = register(crosswalk)
    assert set(known["resident_id"]) == ever, "every id ever minted leads somewhere"
    ends = set(known["current_resident_id"].drop_nulls())
    assert ends <= current, "and only to who is there: no circle, no dead end but a retired one"
    step = {one: (end, status) for one, end, status in known.select("resident_id", "known_to", "status").rows()}
    for one, following in known.select("resident_id", "successor_id").drop_nulls().rows():
        assert step[following][0] is None or step[following][0] > step[one][0]
    assert {one for one, (end, status) in step.items() if end is None and status == "current"} == current
    told = supersessions(crosswalk)
    assert set(told["resident_id"]) <= current
    assert told.select("former_resident_id", "resident_id").is_unique().all()


@FEW
@given(st.lists(STATE, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_same_again_permuted_or_renamed_changes_nothing(
    states: list[tuple[int | None, ...]], random: object
) -> None:
    last = play(states)[-1]
    day = FIRST_DAY + timedelta(days=len(states))
    same = frame(states[-1], label="other")
    same = same.sample(fraction=1, shuffle=True, seed=random.randrange(1000)) if same.height else same  # type: ignore[attr-defined]
    again = assign(same, last, day, fingerprints=prints(RECORDS))
    assert again.events.is_empty()
    assert again.crosswalk.current.equals(last.current)
    assert sum(churn(last, again.crosswalk).changed.values()) == 0


@FEW
@given(STATE, st.integers(0, len(RECORDS) - 1))
def test_ids_survive_the_deletion_of_any_record_and_arrivals_that_sort_first(
    state: tuple[int | None, ...], gone: int
) -> None:
    first = assign(frame(state), None, FIRST_DAY).crosswalk
    less = tuple(None if n == gone else cluster for n, cluster in enumerate(state))
    arrived = pl.concat([frame((9, 9), "01"), frame(less), frame((8,), "z")])
    after = assign(arrived, first, FIRST_DAY + timedelta(days=1)).crosswalk
    both = first.current.join(after.current, on="record_id", suffix="_after")
    assert both.height == frame(less).height
    assert (both["resident_id"] == both["resident_id_after"]).all()
    assert not set(after.current["resident_id"]) - set(both["resident_id"]) & set(first.current["resident_id"])


@FEW
@given(STATE)
def test_whatever_is_merged_and_taken_back_has_its_old_ids(state: tuple[int | None, ...]) -> None:
    merged = tuple(None if cluster is None else cluster // 2 for cluster in state)
    first, _, undone = play([state, merged, state])
    assert undone.current.equals(first.current)
