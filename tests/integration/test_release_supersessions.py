"""Earlier pseudonyms in a release: what analysts can follow, and who must not be shown by it."""

from __future__ import annotations

import importlib
from typing import Any

import duckdb
import pytest

from spine.errors import GovernanceError, PipelineError
from tests.fixtures.release_warehouse import NHS_CANARY, Home, build_home

TABLE = "care_planning.resident_supersessions"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return build_home(tmp_path_factory.mktemp("supersessions"))


@pytest.fixture
def home(built: Home) -> Home:
    """The home of this module, with nobody superseded."""
    built.sql(f"DELETE FROM {TABLE}; DELETE FROM raw.opt_out__ndo__opt_outs WHERE nhs_number = '{NHS_CANARY}'")
    return built


def supersede(home: Home, rows: str) -> None:
    """Lines of `resident < former kind`: ada, bob and cyd are released; dan is dead, eve opted out, fay both."""
    for line in rows.strip().splitlines():
        resident, _, former, kind = line.split()
        home.sql(f"INSERT INTO {TABLE} VALUES ('res-{resident}', 'res-{former}', '{kind}', '2028-03-31')")


def test_a_merge_is_told_under_the_release_s_own_pseudonyms(home: Home) -> None:
    supersede(home, "ada < old merge \n bob < ada split")
    result = home.publish()
    told = home.query("SELECT former_resident_id, resident_id, kind, since::VARCHAR FROM resident_supersessions")
    pseudonym = home.pseudonym
    assert sorted(told) == sorted(
        [
            (pseudonym("res-old"), pseudonym("res-ada"), "merge", "2028-03-31"),
            (pseudonym("res-ada"), pseudonym("res-bob"), "split", "2028-03-31"),
        ]
    )
    counts = result.tables["resident_supersessions"]
    assert (counts.rows_in, counts.released, dict(counts.excluded)) == (2, 2, {"deceased": 0, "national_opt_out": 0})


@pytest.mark.parametrize(
    ("rows", "released", "excluded"),
    [
        ("dan < old merge", 0, {"deceased": 1}),
        ("eve < old merge", 0, {"national_opt_out": 1}),
        # Part of what the former id was is hers now: the part that bob has is not told either.
        ("bob < old split \n eve < old split", 0, {"national_opt_out": 2}),
        ("bob < old split \n eve < old split \n ada < other merge", 1, {"national_opt_out": 2}),
        ("bob < old split \n dan < old split \n eve < old split", 0, {"deceased": 2, "national_opt_out": 1}),
        # She still has the former id, and a record that was once hers is ada's.
        ("ada < eve split", 0, {"national_opt_out": 1}),
        ("ada < fay return", 0, {"deceased": 1}),
    ],
)
def test_nobody_who_is_left_out_is_shown_by_an_earlier_pseudonym(
    home: Home, rows: str, released: int, excluded: dict[str, int]
) -> None:
    supersede(home, rows)
    result = home.publish()
    counts = result.tables["resident_supersessions"]
    assert (counts.released, {k: n for k, n in counts.excluded.items() if n}) == (released, excluded)
    cells = str(home.query("FROM resident_supersessions"))
    assert not [one for one in ("old", "dan", "eve", "fay") if home.pseudonym(f"res-{one}") in cells]


def test_whoever_opts_out_after_a_merge_takes_the_earlier_pseudonym_along(home: Home) -> None:
    supersede(home, "ada < old split \n bob < old split")
    home.publish()
    assert home.query("SELECT count(*) FROM resident_supersessions") == [(2,)]
    home.opt_out(NHS_CANARY)  # ada
    result = home.publish()
    assert home.query("SELECT count(*) FROM resident_supersessions") == [(0,)]
    assert result.removed
    assert home.files() == ["current.duckdb", result.path.name, "version.json"]


def test_an_earlier_id_that_is_told_wrongly_stops_the_release(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check judges the file by itself: here the builder forgets who is behind an earlier id."""
    supersede(home, "bob < old split \n eve < old split")
    module = importlib.import_module("spine.release.publish")
    build = module.build_release

    def careless(connection: duckdb.DuckDBPyConnection, *rest: Any) -> Any:
        connection.execute("UPDATE formers SET former_reason = NULL")
        return build(connection, *rest)

    monkeypatch.setattr(module, "build_release", careless)
    with pytest.raises(
        GovernanceError, match=r"former_resident_id: residents who are excluded: expected none, found 1"
    ):
        home.publish()


@pytest.mark.parametrize(
    ("fault", "error", "match"),
    [
        (f"INSERT INTO {TABLE} VALUES ('res-ada', NULL, 'merge', '2028-03-31')", PipelineError, "_id: nulls"),
        (f"INSERT INTO {TABLE} VALUES ('res-ada', 'res-old', 'res-old', '2028-03-31')", GovernanceError, "direct"),
        (f"INSERT INTO {TABLE} VALUES ('res-ada', 'res-old', 'merge', NULL)", PipelineError, "since: nulls"),
    ],
)
def test_a_faulty_table_publishes_nothing(home: Home, fault: str, error: type[Exception], match: str) -> None:
    home.sql(fault)
    with pytest.raises(error, match=match) as raised:
        home.publish()
    assert "res-" not in str(raised.value)
