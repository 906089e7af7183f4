"""Whom an id means, of residents and records that are gone too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from spine.errors import UsageError
from spine.identity import IdentityStore
from spine.identity.lookup import Lookup
from tests.fixtures.clusters import FIRST_DAY, names, runs


@pytest.fixture
def lookup(tmp_path: Path) -> tuple[Lookup, dict[str, str]]:
    """b was merged into a's resident; a left, then b too. With it each id by its short name."""
    steps = runs(["a b c", "ab c", "b c", "c"])
    for step in steps:
        IdentityStore(tmp_path / "identity").save(step)
    pl.DataFrame({"left_record_id": []}).write_parquet(tmp_path / "links.parquet")
    short = names(steps[-1].crosswalk)
    return Lookup(tmp_path, tmp_path / "identity"), {name: ident for ident, name in short.items()}


def test_an_id_whose_chain_ends_with_nobody_is_retired_and_leads_to_no_one_else(
    lookup: tuple[Lookup, dict[str, str]],
) -> None:
    found, ids = lookup
    for name in ("1", "2"):
        told = found.find(ids[name])
        assert (told.resident_id, told.status) == (ids[name], "retired")
    assert found.find(ids["3"]).status == "current"


def test_a_record_that_is_gone_is_found_for_a_day_only(lookup: tuple[Lookup, dict[str, str]]) -> None:
    found, ids = lookup
    with pytest.raises(UsageError, match="no record_id of the last run"):
        found.find("b")
    told = found.find("b", ever=True)
    assert (told.record_id, told.asked) == ("b", ids["1"])
    held = [found.known_on(told, FIRST_DAY + timedelta(days=n)) for n in range(-1, 5)]
    assert [frame["record_id"].to_list() for frame in held] == [[], ["b"], ["a", "b"], ["b"], [], []]
    assert [set(frame["resident_id"]) for frame in held[1:4]] == [{ids["2"]}, {ids["1"]}, {ids["1"]}]
    with pytest.raises(UsageError, match="no record_id of any run"):
        found.find("zebra", ever=True)
