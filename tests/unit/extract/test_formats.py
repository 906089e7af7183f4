"""One table in every format: the same rows, whatever it comes as."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spine.extract import json_lines, read_fhir
from spine.settings import PROJECT_ROOT

HEADER = ("Person ID", "Surname", "LAD25CD", "Note")
ROWS = (("1", "O'Neil", "E07", "x"), ("2", 'Zoë, "Z"', "E07", None), ("3", "Müller", "E08", "a\nb"))
PEOPLE = "SELECT person_id, surname, area, note FROM raw.people__flat__people ORDER BY _file_no, _row_no"

Rows = Sequence[Sequence[str | None]]


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    buffer = io.BytesIO()
    as_typed = {"strings_to_formulas": False, "strings_to_urls": False, "default_date_format": "dd/mm/yyyy"}
    with xlsxwriter.Workbook(buffer, as_typed) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for n, row in enumerate(rows):
                for m, cell in enumerate(row):
                    if cell is not None:
                        sheet.write(n, m, cell)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_csv(rows: Rows, header: Sequence[str] = HEADER, **dialect: object) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, **dialect)  # type: ignore[arg-type]
    writer.writerow(header)
    writer.writerows([[cell or "" for cell in row] for row in rows])
    return out.getvalue().encode()


def as_objects(rows: Rows) -> list[dict[str, str | None]]:
    return [dict(zip(HEADER, row, strict=True)) for row in rows]


def as_xml(rows: Rows) -> bytes:
    from xml.sax.saxutils import escape, quoteattr

    body = "".join(
        f"<x:Row PersonId={quoteattr(a or '')}><Surname>{escape(b or '')}</Surname>"
        f"<Place><lad25cd>{escape(c or '')}</lad25cd></Place>"
        + (f"<Note>{escape(d)}</Note>" if d is not None else "<Note/>")
        + "</x:Row>"
        for a, b, c, d in rows
    )
    head = '<?xml version="1.0"?><x:All xmlns:x="urn:x">'
    return f"{head}<Head><Surname>none</Surname></Head>{body}</x:All>".encode()


def as_parquet(rows: Rows) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: [row[n] for row in rows] for n, name in enumerate(HEADER)}), buffer)
    return buffer.getvalue()


FORMATS = {
    "csv": as_csv(ROWS),
    "xlsx": workbook({"Sheet1": [HEADER, *ROWS]}),
    "array.json": json.dumps(as_objects(ROWS)).encode(),
    "pretty.json": json.dumps(as_objects(ROWS), indent=2, ensure_ascii=False).encode(),
    "object.json": json.dumps({"meta": {"tags": ["a", "b"]}, "data": {"rows": as_objects(ROWS)}, "n": [3]}).encode(),
    "ndjson": "\n".join(json.dumps(o) for o in as_objects(ROWS)).encode(),
    "xml": as_xml(ROWS),
    "parquet": as_parquet(ROWS),
}
NAMES = {name: f"people.{name.rpartition('.')[2]}" for name in FORMATS}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("is_zipped", [False, True])
def test_every_format_gives_the_same_rows(home, format, is_zipped):
    name, content = NAMES[format], FORMATS[format]
    files = {f"{name}.zip": zipped({name: content})} if is_zipped else {name: content}
    entry = home.deliver("people", files)
    assert entry.reasons == ()
    assert home.rows(PEOPLE) == [tuple(row) for row in ROWS]
    counts = entry.tables["people"]
    assert (counts.rows_read, counts.kept, counts.quarantined, counts.ignored) == (3, 3, 0, 0)


@pytest.mark.parametrize("format", FORMATS)
def test_the_kind_is_told_by_content_and_not_by_suffix(home, format):
    if format == "ndjson":
        pytest.skip("one object to a line is JSON under any name; covered by the others")
    entry = home.deliver("people", {"people.csv": FORMATS[format]})
    assert entry.reasons == ()
    assert home.rows(PEOPLE) == [tuple(row) for row in ROWS]


def test_one_format_beside_another_and_what_is_no_data(home):
    home.deliver(
        "people", {"a.xlsx": FORMATS["xlsx"], "b.csv": as_csv([("4", "D", "E07", None)]), "letter.pdf": b"%PDF-1"}
    )
    assert [row[0] for row in home.rows(PEOPLE)] == ["1", "2", "3", "4"]


def test_files_of_one_archive_are_numbered_on(home):
    archive = zipped(
        {"a.csv": as_csv(ROWS[:2]), "b.csv": as_csv(ROWS[2:]), "__MACOSX/._a.csv": b"x", "README.txt": b"x"}
    )
    entry = home.deliver("people", {"all.zip": archive})
    query = "SELECT person_id, _file_no, _row_no FROM raw.people__flat__people ORDER BY ALL"
    assert home.rows(query) == [("1", 1, 1), ("2", 1, 2), ("3", 1, 3)]
    assert (entry.files, entry.files_ignored) == (1, 0)


def test_cells_of_a_workbook_as_text(home):
    rows = [HEADER, (9990000018, True, 0.5, date(1950, 3, 4)), ("007", "#N/A text", 2.0, datetime(2020, 1, 2, 13, 30))]
    home.deliver("people", {"a.xlsx": workbook({"S": rows})})
    assert home.rows(PEOPLE) == [
        ("9990000018", "TRUE", "0.5", "1950-03-04"),
        ("007", "#N/A text", "2", "2020-01-02 13:30:00"),
    ]


def test_an_error_in_a_workbook_is_an_empty_cell(home):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write(1, 0, "1")
        sheet.write_formula(1, 1, "=NA()", None, "#N/A")
    home.deliver("people", {"a.xlsx": buffer.getvalue()})
    assert home.rows(PEOPLE) == [("1", None, None, None)]


def test_text_above_a_header_and_a_trailer_below_in_a_workbook(home):
    rows = [("Report run on 1 March",), (), HEADER, *ROWS, (), ("Total rows: 3",)]
    entry = home.deliver("people", {"a.xlsx": workbook({"Notes": [("Hello",)], "Data": rows})})
    assert home.rows(PEOPLE) == [tuple(row) for row in ROWS]
    counts = entry.tables["people"]
    assert (counts.rows_read, counts.kept, counts.ignored) == (5, 3, 2)


def test_rows_that_go_on_in_a_second_sheet(home):
    book = {"A-M": [HEADER, *ROWS[:2]], "Summary": [("Surname", "Count"), ("O'Neil", "1")], "N-Z": [HEADER, *ROWS[2:]]}
    home.deliver("people", {"a.xlsx": workbook(book)})
    assert [row[0] for row in home.rows(PEOPLE)] == ["1", "2", "3"]


def test_sheets_of_a_workbook_are_tables_of_their_own(home):
    (people,) = next(c for c in home.contracts if c.id == "people__flat").tables
    tables = (replace(people, source=r"ctaccount\.csv"), replace(people, name="others", source=r"ctoccupation\.csv"))
    home.with_contract("people__flat", tables=tables)
    book = {"ctaccount": [HEADER, *ROWS], "ctoccupation": [HEADER, ROWS[0]], "notes": [("x",)]}
    entry = home.deliver("people", {"extract march.xlsx": workbook(book)})
    assert {name: table.kept for name, table in entry.tables.items()} == {"people": 3, "others": 1}


@pytest.mark.parametrize("name", ["HEADER.xlsx", "my_header_2.csv.zip", "header.zip", "x-header.parquet"])
def test_a_name_is_matched_as_if_it_were_csv(home, name):
    (people,) = next(c for c in home.contracts if c.id == "people__flat").tables
    home.with_contract("people__flat", tables=(replace(people, source=r".*header.*\.csv"),))
    content = {".xlsx": FORMATS["xlsx"], ".parquet": FORMATS["parquet"]}.get(Path(name).suffix)
    entry = home.deliver("people", {name: content or zipped({"x.csv": FORMATS["csv"]})})
    assert entry.reasons == ()


def test_values_of_parquet_as_text(home):
    table = pa.table({
        "Person ID": [1.0, 2.5, float("nan")],
        "Surname": [True, False, None],
        "LAD25CD": [date(1950, 3, 4), None, date(2000, 1, 1)],
        "Note": pa.array([datetime(2020, 1, 2), datetime(2020, 1, 2, 3, 4, 5), None], pa.timestamp("us")),
    })  # fmt: skip
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    entry = home.deliver("people", {"a.parquet": buffer.getvalue()})
    assert home.rows(PEOPLE) == [
        ("1", "TRUE", "1950-03-04", "2020-01-02"),
        ("2.5", "FALSE", None, "2020-01-02 03:04:05"),
    ]
    assert home.quarantine(entry) == [(1, 3, "person_id__missing")]


def test_values_of_json_as_text(home):
    rows = [
        {"Person ID": 1, "Surname": True, "LAD25CD": 2.0, "Note": None, "Other": {"a": [1]}},
        {"Person ID": 12345678901234567890123, "Surname": "x\ty", "LAD25CD": 0.10, "note": "late"},
        {"Surname": "no id"},
    ]
    entry = home.deliver("people", {"a.json": json.dumps(rows)})
    assert home.rows(PEOPLE) == [("1", "TRUE", "2", None), ("12345678901234567890123", "x\ty", "0.1", None)]
    assert home.quarantine(entry) == [(1, 3, "person_id__missing")]
    assert entry.tables["people"].columns_dropped == 2


@pytest.mark.parametrize("suffix", ["json", "ndjson"])
def test_malformed_lines_are_quarantined_with_their_number(home, suffix):
    lines = [json.dumps(o) for o in as_objects(ROWS)]
    entry = home.deliver("people", {f"a.{suffix}": "\n".join([lines[0], lines[1][:-4], "", lines[2], "[1]", lines[0]])})
    assert home.quarantine(entry) == [(1, 2, "not_json"), (1, 4, "not_an_object")]
    query = "SELECT _row_no FROM raw.people__flat__people ORDER BY ALL"
    assert home.rows(query) == [(1,), (3,), (5,)]
    assert entry.tables["people"].rows_read == 5


def test_a_malformed_first_line_does_not_hide_the_others(home):
    entry = home.deliver("people", {"a.ndjson": b"{oops}\n" + FORMATS["ndjson"]})
    assert home.quarantine(entry) == [(1, 1, "not_json")]
    assert [row[0] for row in home.rows(PEOPLE)] == ["1", "2", "3"]


def test_a_document_is_cut_alike_wherever_its_chunks_end(tmp_path, monkeypatch):
    value = [{"a": 'x"]},[{\\', "b": [1, {"c": 2}]}, None, 5, {"d": "ü\n\u2028"}]
    source = tmp_path / "a.txt"
    source.write_text(json.dumps({"m": {"k": "["}, "rows": value, "tail": []}, indent=1, ensure_ascii=False))
    for size in (1, 2, 3, 7, 1000):
        monkeypatch.setattr(json_lines, "_CHUNK", size)
        first, last = json_lines.split(source, tmp_path, f"f{size}")
        assert [json.loads(line) for line in first.path.read_text().split("\n")[:-1]] == value
        assert (first.key, first.depth, first.lines, last.key, last.lines) == ("rows", 1, 4, "tail", 0)


def test_a_large_bundle_is_cut_and_not_parsed_as_a_whole(home, monkeypatch):
    monkeypatch.setattr(read_fhir, "MAX_DOCUMENT", 100)
    patients = [{"resourceType": "Patient", "id": str(n)} for n in range(5)]
    inner = {"resourceType": "Bundle", "entry": [{"resource": patients[4]}]}
    entries = [{"fullUrl": "x", "resource": r} for r in [*patients[:4], None, inner]]
    home.deliver("patients", {"a.json": json.dumps({"entry": entries, "resourceType": "Bundle"}, indent=1)})
    query = "SELECT id, _row_no FROM raw.patients__fhir__patients ORDER BY ALL"
    assert home.rows(query) == [("0", 1), ("1", 2), ("2", 3), ("3", 4), ("4", 6)]


def test_fhir_may_come_zipped(home):
    patient = json.dumps({"resourceType": "Patient", "id": "a"})
    entry = home.deliver(
        "patients", {"all.zip": zipped({"a.json": patient, "b/b.ndjson": f"{patient}\n{patient}", "x.txt": "x"})}
    )
    assert home.rows("SELECT _file_no, _row_no FROM raw.patients__fhir__patients ORDER BY ALL") == [
        (1, 1),
        (1, 2),
        (1, 3),
    ]
    assert entry.files == 1


def test_the_rows_of_xml_are_the_element_that_names_most_columns(home):
    row = "<Person><Ids><PersonID>{}</PersonID></Ids><Surname>A</Surname><LAD25CD>E07</LAD25CD>{}</Person>"
    events = "<Event><Note>p</Note></Event><Event><Note>q</Note></Event>"
    body = "".join(row.format(n, events) for n in range(3))
    home.deliver(
        "people", {"a.xml": f"<Message><Header><Surname>S</Surname></Header><People>{body}</People></Message>"}
    )
    assert home.rows(PEOPLE) == [(str(n), "A", "E07", None) for n in range(3)]


def test_names_of_dropped_columns_are_told_where_they_look_like_headers(home):
    from spine.extract.headers import match

    (people,) = next(c for c in home.contracts if c.id == "people__flat").tables
    told = match([*HEADER, "Salary", "Religion", "9990000018", "Smith, John"], people, "here", "1")
    assert (told.columns_dropped, told.dropped) == (4, ("Religion", "Salary"))
    assert len(match([*HEADER, *(f"c{n}" for n in range(300))], people, "here", "1").dropped) == 200


VALUE = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f", exclude_categories=("Cc", "Cs")),
    max_size=12,
).map(str.strip)
FRAMES = st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=8).map(
    lambda rows: [(f"id{n}", *row) for n, row in enumerate(rows)]
)
#: Written by csv.writer so that every cell can be told apart again.
DIALECTS = st.builds(
    dict,
    delimiter=st.sampled_from([",", ";", "|", "\t", "~", "^"]),
    quotechar=st.sampled_from(['"', "'"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    lineterminator=st.sampled_from(["\n", "\r\n"]),
)
WRITERS = ("csv", "xlsx", "json", "ndjson", "xml", "parquet")


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=FRAMES,
    dialect=DIALECTS,
    writer=st.sampled_from(WRITERS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_frame_reads_back_equal(home, tmp_path_factory, rows, dialect, writer, encoding):
    content = {
        "csv": lambda: as_csv(rows, **dialect).decode().encode(encoding),
        "xlsx": lambda: workbook({"S": [HEADER, *[[c or None for c in row] for row in rows]]}),
        "json": lambda: json.dumps(as_objects(rows), ensure_ascii=False).encode(encoding),
        "ndjson": lambda: "\n".join(json.dumps(o, ensure_ascii=False) for o in as_objects(rows)).encode(encoding),
        "xml": lambda: as_xml(rows),
        "parquet": lambda: as_parquet(rows),
    }[writer]()
    fresh = type(home)(tmp_path_factory.mktemp("home"))
    entry = fresh.deliver("people", {f"people.{writer}": content})
    assert entry.reasons == ()
    read = [tuple(cell or "" for cell in row) for row in fresh.rows(PEOPLE)]
    assert read == [tuple(cell or "" for cell in row) for row in rows]


SAMPLES = Path(os.environ.get("SPINE_SAMPLES", PROJECT_ROOT.parent / "shared" / "samples"))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not here: set SPINE_SAMPLES to their folder")
@pytest.mark.parametrize(
    ("sample", "names", "rows"),
    [
        ("cin/fake_CIN_data.xml", ("LAchildID", "UPN", "PersonBirthDate", "Ethnicity"), 332),
        ("cin/CIN_Census_2026.xml", ("LAchildID", "UPN", "PersonBirthDate", "Sex"), 2),
        ("core_lettings/general_needs_log_26_27.xml", ("tenancycode", "age1", "ethnic"), 1),
        ("core_lettings/lettings_log_csv_export_codes_26.csv", ("Log ID", "Status of log"), 2),
    ],
)
def test_public_samples_with_a_contract_made_for_them(home, sample, names, rows):
    (people,) = next(c for c in home.contracts if c.id == "people__flat").tables
    columns = tuple(replace(people.columns[1], name=f"c{n}", source_name=name) for n, name in enumerate(names))
    home.with_contract("people__flat", tables=(replace(people, columns=columns),))
    path = SAMPLES / sample
    entry = home.deliver("people", {f"a{path.suffix}": path.read_bytes()})
    assert entry.reasons == ()
    assert (entry.tables["people"].kept, entry.tables["people"].quarantined) == (rows, 0)
