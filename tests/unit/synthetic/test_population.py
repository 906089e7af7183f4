"""Residents as they truly are: families, namesakes, twins, marriages and moves."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from spine.synthetic import households as hh
from spine.synthetic.draws import Draws
from spine.synthetic.population import Region, build_region


@pytest.fixture(scope="module")
def region() -> Region:
    return build_region(Draws(12_000, 3, date(2028, 3, 31)))


def test_a_twin_shares_birthday_and_home_but_not_the_name(region: Region) -> None:
    people = region.people
    twins = people.filter("twin")
    siblings = people[(twins["person"] - 1).to_list()]
    assert twins.height > 10
    assert twins["date_of_birth"].equals(siblings["date_of_birth"])
    assert twins["household"].equals(siblings["household"])
    same = (twins["first_name"] == siblings["first_name"]) & (twins["is_female"] == siblings["is_female"])
    assert same.sum() <= 1


def test_a_son_may_bear_his_father_s_name(region: Region) -> None:
    sons = region.people.filter("father_namesake")
    men = region.people.filter(~pl.col("is_female") & pl.col("role").is_in([hh.HEAD, hh.PARTNER]))
    fathers = sons.join(men.select("household", "first_name"), on=["household", "first_name"], how="semi")
    assert sons.height > 10
    # a father of one name or with a compound one keeps his own first name
    assert fathers.height >= 0.9 * sons.height


def test_a_married_name_has_a_day_and_the_name_before(region: Region) -> None:
    renamed = region.people.filter(pl.col("former_surname").is_not_null())
    assert 0.1 < renamed.height / region.people.height < 0.3
    assert renamed["is_female"].all()
    assert renamed.select((pl.col("renamed_on") > pl.col("date_of_birth")).all()).item()
    assert (renamed["surname"] != renamed["former_surname"]).all()
    assert (renamed["renamed_on"] > date(2025, 4, 1)).sum() > 20


def test_movers_lived_elsewhere_before(region: Region) -> None:
    movers = region.people.filter(pl.col("moved_on").is_not_null())
    assert 0.08 < movers.height / region.people.height < 0.18
    assert (movers["old_property"] != movers["property"]).all()
    assert (movers["moved_on"] == movers["lived_since"]).all()


def test_one_household_a_dwelling_and_care_homes_of_their_own(region: Region) -> None:
    homes = region.people.filter(pl.col("property").is_not_null()).select("property", "household").unique()
    assert homes["property"].n_unique() == homes.height
    assert not set(region.vacant) & set(homes["property"])
    care = region.people.filter(pl.col("kind") == hh.CARE_HOME)
    assert region.stock.properties["is_care_home"].gather(care["property"]).all()


def test_postcodes_nest_in_areas_and_areas_in_councils(region: Region) -> None:
    postcodes = region.stock.postcodes
    assert postcodes["postcode"].is_unique().all()
    assert postcodes["postcode"].str.contains(r"^WX\d{1,2} \d[ABD-HJLNP-UW-Z]{2}$").all()
    assert postcodes["lsoa21"].str.contains(r"^E019\d{5}$").all()
    assert postcodes.group_by("lsoa21").agg(pl.col("gss_code").n_unique())["gss_code"].max() == 1
    assert region.stock.properties["uprn"].is_unique().all()
