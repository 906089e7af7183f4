"""Deliveries that no generator of this project wrote: other headers, encodings and formats, and broken files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.acceptance import other_region
from tests.acceptance.conftest import Home

PERSONS = other_region.people(150, seed=11)
OPTED_OUT = [p for p in PERSONS if p.is_adult and other_region.in_practice(p)][:4]


@pytest.fixture(scope="module")
def other(new_home: Callable[[str], Home]) -> Home:
    home = new_home("other")
    other_region.write(home.settings.landing, PERSONS, OPTED_OUT)
    home.run()
    assert home.summary.succeeded, home.summary.failures
    return home


def test_all_layouts_are_read(other: Home) -> None:
    assert other.summary.accepted == 9
    assert not other.summary.refused
    records = {source.source: source.records for source in other.summary.links}
    assert records["saltmarsh_district__council_tax"] == sum(map(other_region.in_council_tax, PERSONS))
    assert records["harcombe_district__council_tax"] == sum(map(other_region.in_academy, PERSONS))
    assert records["wexmoor_homes__housing_tenancies"] == sum(map(other_region.rents, PERSONS))
    assert records["wexmoor_county__social_care"] == sum(map(other_region.in_social_care, PERSONS))
    assert records["wexmoor_icb__gp_registrations"] == sum(map(other_region.in_practice, PERSONS))


def test_the_release_holds_the_adults_who_did_not_opt_out(other: Home) -> None:
    known = [p for p in PERSONS if p.is_adult]
    known = [p for p in known if any(f(p) for f in _SOURCES)]
    [(rows,)] = other.release("SELECT count(*) FROM residents WHERE age_band <> 'unknown'")
    unknown = other.release("SELECT count(*) FROM residents WHERE age_band = 'unknown'")[0][0]
    assert abs(rows + unknown - (len(known) - len(OPTED_OUT))) <= 0.05 * len(known)
    [(linked,)] = other.release("SELECT count(*) FROM residents WHERE service_count > 1")
    both = [p for p in known if sum(f(p) for f in _SOURCES) > 1 and p not in OPTED_OUT]
    assert linked >= 0.85 * len(both)


def test_restricted_people_have_no_area_though_the_council_knows_it(other: Home) -> None:
    restricted = [p for p in PERSONS if p.restricted and other_region.in_practice(p) and p not in OPTED_OUT]
    numbers = ", ".join(f"'{p.nhs}'" for p in restricted)
    rows = other.rows(
        "SELECT d.lsoa21 FROM core.dim_resident d JOIN core.bridge_resident_nhs_number n USING (resident_id) "
        f"WHERE n.nhs_number IN ({numbers})"
    )
    assert len(rows) >= len(restricted)
    assert all(area is None for (area,) in rows)


def test_what_the_council_holds_of_restricted_people_shows_no_area_and_follows_their_opt_out(other: Home) -> None:
    restricted = [p for p in PERSONS if p.restricted and other_region.in_practice(p) and other_region.in_council_tax(p)]
    assert restricted
    records = ", ".join(f"'saltmarsh_district:council_tax:{70000000 + p.number}/1'" for p in restricted)
    rows = other.rows(
        "SELECT d.is_restricted, d.lsoa21, d.lives_alone, d.gp_practice_code FROM core.dim_resident d "
        f"JOIN core.bridge_resident_record b USING (resident_id) WHERE b.record_id IN ({records})"
    )
    assert rows == [(True, None, None, None)] * len(restricted)
    dated = [p for p in restricted if p.number % 3]
    numbers = other.rows(
        "SELECT count(*) FROM core.bridge_resident_nhs_number n JOIN core.bridge_resident_record b USING (resident_id) "
        f"WHERE b.record_id LIKE 'saltmarsh%' AND n.nhs_number IN ({', '.join(repr(p.nhs) for p in dated) or 'NULL'})"
    )
    assert numbers == [(len(dated),)]


def test_a_broken_delivery_is_refused_and_changes_nothing_else(other: Home) -> None:
    before = other.release("SELECT * FROM residents ORDER BY resident_id")
    folder = other.settings.landing / "saltmarsh_district/council_tax/2028-03-01"
    folder.mkdir()
    (folder / "accounts.csv").write_text("account_ref,uprn,surnam\n1,2,Nobody\n", encoding="utf-8")
    summary = other.run()
    assert summary.succeeded
    assert list(summary.refused) == ["saltmarsh_district/council_tax/2028-03-01"]
    [reasons] = summary.refused.values()
    assert any("'Surname'" in reason for reason in reasons)
    assert "Nobody" not in " ".join(reasons)
    assert other.release("SELECT * FROM residents ORDER BY resident_id") == before
    assert other.rows("SELECT DISTINCT is_stale FROM raw.deliveries WHERE partner = 'saltmarsh_district'") == [(True,)]


def test_the_corrected_delivery_is_taken_and_ids_stay(other: Home) -> None:
    before = dict(other.rows("SELECT record_id, resident_id FROM linkage.crosswalk"))
    folder = other.settings.landing / "saltmarsh_district/council_tax"
    bad = folder / "2028-03-01" / "accounts.csv"
    bad.unlink()
    [good] = (folder / other_region.DAY).iterdir()
    lines = good.read_text(encoding="utf-16").splitlines()
    bad.write_text("\n".join(lines[:-3]) + "\n", encoding="utf-8")
    summary = other.run()
    assert not summary.refused
    after = dict(other.rows("SELECT record_id, resident_id FROM linkage.crosswalk"))
    assert len(before) - len(after) == 3
    assert all(before[record] == resident for record, resident in after.items())


def test_deliveries_after_the_as_of_date_are_ignored(other: Home) -> None:
    folder = other.settings.landing / "saltmarsh_district/council_tax/2028-12-01"
    folder.mkdir()
    (folder / "accounts.csv").write_text("nonsense", encoding="utf-8")
    summary = other.run()
    assert summary.future == 1
    assert not summary.refused


def test_without_an_opt_out_list_nothing_new_is_released(new_home: Callable[[str], Home]) -> None:
    home = new_home("no-list")
    persons = other_region.people(30, seed=5)
    other_region.write(home.settings.landing, persons, persons[:2])
    _remove(home.settings.landing / "wexmoor_icb/opt_out")
    summary = home.run()
    assert not summary.succeeded
    assert summary.exit_code == 6
    assert "wexmoor_icb" in " ".join(summary.failures)
    assert not list(home.settings.releases.rglob("*.duckdb"))


def test_before_the_agreement_is_in_force_nothing_is_released(new_home: Callable[[str], Home]) -> None:
    home = new_home("too-early")
    summary = home.run(date(2026, 11, 22))
    assert summary.exit_code == 6
    assert not list(home.settings.releases.rglob("*.duckdb"))


_SOURCES = (
    other_region.in_council_tax,
    other_region.in_academy,
    other_region.rents,
    other_region.in_social_care,
    other_region.in_practice,
)


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    folder.rmdir()
