"""Completeness: `_complete` and `_control.json` beside a delivery's files."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest

HEADER = "Person ID,Surname,LAD25CD\n"
ONE, TWO = HEADER + "1,A,E07\n2,B,E07\n", HEADER + "3,C,E07\n"
FILES = {"a.csv": ONE, "b.csv": TWO}
WRONG = "0" * 64
KEY = "north/people/2028-03-01"
RESEND = "Ask the partner to resend it whole"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def total(text: str, rows: int) -> dict[str, object]:
    return {"rows": rows, "sha256": sha(text)}


BOTH = {"a.csv": total(ONE, 2), "b.csv": total(TWO, 1)}


def deliver(home, control, files=FILES):
    text = control if isinstance(control, str | bytes) else json.dumps(control)
    return home.deliver("people", {**files, "_control.json": text})


def test_neither_marker_nor_control_file_is_data(home):
    entry = home.deliver("people", {"a.csv": ONE, "_complete": "anything,1,2\n", "_control.json": '{"rows": 2}'})
    assert entry.accepted
    assert (entry.files, entry.files_ignored, entry.tables["people"].rows_read) == (1, 0, 2)


def test_in_a_folder_below_they_are_files_like_others(home):
    entry = home.deliver("people", {"a.csv": ONE, "more/_complete": "x"})
    assert entry.files_ignored == 1


@pytest.mark.parametrize(
    "control",
    [
        {"files": BOTH},
        {"files": [{"name": "a.csv", **total(ONE, 2)}, {"file": "b.csv", **total(TWO, 1)}]},
        [{"name": "a.csv", **total(ONE, 2)}, {"name": "b.csv", **total(TWO, 1)}],
        {"files": {"A.CSV": {"rows": 2}, ".\\b.csv": {"sha256": sha(TWO).upper()}}},
        {"files": {"a.csv": {}, "b.csv": {"rows": "1"}, "_complete": {"rows": 0}}},
        {"files": BOTH, "rows": 3, "sha256": WRONG, "supplier": {"name": "x"}},
        {"rows": 3, "written_at": "2028-03-01"},
        b"\xef\xbb\xbf" + json.dumps({"Rows": 3}).encode(),
    ],
)
def test_totals_that_match_are_accepted(home, control):
    entry = deliver(home, control)
    assert entry.accepted, entry.reasons
    assert entry.control_sha256


@pytest.mark.parametrize(
    ("control", "reasons"),
    [
        ({"rows": 4}, [f"{KEY}: the delivery holds 3 rows, expected 4 by _control.json. {RESEND}"]),
        (
            {"files": {"a.csv": {"rows": 2}, "b.csv": {"rows": 9}}},
            [f"{KEY}: file 2 of 2 (.csv) holds 1 rows, expected 9 by _control.json. {RESEND}"],
        ),
        (
            {"files": {**BOTH, "a.csv": {"sha256": WRONG}}},
            [
                f"{KEY}: file 1 of 2 (.csv) is not what was sent: its sha256 is not that in _control.json. "
                "Ask the partner to resend"
            ],
        ),
        (
            {"files": {**BOTH, "smith_john.csv": {}}},
            [
                f"{KEY}: 1 of the 3 files that _control.json lists did not arrive. "
                "Ask the partner to send what is missing"
            ],
        ),
        (
            {"files": {"a.csv": total(ONE, 2)}},
            [
                f"{KEY}: file 2 of 2 (.csv) is not listed in _control.json. "
                "Ask the partner to list it, or to take it away"
            ],
        ),
        (
            {"rows": 3, "sha256": sha(ONE)},
            [
                f"{KEY}: _control.json has one sha256 for 2 files, which could mean any of them. "
                "Ask the partner to list the files, each with its own"
            ],
        ),
    ],
)  # fmt: skip
def test_totals_that_do_not_match_refuse(home, control, reasons):
    entry = deliver(home, control)
    assert (entry.verdict, list(entry.reasons)) == ("refused", reasons)
    assert home.rows("SELECT * FROM raw.people__flat__people") == []


@pytest.mark.parametrize(
    "control",
    [
        "", "{", "null", "7", "{}", '{"files": 3}', '{"files": {"a.csv": 3}}', '{"files": [{"rows": 1}]}',
        '{"rows": -1}', '{"rows": 1.5}', '{"rows": true}', '{"rows": "many"}', '{"sha256": "abc"}', '{"sha256": 7}',
        '{"files": [{"name": "a.csv"}, {"name": "A.csv"}]}', "[" * 100_000, b"\xff\xfe\x00",
    ],
)  # fmt: skip
def test_a_damaged_control_file_refuses(home, control):
    entry = deliver(home, control)
    assert entry.verdict == "refused"
    [reason] = entry.reasons
    assert reason.startswith(f"{KEY}: _control.json")
    assert "Ask the partner to resend" in reason
    assert "a.csv" not in reason.lower()


def test_one_hash_is_enough_for_one_file(home):
    assert deliver(home, {"sha256": sha(ONE), "rows": 2}, {"a.csv": ONE}).accepted
    assert deliver(home, {"sha256": WRONG}, {"a.csv": ONE}).verdict == "refused"


def test_blank_rows_may_be_counted_or_not(home):
    files = {"a.csv": ONE + ",,\n"}
    assert deliver(home, {"rows": 2}, files).accepted
    assert deliver(home, {"rows": 3}, files).accepted
    assert deliver(home, {"rows": 4}, files).verdict == "refused"


def test_rows_put_into_quarantine_were_sent_all_the_same(home):
    assert deliver(home, {"rows": 3}, {"a.csv": ONE + ",no id,E07\n"}).accepted


def test_the_totals_of_an_archive_are_of_its_bytes_and_all_its_rows(home):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    files, sha256 = {"all.zip": packed.getvalue()}, hashlib.sha256(packed.getvalue()).hexdigest()
    assert deliver(home, {"rows": 3, "sha256": sha256}, files).accepted
    assert deliver(home, {"files": {"all.zip": {"rows": 3, "sha256": sha256}}}, files).accepted
    entry = deliver(home, {"rows": 2, "sha256": sha256}, files)
    assert entry.reasons == (f"{KEY}: the delivery holds 3 rows, expected 2 by _control.json. {RESEND}",)


def test_resources_of_a_bundle_are_its_rows(home):
    entries = [{"resource": {"resourceType": kind, "id": n}} for n, kind in enumerate(["Patient", "Patient", "Basic"])]
    bundle = json.dumps({"resourceType": "Bundle", "entry": entries})
    for rows, verdict in ((2, "accepted"), (3, "accepted"), (1, "refused")):
        entry = home.deliver("patients", {"a.json": bundle, "_control.json": json.dumps({"rows": rows})})
        assert entry.verdict == verdict


def test_a_note_need_not_be_listed(home):
    assert deliver(home, {"files": BOTH}, {**FILES, "README.md": "x"}).accepted


def test_a_corrected_control_file_is_judged_again(home):
    assert deliver(home, {"rows": 4}).verdict == "refused"
    assert home.run() == [None]
    entry = deliver(home, {"rows": 3})
    assert (entry.revision, entry.verdict) == (2, "accepted")
    assert home.run() == [None]


def test_a_control_file_is_no_delivery(home):
    home.put("people", {"_control.json": "{}", "_complete": ""})
    assert home.run() == []


def test_wrong_hashes_are_found_before_anything_is_read(home, monkeypatch):
    monkeypatch.setattr("spine.extract.land.read_delivery", lambda *_: 1 / 0)
    assert deliver(home, {"files": {**BOTH, "b.csv": {"sha256": WRONG}}}).verdict == "refused"
