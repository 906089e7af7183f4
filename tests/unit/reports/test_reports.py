"""A supplier report: when there is one, what it says, in which order, and what never stands in it."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spine.contracts import Column, Contract, Partner, Rule, RuleResult, Supply, Table, Threshold
from spine.extract import LedgerEntry, TableCounts, in_use
from spine.reports import report_path, write_reports
from spine.settings import Settings

AS_OF = date(2028, 3, 31)
CANARY = "Zyxwvut-Canary"
PARTNER = Partner("north", "North Council", "district", "North data team")
DELIVERY = "north/people/2028-03-01"


def rule(name: str, metric: str, severity: str = "warning", column: str | None = "surname", **more: Any) -> Rule:
    threshold = more.pop("threshold", Threshold("mustBe", 0))
    sentence = f"The sentence of {name}."
    return Rule("people__flat", "people", column, name, sentence, "conformity", severity, metric, more, threshold)  # type: ignore[arg-type]


CONTRACT = Contract(
    id="people__flat", title="People & places", version="1.2.0", description="", domain="test", format="csv",
    mode="snapshot", quarantine_max_percent=5, frequency_days=None, supplies=(Supply("north"),),
    tables=(Table("people", r".*\.csv", "", (
        Column("person_id", "Person ID", "", "string", "identifier", required=True, key=True),
        Column("surname", "Surname", "", "string", "identifier"),
        Column("note", "Note", "", "string", "personal", optional_header=True),
    )),),
    rules=(
        rule("table__has_rows", "rowCount", "error", None, threshold=Threshold("mustBeGreaterThan", 0)),
        rule("surname__short", "sql", query="SELECT count_if(length(${column}) > 5) FROM ${table}"),
        rule("surname__listed", "invalidValues", validValues=["Ash", "Elm"]),
        rule("table__unique_key", "duplicateValues", "error", None, properties=["person_id"]),
        rule("table__mixture", "sql", "warning", None, query="SELECT least(count(*), 3) FROM ${table}"),
    ),
)  # fmt: skip


class Home:
    """A home with one source, whose ledger and lake a test fills."""

    def __init__(self, root: Path) -> None:
        self.settings = Settings(home=root).prepare()
        self.entries: list[LedgerEntry] = []

    def add(
        self, day: str = "2028-03-01", results: Sequence[RuleResult] = (), rows: Sequence[tuple[Any, ...]] = (),
        quarantine: Sequence[tuple[int, int | None, str]] = (), **more: Any,
    ) -> LedgerEntry:  # fmt: skip
        """Record a delivery; `rows` are file, row, person_id and surname."""
        delivery = f"north/people/{day}"
        counts = TableCounts(
            rows_read=len(rows) + len(quarantine), kept=len(rows), quarantined=len(quarantine), **more.pop("counts", {})
        )
        fields: dict[str, Any] = {
            "delivery": delivery, "partner": "north", "dataset": "people", "date": date.fromisoformat(day),
            "revision": 1 + sum(e.delivery == delivery for e in self.entries), "contract_id": "people__flat",
            "contract_version": "1.2.0", "contract_fingerprint": CONTRACT.fingerprint, "content_sha256": "x",
            "verdict": "accepted", "files": 2, "tables": {"people": counts}, "results": tuple(results),
            "judged_as_of": AS_OF,
        }  # fmt: skip
        entry = LedgerEntry(**(fields | more))
        self._fill_lake(entry, rows, quarantine)
        self.entries.append(entry)
        return entry

    def _fill_lake(self, entry: LedgerEntry, rows: Sequence[Any], quarantine: Sequence[Any]) -> None:
        folder = self.settings.lake / entry.folder
        folder.mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE p (_file_no INTEGER, _row_no BIGINT, person_id VARCHAR, surname VARCHAR)")
            connection.execute("CREATE TABLE q (table_name VARCHAR, file_no INTEGER, row_no BIGINT, rule VARCHAR)")
            if rows:
                connection.executemany("INSERT INTO p VALUES (?, ?, ?, ?)", rows)
            if quarantine:
                connection.executemany("INSERT INTO q VALUES ('people', ?, ?, ?)", quarantine)
            connection.execute(f"COPY p TO '{folder}/people.parquet' (FORMAT parquet)")
            connection.execute(f"COPY q TO '{folder}/quarantine.parquet' (FORMAT parquet)")

    def write(self, as_of: date = AS_OF, contract: Contract = CONTRACT) -> dict[str, Path]:
        known = [e for e in self.entries if e.date <= as_of]
        [state] = in_use(known, [contract], as_of)
        return write_reports(self.settings, PARTNER, [contract], known, state, as_of)

    def page(self, delivery: str = DELIVERY) -> str:
        return report_path(self.settings, delivery).read_text(encoding="utf-8")

    def lines(self, delivery: str = DELIVERY) -> list[dict[str, str]]:
        path = report_path(self.settings, delivery).with_suffix(".csv")
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def result(name: str, outcome: str, count: int, rows: int) -> RuleResult:
    return RuleResult(name=name, outcome=outcome, numerator=count, denominator=rows)  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


ROWS = [
    (1, 1, "a", "Ash"), (1, 2, "b", CANARY), (1, 3, "c", CANARY), (1, 4, "d", CANARY),
    (2, 1, "a", "Elm"), (2, 7, "e", CANARY),
]  # fmt: skip
WARNED = [result("surname__short", "warned", 4, 6)]
REFUSED = [
    result("surname__listed", "warned", 4, 6), result("table__unique_key", "failed", 1, 6),
    result("table__mixture", "warned", 3, 6),
]  # fmt: skip
REASON = (
    "expected: The sentence of table__unique_key. Against it: 1 of 6 rows (rule table__unique_key). "
    "Ask the partner to resend"
)


def test_a_list_holds_the_place_of_each_row_and_no_value(home: Home) -> None:
    home.add(results=WARNED, rows=ROWS)
    folder = home.settings.landing / DELIVERY
    folder.mkdir(parents=True)
    for name in (f"a {CANARY}.csv", "b.TXT"):
        (folder / name).touch()
    home.write()
    assert [(line["file"], line["row"]) for line in home.lines()] == [
        ("file 1 of 2 (.csv)", "2"), ("file 1 of 2 (.csv)", "3"), ("file 1 of 2 (.csv)", "4"),
        ("file 2 of 2 (.txt)", "7"),
    ]  # fmt: skip
    assert {
        key: value for key, value in home.lines()[0].items() if key not in ("file", "row", "what_to_do_first")
    } == {
        "delivery": DELIVERY, "table": "people", "column": "Surname", "rule": "surname__short", "severity": "warning",
        "expected": "The sentence of surname__short.", "rows_in_all": "4",
    }  # fmt: skip
    everything = "".join(path.read_text() for path in home.settings.reports.rglob("*.*"))
    assert CANARY not in everything + "".join(map(str, home.settings.reports.rglob("*")))


def test_a_page_says_the_verdict_first_then_what_to_do_then_the_rows_as_ranges(home: Home) -> None:
    home.add("2028-02-01", rows=ROWS)
    home.add(
        results=REFUSED, rows=ROWS, quarantine=[(1, 9, "too_few_cells"), (2, 3, "person_id__missing")],
        verdict="refused", reasons=(REASON,), counts={"columns_dropped": 1, "columns_absent": ("note",)},
    )  # fmt: skip
    home.write()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", home.page().partition("<body>")[2]))
    expected = [
        "Refused. The spine goes on with the delivery of 2028-02-01 until a corrected one arrives.",
        "North data team",
        "Find out why Person ID repeats",
        "1 of 6 rows (16.67 %)",
        "Send the whole delivery again.",
        "The sentence of table__unique_key.", "Allowed none", "file 2 of 2 1",
        "The sentence of surname__listed.", "Map the codes of Surname to the agreed ones (Ash, Elm).",
        "file 1 of 2 2 to 4", "file 2 of 2 7",
        "The sentence of table__mixture.", "its rows cannot be told one by one",
        "Every row has a value in Person ID.", "file 2 of 2 3",
        "Every row has as many cells as the header.", "file 1 of 2 9",
        "people 8 6 2 0",
    ]  # fmt: skip
    at = 0
    for phrase in expected:
        assert phrase in text[at:], phrase
        at = text.index(phrase, at) + len(phrase)
    assert "People &amp; places" in text


def test_what_refuses_stands_before_what_warns_and_only_that_asks_for_the_delivery_again(home: Home) -> None:
    home.add(results=REFUSED, rows=ROWS, quarantine=[(1, 9, "not_json")], verdict="refused", reasons=(REASON,))
    home.write()
    lines = home.lines()
    assert [line["severity"] for line in lines] == ["error"] + ["warning"] * (len(lines) - 1)
    assert [("Send the whole delivery again" in line["what_to_do_first"]) for line in lines] == [True] + [False] * (
        len(lines) - 1
    )


def test_a_delivery_that_could_not_be_read_has_a_report_too(home: Home) -> None:
    reasons = (
        f"{DELIVERY}: file 1 of 2 (.csv): column 'Surname' is missing (contract 1.2.0); the file has 'Sir<name', "
        "which is close. "
        "Ask the partner to resend, or change the contract; see docs/add-a-partner-extract.md",
        f"{DELIVERY}: file 2 of 2 (.csv): the file is empty. Ask the partner to resend it",
    )
    home.add(verdict="refused", reasons=reasons, tables={}, files=0, files_ignored=2)
    home.write()
    first, second = home.lines()
    assert (first["file"], first["column"], first["row"]) == ("file 1 of 2 (.csv)", "Surname", "")
    assert first["what_to_do_first"].startswith("Rename Sir<name to Surname")
    assert (second["expected"], second["what_to_do_first"]) == (
        "File 2 of 2 (.csv): the file is empty.", "Send the whole delivery again.",
    )  # fmt: skip
    page = home.page()
    assert "Sir&lt;name" in page
    assert "Sir<name" not in page
    assert "The spine uses no data of this dataset until a corrected delivery arrives." in page
    assert "docs/" not in page, "a guide for the spine's engineers"


def test_a_rule_that_could_not_run_asks_nothing_of_the_partner(home: Home) -> None:
    broken = RuleResult(name="surname__short", outcome="error", denominator=6, problem="BinderException")
    home.add(results=[broken], rows=ROWS, verdict="refused", reasons=("rule surname__short could not be measured",))
    home.write()
    [line] = home.lines()
    assert line["what_to_do_first"].startswith("Nothing for you to do")


def test_at_most_a_thousand_rows_of_a_rule_are_listed_and_the_total_is_told(home: Home) -> None:
    rows = [(1, n, str(n), CANARY) for n in range(1, 1501)]
    home.add(results=[result("surname__short", "warned", 1500, 1500)], rows=rows)
    home.write()
    lines = home.lines()
    assert [line["row"] for line in lines] == [str(n) for n in range(1, 1001)]
    assert {line["rows_in_all"] for line in lines} == {"1500"}
    assert "These are the first 1,000 of 1,500 rows." in home.page()


# how the newest date stands | what the page of 2028-03-01 says
STATES = """
    refused, nothing before             | The spine uses no data of this dataset
    refused, older accepted             | The spine goes on with the delivery of 2028-02-01
    refused, newer accepted             | A newer delivery of this dataset is in use
    refused, accepted before, same date | The spine goes on with the files that you sent earlier for the same date
    warned, in use                      | The spine uses this delivery.
    warned, newer accepted              | A newer delivery of this dataset is in use
"""


@pytest.mark.parametrize("line", STATES.strip().splitlines(), ids=lambda line: line.partition("|")[0].strip())
def test_the_page_says_what_the_spine_uses_meanwhile(home: Home, line: str) -> None:
    situation, _, expected = (part.strip() for part in line.partition("|"))
    if "older accepted" in situation:
        home.add("2028-02-01", rows=ROWS)
    if "same date" in situation:
        home.add(rows=ROWS)
    verdict = "refused" if "refused" in situation else "accepted"
    home.add(results=WARNED, rows=ROWS, verdict=verdict, reasons=("x",) if verdict == "refused" else ())
    if "newer accepted" in situation:
        home.add("2028-03-31", rows=ROWS)
    home.write()
    assert expected in home.page()


def test_a_corrected_delivery_that_has_nothing_to_correct_loses_its_report(home: Home) -> None:
    home.add(verdict="refused", reasons=("Broken. Ask the partner to resend it",), tables={})
    assert set(home.write()) == {DELIVERY}
    home.add(rows=ROWS, results=[result("surname__short", "passed", 0, 6)])
    assert home.write() == {}
    assert [path for path in home.settings.reports.rglob("*") if path.is_file()] == []


def test_a_corrected_delivery_with_something_left_has_a_new_report(home: Home) -> None:
    home.add(verdict="refused", reasons=("Broken. Ask the partner to resend it",), tables={})
    home.write()
    home.add(rows=ROWS, results=WARNED)
    home.write()
    assert "revision 2" in home.page()
    assert "Broken" not in home.page()


def test_an_earlier_as_of_date_leaves_later_reports_alone(home: Home) -> None:
    home.add(rows=ROWS, results=WARNED)
    home.write()
    home.write(date(2028, 2, 1))
    assert report_path(home.settings, DELIVERY).exists()


def test_an_absent_optional_column_alone_makes_no_report(home: Home) -> None:
    home.add(rows=ROWS, counts={"columns_absent": ("note",)})
    assert home.write() == {}
    home.add("2028-03-02", rows=ROWS, counts={"columns_dropped": 2, "columns_dropped_names": ("Shoe size",)})
    assert set(home.write()) == {"north/people/2028-03-02"}
    assert "2 columns, Shoe size among them, are not in the contract." in home.page("north/people/2028-03-02")


def test_the_same_inputs_give_the_same_bytes_and_a_report_that_stands_is_left(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    for one, order in ((home, ROWS), (other, ROWS[::-1])):
        one.add(results=REFUSED, rows=order, verdict="refused", reasons=(REASON,))
        one.write()
    assert home.page() == other.page()
    assert home.lines() == other.lines()
    path = report_path(home.settings, DELIVERY)
    os.utime(path, (1, 1))
    home.write()
    assert path.stat().st_mtime == 1
    path.with_suffix(".csv").unlink()
    home.write()
    assert path.with_suffix(".csv").exists()


def test_files_that_the_lake_has_lost_leave_the_counts_of_the_record(home: Home) -> None:
    entry = home.add(results=WARNED, rows=ROWS, quarantine=[(1, 9, "not_json")])
    for name in ("people", "quarantine"):
        (home.settings.lake / entry.folder / f"{name}.parquet").write_bytes(b"PAR1")
    home.write()
    assert [(line["rule"], line["row"], line["rows_in_all"]) for line in home.lines()] == [
        ("not_readable", "", "1"), ("surname__short", "", "4"),
    ][::-1]  # fmt: skip


def test_under_a_changed_contract_only_the_counts_are_told(home: Home) -> None:
    home.add(results=WARNED, rows=ROWS)
    home.write(contract=replace(CONTRACT, version="1.3.0"))
    assert [(line["row"], line["rows_in_all"]) for line in home.lines()] == [("", "4")]


def test_only_the_owner_may_read_a_report(home: Home) -> None:
    home.add(results=WARNED, rows=ROWS)
    home.write()
    path = report_path(home.settings, DELIVERY)
    for file in (path, path.with_suffix(".csv")):
        assert file.stat().st_mode & 0o777 == 0o600
    for folder in (path.parent, path.parent.parent, home.settings.reports):
        assert folder.stat().st_mode & 0o777 == 0o700


class Outline(HTMLParser):
    """Tags of a page, and attributes that could fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.fetched: list[str] = []
        self.tables = self.captions = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)
        if re.fullmatch(r"h\d", tag):
            self.headings.append(tag)
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.fetched += [
            v or "" for k, v in attrs if k in ("src", "href", "action", "data") and not (v or "").startswith("#")
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_fetches_nothing_and_has_an_outline(home: Home) -> None:
    home.add(results=REFUSED, rows=ROWS, verdict="refused", reasons=(REASON,))
    home.write()
    page = home.page()
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert outline.fetched == []
    assert "url(" not in page
    assert "://" not in page
    assert "<script" not in page
    assert outline.headings[0] == "h1"
    assert outline.headings.count("h1") == 1
    assert all(int(b[1]) - int(a[1]) <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False))
    assert outline.tables == outline.captions > 0
    assert '<html lang="en-GB">' in page
    assert 'name="viewport"' in page
    assert "@media print" in page
