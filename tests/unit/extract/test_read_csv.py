"""Delimited text: encodings, dialects, headers, ragged rows."""

from __future__ import annotations

import pytest

HEADER = "Person ID,Surname,LAD25CD,Note"
PEOPLE = "SELECT person_id, surname, area, note, _row_no FROM raw.people__flat__people ORDER BY _file_no, _row_no"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_the_encoding_is_found(home, encoding):
    home.deliver("people", {"a.csv": f"{HEADER}\n1,Zoë O’Brien,E07,x\n2,Müller,E07,y\n".encode(encoding)})
    assert home.rows(PEOPLE) == [("1", "Zoë O’Brien", "E07", "x", 1), ("2", "Müller", "E07", "y", 2)]


def test_one_broken_byte_does_not_turn_utf8_into_windows_1252(home):
    good = "".join(f"{n},Zoë,E07,\n" for n in range(1, 30))
    entry = home.deliver("people", {"a.csv": f"{HEADER}\n{good}".encode() + b"30,Zo\xeb,E07,\n"})
    assert home.quarantine(entry) == [(1, 30, "not_utf8")]
    assert {row[1] for row in home.rows(PEOPLE)} == {"Zoë"}


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_the_delimiter_is_found(home, delimiter):
    header = HEADER.replace(",", delimiter)
    home.deliver("people", {"a.csv": f'{header}\n1{delimiter}"Smith, {delimiter} Jones"{delimiter}E07{delimiter}\n'})
    assert home.rows(PEOPLE) == [("1", f"Smith, {delimiter} Jones", "E07", None, 1)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(home, ending):
    home.deliver("people", {"a.csv": ending.join([HEADER, "1,A,E07,", "", "2,B,E07,", ""])})
    assert [row[0] for row in home.rows(PEOPLE)] == ["1", "2"]


def test_mixed_line_endings_and_line_breaks_in_cells(home):
    text = f'{HEADER}\r\n1,"A\r\nB",E07,x\n2,"C\n\nD",E07,y\r\n3,E,E07,z'
    entry = home.deliver("people", {"a.csv": text})
    assert [(row[0], row[4]) for row in home.rows(PEOPLE)] == [("1", 1), ("2", 2), ("3", 3)]
    assert entry.tables["people"].rows_read == 3


@pytest.mark.parametrize(
    "header", ["PERSON_ID;surname;LAD25CD", "Client No;SURNAME;lad19cd", "Surname;LAD30CD;person id"]
)
def test_synonyms_vintages_and_order_of_columns(home, header):
    entry = home.deliver("people", {"a.csv": f"{header}\n1;1;1\n"})
    assert home.rows("SELECT person_id, surname, area, note FROM raw.people__flat__people") == [("1", "1", "1", None)]
    assert entry.tables["people"].columns_absent == ("note",)


def test_columns_that_are_not_contracted_are_dropped_and_counted(home):
    entry = home.deliver("people", {"a.csv": f"{HEADER},Religion,Salary\n1,A,E07,x,secret,9\n"})
    assert entry.tables["people"].columns_dropped == 2
    assert "Religion" not in str(home.rows("DESCRIBE raw.people__flat__people"))


def test_ragged_rows_are_quarantined_with_their_number(home):
    entry = home.deliver(
        "people", {"a.csv": f"{HEADER}\n1,A,E07,\n2,B\n3,C,E07,,x,y\n\n4,D,E07,\n , ,,\n,E,E07,\n   \n6,F,E07,\n"}
    )
    assert home.quarantine(entry) == [(1, 2, "too_few_cells"), (1, 3, "too_many_cells"), (1, 6, "person_id__missing")]
    assert [(row[0], row[4]) for row in home.rows(PEOPLE)] == [("1", 1), ("4", 4), ("6", 8)]
    counts = entry.tables["people"]
    assert (counts.rows_read, counts.kept, counts.quarantined, counts.ignored) == (7, 3, 3, 1)


def test_empty_cells_after_the_last_column_are_no_fault(home):
    entry = home.deliver("people", {"a.csv": f"{HEADER}\n1,A,E07,x,\n2,B,E07,y,,,\n"})
    assert [row[0] for row in home.rows(PEOPLE)] == ["1", "2"]
    assert entry.tables["people"].quarantined == 0


@pytest.mark.parametrize("place", [0, 40, 98])
def test_a_quote_that_is_never_closed_refuses_the_file_and_names_its_row(home, place):
    rows = [f"{n},A,E07,x" for n in range(100)]
    rows[place] = f'{place},"A,E07,x'
    entry = home.deliver("people", {"a.csv": "\n".join([HEADER, *rows])})
    assert entry.verdict == "refused"
    assert f"ends in the middle of row {place + 1}: it is cut off, or a quotation mark" in entry.reasons[0]


def test_so_it_does_in_a_file_larger_than_what_is_read_at_once(home, monkeypatch):
    monkeypatch.setattr("spine.extract.read_csv.MAX_RECORD", 40_000)
    home.with_contract("people__flat", quarantine_max_percent=100.0)
    rows = [f"{n},Somebody with a long name,E07,{'x' * 60}" for n in range(4_500)]
    rows[7] = '7,"A,E07,x'
    entry = home.deliver("people", {"a.csv": "\n".join([HEADER, *rows, ""])})
    assert (entry.verdict, len(entry.reasons)) == ("refused", 1)
    assert "ends in the middle of row" in entry.reasons[0]


@pytest.mark.parametrize(("end", "verdict"), [("99,B", "refused"), ("99,B\n", "accepted"), ("99,B,E07,y", "accepted")])
def test_a_last_row_that_breaks_off_refuses_the_file(home, end, verdict):
    rows = [f"{n},A,E07,x" for n in range(98)]
    entry = home.deliver("people", {"a.csv": "\n".join([HEADER, *rows, end])})
    assert entry.verdict == verdict
    assert ("ends in the middle of row 99" in " ".join(entry.reasons)) == (verdict == "refused")


def test_too_many_bad_rows_refuse_the_delivery_but_keep_it(home):
    home.with_contract("people__flat", quarantine_max_percent=10.0)
    entry = home.deliver("people", {"a.csv": f"{HEADER}\n1,A,E07,\n2,B\n"})
    assert entry.verdict == "refused"
    assert "1 of 2 rows (50.00 %)" in entry.reasons[0]
    assert (home.lake / entry.folder / "people.parquet").exists()
    assert home.rows(PEOPLE) == []


def test_several_files_of_a_table_are_joined_in_order_of_name(home):
    entry = home.deliver(
        "people", {"b.csv": f"{HEADER}\n2,B,E07,\n", "a.csv": f"{HEADER.replace(',', ';')}\n1;A;E07;\n"}
    )
    assert home.rows("SELECT person_id, _file_no, _row_no FROM raw.people__flat__people ORDER BY ALL") == [
        ("1", 1, 1),
        ("2", 2, 1),
    ]
    assert entry.files == 2


def test_a_missing_column_is_named_with_the_nearest_header(home):
    entry = home.deliver("people", {"a.csv": "Person ID,Surnames,LAD25CD\n1,CANARYVALUE,E07\n"})
    assert entry.verdict == "refused"
    assert "column 'Surname' is missing (contract 1.0.0); the file has 'Surnames', which is close" in entry.reasons[0]
    assert not (home.lake / entry.folder).exists()


def test_a_file_without_header_is_not_quoted(home):
    entry = home.deliver("people", {"CANARYNAME 9990000018.csv": "1,Canaryvalue,E07,x\n2,B,E07,x\n"})
    assert entry.verdict == "refused"
    assert "canary" not in entry.model_dump_json().lower()
    assert "file 1 of 1 (.csv)" in entry.reasons[0]


def test_a_first_row_of_data_that_reads_like_a_column_is_not_quoted(home):
    entry = home.deliver("people", {"a.csv": "1,Surname,Person,Persons ID\n2,B,E07,x\n"})
    assert "column 'Person ID' is missing (contract 1.0.0). Ask" in entry.reasons[0]
    assert "Persons" not in entry.model_dump_json()


@pytest.mark.parametrize("content", ["", "\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(home, content):
    assert "the file is empty" in home.deliver("people", {"a.csv": content}).reasons[0]


def test_a_header_alone_gives_no_rows(home):
    entry = home.deliver("people", {"a.csv": HEADER})
    assert entry.tables["people"].rows_read == 0


@pytest.mark.parametrize(
    "text", ["9990000018\n9990000026\n", "NUMBER\n9990000018\n9990000026\n", "9990000018,\r\n\r\n9990000026,\r\n"]
)
def test_a_list_may_come_without_header(home, text):
    home.deliver("codes", {"list.dat": text})
    assert home.rows("SELECT number FROM raw.codes__list__codes ORDER BY 1") == [("9990000018",), ("9990000026",)]


def test_a_line_break_in_the_first_row_of_a_list_without_header(home):
    entry = home.deliver("codes", {"list.dat": '"1\n2"\n3\n'})
    assert (entry.tables["codes"].rows_read, entry.tables["codes"].kept) == (2, 2)


def test_a_line_break_in_the_header(home):
    home.deliver("people", {"a.csv": 'Person ID,Surname,LAD25CD,"No\nte"\n1,A,E07,x\n2,B,E07,y\n'})
    assert [(row[0], row[3], row[4]) for row in home.rows(PEOPLE)] == [("1", "x", 1), ("2", "y", 2)]


def test_an_unknown_header_is_not_taken_for_data(home):
    assert home.deliver("codes", {"list.dat": "Health ref\n9990000018\n"}).verdict == "refused"


def test_a_spreadsheet_separator_line(home):
    home.deliver("people", {"a.csv": f"sep=;\n{HEADER.replace(',', ';')}\n1;A;E07;\n"})
    assert [(row[0], row[4]) for row in home.rows(PEOPLE)] == [("1", 1)]


def test_the_same_parquet_whatever_the_threads(home, tmp_path):
    rows = "\n".join(f'{n},"Somebody, of a name",E07,{n * 7919}' for n in range(130_000))  # two row groups
    digests = set()
    for threads in (1, 4):
        other = type(home)(tmp_path / str(threads))
        other.put("people", {"a.csv": f"{HEADER}\n{rows}\nbad\n"})
        entry = other.run(threads)[0]
        digests.add((other.lake / entry.folder / "manifest.json").read_text())
    assert len(digests) == 1


@pytest.mark.parametrize("delimiter", ["~", "^", ":"])
def test_rare_delimiters_are_found(home, delimiter):
    home.deliver("people", {"a.csv": f"{HEADER}\n1,O'Neil,E07,10:30\n".replace(",", delimiter).replace("10:30", "x")})
    assert home.rows(PEOPLE) == [("1", "O'Neil", "E07", "x", 1)]


def test_colons_in_cells_are_no_delimiter(home):
    home.deliver("people", {"a.csv": f"{HEADER}\n1,A,E07,2028-01-01 10:30:00\n"})
    assert home.rows(PEOPLE)[0][3] == "2028-01-01 10:30:00"


def test_an_apostrophe_is_a_quote_only_where_it_was_needed(home):
    home.deliver("people", {"a.csv": f"{HEADER}\n1,'O''Neil, A',E07,'x\ny'\n2,O'Neil,E07,\n"})
    assert [row[1] for row in home.rows(PEOPLE)] == ["O'Neil, A", "O'Neil"]


@pytest.mark.parametrize("cell", ["O'Neil", "'Neil", "'tis'", "Neil'", "'A' Street"])
def test_an_apostrophe_in_a_name_is_no_quote(home, cell):
    home.deliver("people", {"a.csv": f"{HEADER}\n1,{cell},E07,\n2,{cell},E07,\n"})
    assert {row[1] for row in home.rows(PEOPLE)} == {cell}


def test_a_file_in_which_nothing_is_quoted(home):
    text = f'{HEADER}\n1,"Rose Cottage,E07,6" nail\n2,"Oak" House,E07,\n3,A,E07,\n'
    home.deliver("people", {"a.csv": text})
    assert [(row[1], row[3]) for row in home.rows(PEOPLE)] == [
        ('"Rose Cottage', '6" nail'),
        ('"Oak" House', None),
        ("A", None),
    ]


def test_backslashes_before_quotes(home):
    home.deliver("people", {"a.csv": f'{HEADER}\n1,"Ann \\"Nan\\" Lee, A",E07,\n2,"C:\\\\x",E07,\n3,B,E07,\n'})
    assert [row[1] for row in home.rows(PEOPLE)] == ['Ann "Nan" Lee, A', "C:\\x", "B"]


@pytest.mark.parametrize(
    "above", ["Report run on 01/03/2028\n\n", 'Council "tax", extract;\nPage 1,,\n', 'The "open quote\n']
)
def test_text_above_the_header_is_passed_over(home, above):
    entry = home.deliver("people", {"a.csv": f"{above}{HEADER}\n1,A,E07,x\n2,B,E07,y\n"})
    assert [(row[0], row[4]) for row in home.rows(PEOPLE)] == [("1", 1), ("2", 2)]
    assert entry.tables["people"].rows_read == 2


@pytest.mark.parametrize(
    "trailer", ["Total rows: 2", "END", "Total rows,2,,", "*** End of report ***", "END,,,", "(2 rows affected)"]
)
def test_a_trailer_is_no_row(home, trailer):
    entry = home.deliver("people", {"a.csv": f"{HEADER}\n1,A,E07,x\n2,B,E07,y\n{trailer}\n"})
    counts = entry.tables["people"]
    assert (counts.rows_read, counts.kept, counts.quarantined, counts.ignored) == (3, 2, 0, 1)


def test_a_name_like_a_trailer_is_a_row(home):
    entry = home.deliver("people", {"a.csv": f"{HEADER}\n1,End,E07,\n2,Total,E07,\n"})
    assert entry.tables["people"].kept == 2


def test_dropped_columns_are_named_by_the_reader(home):
    entry = home.deliver("people", {"a.csv": f"{HEADER},Religion\n1,A,E07,x,secret\n"})
    assert entry.tables["people"].columns_dropped == 1


def test_a_backslash_at_the_end_of_a_quoted_cell_escapes_nothing(home):
    header = ",".join(f"'{name}'" for name in HEADER.split(","))
    home.deliver("people", {"a.csv": f"{header}\n'1','','','\\'\n'2','O''Hara',',','a\\'\n"})
    assert home.rows(PEOPLE) == [("1", None, None, "\\", 1), ("2", "O'Hara", ",", "a\\", 2)]
