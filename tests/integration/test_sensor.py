"""The sensor `new_delivery` over a sequence of looks, and the run that it asks for."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.extracts import extract_assets
from assets.resources import AS_OF_TAG, HOME, home_resource
from assets.schedules import ARRIVED_TAG, delivery_sensor, refresh_spine
from spine import door
from spine.contracts import Contract, Partner, RuleResult
from spine.extract import Ledger
from spine.runs import RunRecord
from spine.settings import Settings
from tests.unit.extract.conftest import AS_OF, CONTRACTS, Home

ROWS = "Person ID,Surname,LAD25CD\n"
FEBRUARY, MARCH = "north/people/2028-02-01", "north/people/2028-03-01"
LAYOUTS: tuple[Contract, ...] = CONTRACTS[:1]
NORTH = Partner("north", "North Council", "district", "North data steward")


@dataclass
class Place:
    """A home, its sensor and its one raw asset."""

    home: Home
    settings: Settings
    instance: dg.DagsterInstance
    cursor: str | None = None

    def look(self) -> dg.SensorResult:
        """One tick of the sensor."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        result = delivery_sensor(self.settings, LAYOUTS)(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result

    def asks(self) -> bool:
        """One tick: whether it asks for a run."""
        return bool(self.look().run_requests)

    def run(self, tags: dict[str, str] | None = None) -> tuple[list[str], dict[str, Any]]:
        """Run the raw asset: deliveries that were ever accepted, and the asset's metadata."""
        assets = extract_assets(self.settings, LAYOUTS, {"north": NORTH})
        tags = {AS_OF_TAG: AS_OF.isoformat()} | (tags or {})
        resources = {HOME: home_resource(self.settings)}
        result = dg.materialize(assets, instance=self.instance, tags=tags, resources=resources)
        [event] = result.get_asset_materialization_events()
        metadata = {name: entry.value for name, entry in event.materialization.metadata.items()}
        metadata["newest"] = next(
            e for e in result.get_asset_check_evaluations() if e.check_name == "_delivery__newest_in_use"
        )
        entries = Ledger(self.settings.ledger).entries()
        return sorted({e.delivery for e in entries if e.accepted}), metadata

    def asked_run(self) -> tuple[list[str], dict[str, Any]]:
        """The run that the sensor asks for."""
        return self.run({ARRIVED_TAG: "1"})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    def measure(tables: object, rules: Any, as_of: object, threads: int = 0) -> list[RuleResult]:
        return [RuleResult(name=r.name, outcome="passed", numerator=0, denominator=1) for r in rules]

    monkeypatch.setattr(door, "evaluate", measure)
    monkeypatch.setattr(door, "SETTLING", 0.0)
    settings = Settings(home=tmp_path).prepare()
    RunRecord(settings).pin(AS_OF)
    return Place(Home(tmp_path), settings, dg.DagsterInstance.ephemeral())


def test_a_delivery_is_asked_for_once_it_is_unchanged(place: Place) -> None:
    assert not place.asks()
    folder = place.home.put("people", {"a.csv": ROWS})
    first = place.look()
    assert not first.run_requests
    assert first.skip_reason.skip_message == "1 deliveries are still arriving."
    for n in range(3):
        with (folder / "a.csv").open("a") as file:
            file.write(f"{n},A,E07\n")
        assert not place.asks(), "it still grows"
    [request] = place.look().run_requests or []
    assert request.tags == {AS_OF_TAG: AS_OF.isoformat(), ARRIVED_TAG: "1"}
    assert request.job_name in (None, refresh_spine.name)
    assert not place.asks(), "one run for one delivery"
    assert place.asked_run()[0] == [MARCH]
    assert not place.asks()


def test_a_corrected_delivery_is_asked_for_again(place: Place) -> None:
    folder = place.home.put("people", {"a.csv": ROWS + "1,A,E07\n"})
    assert [place.asks(), place.asks(), place.asks()] == [False, True, False]
    (folder / "b.csv").write_text(ROWS + "2,B,E07\n")
    assert [place.asks(), place.asks(), place.asks()] == [False, True, False]


def test_a_marker_makes_it_arrive_at_once(place: Place) -> None:
    folder = place.home.put("people", {"a.csv": ROWS + "1,A,E07\n"})
    assert not place.asks()
    (folder / "_complete").touch()
    assert place.asks()
    (folder / "a.csv").write_text(ROWS + "1,A,E07\n2,B,E07\n")
    assert [place.asks(), place.asks()] == [False, True], "an old marker says nothing of a new sending"


@pytest.mark.parametrize(("sha256", "expected"), [("", [True, False]), ("0" * 64, [False, True])])
def test_hashes_that_match_make_it_arrive_at_once(place: Place, sha256: str, expected: list[bool]) -> None:
    text = ROWS + "1,A,E07\n"
    control = json.dumps({"sha256": sha256 or hashlib.sha256(text.encode()).hexdigest()})
    place.home.put("people", {"a.csv": text, "_control.json": control})
    assert [place.asks(), place.asks()] == expected
    accepted, metadata = place.asked_run()
    assert accepted == ([] if sha256 else [MARCH])
    assert metadata["latest_verdict"] == ("refused" if sha256 else "accepted")


def test_the_run_leaves_alone_what_is_still_being_sent(place: Place) -> None:
    place.home.put("people", {"a.csv": ROWS + "1,A,E07\n", "_complete": ""}, "2028-02-01")
    folder = place.home.put("people", {"a.csv": ROWS + "2,B,E07\n"}, "2028-03-01")
    assert place.asks()
    accepted, metadata = place.asked_run()
    assert accepted == [FEBRUARY]
    assert (metadata["waiting"], metadata["waiting_for"]) == (1, MARCH)
    assert not metadata["newest"].passed
    assert "still being sent: 1" in metadata["newest"].description
    with (folder / "a.csv").open("a") as file:
        file.write("3,C,E07\n")
    assert [place.asks(), place.asks()] == [False, True]
    accepted, metadata = place.asked_run()
    assert accepted == [FEBRUARY, MARCH]
    assert (metadata["waiting"], metadata["newest"].passed) == (0, True)
    assert Ledger(place.settings.ledger).of_delivery(MARCH)[-1].tables["people"].kept == 2


def test_what_comes_or_changes_after_the_look_waits_for_the_next_run(place: Place) -> None:
    folder = place.home.put("people", {"a.csv": ROWS + "1,A,E07\n"}, "2028-02-01")
    assert [place.asks(), place.asks()] == [False, True]
    (folder / "a.csv").write_text(ROWS + "1,A,E07\n2,")
    place.home.put("people", {"a.csv": ROWS, "_complete": ""}, "2028-03-01")
    accepted, metadata = place.asked_run()
    assert accepted == []
    assert metadata["waiting_for"] == f"{FEBRUARY}, {MARCH}"


def test_a_failed_run_is_made_up_for_by_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.home.put("people", {"a.csv": ROWS + "1,A,E07\n", "_complete": ""}, "2028-02-01")
    assert place.asks()
    with monkeypatch.context() as patch:
        patch.setattr(door, "judge_delivery", lambda *_, **__: 1 / 0)
        with pytest.raises(dg.Failure):
            place.asked_run()
    place.home.put("people", {"a.csv": ROWS + "2,A,E07\n", "_complete": ""}, "2028-03-01")
    assert place.asks()
    assert place.asked_run()[0] == [FEBRUARY, MARCH]


def test_a_run_by_hand_takes_what_is_there_but_for_unfinished_files(place: Place) -> None:
    place.home.put("people", {"a.csv": ROWS + "1,A,E07\n", "b.csv.part": "half"})
    assert [place.asks(), place.asks(), place.asks()] == [False, False, False]
    accepted, metadata = place.run()
    assert (accepted, metadata["waiting"]) == ([MARCH], 0)
    assert Ledger(place.settings.ledger).entries()[0].files == 1


def test_a_run_by_hand_does_not_take_half_of_a_copy_under_way(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place.home.put("people", {"a.csv": ROWS + "1,A,E07\n"})
    measure = door.evaluate

    def grow(*arguments: Any, **more: Any) -> list[RuleResult]:
        os.utime(folder / "a.csv", ns=(7, 7))
        return measure(*arguments, **more)

    monkeypatch.setattr(door, "evaluate", grow)
    accepted, metadata = place.run()
    assert (accepted, metadata["waiting_for"]) == ([], MARCH)


def test_a_cursor_of_an_earlier_version_counts_as_none(place: Place) -> None:
    place.home.put("people", {"a.csv": ROWS + "1,A,E07\n"})
    place.cursor = json.dumps({MARCH: [[1, 2]]})
    assert [place.asks(), place.asks()] == [False, True]


def test_nothing_of_a_file_stands_in_cursor_or_notes(place: Place) -> None:
    place.home.put("people", {"smith_john.csv": ROWS, "smith_john.part": ROWS, "_complete": ""})
    place.look()
    notes = "".join(path.read_text() for path in place.settings.runs.rglob("*.json"))
    assert "smith" not in notes + str(place.cursor)
    assert MARCH in notes
