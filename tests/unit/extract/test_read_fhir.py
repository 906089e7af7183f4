"""FHIR JSON: every shape in which resources come."""

from __future__ import annotations

import json

import pytest

PATIENTS = "SELECT id, _row_no FROM raw.patients__fhir__patients ORDER BY _file_no, _row_no, id"


def patient(id: str, **more: object) -> dict[str, object]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": "Test", "given": ["Ann", "Bea"]}], **more}


def bundle(*resources: object) -> dict[str, object]:
    return {"entry": [{"fullUrl": "x", "resource": r} for r in resources], "resourceType": "Bundle"}


TWO = (patient("a"), patient("b"))
SHAPES = {
    "ndjson": "\n".join(map(json.dumps, TWO)),
    "ndjson with blank lines": "\n\n".join(map(json.dumps, TWO)) + "\r\n\r\n",
    "bundle": json.dumps(bundle(*TWO)),
    "pretty bundle": json.dumps(bundle(*TWO), indent=2),
    "array": json.dumps(TWO),
    "pretty array": json.dumps(TWO, indent=4),
    "array, one to a line": "[\n" + ",\n".join(map(json.dumps, TWO)) + "\n]",
    "a bundle in a bundle": json.dumps(bundle(bundle(TWO[0], bundle(TWO[1])))),
    "bundles as ndjson": "\n".join(json.dumps(bundle(p)) for p in TWO),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("suffix", [".json", ".ndjson"])
def test_every_shape_gives_the_same_rows(home, shape, suffix):
    entry = home.deliver("patients", {f"a{suffix}": SHAPES[shape]})
    assert entry.verdict == "accepted"
    assert home.rows(PATIENTS) == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_one_bare_resource(home, indent, encoding):
    home.deliver("patients", {"a.json": json.dumps(patient("é"), indent=indent, ensure_ascii=False).encode(encoding)})
    assert home.rows(PATIENTS) == [("é", 1)]


def test_elements_keep_their_structure_and_others_are_dropped(home):
    home.deliver("patients", {"a.json": json.dumps(patient("a", birthDate="1950", religion="secret"))})
    query = "SELECT name[1].given[2], name[1].family, birth_date FROM raw.patients__fhir__patients"
    assert home.rows(query) == [("Bea", "Test", "1950")]


def test_other_resources_and_json_that_is_no_resource_are_ignored(home):
    files = {
        "a.json": json.dumps(bundle(patient("a"), {"resourceType": "OperationOutcome"}, None)),
        "b.json": json.dumps([{"postalCode": "ZZ99"}] * 5),
        "c.json": json.dumps({"resourceType": "RelatedPerson", "id": "r"}, indent=1),
        "LICENSE.txt": "free",
        "notes.yml": "a: b",
    }
    entry = home.deliver("patients", files)
    counts = entry.tables["patients"]
    assert (counts.rows_read, counts.kept, counts.quarantined, counts.ignored) == (9, 1, 0, 8)
    assert (entry.files, entry.files_ignored) == (3, 2)


def test_a_malformed_line_is_quarantined_with_its_number(home):
    lines = [json.dumps(patient(str(n))) for n in range(5)]
    lines[2] = lines[2][:-9]
    entry = home.deliver("patients", {"a.ndjson": "\n".join(lines)})
    assert home.quarantine(entry) == [(1, 3, "not_json")]
    assert [row[1] for row in home.rows(PATIENTS)] == [1, 2, 4, 5]


def test_a_malformed_first_line_does_not_hide_the_others(home):
    entry = home.deliver("patients", {"a.json": "{oops}\n" + SHAPES["ndjson"]})
    assert home.quarantine(entry) == [(1, 1, "not_json")]
    assert len(home.rows(PATIENTS)) == 2


def test_a_missing_id_and_a_wrong_structure_are_quarantined(home):
    rows = [patient("a"), {"resourceType": "Patient"}, patient("b", name={"family": "Test"}), patient("c", name=None)]
    entry = home.deliver("patients", {"a.json": json.dumps(rows)})
    assert home.quarantine(entry) == [(1, 2, "id__missing"), (1, 3, "name__wrong_structure")]
    assert [row[0] for row in home.rows(PATIENTS)] == ["a", "c"]


@pytest.mark.parametrize("content", ["", "no json canaryvalue", SHAPES["pretty bundle"][:-20], SHAPES["bundle"][:-5]])
def test_a_document_that_is_no_json_refuses_the_delivery(home, content):
    entry = home.deliver("patients", {"patient_9990000018.json": content, "b.json": SHAPES["array"]})
    assert entry.verdict == "refused"
    assert "file 2 of 2 (.json)" in entry.reasons[0]
    assert "canary" not in entry.model_dump_json()
    assert "9990000018" not in entry.model_dump_json()


def test_a_folder_without_json_is_refused(home):
    assert "table 'patients' has no file" in home.deliver("patients", {"a.csv": "id\n1\n"}).reasons[0]
