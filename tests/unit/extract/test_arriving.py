"""When a delivery has arrived: two looks that agree, a marker, or hashes that match."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from spine.extract import Look, arrived, find_deliveries, look_at
from spine.extract.arriving import has_arrived

ROWS = "Person ID,Surname,LAD25CD\n1,A,E07\n"


def look(home, before: Look | None = None) -> tuple[Look, bool]:
    (delivery,) = find_deliveries(home.root / "landing", home.contracts, home.as_of).deliveries
    now = look_at(delivery.folder)
    return now, has_arrived(delivery, now, before)


def test_two_looks_that_agree(home):
    home.put("people", {"a.csv": ROWS})
    first, is_there = look(home)
    assert not is_there
    assert look(home, first)[1]


def test_a_file_that_grows_or_comes_or_goes_is_another_look(home):
    folder = home.put("people", {"a.csv": ROWS, "deep/b.csv": ROWS})
    seen = [look(home)[0]]
    (folder / "deep/b.csv").write_text(ROWS + "2,B,E07\n")
    seen.append(look(home, seen[-1])[0])
    (folder / ".c.csv.x1y2").write_text("")
    seen.append(look(home, seen[-1])[0])
    (folder / ".c.csv.x1y2").rename(folder / "c.csv")
    seen.append(look(home, seen[-1])[0])
    os.utime(folder / "a.csv", ns=(1, 1))
    seen.append(look(home, seen[-1])[0])
    assert len({state.fingerprint for state in seen}) == len(seen)


def test_a_file_that_is_still_being_sent_keeps_a_still_delivery_waiting(home):
    folder = home.put("people", {"a.csv": ROWS, "b.csv.part": "1"})
    first, _ = look(home)
    assert not look(home, first)[1]
    (folder / "_complete").touch()
    assert look(home, first)[1]


def test_a_marker_counts_once(home):
    folder = home.put("people", {"a.csv": ROWS, "_complete": ""})
    first, is_there = look(home)
    assert is_there
    (folder / "a.csv").write_text(ROWS + "2,B,E07\n")
    second, is_there = look(home, first)
    assert not is_there, "the marker is of the sending before"
    os.utime(folder / "_complete", ns=(2, 2))
    assert look(home, second)[1]


def test_hashes_that_match(home):
    sha256 = hashlib.sha256(ROWS.encode()).hexdigest()
    for control, expected in (
        ({"sha256": sha256}, True),
        ({"rows": 1}, False),
        ({"sha256": "0" * 64}, False),
        ({"files": {"a.csv": {"sha256": sha256}}}, True),
        ({"files": {"a.csv": {"sha256": sha256}, "b.csv": {}}}, False),
    ):
        home.put("people", {"a.csv": ROWS, "_control.json": json.dumps(control)})
        assert look(home)[1] is expected


def test_of_several_deliveries_those_that_have_arrived(home):
    home.put("people", {"a.csv": ROWS}, "2028-01-01")
    home.put("people", {"a.csv": ROWS, "_complete": ""}, "2028-02-01")
    found = {d.key: d for d in find_deliveries(home.root / "landing", home.contracts, home.as_of).deliveries}
    looks = {key: look_at(delivery.folder) for key, delivery in found.items()}
    assert arrived(looks, {}, found) == {"north/people/2028-02-01"}
    assert arrived(looks, looks, found) == set(found)


def test_a_folder_that_is_gone_is_an_empty_look(tmp_path: Path):
    assert look_at(tmp_path / "none").newest == 0.0


def test_a_delivery_that_changes_while_it_is_read_waits(home):
    folder = home.put("people", {"a.csv": ROWS})
    evaluate = home.evaluate

    def grow(*arguments):
        with (folder / "a.csv").open("a") as file:
            file.write("2,B,E07\n")
        return evaluate(*arguments)

    home.evaluate = grow
    assert home.run() == [None]
    assert home.ledger.entries() == ()
    assert list(home.lake.iterdir()) == []
    home.evaluate = evaluate
    [entry] = home.run()
    assert (entry.revision, entry.tables["people"].kept) == (1, 2)


def test_half_of_a_delivery_that_grows_is_not_refused_either(home, monkeypatch):
    folder = home.put("people", {"a.csv": ""})

    def grow(*_):
        (folder / "a.csv").write_text(ROWS)
        return []

    monkeypatch.setattr("spine.extract.land.read_control", grow)
    assert home.run() == [None]
    monkeypatch.undo()
    assert home.run()[0].accepted
