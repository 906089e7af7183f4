"""Academy extracts: accounts, occupations and properties that belong together, in two councils' own ways."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from spine.synthetic.academy import SYSTEMS, build_academy
from spine.synthetic.codes import HARCOMBE, TOR_VALLEY
from spine.synthetic.delivery import SourceResult
from spine.synthetic.draws import Draws
from spine.synthetic.population import Region, build_region

AS_OF = date(2028, 3, 31)
Tables = dict[str, pl.DataFrame]
DIALECTS = {HARCOMBE: ("utf-8-sig", ","), TOR_VALLEY: ("cp1252", "|")}


@pytest.fixture(scope="module")
def region() -> Region:
    return build_region(Draws(6_000, 3, AS_OF))


@pytest.fixture(scope="module")
def results(region: Region) -> dict[str, SourceResult]:
    return {system.partner: build_academy(region, system) for system in SYSTEMS}


@pytest.fixture(scope="module")
def sent(results: dict[str, SourceResult], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Tables]]:
    """The tables of each council's deliveries, the latest first."""
    return {partner: [read(output.write, tmp_path_factory.mktemp("d"), partner) for output in result.outputs]
            for partner, result in results.items()}  # fmt: skip


def read(write: object, folder: Path, partner: str) -> Tables:
    write(folder)  # type: ignore[operator]
    encoding, separator = DIALECTS[partner]
    found = {}
    for path in folder.iterdir():
        text = path.read_bytes().decode(encoding)
        table = next(name for name in ("ctaccount", "ctoccupation", "ctproperty") if name in path.name)
        found[table] = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    assert len(found) == 3
    return found


def key(frame: pl.DataFrame) -> pl.Series:
    """The account as the spine calls it."""
    parts = ["division_id", "account_ref"] if "division_id" in frame.columns else ["account_ref"]
    return frame.select(pl.concat_str(parts, separator="-", ignore_nulls=True)).to_series()


@pytest.mark.parametrize("partner", [HARCOMBE, TOR_VALLEY])
def test_tables_belong_together(sent: dict[str, list[Tables]], partner: str) -> None:
    for tables in sent[partner]:
        accounts = set(key(tables["ctaccount"]))
        assert len(accounts) == tables["ctaccount"].height
        assert set(key(tables["ctoccupation"])) == accounts
        assert tables["ctproperty"]["property_ref"].is_unique().all()
        assert set(tables["ctoccupation"]["property_ref"]) <= set(tables["ctproperty"]["property_ref"])
        assert tables["ctaccount"].width == 42
        assert tables["ctaccount"]["lead_liab_name"].str.len_chars().max() <= 32  # type: ignore[operator]


def test_references_collide_between_divisions_and_councils(sent: dict[str, list[Tables]]) -> None:
    here, there = sent[HARCOMBE][0]["ctaccount"], sent[TOR_VALLEY][0]["ctaccount"]
    assert set(here["division_id"]) == {"1", "2"}
    assert here["account_ref"].n_unique() < here.height
    assert set(here["account_ref"]) & set(there["account_ref"])
    assert there["division_id"].null_count() == there.height
    assert "division_id" not in sent[TOR_VALLEY][0]["ctoccupation"].columns
    assert set(sent[HARCOMBE][0]["ctproperty"]["property_ref"]) & set(sent[TOR_VALLEY][0]["ctproperty"]["property_ref"])


@pytest.mark.parametrize(
    ("partner", "never", "day"),
    [(HARCOMBE, "2099-12-31 00:00:00", "%Y-%m-%d 00:00:00"), (TOR_VALLEY, "31/12/2999", "%d/%m/%Y")],
)
def test_what_goes_on_ends_far_ahead_and_the_rest_has_ended(
    sent: dict[str, list[Tables]], partner: str, never: str, day: str
) -> None:
    occupations = sent[partner][0]["ctoccupation"]
    is_open = occupations["vacation_date"] == never
    assert is_open.equals(occupations["live_ind"] == "1")
    assert 0.05 < 1 - float(is_open.mean()) < 0.4  # type: ignore[arg-type]
    ended = occupations.filter(~is_open).select(
        pl.col("occupation_date", "vacation_date").str.strptime(pl.Date, day), "transit_ind"
    )
    assert ended.select((pl.col("occupation_date") < pl.col("vacation_date")).all()).item()
    assert ended["vacation_date"].max() <= AS_OF - timedelta(days=3)  # type: ignore[operator]
    assert set(ended["transit_ind"]) == {"0", "1"}


@pytest.mark.parametrize("partner", [HARCOMBE, TOR_VALLEY])
def test_accounts_may_have_two_occupations_or_only_ended_ones(sent: dict[str, list[Tables]], partner: str) -> None:
    occupations = sent[partner][0]["ctoccupation"]
    counted = occupations.with_columns(key(occupations).alias("key")).group_by("key").agg(
        pl.len().alias("n"), (pl.col("live_ind") == "1").sum().alias("open")
    )  # fmt: skip
    assert counted["open"].max() == 1
    assert counted.filter(pl.col("n") > 1).height > 20
    assert counted.filter(pl.col("open") == 0).height > 20


@pytest.mark.parametrize("partner", [HARCOMBE, TOR_VALLEY])
def test_an_account_is_written_alike_in_both_deliveries(sent: dict[str, list[Tables]], partner: str) -> None:
    latest, earlier = (
        tables["ctaccount"].with_columns(key(tables["ctaccount"]).alias("key")) for tables in sent[partner]
    )
    both = latest.join(earlier, on="key")
    assert both.height > 0.9 * latest.height
    assert both["lead_liab_name"].equals(both["lead_liab_name_right"], null_equal=True)
    assert not sent[partner][0]["ctoccupation"].equals(sent[partner][1]["ctoccupation"])


def test_names_are_one_string_and_at_one_council_also_in_parts(sent: dict[str, list[Tables]]) -> None:
    for partner in (HARCOMBE, TOR_VALLEY):
        names = sent[partner][0]["ctaccount"]["lead_liab_name"].drop_nulls()
        assert (names == names.str.to_uppercase()).all()
        assert names.str.contains(r"^[^,]+, (MR|MRS|MISS|MS|DR) [^&]+ & (MR|MRS|MISS|MS|DR) \S+$").any()
        assert names.str.contains(r"^[^,&]+, [^,&]+ & [^,&]+, [^,&]+$").any()
        assert (names == "THE OCCUPIER").any()
        assert names.str.contains(r"^(EX|REPS|PERS)").any()
    parts = sent[HARCOMBE][0]["ctaccount"].filter(pl.col("lead_liab_surname").is_not_null())
    assert 0.5 < parts.height / sent[HARCOMBE][0]["ctaccount"].height < 0.95
    assert parts.select(pl.col("lead_liab_name").str.starts_with(pl.col("lead_liab_surname")).all()).item()
    assert sent[TOR_VALLEY][0]["ctaccount"]["lead_liab_surname"].null_count() == sent[TOR_VALLEY][0]["ctaccount"].height


@pytest.mark.parametrize("partner", [HARCOMBE, TOR_VALLEY])
def test_the_truth_names_the_people_of_accounts_that_go_on(
    sent: dict[str, list[Tables]], results: dict[str, SourceResult], region: Region, partner: str
) -> None:
    accounts, occupations = sent[partner][0]["ctaccount"], sent[partner][0]["ctoccupation"]
    live = set(key(occupations.filter(pl.col("live_ind") == "1")))
    named = accounts.with_columns(key(accounts).alias("key")).filter(
        pl.col("key").is_in(list(live)) & pl.col("lead_liab_name").str.contains(",")
    )
    expected = {f"{partner}:council_tax:{account}/1" for account in named["key"]}
    expected |= {
        f"{partner}:council_tax:{account}/2"
        for account in named.filter(pl.col("lead_liab_name").str.contains(" & "))["key"]
    }
    records = results[partner].records
    true = set(records["record_id"])
    assert len(true) == records.height
    # a person of one name and no title has no comma
    assert expected <= true
    assert len(true - expected) <= 0.01 * len(true)
    assert records["person"].max() < region.people.height  # type: ignore[operator]


def test_uprns_bear_a_spreadsheet_s_marks_at_one_council(sent: dict[str, list[Tables]]) -> None:
    floats = sent[TOR_VALLEY][0]["ctproperty"]["uprn"].drop_nulls()
    assert floats.str.ends_with(".0").all()
    assert (floats == "1.0").any()
    assert sent[HARCOMBE][0]["ctproperty"]["uprn"].drop_nulls().str.contains(r"^9909\d{8}$").all()
    deleted = sent[HARCOMBE][0]["ctproperty"].filter(pl.col("deleted_ind") == "1")
    assert deleted.height > 0
    assert not set(deleted["property_ref"]) & set(sent[HARCOMBE][0]["ctoccupation"]["property_ref"])
