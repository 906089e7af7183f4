"""The linkage assets in a real Dagster instance: each check passes and fails, and its metadata hold no person.

The people are invented and linked for real once. A check's failing case changes one thing of that result.
"""

from __future__ import annotations

import importlib
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import dagster as dg
import duckdb
import polars as pl
import pytest

from assets.decision_checks import CHECKS as DECISION_CHECKS
from assets.identity_checks import CHURN
from assets.linkage import linkage_assets
from assets.linkage_checks import (
    BLOCKS,
    CHECKS,
    EVERY_RECORD,
    GROUPS,
    IN_DOUBT,
    NHS_NUMBERS,
    RATES,
    REVIEWED,
)
from assets.resources import HOME, home_resource
from spine.contracts import load_partners
from spine.identity.conflicts import CONFLICTS, KINDS
from spine.identity.ids import PATTERN
from spine.linkage import LinkageResult
from spine.linkage import link as link_for_real
from spine.linkage.distribution import ScoredPairs
from spine.settings import PROJECT_ROOT, Settings
from tests.fixtures.dbt_rows import valid_nhs_number
from tests.fixtures.faults_pipeline import AS_OF

PEOPLE = 60
FORENAMES = ("Maeve", "Orlando", "Tamsin", "Caspian", "Isolde", "Perrin", "Rowena", "Lysander", "Briony", "Evander")
SURNAMES = ("Thistlewood", "Quillfeather", "Ravenscar", "Mossbury", "Fernleigh", "Oakhollow")
GP, HOMES = "wexmoor_icb__gp_registrations", "wexmoor_homes__housing_tenancies"


def person_records() -> pl.DataFrame:
    """The same people in two sources; the second knows no NHS number."""
    rows = []
    for n in range(PEOPLE):
        person: dict[str, Any] = {
            "first_name": FORENAMES[n % 10],
            "surname": SURNAMES[n // 10],
            "date_of_birth": date(1940 + n, 1 + n % 12, 2 + n % 27),
            "sex": ("female", "male")[n % 2],
            "house_number": str(1 + n),
            "postcode": f"WX{1 + n % 9} {n // 9}AB",
        }
        number = {"nhs_number": valid_nhs_number(4000 + 10 * n), "nhs_number_status": "01"}
        rows.append({"record_id": f"gp:{n:03d}", "source": GP, **person, **number})
        rows.append({"record_id": f"homes:{n:03d}", "source": HOMES, **person})
    frame = pl.DataFrame(rows, infer_schema_length=None)
    dates = [pl.lit(None, pl.Date).alias(name) for name in ("date_of_death", "address_from")]
    no_numbers = pl.lit([], pl.List(pl.String)).alias("superseded_nhs_numbers")
    return frame.with_columns(*dates, no_numbers).sort("record_id")


@dataclass
class Scene:
    """A home, its Dagster instance and what linkage shall find next."""

    settings: Settings
    instance: dg.DagsterInstance
    records: pl.DataFrame
    found: LinkageResult

    def run(self, *, is_held: bool = False) -> dict[str, dg.AssetCheckEvaluation]:
        """Materialise both assets; their checks by name."""
        with duckdb.connect(self.settings.warehouse) as connection:
            connection.register("people", self.records.to_arrow())
            connection.execute(
                f"""
                CREATE SCHEMA IF NOT EXISTS raw; CREATE SCHEMA IF NOT EXISTS intermediate;
                CREATE OR REPLACE TABLE raw.run AS SELECT DATE '{AS_OF}' AS as_of;
                CREATE OR REPLACE TABLE intermediate.int_person_records AS SELECT * FROM people
                """
            )
        partners = load_partners(PROJECT_ROOT / "expectations" / "partners.yaml")
        self.result = dg.materialize(
            [linkage_assets(self.settings, list(partners.values()))],
            instance=self.instance,
            resources={HOME: home_resource(self.settings)},
            tags={"spine/as_of": AS_OF.isoformat()},
            raise_on_error=False,
        )
        assert self.result.success is not is_held
        return {check.check_name: check for check in self.result.get_asset_check_evaluations()}

    def change(self, **report: Any) -> None:
        """Put other figures into linkage's report."""
        self.found = replace(self.found, report={**self.found.report, **report})

    def merge(self, one: str, other: str) -> None:
        """Put the clusters of two records together."""
        clusters = self.found.clusters
        of = dict(clusters.select("record_id", "cluster_id").iter_rows())
        joined = pl.col("cluster_id").replace(of[other], of[one])
        self.found = replace(self.found, clusters=clusters.with_columns(joined))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.settings.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def linked() -> LinkageResult:
    return link_for_real(person_records())


@pytest.fixture
def scene(linked: LinkageResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    quiet = {**linked.report["clerical"], "pairs_below": 0, "pairs_above": 0}
    with dg.DagsterInstance.ephemeral() as instance:
        found = replace(linked, report={**linked.report, "clerical": quiet})
        scene = Scene(Settings(home=tmp_path / "home").prepare(), instance, person_records(), found)
        module = importlib.import_module("spine.identity.relink")
        monkeypatch.setattr(module, "link", lambda *_, **__: scene.found)
        yield scene


def values(check: dg.AssetCheckEvaluation) -> dict[str, Any]:
    return {name: entry.value for name, entry in check.metadata.items()}


def test_all_is_well_and_every_check_says_the_same_things(scene: Scene) -> None:
    checks = scene.run()
    assert set(checks) == {*CHECKS, *DECISION_CHECKS, CHURN}
    assert [name for name, check in checks.items() if not check.passed] == []
    for check in checks.values():
        known = values(check)
        assert check.description
        assert known["sentence"].endswith(".")
        assert known["dimension"] in {"accuracy", "completeness", "conformity", "consistency", "coverage"}
        assert known["outcome"] == "passed"
        assert known["owner"]
        assert all(isinstance(known[name], int | float) for name in ("numerator", "denominator", "percentage"))


def _verified_twice(scene: Scene) -> None:
    scene.merge("gp:000", "gp:001")


def _in_doubt(scene: Scene) -> None:
    scene.change(clerical={**scene.found.report["clerical"], "pairs_below": 5, "pairs_above": 20})


def _capped(scene: Scene) -> None:
    rule = {
        "rule": "same_house",
        "pairs": 0,
        "blocks": 3,
        "cap": 10,
        "capped_blocks": 1,
        "records_in_capped_blocks": 40,
    }
    scene.change(blocking={**scene.found.report["blocking"], "rules": [rule], "capped_blocks": 1})


class _WithoutPairs(LinkageResult):
    """A result whose pairs are not told: where a record is lost their places would be those of others."""

    @property
    def scored(self) -> ScoredPairs:
        scored = super().scored
        none = {name: getattr(scored, name)[:0] for name in ("left", "right", "bits", "records", "home", "veto")}
        return cast(ScoredPairs, SimpleNamespace(**none))


def _lost(scene: Scene) -> None:
    given = {field.name: getattr(scene.found, field.name) for field in fields(scene.found)}
    scene.found = _WithoutPairs(**{**given, "clusters": scene.found.clusters[:-1]})


def _apart_by_sex(scene: Scene) -> None:
    rates = {
        name: {"records": 200, "linked": linked, "link_rate": linked / 200, "low": 0.0, "high": 1.0}
        for name, linked in (("female", 190), ("male", 150), ("unknown", 20))
    }
    scene.change(groups={**scene.found.report["groups"], "sex": rates})


@pytest.mark.parametrize(
    ("change", "name", "numerator", "denominator", "words"),
    [
        (_in_doubt, IN_DOUBT, 25, None, "20 were linked, 5 were not"),
        (_capped, BLOCKS, 40, 2 * PEOPLE, "1 groups were larger"),
        (_lost, EVERY_RECORD, 1, 2 * PEOPLE, "1 records are lost"),
        (_verified_twice, NHS_NUMBERS, 1, None, "1 of 59 residents"),
        (_verified_twice, REVIEWED, 1, None, "must go through linkage.conflicts"),
        (_apart_by_sex, GROUPS, 1, None, "by sex: male 75.0%, female 95.0%"),
    ],
)
def test_a_check_fails(
    scene: Scene, change: Callable[[Scene], None], name: str, numerator: int, denominator: int | None, words: str
) -> None:
    change(scene)
    check = scene.run()[name]
    known = values(check)
    assert not check.passed
    assert words in (check.description or "")
    assert (known["numerator"], known["outcome"]) == (numerator, "failed")
    assert denominator is None or known["denominator"] == denominator
    assert known["percentage"] == pytest.approx(100 * numerator / known["denominator"], abs=0.001)
    severity = dg.AssetCheckSeverity.ERROR if name == EVERY_RECORD else dg.AssetCheckSeverity.WARN
    assert check.severity == severity


def test_a_link_rate_is_recorded_then_judged(scene: Scene) -> None:
    for earlier in range(3):
        known = values(scene.run()[RATES])
        assert (known["denominator"], known["sources_without_trend"]) == (0, 2), earlier
    assert values(scene.run()[RATES])["denominator"] == 2
    alone = pl.when(pl.col("record_id").str.slice(-3) < "006").then(pl.lit("single")).otherwise(pl.col("method"))
    clusters = scene.found.clusters.with_columns(pl.col("method").cast(pl.String))
    changed = pl.when(pl.col("source") == HOMES).then(alone).otherwise(pl.col("method")).alias("method")
    scene.found = replace(scene.found, clusters=clusters.with_columns(changed))
    check = scene.run()[RATES]
    known = values(check)
    assert (check.passed, known["numerator"], known["worst_deviation"]) == (False, 1, 10.0)
    assert known["worst_source"] == "wexmoor_homes / housing_tenancies"
    assert known["owner"] == "Wexmoor Homes data team"
    assert "Wexmoor Homes data team must look at" in (check.description or "")
    assert pl.read_parquet(scene.settings.linkage / "history.parquet").height == 5 * 2


def test_the_crosswalk_and_the_review_list_show_a_conflict(scene: Scene) -> None:
    scene.merge("gp:000", "gp:001")
    scene.run()
    flagged = scene.rows("SELECT record_id, conflicts FROM linkage.crosswalk WHERE len(conflicts) > 0 ORDER BY ALL")
    assert [record for record, _ in flagged] == ["gp:000", "gp:001", "homes:000", "homes:001"]
    both = ["dates_of_birth_differ", "sex_differs"]
    assert [kinds for _, kinds in flagged] == [[*both, "two_verified_nhs_numbers"]] * 2 + [both] * 2
    [(resident, records)] = scene.rows(
        "SELECT resident_id, record_ids FROM linkage.conflicts WHERE kind = 'two_verified_nhs_numbers'"
    )
    assert records == ["gp:000", "gp:001"]
    assert scene.rows(f"SELECT count(*) FROM linkage.crosswalk WHERE resident_id = '{resident}'") == [(4,)]


def test_a_decision_by_a_person_closes_the_conflict(scene: Scene) -> None:
    scene.merge("gp:000", "gp:001")
    method = pl.lit("manual", scene.found.links.schema["method"])
    decided = scene.found.links[:1].with_columns(
        method.alias("method"), left_record_id=pl.lit("gp:000"), right_record_id=pl.lit("gp:001")
    )
    scene.found = replace(scene.found, links=pl.concat([scene.found.links, decided]))
    assert scene.run()[REVIEWED].passed
    assert scene.rows("SELECT method FROM linkage.links WHERE right_record_id = 'gp:001'") == [("manual",)]


def test_ids_that_change_without_a_cause_are_not_taken_and_nothing_follows(scene: Scene) -> None:
    scene.run()
    before = scene.rows("FROM linkage.crosswalk ORDER BY ALL")
    for n in range(0, 24, 2):
        scene.merge(f"gp:{n:03d}", f"gp:{n + 1:03d}")
    for _ in range(2):  # it stays so from run to run
        check = scene.run(is_held=True)[CHURN]
        known = values(check)
        assert (known["numerator"], known["denominator"], known["without_cause_merged"]) == (12, PEOPLE, 12)
        assert (known["residents_merge"], known["outcome"], check.blocking) == (12, "failed", True)
        assert "12 of them without a cause (20.00 %; the budget is 0.1 %). No id was changed" in str(check.description)
        # Why ids may have moved although nothing changed, and what to do.
        assert "published releases stand. All records were linked anew: " in str(check.description)
        assert "whoever answers for linkage sets an allowance" in str(check.description)
        assert not scene.result.asset_materializations_for_node("link")[2:], "the crosswalk is as it was"
        assert scene.rows("FROM linkage.crosswalk ORDER BY ALL") == before
    proposed = pl.read_parquet(scene.settings.linkage / "held_events.parquet")
    assert proposed["event"].to_list() == ["merge"] * 12
    records = scene.records
    scene.records = records.with_columns(
        phone=pl.lit("01632 960001")
    )  # another fingerprint of each, but of another form
    held = scene.run(is_held=True)[CHURN]
    assert "anew: fingerprints of records have another form than in the last run" in str(held.description)
    scene.records = records.with_columns(house_number=pl.lit("7"))  # now something has changed
    known = values(scene.run()[CHURN])
    assert (known["numerator"], known["changed"], known["changed_merged"]) == (0, 12, 12)
    assert not (scene.settings.linkage / "held_events.parquet").exists()
    assert scene.rows("SELECT DISTINCT reason FROM linkage.events WHERE event = 'merge'") == [
        ("records joined another resident: a linking attribute of a record changed",)
    ]


def test_words_of_linkage_are_plain_text_in_the_warehouse(scene: Scene) -> None:
    scene.run()
    views = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'linkage'"
    types = {(table, column): kind for table, column, kind in scene.rows(views)}
    assert "ENUM" not in " ".join(types.values())
    assert {types[at] for at in types if at[1] in ("method", "stratum") or at[1].startswith("level_")} == {"VARCHAR"}
    assert types["crosswalk", "conflicts"] == "VARCHAR[]"


def test_pictures_and_page_are_there(scene: Scene) -> None:
    scene.run()
    [links] = scene.result.asset_materializations_for_node("link")[1:2]
    shown = {name: entry.value for name, entry in links.metadata.items()}
    for name in ("match_weights", "thresholds"):
        data = str(shown[name]).partition("base64,")[2].removesuffix(")")
        assert ElementTree.fromstring(b64decode(data)).tag == "{http://www.w3.org/2000/svg}svg"
    page = Path(str(shown["report"]))
    assert page == scene.settings.linkage / "report.html"
    assert "Report on a linkage" in page.read_text(encoding="utf-8")
    assert shown["link_rate wexmoor_icb / gp_registrations"] == 100.0


def test_nothing_of_a_person_and_no_small_group_is_told(scene: Scene) -> None:
    rates = {
        name: {"records": records, "linked": linked, "link_rate": linked / records, "low": 0.0, "high": 1.0}
        for name, records, linked in (("1950s", 7, 3), ("1960s", 150, 148), ("1970s", 150, 8), ("1980s", 99, 51))
    }
    scene.change(groups={"birth_decade": rates})
    scene.merge("gp:000", "gp:001")
    scene.records = scene.records.with_columns(
        source=pl.when(pl.col("record_id") < "gp:007").then(pl.lit("tiny__source")).otherwise("source")
    )
    scene.found = replace(scene.found, clusters=scene.found.clusters.with_columns(source=scene.records["source"]))
    checks = scene.run()
    groups = str(values(checks[GROUPS])["groups"])
    assert "1950s" not in groups
    assert "1980s" not in groups
    assert "| decade of birth | 1960s | 150 | all but fewer than 10 |" in groups
    assert "| decade of birth | 1970s | 150 | fewer than 10 linked |" in groups
    assert "| tiny / source | fewer than 10 | fewer than 10 records |" in str(values(checks[RATES])["sources"])
    told = json.dumps(
        [[check.description, values(check)] for check in checks.values()]
        + [
            [entry.value for entry in event.metadata.values()]
            for event in scene.result.asset_materializations_for_node("link")
        ],
        default=str,
    )
    people = scene.records.select("record_id", "surname", "first_name", "nhs_number", "postcode")
    assert [value for row in people.rows() for value in row if value and value in told] == []
    assert re.search(PATTERN, told) is None


def test_every_check_and_kind_of_conflict_is_explained_to_boards() -> None:
    page = (PROJECT_ROOT / "docs" / "linkage.md").read_text(encoding="utf-8").partition("for boards")[2]
    assert [name for name in (*CHECKS, *KINDS, *CONFLICTS) if f"`{name}`" not in page] == []
