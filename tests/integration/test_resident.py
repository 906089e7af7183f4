"""`spine resident`: what staff are shown of one person, and that nothing of a record's own is shown or logged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from spine.cli import app
from spine.errors import PipelineError
from spine.identity import Terms, resolve
from spine.identity.decisions import REGISTER
from spine.identity.ids import ALPHABET
from spine.settings import Settings
from tests.unit.linkage.conftest import build

FIRST, SECOND = date(2028, 2, 29), date(2028, 3, 31)
TERMS = Terms(people=2)


def decision(number: str, kind: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """A decision by two people on two records."""
    return {
        "partner": "spine_team",
        "decision_id": number,
        "decision": kind,
        "left_source": left["source"],
        "left_record_id": left["record_id"],
        "right_source": right["source"],
        "right_record_id": right["record_id"],
        "deciders": ["marlow", "quill"],
        "decided_on": date(2028, 3, 1),
        "reason_code": "name_changed",
        "valid_until": None,
        "is_withdrawn": False,
        "is_readable": True,
        "delivery": "spine_team/linkage_decisions/2028-03-02",
    }


class Scene:
    """A home that was linked twice: in the second run people had decided."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder / "home").prepare()
        dates = [pl.lit(None, pl.Date).alias(name) for name in ("date_of_death", "address_from")]
        numbers = pl.lit([], pl.List(pl.String)).alias("superseded_nhs_numbers")
        self.records = build(60)[0].with_columns(*dates, numbers).sort("record_id")
        self.first = self.run(FIRST, [])
        residents = self.first.group_by("resident_id", maintain_order=True).agg("record_id", "source")
        alone = pl.col("record_id").list.len() == 1
        self.one, self.other = (self.record(residents.filter(alone), n) for n in range(2))
        self.third, self.fourth = (self.record(residents.filter(~alone), n) for n in range(2))
        self.decisions = [
            decision("D-1", "must_link", self.one, self.other),
            decision("D-2", "must_link", self.third, self.fourth),
            decision("D-3", "cannot_link", self.fourth, self.third),
        ]
        self.second = self.run(SECOND, self.decisions)

    @staticmethod
    def record(residents: pl.DataFrame, place: int) -> dict[str, Any]:
        row = residents.row(place, named=True)
        return {"record_id": row["record_id"][0], "source": row["source"][0], "resident_id": row["resident_id"]}

    def run(self, as_of: date, decisions: list[dict[str, Any]]) -> pl.DataFrame:
        with duckdb.connect() as connection:
            connection.register("people", self.records.to_arrow())
            connection.register("decided", pl.DataFrame(decisions, schema=REGISTER).to_arrow())
            connection.execute("CREATE SCHEMA intermediate")
            connection.execute("CREATE TABLE intermediate.int_person_records AS SELECT * FROM people")
            connection.execute("CREATE TABLE intermediate.int_linkage_decisions AS SELECT * FROM decided")
            resolve(connection, self.settings.linkage, self.settings.identity, as_of, TERMS)
            return connection.execute("SELECT * FROM linkage.crosswalk ORDER BY record_id").pl()

    def resident_of(self, record: Mapping[str, Any]) -> str:
        return str(self.second.filter(pl.col("record_id") == record["record_id"])["resident_id"].item())

    @property
    def log(self) -> list[dict[str, Any]]:
        path = self.settings.runs / "audit.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("resident"))


def invoke(scene: Scene, *arguments: str, reason: str = "case 17") -> tuple[int, str]:
    environment = {"SPINE_HOME": str(scene.settings.home), "COLUMNS": "300"}
    result = CliRunner().invoke(app, ["resident", *arguments, "--reason", reason], env=environment)
    return result.exit_code, result.output


def test_a_resident_with_records_links_history_and_decisions(scene: Scene) -> None:
    joined = scene.resident_of(scene.one)
    assert joined == scene.resident_of(scene.other)
    code, text = invoke(scene, "show", joined)
    assert code == 0
    for row in scene.second.filter(pl.col("resident_id") == joined).iter_rows(named=True):
        assert row["record_id"] in text
        assert row["source"].replace("__", " / ") in text
    assert "manual" in text
    assert "spine_team D-1 of 2028-03-01" in text
    assert "It holds." in text
    retired = ({scene.one["resident_id"], scene.other["resident_id"]} - {joined}).pop()
    assert f"Earlier ids that lead here: {retired}" in text
    assert "merge" in text
    code, text = invoke(scene, "show", retired)
    assert f"{retired} was merged into {joined}" in text


def test_a_record_leads_to_its_resident(scene: Scene) -> None:
    code, text = invoke(scene, "show", scene.third["record_id"])
    assert code == 0
    assert f"The record is one of resident {scene.resident_of(scene.third)}." in text
    assert "contradicts other decisions, so that none of them holds" in text


def test_a_resident_as_known_on_a_day(scene: Scene) -> None:
    """Two residents were merged in the second run; for a day before it each still stands for itself."""
    joined = scene.resident_of(scene.one)
    for record in (scene.one, scene.other):
        before = scene.first.filter(pl.col("resident_id") == record["resident_id"])["record_id"]
        for ident in (record["resident_id"], record["record_id"]):
            code, text = invoke(scene, "show", ident, "--on", "2028-03-15")
            assert code == 0
            assert f"Resident {record['resident_id']}, as known for 2028-03-15: {len(before)} record" in text
            assert [name for name in scene.records["record_id"] if name in text] == before.to_list()
    now = scene.second.filter(pl.col("resident_id") == joined)["record_id"]
    _, text = invoke(scene, "show", scene.other["record_id"], "--on", "2028-03-31")
    assert [name for name in scene.records["record_id"] if name in text] == now.to_list()
    retired = ({scene.one["resident_id"], scene.other["resident_id"]} - {joined}).pop()
    assert "nobody was known by this id" in invoke(scene, "show", retired, "--on", "2028-03-31")[1]
    assert "nobody was known by this id" in invoke(scene, "show", joined, "--on", "2028-02-28")[1]


def test_a_mistyped_id_is_told_from_one_that_was_never_given_out(scene: Scene) -> None:
    right = scene.resident_of(scene.one)
    wrong = right[:-1] + next(letter for letter in ALPHABET if letter != right[-1])
    code, text = invoke(scene, "show", wrong)
    assert code == 2
    assert "ID has a wrong check character" in text
    assert wrong not in text


def test_why_two_records_are_one_person(scene: Scene) -> None:
    left, right = scene.second.filter(pl.col("resident_id") == scene.resident_of(scene.third))["record_id"].head(2)
    code, text = invoke(scene, "why", left, right)
    assert code == 0
    assert "They are one resident today." in text
    assert "Before comparing" in text
    code, text = invoke(scene, "why", scene.one["record_id"], scene.other["record_id"])
    assert "The pair is linked because a person decided so." in text
    assert "D-1" in text


def test_why_two_residents_are_two(scene: Scene) -> None:
    code, text = invoke(scene, "why", scene.resident_of(scene.third), scene.fourth["record_id"])
    assert code == 0
    assert "They are two residents today." in text
    assert "not linked" in text or "never be linked" in text
    assert "D-2" in text
    assert "D-3" in text


def test_every_look_is_logged_without_a_record_id(scene: Scene) -> None:
    before = len(scene.log)
    invoke(scene, "show", scene.one["record_id"], reason="  subject   access 4 ")
    invoke(scene, "why", scene.resident_of(scene.one), "no such id")
    invoke(scene, "show", "no such id", "--on", "2028-03-15", reason="subject access 4")
    show, why, earlier = scene.log[before:]
    assert show["kind"] == why["kind"] == "resident_access"
    assert earlier["facts"] == {
        "action": "show", "asked": ["an id that is not known"], "reason": "subject access 4", "on": "2028-03-15",
    }  # fmt: skip
    joined = scene.resident_of(scene.one)
    assert show["facts"] == {"action": "show", "asked": [f"a record of {joined}"], "reason": "subject access 4"}
    assert why["facts"]["asked"] == [joined, "an id that is not known"]
    text = (scene.settings.runs / "audit.log").read_text()
    assert not [ident for ident in scene.records["record_id"] if ident in text]


def test_a_run_that_was_held_is_said_to_be(scene: Scene) -> None:
    """Its links stand beside the residents of the run before, so the two need not fit together."""
    arguments = ("why", scene.one["record_id"], scene.other["record_id"]), ("show", scene.one["record_id"])
    assert not [one for one in arguments if "was held" in invoke(scene, *one)[1]]
    mark = scene.settings.linkage / "held_events.parquet"
    mark.touch()
    try:
        assert all("The last run was held" in invoke(scene, *one)[1] for one in arguments)
    finally:
        mark.unlink()


def test_a_home_that_lost_its_identity_store_gives_nobody_a_new_id(scene: Scene) -> None:
    identity = scene.settings.identity
    away = identity.rename(identity.with_name("away"))
    try:
        with pytest.raises(PipelineError, match="Restore the identity folder"):
            scene.run(SECOND, scene.decisions)
        assert not (identity / "current").exists()
    finally:
        shutil.rmtree(identity, ignore_errors=True)
        away.rename(identity)
    assert scene.run(SECOND, scene.decisions).equals(scene.second)


@pytest.mark.parametrize("name", ["crosswalk.parquet", "register.parquet", "links.parquet", "decisions.parquet"])
def test_a_file_that_cannot_be_read_is_one_clear_error_and_the_look_is_logged(scene: Scene, name: str) -> None:
    at = scene.settings
    path = (at.linkage if name[0] in "ld" else at.identity / (at.identity / "current").read_text().strip()) / name
    whole, before = path.read_bytes(), len(scene.log)
    path.write_bytes(whole[:20])
    try:
        code, text = invoke(scene, "show", scene.resident_of(scene.one))
    finally:
        path.write_bytes(whole)
    assert (code, len(scene.log)) == (8, before + 1)
    assert f"{name} cannot be read" in text


def test_nothing_that_a_record_holds_is_shown(scene: Scene) -> None:
    record = scene.records.filter(pl.col("record_id") == scene.one["record_id"]).row(0, named=True)
    _, text = invoke(scene, "show", scene.one["record_id"])
    _, more = invoke(scene, "why", scene.one["record_id"], scene.other["record_id"])
    held = [str(record[name]) for name in ("surname", "date_of_birth", "postcode", "nhs_number") if record[name]]
    assert held
    assert not [value for value in held if value in text + more]
    assert "marlow" not in text + more


@pytest.mark.parametrize(
    ("arguments", "reason", "message"),
    [
        (("show", "zebra"), "case 17", "ID is no resident id"),
        (("why", "zebra", "zebra"), "case 17", "two different ids"),
        (("show", "zebra"), "x", "--reason: expected 5 to 200"),
        (("show", "zebra", "--on", "2028-02-30"), "case 17", "--on: expected a day of the calendar"),
    ],
)
def test_what_cannot_be_shown_is_refused(scene: Scene, arguments: tuple[str, ...], reason: str, message: str) -> None:
    code, text = invoke(scene, *arguments, reason=reason)
    assert code == 2
    assert message in text
    assert "zebra" not in text


def test_a_home_that_was_never_linked(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["resident", "show", "x", "--reason", "case 17"], env={"SPINE_HOME": str(tmp_path), "COLUMNS": "200"}
    )
    assert result.exit_code == 2
    assert "nothing has been linked" in result.output
