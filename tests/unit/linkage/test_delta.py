"""Changed records against a kept run: what is not touched stays, and what was decided holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spine.errors import PipelineError
from spine.linkage import LinkageResult, link, link_changes
from spine.linkage.config import LinkageConfig
from spine.linkage.state import State, levels_of_pair, load_state
from tests.unit.linkage.rows import ORLA, table

Region = Callable[[int], tuple[pl.DataFrame, pl.DataFrame]]


@pytest.fixture(scope="module")
def records(region: Region) -> pl.DataFrame:
    return region(200)[0].sort("record_id")


@pytest.fixture(scope="module")
def kept(records: pl.DataFrame, config: LinkageConfig) -> LinkageResult:
    return link(records, config, keep_state=True)


def state_of(result: LinkageResult) -> State:
    assert result.state is not None
    return result.state


def partition(result: LinkageResult) -> set[frozenset[str]]:
    groups = result.clusters.group_by("cluster_id").agg("record_id")["record_id"]
    return {frozenset(group) for group in groups}


def together(result: LinkageResult, one: str, other: str) -> bool:
    return result.clusters.filter(pl.col("record_id").is_in([one, other]))["cluster_id"].n_unique() == 1


def test_a_state_is_given_only_where_it_is_asked_for(records: pl.DataFrame, config: LinkageConfig) -> None:
    assert link(records.head(5), config).state is None


def test_records_that_come_again_unchanged_change_nothing(records: pl.DataFrame, kept: LinkageResult) -> None:
    again = link_changes(state_of(kept), records.sample(20, seed=1))
    assert partition(again) == partition(kept)
    assert again.clusters["record_id"].to_list() == kept.clusters["record_id"].to_list()


def test_a_delivery_of_nothing_changes_nothing(records: pl.DataFrame, kept: LinkageResult) -> None:
    assert partition(link_changes(state_of(kept), records.head(0))) == partition(kept)


@pytest.mark.parametrize("seed", range(6))
def test_an_exact_duplicate_never_changes_the_others(records: pl.DataFrame, kept: LinkageResult, seed: int) -> None:
    """Under the model of the kept run, records that come twice, with ids of their own."""
    twice = records.sample(1 if seed < 4 else 40, seed=seed)
    copies = twice.with_columns(pl.format("copy of {}", "record_id").alias("record_id"))
    result = link_changes(state_of(kept), copies)
    others = {group - set(copies["record_id"]) for group in partition(result)} - {frozenset()}
    assert others == partition(kept)


def test_withdrawn_records_are_gone_and_may_come_back(records: pl.DataFrame, kept: LinkageResult) -> None:
    gone = records.sample(20, seed=2)
    fewer = link_changes(state_of(kept), records.head(1), [*gone["record_id"], "never there"])
    left = set(records["record_id"]) - set(gone["record_id"]) | {records["record_id"][0]}
    assert set(fewer.clusters["record_id"]) == left
    assert partition(link_changes(state_of(fewer), gone)) == partition(kept)


def folded(result: LinkageResult) -> set[frozenset[str]]:
    run = result.run
    nodes = pl.DataFrame({"node": run.nodes.of_record, "record_id": run.ids}).group_by("node").agg("record_id")
    return {frozenset(group) for group in nodes["record_id"]}


def test_records_fold_as_in_a_link_of_all(records: pl.DataFrame, kept: LinkageResult, config: LinkageConfig) -> None:
    """What folds no more, and what folds now because a record that kept it apart is gone or is another."""
    chosen = records.sample(120, seed=5)
    changed = chosen.head(60).with_columns(pl.col(name).reverse() for name in ("postcode", "house_number", "uprn"))
    gone = chosen.tail(60)["record_id"]
    now = pl.concat([records.filter(~pl.col("record_id").is_in(chosen["record_id"].implode())), changed])
    assert folded(link_changes(state_of(kept), changed, gone)) == folded(link(now, config))


def test_what_kept_two_apart_goes_and_they_fold(config: LinkageConfig) -> None:
    """Without a date of birth, beside two people of that name at one home, then beside one; a year alone counts too."""
    undated = {key: value for key, value in ORLA.items() if key != "date_of_birth"}
    for other in ({"date_of_birth": date(1984, 5, 6)}, {"date_of_birth": None, "date_of_birth_partial": "1984"}):
        all_three = table(ORLA, {**ORLA, **other, "source": "c__d"}, {**undated, "source": "e__f"})
        before = link(all_three, config, keep_state=True)
        assert len(folded(before)) == 3
        after = link_changes(state_of(before), all_three.head(0), ["r001"])
        assert folded(after) == {frozenset({"r000", "r002"})}
        assert len(folded(link_changes(state_of(after), all_three.slice(1, 1)))) == 3


def test_a_changed_record_moves_to_the_person_that_it_now_describes(records: pl.DataFrame, kept: LinkageResult) -> None:
    number = pl.col("nhs_number")
    one, other = records.filter(number.is_not_null() & number.is_first_distinct()).head(2)["record_id"].to_list()
    assert not together(kept, one, other)
    described = records.filter(pl.col("record_id") == other).with_columns(pl.lit(one).alias("record_id"))
    assert together(link_changes(state_of(kept), described), one, other)


def test_a_state_read_from_its_folder_is_the_state(records: pl.DataFrame, kept: LinkageResult, tmp_path: Path) -> None:
    state_of(kept).save(tmp_path)
    changed = records.sample(20, seed=3).with_columns(surname=pl.lit("Penhallow"))
    here, there = link_changes(state_of(kept), changed), link_changes(load_state(tmp_path), changed)
    assert here.clusters.equals(there.clusters)
    assert here.links.equals(there.links)
    assert (here.model, here.report) == (there.model, there.report)


@pytest.mark.parametrize("first", [None, "m__kept"])
def test_sources_that_come_later_are_told_by_name(first: str | None, config: LinkageConfig, tmp_path: Path) -> None:
    """Whether the kept run knew a source or none, and wherever the new names sort."""
    state_of(link(table({**ORLA, "source": first}), config, keep_state=True)).save(tmp_path)
    later = table(ORLA, {**ORLA, "source": "a__new"}, {**ORLA, "source": "z__new"}, {**ORLA, "source": None}).slice(1)
    found = link_changes(load_state(tmp_path), later)
    told = dict(found.clusters.select("record_id", "source").iter_rows())
    assert told == {"r000": first, "r001": "a__new", "r002": "z__new", "r003": None}
    whole = link(pl.concat([table({**ORLA, "source": first}), later], how="diagonal_relaxed"), config).report
    for part in ("sources", "source_pairs", "completeness"):
        assert found.report[part] == whole[part]
    assert list(found.report["groups"]["source"]) == list(whole["groups"]["source"])


def test_changes_to_a_run_of_nothing_are_a_run(config: LinkageConfig, tmp_path: Path) -> None:
    everything = table(ORLA, {**ORLA, "source": "c__d"})
    state_of(link(everything.clear(), config, keep_state=True)).save(tmp_path)
    found = link_changes(load_state(tmp_path), everything)
    assert found.clusters["cluster_id"].to_list() == ["r000", "r000"]
    assert link_changes(state_of(found), everything.clear(), ["r000", "r001"]).clusters.height == 0


def test_no_state_and_no_such_record_are_errors(kept: LinkageResult, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="holds no state"):
        load_state(tmp_path)
    with pytest.raises(PipelineError, match="no such record") as caught:
        levels_of_pair(state_of(kept), kept.clusters["record_id"][0], "zebra")
    assert "zebra" not in str(caught.value)


def test_the_levels_of_a_link_are_those_of_the_run(kept: LinkageResult) -> None:
    for row in kept.links.head(40).iter_rows(named=True):
        found = levels_of_pair(state_of(kept), row["right_record_id"], row["left_record_id"])
        assert found.levels == {name: row[f"level_{name}"] for name in found.levels}
        assert (found.stratum, found.veto, found.compared) == (row["stratum"], "none", True)
        assert found.bits == pytest.approx(row["bits"], abs=1e-3)


@pytest.fixture(scope="module", params=["must_link", "cannot_link"])
def decided(
    records: pl.DataFrame, kept: LinkageResult, config: LinkageConfig, request: pytest.FixtureRequest
) -> tuple[str, str, str, State]:
    """A decision, the two records that it is on, and the run in which it was taken."""
    if request.param == "cannot_link":
        left, right = kept.links.select("left_record_id", "right_record_id").row(0)
    else:
        left, right = next(
            (records["record_id"][0], name)
            for name in records["record_id"]
            if not together(kept, records["record_id"][0], name)
        )
    one = pl.DataFrame({"left_record_id": [left], "right_record_id": [right], "decision": [request.param]})
    return request.param, left, right, state_of(link(records, config, one, keep_state=True))


@pytest.mark.parametrize("again", ["left", "right", "another"])
def test_a_decision_holds_when_records_come_again(
    records: pl.DataFrame, decided: tuple[str, str, str, State], again: str
) -> None:
    decision, left, right, state = decided
    name = {"left": left, "right": right, "another": records["record_id"][150]}[again]
    result = link_changes(state, records.filter(pl.col("record_id") == name))
    assert together(result, left, right) == (decision == "must_link")


def test_a_decision_on_two_unlike_people_holds_when_another_record_of_one_comes(
    records: pl.DataFrame, kept: LinkageResult, config: LinkageConfig
) -> None:
    """Links reach one of the two only; the decision reaches the other."""
    row = records.filter(pl.col("nhs_number").is_not_null()).head(1)
    left = row["record_id"][0]
    right = next(
        name for name in records["record_id"] if name != left and levels_of_pair(state_of(kept), left, name).bits < -20
    )
    decided = pl.DataFrame({"left_record_id": [left], "right_record_id": [right], "decision": ["must_link"]})
    state = state_of(link(records, config, decided, keep_state=True))
    more = row.with_columns(record_id=pl.lit("zz:1"), surname=pl.col("surname").str.slice(1))
    result = link_changes(state, more)
    assert together(result, left, right)


def test_decisions_that_come_and_go(records: pl.DataFrame, kept: LinkageResult) -> None:
    left, right = kept.links.select("left_record_id", "right_record_id").row(0)
    apart = pl.DataFrame({"left_record_id": [left], "right_record_id": [right], "decision": ["cannot_link"]})
    decided = link_changes(state_of(kept), records.head(0), overrides=apart)
    assert not together(decided, left, right)
    assert not together(link_changes(state_of(decided), records.head(0)), left, right)
    assert partition(link_changes(state_of(decided), records.head(0), overrides=apart.head(0))) == partition(kept)
    other = next(name for name in records["record_id"] if not together(kept, left, name))
    one = apart.with_columns(right_record_id=pl.lit(other), decision=pl.lit("must_link"))
    assert together(link_changes(state_of(decided), records.head(0), overrides=one), left, other)


def test_a_decision_comes_to_records_that_fold_with_nobody(records: pl.DataFrame, config: LinkageConfig) -> None:
    bare = records.with_columns(
        pl.when(pl.col("record_id") == records["record_id"][0])
        .then(None)
        .otherwise(pl.col("first_name"))
        .alias("first_name")
    )
    kept = link(bare, config, keep_state=True)
    left = records["record_id"][0]
    right = next(name for name in records["record_id"] if not together(kept, left, name))
    one = pl.DataFrame({"left_record_id": [left], "right_record_id": [right], "decision": ["must_link"]})
    assert together(link_changes(state_of(kept), bare.head(0), overrides=one), left, right)


def test_room_is_made_where_much_is_gone(records: pl.DataFrame, kept: LinkageResult) -> None:
    fewer = link_changes(state_of(kept), records.head(0), records["record_id"][::2].to_list())
    again = link_changes(state_of(fewer), records.head(0))
    before, after = state_of(fewer).run, state_of(again).run
    assert after.nodes.encoded.size == again.report["nodes"] == fewer.report["nodes"] < before.nodes.encoded.size
    assert after.compared.left.size < before.compared.left.size
    assert again.clusters.equals(fewer.clusters)
    assert again.links.equals(fewer.links)
    assert partition(link_changes(state_of(again), records)) == partition(link_changes(state_of(fewer), records))


def test_day_after_day_from_the_folder(records: pl.DataFrame, kept: LinkageResult, tmp_path: Path) -> None:
    """What a day does not touch is not written again, and no folder changes another."""
    state_of(kept).save(tmp_path / "0")
    here = state_of(kept)
    for day in range(1, 4):
        changed = records[day::40].with_columns(house_number=pl.lit(str(day)))
        result = link_changes(load_state(tmp_path / f"{day - 1}"), changed, records["record_id"][day::60].to_list())
        state_of(result).save(tmp_path / f"{day}")
        expected = link_changes(here, changed, records["record_id"][day::60].to_list())
        assert result.clusters.equals(expected.clusters)
        assert result.links.equals(expected.links)
        assert result.report == expected.report
        here = state_of(expected)
    first, last = (tmp_path / day / "arrays" / "record.0.surname.npy" for day in "03")
    assert first.samefile(last)
    assert link_changes(load_state(tmp_path / "0"), records.head(0)).clusters.equals(kept.clusters)
    state_of(kept).save(tmp_path / "3")
    assert link_changes(load_state(tmp_path / "3"), records.head(0)).links.equals(kept.links)
