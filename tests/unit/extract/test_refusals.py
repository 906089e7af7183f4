"""Files that are refused: one clear message, no name of a file, no value, nothing half-written."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile

from spine.extract import archive, deliveries, read_workbook, sniff
from spine.files import sha256_of

CSV = "Person ID,Surname,LAD25CD\n1,Canaryvalue,E07\n"


def workbook() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("canary")
        for n in range(200):
            sheet.write_row(n, 0, ["Person ID", "Surname", "LAD25CD"] if n == 0 else [n, f"Canaryvalue{n}", "E07"])
    return buffer.getvalue()


def protected() -> bytes:
    out = io.BytesIO()
    OOXMLFile(io.BytesIO(workbook())).encrypt("canary", out)
    return out.getvalue()


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


def flagged() -> bytes:
    """A zip whose entry says that it is encrypted."""
    content = bytearray(zipped(("a.csv", CSV)))
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(sign) + offset] |= 1
    return bytes(content)


def with_link() -> bytes:
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((info, "/etc/passwd"))


def with_macros() -> bytes:
    buffer = io.BytesIO(workbook())
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("xl/vbaProject.bin", b"\0")
    return buffer.getvalue()


def parquet(rows: int = 20_000) -> bytes:
    buffer = io.BytesIO()
    values = [os.urandom(4).hex() for _ in range(rows)]
    pq.write_table(pa.table({"Person ID": values, "Surname": values, "LAD25CD": values}), buffer)
    return buffer.getvalue()


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + os.urandom(2000) + content[middle + 2000 :]


def with_entities() -> bytes:
    lines = ['<!ENTITY a0 "canary">', *(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))]
    return f"<?xml version='1.0'?><!DOCTYPE x [{''.join(lines)}]><x><PersonID>&a9;</PersonID></x>".encode()


EXTERNAL = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x><PersonID>&e;</PersonID></x>'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500
FILES = {
    "a workbook with a password": (".xlsx", protected, "is an office file protected by a password"),
    "a workbook with macros": (".xlsm", with_macros, "is a workbook with macros"),
    "a workbook with macros under another name": (".csv", with_macros, "is a workbook with macros"),
    "an old workbook": (".xls", lambda: OLE + "Workbook".encode("utf-16-le") + b"\0\0", "in the format before 2007"),
    "a cut-off workbook": (".xlsx", lambda: workbook()[:-100], "is a damaged or cut-off archive"),
    "a damaged workbook": (".xlsx", lambda: damaged(workbook()), "is a damaged"),
    "an encrypted zip": (".zip", flagged, "is protected by a password"),
    "a cut-off zip": (".zip", lambda: zipped(("a.csv", CSV * 100))[:-30], "is a damaged or cut-off archive"),
    "an empty zip": (".zip", zipped, "is an empty archive"),
    "a zip in a zip": (".zip", lambda: zipped(("b.zip", zipped(("a.csv", CSV)))), "is an archive inside an archive"),
    "a path that leaves": (".zip", lambda: zipped(("../canary.csv", CSV)), "leads out of the archive"),
    "an absolute path": (".zip", lambda: zipped(("/tmp/canary.csv", CSV)), "leads out of the archive"),
    "a drive": (".zip", lambda: zipped(("C:\\canary.csv", CSV)), "leads out of the archive"),
    "a link": (".zip", with_link, "is a link"),
    "a bomb": (".zip", lambda: zipped(("a.csv", b"0" * 60_000_000)), "more than 200 times its size"),
    "too many entries": (".zip", lambda: zipped(*((f"{n}.csv", "") for n in range(1001))), "has 1001 entries"),
    "cut-off Parquet": (".parquet", lambda: parquet()[:-2000], "damaged or cut-off Parquet"),
    "damaged Parquet": (".parquet", lambda: damaged(parquet()), "damaged or cut-off Parquet"),
    "entities": (".xml", with_entities, "brings a DOCTYPE"),
    "external entities": (".xml", lambda: EXTERNAL, "brings a DOCTYPE"),
    "cut-off XML": (".xml", lambda: b"<x><r><PersonID>canary</PersonID>", "is not well-formed XML at line 1"),
    "another table in XML": (
        ".xml",
        lambda: b"<x><r><a>canary</a></r></x>",
        "no element names a column of table 'people'",
    ),
    "a program": (".csv", lambda: b"MZ\x90\0" + bytes(500), "is a program"),
    "an image": (".csv", lambda: b"\x89PNG\r\n" + bytes(500), "is an image"),
    "a document": (".csv", lambda: b"%PDF-1.7 canary", "is a PDF document"),
    "unknown bytes": (".csv", lambda: bytes(range(256)) * 20, "is of an unknown kind and no text"),
    "a web page": (".csv", lambda: b"<!DOCTYPE html><html>canary</html>", "is a web page"),
    "gzip": (".csv", lambda: b"\x1f\x8b\x08" + bytes(50), "is a damaged or cut-off gzip file"),
    "a gzip bomb": (".csv.gz", lambda: gzip.compress(b"0" * 60_000_000), "more than 200 times its size"),
    "a gzip in a zip": (".zip", lambda: zipped(("a.csv", gzip.compress(b"x"))), "is an archive inside an archive"),
    "a NUL in a cell": (".csv", f"{CSV}2,cana\0ry,E\n".encode, "row 2 holds a NUL"),
    "no list": (".json", lambda: b'{"a": {"b": "canary"}}', "names no column of table 'people'"),
    "cut-off JSON": (".json", lambda: json.dumps([{"Person ID": "canary"}] * 3).encode()[:-5], "is not valid JSON"),
    "lists in a column": (
        ".json",
        lambda: json.dumps([{"Person ID": "1", "Surname": ["canary"], "LAD25CD": "E"}]).encode(),
        "column 'Surname' holds several values or an object in 1 rows",
    ),
    "a repeated element": (
        ".xml",
        lambda: (
            b"<x><r><PersonID>1</PersonID><Surname>canary</Surname><Surname>b</Surname><LAD25CD>E</LAD25CD></r></x>"
        ),
        "column 'Surname' holds several values or an object in 1 rows",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_what_is_refused(home, case):
    suffix, content, message = FILES[case]
    entry = home.deliver("people", {f"canary 9990000018{suffix}": content(), "b.csv": CSV})
    assert entry.verdict == "refused"
    (reason,) = entry.reasons
    assert message in reason
    assert "file 2 of 2" in reason
    assert "sk the partner" in reason
    assert "canary" not in entry.model_dump_json().lower()
    assert "9990000018" not in entry.model_dump_json()
    assert [path for path in home.lake.rglob("*") if path.is_file()] == []


def test_missing_columns_are_named_in_every_format(home):
    rows = [{"Person ID": "1", "Surnames": "A", "LAD25CD": "E07"}]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    xml = "<x><r><PersonID>1</PersonID><Surnames>A</Surnames><LAD25CD>E</LAD25CD></r></x>"
    for day, (name, content) in enumerate(
        {"a.json": json.dumps(rows), "a.parquet": buffer.getvalue(), "a.xml": xml}.items(), 1
    ):
        entry = home.deliver("people", {name: content}, f"2028-03-0{day}")
        assert (
            "column 'Surname' is missing (contract 1.0.0); the file has 'Surnames', which is close" in entry.reasons[0]
        )


def test_sizes_over_the_documented_limits(home, monkeypatch):
    monkeypatch.setattr(sniff, "MAX_FILE", 10)
    assert "expected at most 1e-08 GB" in home.deliver("people", {"a.csv": CSV}).reasons[0]
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MAX_UNPACKED", 10)
    assert "unpacks to more than" in home.deliver("people", {"a.zip": zipped(("a.csv", CSV))}).reasons[0]
    monkeypatch.undo()
    monkeypatch.setattr(read_workbook, "MAX_WORKBOOK", 10)
    assert "unpacks to more than" in home.deliver("people", {"a.xlsx": workbook()}).reasons[0]


def test_a_cell_over_the_limit_is_quarantined(home):
    long = "x" * 1_000_001
    rows = [{"Person ID": "1", "Surname": long, "LAD25CD": "E"}, {"Person ID": "2", "Surname": "A", "LAD25CD": "E"}]
    assert home.quarantine(home.deliver("people", {"a.json": json.dumps(rows)})) == [(1, 1, "cell_too_long")]
    assert home.quarantine(home.deliver("people", {"a.csv": f"{CSV}2,{long},E\n"}, "2028-03-02")) == [
        (1, 2, "cell_too_long")
    ]


def test_a_file_that_holds_no_data_is_passed_over(home):
    entry = home.deliver(
        "people",
        {"a.csv": CSV, "letter.pdf": b"%PDF", "tool.exe": b"MZ", "notes.docx": zipped(("[Content_Types].xml", "x"))},
    )
    assert (entry.verdict, entry.files, entry.files_ignored) == ("accepted", 1, 3)


def test_documents_beside_the_tables_are_not_opened(home):
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    files = {"a.csv": CSV, "cut off.docx": zipped(("a", "b" * 500))[:60], "locked.docx": locked, "scan.png": b"?"}
    entry = home.deliver("people", files)
    assert (entry.verdict, entry.files, entry.files_ignored) == ("accepted", 1, 3)


def test_a_document_that_cannot_be_opened_refuses_nothing_and_is_counted(home, monkeypatch):
    def hash_of(path):
        if path.suffix == ".docx":
            raise PermissionError
        return sha256_of(path)

    monkeypatch.setattr(deliveries, "sha256_of", hash_of)
    entry = home.deliver("people", {"a.csv": CSV, "b.docx": "x"})
    assert (entry.verdict, entry.files, entry.files_ignored) == ("accepted", 1, 1)


def test_a_line_break_in_a_file_name_is_told_without_the_name(home):
    (reason,) = home.deliver("people", {"a\ncanary.csv": CSV}).reasons
    assert reason == (
        "north/people/2028-03-01: file 1 of 1 has a line break or another control character in its name. "
        "Ask the partner to rename and resend it"
    )


@pytest.mark.parametrize("name", ["people.csv.gz", "PEOPLE.CSV.GZ", "people.gz"])
def test_a_gzip_file_is_read_as_what_it_holds(home, name):
    entry = home.deliver("people", {name: gzip.compress(CSV.encode())})
    assert (entry.verdict, entry.tables["people"].kept) == ("accepted", 1)


def test_a_size_that_the_archive_lies_about(tmp_path):
    content = bytearray(zipped(("a.csv", b"0" * 100_000)))
    at = content.find(b"PK\x01\x02") + 24
    content[at : at + 4] = (10).to_bytes(4, "little")
    path = Path(tmp_path / "a.zip")
    path.write_bytes(content)
    with pytest.raises(archive.DeliveryError, match="damaged"):
        archive.unpack(path, tmp_path / "out", "here")
