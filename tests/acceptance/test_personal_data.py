"""No direct identifier leaves the folders that may hold one: canaries, searched for in everything else."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from spine.quality.cross_limits import IDENTIFIERS, KINDS
from spine.settings import PERSONAL
from tests.acceptance import other_region
from tests.acceptance.conftest import Home
from tests.fixtures.canaries import forms, found_in

CANARIES = (
    "Zyxqvonia",
    "Quexbrandt",
    "Vroomfjord Passage",
    "9995551212",
    "WX9 9ZZ",
    "zyx@canary.example",
    "17/03/1961x",
)


@pytest.fixture(scope="module")
def planted(new_home: Callable[[str], Home]) -> Home:
    """A region with one person of unique values, some of them where they break rules or casts."""
    home = new_home("canaries")
    persons = other_region.people(120, seed=3)
    other_region.write(home.settings.landing, persons, persons[10:13], fhir="ndjson")
    _plant_in_council_tax(home.settings.landing / "saltmarsh_district/council_tax" / other_region.DAY)
    _plant_in_patients(home.settings.landing / "wexmoor_icb/gp_registrations" / other_region.DAY)
    _plant_broken_delivery(home.settings.landing / "brackenfell_borough/council_tax" / other_region.DAY)
    home.run()
    assert home.summary.succeeded, home.summary.failures
    return home


def test_the_canaries_are_in_the_warehouse(planted: Home) -> None:
    found = set(_found_in_duckdb(planted.settings.warehouse))
    assert {"Zyxqvonia", "Quexbrandt", "9995551212"} <= found, "the positive control: the search must be able to find"


def test_no_canary_is_anywhere_else(planted: Home) -> None:
    found = {path: hits for path in _other_files(planted.settings.root) if (hits := _found_in(path))}
    assert not found


def test_no_key_is_outside_the_keys_folder(planted: Home) -> None:
    keys = [path.read_text().strip() for path in planted.settings.keys.iterdir()]
    assert keys
    searched = {form for key in keys for form in (*forms(key), bytes.fromhex(key))}
    assert any(form in path.read_bytes() for path in planted.settings.keys.iterdir() for form in searched)
    others = [path for path in _every_file(planted.settings.root) if path.parent != planted.settings.keys]
    assert not [path for path in others if any(form in path.read_bytes() for form in searched)]


def test_the_search_covers_what_matters(planted: Home) -> None:
    kinds = {path.suffix for path in _other_files(planted.settings.root)}
    assert {".db", ".json", ".duckdb", ".html", ".csv"} <= kinds


def test_the_search_reads_what_dagster_and_partners_are_told_of_the_canaries(planted: Home) -> None:
    """The positive control: the words beside which a value would stand are found, where the canaries broke a check."""
    steward, sentence = "Saltmarsh revenues data steward", KINDS[IDENTIFIERS].sentence
    found = {path: set(_found_in(path, (steward, sentence))) for path in _other_files(planted.settings.root)}
    assert {steward, sentence} in [hits for path, hits in found.items() if path.suffix == ".db"]
    [feedback] = (planted.settings.reports / "saltmarsh_district").glob("feedback-*.html")
    assert found[feedback] == {steward, sentence}
    assert "UPRN" in feedback.with_suffix(".csv").read_text("utf-8"), "the canary that stands for a UPRN is told of"


def test_personal_folders_are_closed_to_others(planted: Home) -> None:
    for name in (*PERSONAL, "keys", ""):
        assert (planted.settings.root / name).stat().st_mode & 0o077 == 0
    for key in planted.settings.keys.iterdir():
        assert key.stat().st_mode & 0o777 == 0o600


def _plant_in_council_tax(folder: Path) -> None:
    [path] = folder.iterdir()
    with path.open(encoding="utf-16", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    rows[0] |= {"forename": "Zyxqvonia", "surname": "Quexbrandt", "dob": "17/03/1961x", "band": "Quexbrandt"}
    rows[0] |= {
        "address_1": "1 Vroomfjord Passage",
        "postcode": "WX9 9ZZ",
        "uprn": "Zyxqvonia",
        "discount_amount": "Quexbrandt",
    }
    with path.open("w", encoding="utf-16", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


def _plant_in_patients(folder: Path) -> None:
    path = folder / "Patient.ndjson"
    lines = path.read_text(encoding="utf-8").splitlines()
    patient = json.loads(lines[5])
    patient["id"] = patient["identifier"][0]["value"] = "9995551212"
    patient["name"] = [{"use": "official", "family": "Quexbrandt", "given": ["Zyxqvonia"]}]
    patient["gender"] = "Quexbrandt"
    patient["birthDate"] = "17/03/1961x"
    patient["telecom"] = [{"system": "email", "value": "zyx@canary.example"}]
    lines[5] = json.dumps(patient)
    lines.insert(7, '{"resourceType": "Patient", "id": "9995551212", "name": [{"family": "Quexbrandt"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.rename(folder / "patient_9995551212_Quexbrandt.ndjson")


def _plant_broken_delivery(folder: Path) -> None:
    folder.mkdir(parents=True)
    text = "Quexbrandt,Zyxqvonia,9995551212\nQuexbrandt,Zyxqvonia,9995551212\n"
    (folder / "Zyxqvonia Quexbrandt.csv").write_text(text, encoding="utf-8")


def _other_files(root: Path) -> list[Path]:
    personal = {*PERSONAL, "warehouse.duckdb", "warehouse.duckdb.wal"}
    return [path for path in _every_file(root) if path.relative_to(root).parts[0] not in personal]


def _every_file(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


def _found_in(path: Path, words: Sequence[str] = CANARIES) -> list[str]:
    hits = set(found_in(path.read_bytes(), words))
    if path.suffix == ".duckdb":
        hits |= set(_found_in_duckdb(path, words))
    if path.suffix == ".db":
        hits |= set(_found_in_sqlite(path, words))
    hits |= {c for c in words if c.lower() in str(path).lower()}
    return sorted(hits)


def _found_in_duckdb(path: Path, words: Sequence[str] = CANARIES) -> Iterator[str]:
    with duckdb.connect(path, read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        ).fetchall()
        for schema, table in tables:
            for row in connection.execute(f'SELECT t::VARCHAR FROM "{schema}"."{table}" t').fetchall():
                yield from (word for word in words if word.lower() in row[0].lower())


def _found_in_sqlite(path: Path, words: Sequence[str]) -> Iterator[str]:
    connection = sqlite3.connect(path)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"').fetchall():
                text = " ".join(map(str, row)).lower()
                yield from (word for word in words if word.lower() in text)
    finally:
        connection.close()
