"""Why numbers moved: what is remembered of each version, and what is told of two of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from spine.errors import UsageError
from spine.governance import approve_all
from spine.release import Input, compare_versions, replace_key, versions
from spine.release.disclosure import in_words, shown
from spine.release.history import records
from tests.fixtures.release_warehouse import AS_OF, INPUTS, PURPOSE, Home, build_home

MORE = 40


@pytest.mark.parametrize(
    ("count", "as_shown", "words"),
    [(0, 0, "no"), (1, None, "fewer than 8"), (7, None, "fewer than 8"), (8, 10, "about 10"), (12, 10, "about 10"),
     (13, 15, "about 15"), (1002, 1000, "about 1,000")],
)  # fmt: skip
def test_small_counts_are_not_shown_and_others_are_rounded(count: int, as_shown: int | None, words: str) -> None:
    assert shown(count) == as_shown
    assert in_words(shown(count)) == words


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four versions: a few residents; forty more; one of those opted out and others older; a new key."""
    home = build_home(tmp_path_factory.mktemp("diff"))
    home.publish()
    home.sql(
        f"""
        INSERT INTO core.dim_resident SELECT 'more-' || i, 'QX9 7ZZ', '1', 'E01000009', false, false
            FROM range({MORE}) r(i);
        INSERT INTO care_planning.residents SELECT m.* REPLACE ('more-' || i AS resident_id)
            FROM (FROM care_planning.residents WHERE resident_id = 'res-bob') AS m, range({MORE}) r(i);
        INSERT INTO core.bridge_resident_nhs_number VALUES ('more-0', '9990000107');
        """
    )
    new = Input("wexmoor_icb/gp_registrations/2028-03-29", "c" * 64)
    home.publish(inputs=(*INPUTS[1:], new))
    home.opt_out("9990000107")
    home.sql("UPDATE care_planning.residents SET age_band = '45-54' WHERE resident_id >= 'more-2'")
    home.publish(inputs=(*INPUTS[1:], new), as_of=AS_OF + timedelta(days=1))
    replace_key(PURPOSE, home.settings, "a test")
    home.publish(inputs=(*INPUTS[1:], new), as_of=AS_OF + timedelta(days=1))
    return home


def told(home: Home, before: int, after: int) -> str:
    return " ".join(compare_versions(home.settings, PURPOSE, before, after).sentences)


def test_new_deliveries_and_people_are_told(home: Home) -> None:
    text = told(home, 1, 2)
    assert "holds about 45 residents; version 1, as of 2028-03-31, held fewer than 8." in text
    assert "In version 2, about 40 residents are new and no are gone." in text
    assert "One delivery came into use: wexmoor_icb/gp_registrations/2028-03-29." in text
    assert "One delivery went out of use: wexmoor_icb/gp_registrations/2028-03-01." in text
    assert "rule changed" not in text
    assert "key" not in text


def test_an_opt_out_is_told_without_saying_that_it_was_one(home: Home) -> None:
    text = told(home, 2, 3)
    assert "fewer than 8 are gone" in text
    assert "fewer than 8 opted out nationally" in text
    tables = {title: rows for title, _, rows in compare_versions(home.settings, PURPOSE, 2, 3).tables}
    assert ("45-54", "0", "30", "+30") in tables["Residents by age_band"]
    [(column, _)] = tables["Residents in both, in whom a column differs (version 3)"]
    assert column == "age_band"


def test_a_new_key_is_told_and_nothing_is_counted_across_it(home: Home) -> None:
    text = told(home, 3, 4)
    assert "The key of the pseudonyms was replaced" in text
    assert "are new" not in text
    assert records(home.shelf)[4].movement is None


def test_several_steps_are_told_one_by_one_although_the_files_are_gone(home: Home) -> None:
    assert home.files() == ["current.duckdb", "v000004-demo.duckdb", "version.json"]
    text = told(home, 1, 4)
    assert "In version 2, about 40" in text
    assert "In version 3, no residents are new" in text
    assert [(entry.record.version, entry.state) for entry in versions(home.settings)] == [
        (1, "removed"), (2, "removed"), (3, "removed"), (4, "current")
    ]  # fmt: skip


def test_records_hold_no_pseudonym_and_no_small_count(home: Home) -> None:
    ids = [i for (i,) in home.query("SELECT resident_id FROM residents")]
    for path in (home.shelf / "history").iterdir():
        assert not [i for i in ids if i in path.read_text()]
    for record in records(home.shelf).values():
        counts = [*record.rows.values(), *record.excluded.values()]
        counts += [count for groups in record.groups.values() for count in groups.values()]
        assert not [count for count in counts if count is not None and (0 < count < 8 or count % 5)]


def test_what_cannot_be_compared_is_refused(home: Home) -> None:
    for before, after in ((9, None), (4, 1), (1, 9)):
        with pytest.raises(UsageError, match=r"expected (two versions|the older)"):
            compare_versions(home.settings, PURPOSE, before, after)
    with pytest.raises(UsageError, match="those that were published: none"):
        compare_versions(home.settings, "falls", None, None)


def test_the_newest_is_compared_with_the_one_before(home: Home) -> None:
    assert compare_versions(home.settings, PURPOSE, None, None) == compare_versions(home.settings, PURPOSE, 3, 4)


def test_a_rule_that_changed_is_told(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    home.publish()
    contract = home.settings.expectations / "contracts" / "spine" / "care_planning__residents.odcs.yaml"
    contract.write_text(contract.read_text().replace("version: 1.2.0", "version: 1.3.0"))
    approve_all(home.settings)
    home.publish(as_of=AS_OF + timedelta(days=1))
    assert "A rule changed: what analysts are promised." in told(home, 1, 2)
