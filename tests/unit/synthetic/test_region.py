"""The region as a whole: its files, its truth and its refusals."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from spine.documents import parse_yaml
from spine.errors import UsageError
from spine.synthetic import RegionSummary, write_region
from spine.synthetic.social_care import reporting_period

AS_OF = date(2028, 3, 31)
_TESTED_ELSEWHERE = "(harcombe_district|tor_valley_district):council_tax:|[a-z_]+:housing_tenancies:"
CONTRACTS = Path(__file__).resolve().parents[3] / "expectations" / "contracts"


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RegionSummary]:
    out = tmp_path_factory.mktemp("region")
    return out, write_region(out, 4_000, 5, AS_OF)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RegionSummary]:
    """A region that tests copy and write again."""
    out = tmp_path_factory.mktemp("small")
    return out, write_region(out, 250, 1, AS_OF)


@cache
def schema(contract: str) -> list[dict[str, Any]]:
    """The tables of a contract's file."""
    content = parse_yaml((CONTRACTS / f"{contract}.odcs.yaml").read_text(encoding="utf-8"))
    return list(content["schema"])


def contracted_headers(contract: str, name: str) -> list[str]:
    """The headers that a contract documents for one of its tables."""
    entry = next(entry for entry in schema(contract) if entry["name"] == name)
    return [column["physicalName"] for column in entry["properties"]]


def delivered(out: Path, partner: str, dataset: str) -> list[Path]:
    folders = sorted((out / "landing" / partner / dataset).iterdir())
    return sorted(folders[-1].iterdir())


def table(path: Path, encoding: str = "utf-8", separator: str = ",") -> pl.DataFrame:
    text = path.read_bytes().decode(encoding)
    return pl.read_csv(text.encode(), separator=separator, infer_schema=False)


def council_tax(out: Path, partner: str) -> pl.DataFrame:
    if partner == "brackenfell_borough":
        return table(delivered(out, partner, "council_tax")[0], "cp1252")
    return table(delivered(out, partner, "council_tax")[0], "utf-8-sig", "|")


def patients(out: Path) -> list[dict[str, object]]:
    found = []
    for path in delivered(out, "wexmoor_icb", "gp_registrations"):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ndjson":
            found += [json.loads(line) for line in text.splitlines()]
        else:
            found += [entry["resource"] for entry in json.loads(text)["entry"]]
    return found


def truth(out: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(out / "truth" / f"{name}.parquet")


def test_every_delivery_is_dated_before_the_as_of_date(region: tuple[Path, RegionSummary]) -> None:
    _, summary = region
    days = {path: date.fromisoformat(path.split("/")[2]) for path in summary.deliveries}
    assert all(day < AS_OF for day in days.values())
    assert sum(path.startswith("brackenfell_borough/council_tax/") for path in days) == 2
    opt_out = next(day for path, day in days.items() if path.startswith("wexmoor_icb/opt_out/"))
    assert (AS_OF - opt_out).days <= 7


def digest(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_arguments_write_the_same_bytes(small: tuple[Path, RegionSummary], tmp_path: Path) -> None:
    write_region(tmp_path, 250, 1, AS_OF)
    assert digest(tmp_path) == digest(small[0])
    assert len(digest(tmp_path)) >= 12


def test_another_seed_is_another_region(small: tuple[Path, RegionSummary], tmp_path: Path) -> None:
    write_region(tmp_path, 250, 2, AS_OF)
    assert not truth(tmp_path, "people").equals(truth(small[0], "people"))


def test_truth_names_exactly_the_records_in_the_files(region: tuple[Path, RegionSummary]) -> None:
    out, summary = region
    expected = set()
    for partner in ("brackenfell_borough", "saltmarsh_district"):
        accounts = council_tax(out, partner)
        reference = pl.format("{}:council_tax:{}/{}", pl.lit(partner), "Council Tax account reference", pl.lit("1"))
        lead = accounts.filter(
            pl.col("Title").is_not_null() | pl.col("Forename").is_not_null() | pl.col("Date of birth").is_not_null()
        )
        other = accounts.filter(pl.col("Surname of other liable person").is_not_null())
        expected |= set(lead.select(reference).to_series())
        expected |= {name[:-1] + "2" for name in other.select(reference).to_series()}
    clients = table(delivered(out, "wexmoor_county", "social_care")[0])["LA_Person_Unique_Identifier"]
    expected |= {f"wexmoor_county:social_care:{client}" for client in clients}
    header = next(path for path in delivered(out, "wexmoor_county", "looked_after") if path.name == "header.csv")
    expected |= {f"wexmoor_county:looked_after:{child}" for child in table(header)["CHILD"]}
    expected |= {f"wexmoor_icb:gp_registrations:{patient['id']}" for patient in patients(out)}
    records = truth(out, "person_records")
    # test_academy and test_housing hold the records of those two layouts against their files
    told = [record for record in records["record_id"] if not re.match(_TESTED_ELSEWHERE, record)]
    assert set(told) == expected
    assert records["record_id"].n_unique() == records.height
    assert records.group_by("source").len().sort("source").rows() == sorted(summary.records.items())


def test_truth_people_are_the_residents_and_hold_no_duplicate(region: tuple[Path, RegionSummary]) -> None:
    out, summary = region
    people = truth(out, "people")
    assert people.height == summary.residents == 4_000
    assert people["person_id"].n_unique() == 4_000
    assert people["nhs_number"].drop_nulls().n_unique() == people["nhs_number"].drop_nulls().len()
    assert set(truth(out, "person_records")["person_id"]) <= set(people["person_id"])


def test_shares_are_plausible(region: tuple[Path, RegionSummary]) -> None:
    out, summary = region
    people, records = truth(out, "people"), truth(out, "person_records")
    adults = people.filter("is_adult").height
    assert 0.70 < adults / 4_000 < 0.85
    assert 0.95 < summary.records["wexmoor_icb__gp_registrations"] / 4_000 < 0.995
    assert 0.03 < summary.records["wexmoor_county__social_care"] / adults < 0.06
    assert 0.03 < people["is_opted_out"].mean() < 0.05  # type: ignore[operator]
    assert 0.004 < people["is_deceased"].mean() < 0.02  # type: ignore[operator]
    assert people["district"].drop_nulls().n_unique() == 4
    assert {"british", "irish", "south_asian", "east_european", "double_barrelled"} <= set(people["name_group"])
    gp = records.filter(pl.col("source") == "wexmoor_icb__gp_registrations")
    assert records.join(gp, on="person_id", how="anti").height > 10


def test_faults_are_counted_by_source_and_kind(region: tuple[Path, RegionSummary]) -> None:
    out, summary = region
    counted = truth(out, "faults")
    assert dict(counted.group_by("source").agg(pl.col("rows").sum()).rows()).items() <= summary.faults.items()
    found = {(row["source"], row["fault"]): row["rows"] for row in counted.to_dicts()}
    assert found["brackenfell_borough__council_tax", "no_birth_date"] > 200
    assert found["wexmoor_county__social_care", "missing_nhs_number"] > 3
    assert found["wexmoor_icb__gp_registrations", "old_address"] > 30


def test_headers_are_the_contracts_names(region: tuple[Path, RegionSummary]) -> None:
    out, _ = region
    episodes, header = delivered(out, "wexmoor_county", "looked_after")
    files = {
        ("council_tax__nfi", "accounts"): council_tax(out, "brackenfell_borough"),
        ("social_care__cld", "events"): table(delivered(out, "wexmoor_county", "social_care")[0]),
        ("looked_after__ssda903", "episodes"): table(episodes),
        ("looked_after__ssda903", "header"): table(header),
        ("area_lookup__onspd", "postcodes"): table(delivered(out, "reference", "area_lookup")[0]),
    }
    assert council_tax(out, "saltmarsh_district").columns == files["council_tax__nfi", "accounts"].columns
    for (contract, name), frame in files.items():
        assert set(contracted_headers(contract, name)) <= set(frame.columns)


def needed_headers(contract: str, name: str) -> set[str]:
    """Headers of one table that a delivery cannot leave out, in lower case."""
    entry = next(entry for entry in schema(contract) if entry["name"] == name)
    optional = {"property": "mayBeAbsent", "value": True}
    return {c["physicalName"].lower() for c in entry["properties"] if optional not in c.get("customProperties", [])}


@pytest.mark.parametrize(
    ("partner", "dataset", "contract"),
    [
        ("harcombe_district", "council_tax", "council_tax__academy"),
        ("tor_valley_district", "council_tax", "council_tax__academy"),
        ("harcombe_district", "housing_tenancies", "housing_tenancies__nec"),
        ("wexmoor_homes", "housing_tenancies", "housing_tenancies__nec"),
        ("harcombe_district", "rent_accounts", "rent_accounts__nec"),
        ("wexmoor_homes", "rent_accounts", "rent_accounts__nec"),
    ],
)
def test_tables_hold_what_their_contract_needs(
    region: tuple[Path, RegionSummary], partner: str, dataset: str, contract: str
) -> None:
    out, summary = region
    assert sum(path.startswith(f"{partner}/{dataset}/") for path in summary.deliveries) == 2
    entries = schema(contract)
    matched = set()
    for path in delivered(out, partner, dataset):
        name = next(e["name"] for e in entries if re.fullmatch(e["physicalName"], path.name, re.IGNORECASE))
        header = path.read_bytes().split(b"\n")[0].decode("utf-8-sig").strip().replace('"', "").lower()
        assert needed_headers(contract, name) <= set(re.split("[,;|]", header))
        matched.add(name)
    assert len(matched) >= len(entries) - 2


def test_each_supplier_s_quirks(region: tuple[Path, RegionSummary]) -> None:
    out, _ = region
    civica = delivered(out, "brackenfell_borough", "council_tax")[0].read_bytes()
    nec = delivered(out, "saltmarsh_district", "council_tax")[0].read_bytes()
    assert civica.count(b"\r\n") == civica.count(b"\n")
    assert nec.startswith(b"\xef\xbb\xbf")
    assert b"|" in nec
    assert b"\r" not in nec
    upper, floats = council_tax(out, "brackenfell_borough"), council_tax(out, "saltmarsh_district")
    assert (upper["Surname"].drop_nulls() == upper["Surname"].drop_nulls().str.to_uppercase()).all()
    assert floats["UPRN"].drop_nulls().str.ends_with(".0").all()
    surnames = upper["Surname"].drop_nulls()
    assert surnames.str.contains("OCCUPIER").any()
    assert surnames.str.contains(r"^(EX|REPS|PERS)").any()
    opt_out = delivered(out, "wexmoor_icb", "opt_out")[0].read_text().split()
    assert all(number.isdigit() and number.startswith("999") for number in opt_out)


@pytest.mark.parametrize(("partner", "code"), [("brackenfell_borough", "SPD25"), ("saltmarsh_district", "D1")])
def test_a_single_adult_pays_three_quarters(region: tuple[Path, RegionSummary], partner: str, code: str) -> None:
    accounts = council_tax(region[0], partner).filter(pl.col("Discount type/code") == code)
    money = accounts.select(
        full=pl.col("Council Tax amount").str.replace(",", "").cast(pl.Float64),
        off=pl.col("Discount/Exemption amount").str.replace(",", "").cast(pl.Float64),
    )
    assert accounts.height > 20
    assert money.select(((pl.col("off") - pl.col("full") * 0.25).abs() < 0.006).all()).item()
    assert accounts["Surname of other liable person"].null_count() == accounts.height


def test_patients_are_as_the_demographics_service_writes_them(region: tuple[Path, RegionSummary]) -> None:
    out, _ = region
    found = patients(out)
    restricted = [p for p in found if p["meta"]["security"][0]["code"] == "R"]  # type: ignore[index]
    assert restricted
    assert not any(key in patient for patient in restricted for key in ("address", "telecom", "generalPractitioner"))
    assert all(value is not None for patient in found for value in patient.values())
    replaced = [p for p in found if "link" in p]
    assert all(p["identifier"][1]["use"] == "old" for p in replaced)  # type: ignore[index]
    people = truth(out, "people").filter("is_restricted")
    assert len(restricted) == people.height
    keys = [
        extension["extension"][1]["valueString"]
        for p in found
        for a in p.get("address", [])
        for extension in a.get("extension", [])
    ]  # type: ignore[attr-defined]
    assert keys
    assert all(key.startswith("9909") for key in keys)
    assert any(name["use"] == "old" and "end" in name["period"] for p in found for name in p.get("name", []))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("as_of", "start", "end"),
    [
        (date(2028, 3, 31), date(2027, 1, 1), date(2027, 12, 31)),
        (date(2028, 4, 1), date(2027, 4, 1), date(2028, 3, 31)),
        (date(2028, 11, 15), date(2027, 10, 1), date(2028, 9, 30)),
    ],
)
def test_the_return_covers_the_year_to_the_last_quarter(as_of: date, start: date, end: date) -> None:
    assert reporting_period(as_of) == (start, end)


def test_sex_is_a_figure_up_to_the_2024_return(tmp_path: Path) -> None:
    write_region(tmp_path, 2_000, 1, date(2024, 3, 31))
    assert set(table(delivered(tmp_path, "wexmoor_county", "looked_after")[1])["SEX"]) == {"1", "2"}


def test_too_many_and_too_few_residents_are_refused(tmp_path: Path) -> None:
    for residents in (800_001, 199):
        with pytest.raises(UsageError, match="999 range"):
            write_region(tmp_path, residents, 1, AS_OF)
    assert not any(tmp_path.iterdir())


def test_equal_deliveries_stay_and_others_are_never_overwritten(
    small: tuple[Path, RegionSummary], tmp_path: Path
) -> None:
    written, summary = small
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    assert write_region(tmp_path, 250, 1, AS_OF) == summary
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="already with other content"):
        write_region(tmp_path, 250, 2, AS_OF)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
