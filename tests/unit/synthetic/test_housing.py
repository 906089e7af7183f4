"""Tenancies and rents of two landlords: tables that belong together, people that are residents, money that adds up."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from spine.synthetic.codes import HARCOMBE, WEXMOOR_HOMES
from spine.synthetic.delivery import SourceResult
from spine.synthetic.draws import Draws
from spine.synthetic.housing import build_housing
from spine.synthetic.landlords import LANDLORDS
from spine.synthetic.population import Region, build_region
from spine.synthetic.rents import build_rents
from spine.synthetic.tenancies import Tenancies, tenancies_of

AS_OF = date(2028, 3, 31)
DAY = AS_OF - timedelta(days=4)
PARTNERS = (HARCOMBE, WEXMOOR_HOMES)
Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def region() -> Region:
    return build_region(Draws(20_000, 3, AS_OF))


@pytest.fixture(scope="module")
def facts(region: Region) -> dict[str, Tenancies]:
    return {landlord.partner: tenancies_of(region, landlord.district, DAY) for landlord in LANDLORDS}


@pytest.fixture(scope="module")
def results(region: Region) -> dict[str, SourceResult]:
    return {landlord.partner: build_housing(region, landlord) for landlord in LANDLORDS}


@pytest.fixture(scope="module")
def homes(results: dict[str, SourceResult], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Tables]]:
    return {partner: [read(output.write, tmp_path_factory.mktemp("h"), partner) for output in result.outputs]
            for partner, result in results.items()}  # fmt: skip


@pytest.fixture(scope="module")
def rents(region: Region, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Tables]]:
    return {
        landlord.partner: [
            read(output.write, tmp_path_factory.mktemp("r"), landlord.partner)
            for output in build_rents(region, landlord).outputs
        ]
        for landlord in LANDLORDS
    }


def read(write: object, folder: Path, partner: str) -> Tables:
    """Tables by name, headers in lower case."""
    write(folder)  # type: ignore[operator]
    encoding, separator = ("cp1252", ",") if partner == HARCOMBE else ("utf-8", ";")
    found = {}
    for path in folder.iterdir():
        text = path.read_bytes().decode(encoding)
        table = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
        assert all(name.isupper() == (partner == HARCOMBE) for name in table.columns)
        name = path.stem.removeprefix("HOU_").rstrip("0123456789").rstrip("_")
        table = table.with_columns(pl.all().replace("", None))
        found[name] = table.rename(str.lower)
    return found


@pytest.mark.parametrize("partner", PARTNERS)
def test_about_one_household_in_six_rents(region: Region, facts: dict[str, Tenancies], partner: str) -> None:
    landlord = next(entry for entry in LANDLORDS if entry.partner == partner)
    there = region.people.filter((pl.col("district") == landlord.district) & (pl.col("kind") < 9))
    let = facts[partner].tenancies.filter((pl.col("kind") == "home") & pl.col("end").is_null())
    assert 0.11 < let.height / there["household"].n_unique() < 0.22
    assert let["property"].is_unique().all()


@pytest.mark.parametrize("partner", PARTNERS)
def test_members_live_or_lived_there(region: Region, facts: dict[str, Tenancies], partner: str) -> None:
    known = facts[partner]
    assert known.members.filter(pl.col("end") < pl.col("start")).is_empty()
    assert known.members.select("tenancy", "person").is_unique().all()
    current = known.tenancies.filter((pl.col("kind") == "home") & pl.col("end").is_null())
    members = (
        current.select("tenancy", "property").join(known.members, on="tenancy").filter(pl.col("role").is_not_null())
    )
    at_home = region.people["property"].gather(members["person"])
    assert (at_home == members["property"]).all()
    born = region.people["date_of_birth"].gather(known.members["person"])
    assert (born <= known.members["start"]).all()
    assert members.filter(~region.people["is_adult"].gather(members["person"])).height > 20


@pytest.mark.parametrize("partner", PARTNERS)
def test_an_earlier_day_knows_no_later_end(facts: dict[str, Tenancies], partner: str) -> None:
    day = DAY - timedelta(days=400)
    earlier = facts[partner].on(day)
    assert earlier.tenancies["start"].max() <= day  # type: ignore[operator]
    assert earlier.tenancies["end"].max() <= day  # type: ignore[operator]
    assert earlier.tenancies.height < facts[partner].tenancies.height
    reopened = earlier.tenancies.filter(pl.col("end").is_null()).join(
        facts[partner].tenancies.filter(pl.col("end").is_not_null()), on="tenancy"
    )
    assert reopened.height > 0


@pytest.mark.parametrize("partner", PARTNERS)
def test_tables_belong_together(homes: dict[str, list[Tables]], partner: str) -> None:
    for tables in homes[partner]:
        tenancies, properties = tables["tenancies"], tables["properties"]
        people = tables["people"]
        assert people.select("lpar_per_alt_ref", "lpar_tcy_alt_ref").is_unique().all()
        assert set(people["lpar_tcy_alt_ref"]) == set(tenancies["ltcy_alt_ref"])
        assert tenancies["ltcy_alt_ref"].is_unique().all()
        assert set(tenancies["ltcy_tho_propref1"]) <= set(properties["lpro_propref"])
        assert properties["lpro_propref"].is_unique().all()
        assert set(tables["contacts"]["lcde_legacy_ref"]) <= set(people["lpar_per_alt_ref"])
        assert ("addresses" in tables) == (partner == WEXMOOR_HOMES)
        assert ("lael_postcode" in properties.columns) == (partner == HARCOMBE)


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_truth_names_every_reference_of_a_person(
    homes: dict[str, list[Tables]], results: dict[str, SourceResult], partner: str
) -> None:
    people = homes[partner][0]["people"].filter(pl.col("lpar_type") == "HOUP")
    expected = {f"{partner}:housing_tenancies:{reference}" for reference in people["lpar_per_alt_ref"]}
    records = results[partner].records
    assert set(records["record_id"]) == expected
    assert len(expected) == records.height
    assert records["person"].n_unique() < records.height, "some stand under two references"
    assert set(homes[partner][1]["people"]["lpar_per_alt_ref"]) <= set(homes[partner][0]["people"]["lpar_per_alt_ref"])


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_person_is_the_same_in_every_row_and_delivery(homes: dict[str, list[Tables]], partner: str) -> None:
    held = ["lpar_per_alt_ref", "lpar_per_surname", "lpar_per_forename", "lpar_per_date_of_birth", "lpar_per_ni_no"]
    rows = pl.concat([tables["people"].select(held) for tables in homes[partner]]).unique()
    assert rows["lpar_per_alt_ref"].is_unique().all()


@pytest.mark.parametrize("partner", PARTNERS)
def test_people_and_homes_have_their_quirks(homes: dict[str, list[Tables]], partner: str) -> None:
    tables = homes[partner][0]
    people, tenancies = tables["people"], tables["tenancies"]
    assert (people["lpar_type"] == "ORG").any()
    persons = people.filter(pl.col("lpar_type") == "HOUP")
    assert (persons["lpar_per_title"] == persons["lpar_per_title"].str.to_uppercase()).all()
    assert 0.4 < 1 - persons["lpar_per_ni_no"].null_count() / persons.height < 0.8
    assert not persons["lpar_per_ni_no"].drop_nulls().str.contains(r"^X[A-Z]\d{6}[A-D]$").all()
    main = persons.filter(pl.col("lpar_tin_main_tenant_ind") == "Y")
    assert main["lpar_tcy_alt_ref"].is_unique().all()
    ended = set(tenancies.filter(pl.col("ltcy_act_end_date").is_not_null())["ltcy_alt_ref"])
    listed = persons.filter(pl.col("lpar_tcy_alt_ref").is_in(list(ended)) & pl.col("lpar_hop_end_date").is_null())
    assert listed.height > 0
    assert persons.group_by("lpar_per_alt_ref").len()["len"].max() >= 2  # type: ignore[operator]
    assert (tables["properties"]["lpro_hou_ptv_code"] == "GAR").any()
    assert (tenancies["ltcy_hrv_tst_code"] == "NOTICE").any()
    shape = r"^\d\d-[A-Z]{3}-\d{4}$" if partner == HARCOMBE else r"^\d{4}-\d\d-\d\d$"
    assert tenancies["ltcy_act_start_date"].str.contains(shape).all()


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_household_shares_its_landline_and_old_contacts_have_ended(
    homes: dict[str, list[Tables]], partner: str
) -> None:
    contacts = homes[partner][0]["contacts"]
    assert set(contacts["lcde_frv_cme_code"]) == {"HOMETEL", "MOBILETEL", "WORKTEL", "EMAIL"}
    lines = contacts.filter(pl.col("lcde_frv_cme_code") == "HOMETEL", pl.col("lcde_end_date").is_null())
    assert lines["lcde_contact_value"].n_unique() < 0.9 * lines.height
    mobiles = contacts.filter(pl.col("lcde_frv_cme_code") == "MOBILETEL")
    assert mobiles["lcde_contact_value"].str.contains(r"^07000\d{6}$").all()
    assert contacts["lcde_end_date"].drop_nulls().len() > 0
    mail = contacts.filter(pl.col("lcde_frv_cme_code") == "EMAIL")["lcde_contact_value"]
    assert mail.str.contains(r"@example\.(com|net)$").all()


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_third_of_open_accounts_owe_and_the_gravest_arrears_have_the_most_actions(
    homes: dict[str, list[Tables]], rents: dict[str, list[Tables]], partner: str
) -> None:
    tables = rents[partner][0]
    accounts, actions = tables["revenue_accounts"], tables["arrears_actions"]
    assert set(accounts["lrac_tcy_alt_ref"]) == set(homes[partner][0]["tenancies"]["ltcy_alt_ref"])
    assert accounts["lrac_pay_ref"].is_unique().all()
    balance = pl.col("lrac_last_aba_balance").cast(pl.Float64)
    going_on = accounts.filter(pl.col("lrac_end_date").is_null())
    assert 0.22 < going_on.filter(balance > 0).height / going_on.height < 0.46
    owing = accounts.filter(balance > 0)
    assert set(actions["laca_pay_ref"]) <= set(owing["lrac_pay_ref"])
    assert actions["laca_ara_code"].n_unique() >= 3
    assert not accounts.equals(rents[partner][1]["revenue_accounts"])


def test_one_landlord_sends_balances_and_the_other_elements_of_the_charge(rents: dict[str, list[Tables]]) -> None:
    council, association = rents[HARCOMBE][0], rents[WEXMOOR_HOMES][0]
    assert set(council) == {"revenue_accounts", "arrears_actions", "account_balances"}
    assert set(association) == {"revenue_accounts", "arrears_actions", "debit_breakdowns"}
    assert "lrac_gross_rent" not in association["revenue_accounts"].columns
    last = council["account_balances"].unique("laba_pay_ref", keep="last", maintain_order=True)
    both = council["revenue_accounts"].join(last, left_on="lrac_pay_ref", right_on="laba_pay_ref")
    assert both["lrac_last_aba_balance"].equals(both["laba_balance"])
    charge = (
        association["debit_breakdowns"].group_by("ldbr_pay_ref").agg(pl.col("ldbr_ele_value").cast(pl.Float64).sum())
    )
    assert set(charge["ldbr_pay_ref"]) == set(association["revenue_accounts"]["lrac_pay_ref"])
    assert charge["ldbr_ele_value"].is_between(12, 190).all()
