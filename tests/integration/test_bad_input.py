"""Every kind of broken delivery through the real door: one clear message, nothing half-written, nobody else harmed.

All cases are deliveries of one run: each on a date of its own, beside deliveries of other partners that are well.
Names of files and cells hold canaries, which must not come out anywhere.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from spine.cli import app
from spine.contracts import Contract, Rule, RuleResult, load_contracts, load_partners
from spine.extract import Ledger, LedgerEntry, contract_for, find_deliveries, in_use, process
from spine.quality import evaluate
from spine.reports import report_path, write_reports
from spine.settings import PROJECT_ROOT, Settings

AS_OF = date(2028, 3, 31)
CANARY = "Quexbrandt"
#: Also in the names of files.
NUMBER = "9995551212"
PARTNERS = load_partners(PROJECT_ROOT / "expectations/partners.yaml")
CONTRACTS = load_contracts(PROJECT_ROOT / "expectations/contracts", PARTNERS)
NFI, ACADEMY = (next(c for c in CONTRACTS if c.id == f"council_tax__{layout}") for layout in ("nfi", "academy"))

Row = dict[str, str]


def accounts(rows: int = 100, **columns: str | Callable[[int], str]) -> list[Row]:
    """Rows of the NFI layout by header, right but for `columns` (by the contract's name)."""
    right: dict[str, str | Callable[[int], str]] = {
        "account_reference": lambda n: f"A{n:05d}", "uprn": lambda n: str(100000000 + n), "surname": CANARY,
        "forename": lambda n: f"Forename{n}", "date_of_birth": "14/07/1980", "address_1": "1 Test Street",
        "postcode": "WX1 1AA", "band": "C", "liability_amount": "1500.00", "discount_start_date": "",
    }  # fmt: skip
    cells = right | columns
    return [{c.source_name: _cell(cells.get(c.name, ""), n) for c in NFI.tables[0].columns} for n in range(1, rows + 1)]


def _cell(given: str | Callable[[int], str], n: int) -> str:
    return given if isinstance(given, str) else given(n)


def text(rows: list[Row], *, without: str = "", rename: Mapping[str, str] | None = None) -> str:
    """Rows as CSV, every cell as it is."""
    names = [name for name in rows[0] if name != without]
    lines = [[(rename or {}).get(name, name) for name in names], *([row[name] for name in names] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


def first(few: int, wrong: str, right: str) -> Callable[[int], str]:
    """Wrong in the first few rows."""
    return lambda n: wrong if n <= few else right


def lines_of(contract: Contract, table: str, rows: int, **columns: str | Callable[[int], str]) -> str:
    """A table of any CSV layout: keys are numbers or a date, the rest is blank."""
    keys = [c for c in contract.table(table).columns if c.key or c.required]
    cells: dict[str, Any] = {c.name: "01/04/2020" if c.logical_type == "date" else str for c in keys}
    cells |= columns
    made = [
        {c.source_name: _cell(cells.get(c.name, ""), n) for c in contract.table(table).columns}
        for n in range(1, rows + 1)
    ]
    return text(made)


def patients(rows: int = 150) -> list[str]:
    return [
        json.dumps({
            "resourceType": "Patient", "id": f"p{n}", "name": [{"family": CANARY}], "gender": "female",
            "birthDate": "1980-07-14", "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NUMBER}],
        })
        for n in range(1, rows + 1)
    ]  # fmt: skip


def zipped(*entries: tuple[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def workbook(*extra: str) -> bytes:
    """As much of a workbook as tells its kind."""
    names = ("[Content_Types].xml", "xl/workbook.xml", *extra)
    return zipped(*((name, f"<x>{CANARY}</x>") for name in names))


GOOD = text(accounts())
QUOTED = text(accounts(forename=lambda n: f'"Forename, {n}"'))
XXE = (
    '<?xml version="1.0"?><!DOCTYPE accounts [<!ENTITY xxe SYSTEM "file:///etc/hostname">]>'
    f"<accounts><account><Surname>{CANARY}&xxe;</Surname></account></accounts>"
)


@dataclass
class Case:
    """One broken delivery and what must become of it.

    Attributes:
        files: content by name; a Path is what a symbolic link of that name leads to.
        reasons: for each reason of a refusal, phrases that must stand in it in this order, between dots.
        broken: rules that must have been broken, with their counts, and no others.
        quarantine: number of row and rule.
        kept: rows in the lake; None where nothing may be there.
    """

    files: Mapping[str, str | bytes | Path]
    reasons: tuple[str, ...] = ()
    broken: Mapping[str, int] = field(default_factory=dict)
    quarantine: tuple[tuple[int, str], ...] = ()
    kept: int | None = 100
    source: str = "saltmarsh_district/council_tax"
    rules: bool = False
    entry: LedgerEntry | None = None


def csv(content: str | bytes, **more: Any) -> Case:
    """A council tax delivery of one file."""
    return Case({f"accounts {NUMBER} {CANARY}.csv": content}, **more)


def refused(content: str | bytes | Path, *reasons: str, suffix: str = "csv", **more: Any) -> Case:
    """One file whose structure refuses the delivery."""
    return Case({f"accounts {NUMBER}.{suffix}": content}, reasons=reasons, kept=None, **more)


CASES = {
    # columns
    "missing column": refused(
        text(accounts(), without="Council Tax band"),
        "file 1 of 1 (.csv) · column 'Council Tax band' is missing (contract 1.0.0) · Ask the partner to resend",
    ),
    "renamed column": refused(
        text(accounts(), rename={"Council Tax band": "Counsel Tax bnd"}),
        "column 'Council Tax band' is missing · the file has 'Counsel Tax bnd', which is close · Ask the partner",
    ),
    "extra column": csv(text([row | {"Shoe size": CANARY} for row in accounts()])),
    "no header": refused(
        "\n".join(GOOD.splitlines()[1:]) + "\n",
        "file 1 of 1 (.csv) · names no column of table 'accounts' (contract 1.0.0) · Ask the partner to resend",
    ),
    # size
    "empty file": refused("", "file 1 of 1 (.csv) · the file is empty · Ask the partner to resend it"),
    "header only": csv(
        text(accounts())[: text(accounts()).index("\n") + 1], kept=0, rules=True, broken={"table__has_rows": 0},
        reasons=("The file holds at least one account · the table has no row (rule table__has_rows) · Ask the partner",),
    ),
    "field over the documented size": Case(
        {
            f"ctaccount {NUMBER}.csv": lines_of(ACADEMY, "ctaccount", 100, lead_liab_name=first(2, "x" * 300, CANARY)),
            f"ctoccupation {NUMBER}.csv": lines_of(ACADEMY, "ctoccupation", 100),
            f"ctproperty {NUMBER}.csv": lines_of(ACADEMY, "ctproperty", 100, postcode="WX1 1AA"),
        },
        source="harcombe_district/council_tax", kept=300, rules=True,
        broken={"ctaccount__lead_liab_name__within_length": 2},
    ),
    # cut off
    "cut in a row": refused(
        GOOD[: GOOD.rindex(",WX1")], "file 1 of 1 (.csv) · ends in the middle of row 100 · Ask the partner to resend it"
    ),
    "cut in quotation marks": refused(
        QUOTED[: QUOTED.rindex(", 100")],
        "file 1 of 1 (.csv) · ends in the middle of row 100: it is cut off · Ask the partner to resend it",
    ),
    "cut archive": refused(
        zipped(("accounts.csv", GOOD))[:-200], "file 1 of 1 (.zip) · damaged or cut-off archive · Ask the partner",
        suffix="zip",
    ),
    # values
    "dates in a number column": csv(
        text(accounts(liability_amount="01/04/2020")), rules=True,
        broken={"liability_amount__is_a_number": 100, "liability_amount__mostly_numbers": 100},
        reasons=("At most 20 in 100 values of liability_amount are not a number · 100 of 100 rows · Ask the partner",),
    ),
    "text in a date column": csv(
        text(accounts(date_of_birth=CANARY)), rules=True,
        broken={"date_of_birth__is_a_date": 100, "date_of_birth__mostly_dates": 100},
        reasons=("At most 20 in 100 values of date_of_birth are not a date with a four-digit year · 100 of 100 rows · Ask the partner",),
    ),
    "impossible dates": csv(
        text(accounts(date_of_birth=first(3, "31/02/1980", "14/07/1980"))), rules=True,
        broken={"date_of_birth__is_a_date": 3},
    ),
    "future dates": csv(
        text(accounts(date_of_birth=first(2, "01/04/2028", "14/07/1980"))), rules=True,
        broken={"date_of_birth__not_in_the_future": 2},
    ),
    "duplicate keys": csv(
        text(accounts(account_reference=first(4, CANARY, "x"))), rules=True, broken={"table__unique_key": 98},
        reasons=("An account reference stands for one account · 98 of 100 rows · Ask the partner to resend",),
    ),
    "invalid NHS numbers": Case(
        {f"opt outs {NUMBER}.csv": "nhs_number\n" + "9990000019\n" * 20 + "9990000018\n" * 80},
        source="wexmoor_icb/opt_out", rules=True,
        broken={"nhs_number__check_digit": 20, "nhs_number__mostly_valid": 20},
        reasons=("At most 10 in 100 rows hold no valid NHS number · 20 of 100 rows · Ask the partner to resend",),
    ),
    "no key": csv(text(accounts(account_reference=first(2, " ", "A1"))), kept=98,
                  quarantine=((1, "account_reference__missing"), (2, "account_reference__missing"))),
    # encodings that are right
    "UTF-16": csv(text(accounts(forename="Zoë")).encode("utf-16")),
    "Windows-1252": csv(text(accounts(forename="Zoë")).encode("cp1252")),
    "byte order mark": csv(text(accounts(forename="Zoë")).encode("utf-8-sig")),
    # JSON
    "malformed NDJSON line": Case(
        {f"patient_{NUMBER}.ndjson": "\n".join([*patients(6), '{"id": "' + CANARY, *patients()])},
        source="wexmoor_icb/gp_registrations", kept=156, quarantine=((7, "not_json"),),
    ),
    # files
    "missing file": Case(
        {f"header {NUMBER}.csv": "CHILD,SEX,DOB,ETHNIC,UPN\n1,1,14/07/2015,WBRI,\n"}, kept=None,
        source="wexmoor_county/looked_after",
        reasons=("table 'episodes' has no file: none of 1 · looked_after__ssda903 1.0.0 · Ask the partner to send it",),
    ),
    "same file, one date": csv(text(accounts(50)), kept=50),
    "same file, other date": csv(text(accounts(50)), kept=50),
    "workbook with macros": refused(
        workbook("xl/vbaProject.bin"),
        "file 1 of 1 (.xlsm) · workbook with macros · Ask the partner to save it without macros", suffix="xlsm",
    ),
    "workbook with a password": refused(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600,
        "file 1 of 1 (.xlsx) · protected by a password · Ask the partner to send it without a password", suffix="xlsx",
    ),
    "zip bomb": refused(
        zipped(("accounts.csv", b"0" * 60_000_000)),
        "file 1 of 1 (.zip) · unpacks to more than 200 times its size · Ask the partner", suffix="zip",
    ),
    "path out of an archive": refused(
        zipped((f"../../{CANARY}.csv", GOOD)),
        "file 1 of 1 (.zip) · name leads out of the archive · Ask the partner to resend it", suffix="zip",
    ),
    "link out of landing": refused(
        Path("/etc/hostname"), "file 1 of 1 · is a link that leaves the landing folder · Put the file itself there"
    ),
    "external entity": refused(
        XXE, "file 1 of 1 (.xml) · brings a DOCTYPE · expected none · Ask the partner to resend it", suffix="xml"
    ),
}  # fmt: skip

#: Deliveries of the same run that are well.
WELL = {
    "brackenfell_borough/council_tax/2028-03-31": {"accounts.csv": GOOD},
    "saltmarsh_district/council_tax/2028-03-31": {"accounts.csv": GOOD},
    "wexmoor_icb/gp_registrations/2028-03-31": {"Patient.ndjson": "\n".join(patients())},
}


def day_of(name: str) -> date:
    return date(2027, 1, 1) + timedelta(days=list(CASES).index(name))


@dataclass
class Run:
    """A home in which every case was judged in one run."""

    settings: Settings
    entries: dict[str, LedgerEntry]

    def of(self, name: str) -> LedgerEntry:
        return self.entries[f"{CASES[name].source}/{day_of(name)}"]


def passed(tables: Mapping[str, Path], rules: tuple[Rule, ...], as_of: date) -> list[RuleResult]:
    """Stands for the rules where a case is about something else: Great Expectations is slow."""
    return [RuleResult(name=r.name, outcome="passed", numerator=0, denominator=1) for r in rules if r.metric != "text"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = Settings(home=tmp_path_factory.mktemp("bad_input") / "home").prepare()
    deliveries = {f"{case.source}/{day_of(name)}": case.files for name, case in CASES.items()} | WELL
    for delivery, files in deliveries.items():
        folder = settings.landing / delivery
        folder.mkdir(parents=True)
        for name, content in files.items():
            if isinstance(content, Path):
                (folder / name).symlink_to(content)
            else:
                (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    measured = {f"{case.source}/{day_of(name)}" for name, case in CASES.items() if case.rules}
    for delivery in find_deliveries(settings.landing, CONTRACTS, AS_OF).deliveries:
        contract = contract_for(CONTRACTS, delivery.partner, delivery.dataset, delivery.date)
        assert contract is not None
        judge = partial(evaluate, threads=1) if delivery.key in measured else passed
        process(delivery, contract, lake=settings.lake, ledger=Ledger(settings.ledger), as_of=AS_OF, evaluate=judge)  # type: ignore[arg-type]
    entries = Ledger(settings.ledger).entries()
    for state in in_use(entries, CONTRACTS, AS_OF):
        mine = [entry for entry in entries if (entry.partner, entry.dataset) == (state.partner, state.dataset)]
        write_reports(settings, PARTNERS[state.partner], CONTRACTS, mine, state, AS_OF)
    return Run(settings, {entry.delivery: entry for entry in entries})


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_and_the_one_message_for_it(run: Run, name: str) -> None:
    case, entry = CASES[name], run.of(name)
    assert entry.verdict == ("refused" if case.reasons else "accepted"), entry.reasons
    assert len(entry.reasons) == len(case.reasons), entry.reasons
    for reason, phrases in zip(entry.reasons, case.reasons, strict=True):
        pattern = ".*".join(re.escape(phrase.strip()) for phrase in phrases.split("·"))
        assert re.search(pattern, reason), reason
    if case.rules:
        assert {r.name: r.numerator for r in entry.results if r.outcome != "passed"} == case.broken


@pytest.mark.parametrize("name", CASES)
def test_rows_add_up_and_those_put_aside_are_named(run: Run, name: str) -> None:
    case, entry = CASES[name], run.of(name)
    folder = run.settings.lake / entry.folder
    if case.kept is None:
        assert (entry.tables, folder.exists()) == ({}, False), "nothing half-read is left"
        return
    assert sum(t.kept for t in entry.tables.values()) == case.kept
    assert all(t.rows_read == t.kept + t.quarantined + t.ignored for t in entry.tables.values())
    held = sum(duckdb.sql(f"SELECT count(*) FROM '{folder / name}.parquet'").fetchall()[0][0] for name in entry.tables)
    assert held == case.kept
    aside = duckdb.sql(f"SELECT row_no, rule FROM '{folder}/quarantine.parquet' ORDER BY ALL").fetchall()
    assert aside == list(case.quarantine)


def test_deliveries_of_the_same_run_that_are_well_are_accepted(run: Run) -> None:
    assert {delivery: run.entries[delivery].verdict for delivery in WELL} == dict.fromkeys(WELL, "accepted")


def test_a_column_that_is_not_contracted_is_reported_and_not_read(run: Run) -> None:
    counts = run.of("extra column").tables["accounts"]
    assert (counts.columns_dropped, counts.columns_dropped_names) == (1, ("Shoe size",))
    columns = duckdb.sql(f"DESCRIBE FROM '{run.settings.lake / run.of('extra column').folder}/accounts.parquet'")
    assert not [row[0] for row in columns.fetchall() if "shoe" in row[0].lower()]


@pytest.mark.parametrize("name", ["UTF-16", "Windows-1252", "byte order mark"])
def test_every_usual_encoding_gives_the_right_characters(run: Run, name: str) -> None:
    path = run.settings.lake / run.of(name).folder / "accounts.parquet"
    assert duckdb.sql(f"SELECT DISTINCT forename FROM '{path}'").fetchall() == [("Zoë",)]


def test_the_same_file_under_two_dates_is_known_by_its_bytes(run: Run) -> None:
    one, other = run.of("same file, one date"), run.of("same file, other date")
    assert one.files_sha256 == other.files_sha256 != ""
    assert one.delivery != other.delivery


def test_nothing_half_written_is_left(run: Run) -> None:
    left = [path for path in run.settings.root.rglob("*") if re.search(r"\.tmp|spill|unpacked|\.part", path.name)]
    assert left == []
    lake = {path.parent for path in run.settings.lake.rglob("*.parquet")}
    assert lake == {run.settings.lake / entry.folder for entry in run.entries.values() if entry.tables}
    assert all((folder / "manifest.json").exists() for folder in lake)


@pytest.mark.parametrize("name", CASES)
def test_the_partner_gets_a_report_of_what_is_wrong_and_of_nothing_else(run: Run, name: str) -> None:
    case, entry = CASES[name], run.of(name)
    is_wrong = bool(case.reasons or case.broken or case.quarantine or name == "extra column")
    page = report_path(run.settings, entry.delivery)
    assert (page.exists(), page.with_suffix(".csv").exists()) == (is_wrong, is_wrong)


def test_no_planted_value_is_outside_the_folders_that_may_hold_it(run: Run) -> None:
    personal = {run.settings.landing, run.settings.lake}
    files = [p for p in run.settings.root.rglob("*") if p.is_file() and not personal & set(p.parents)]
    assert len(files) > len(CASES)
    for path in files:
        content = path.read_text(encoding="utf-8")
        assert not [canary for canary in (CANARY, NUMBER) if canary in content + path.name], path.name


def test_the_command_says_where_a_report_lies(run: Run) -> None:
    def ask(*arguments: str) -> tuple[int, str]:
        home = {"SPINE_HOME": str(run.settings.home), "COLUMNS": "200"}
        result = CliRunner().invoke(app, ["report", *arguments], env=home)
        return result.exit_code, result.output

    source = ("--partner", "saltmarsh_district", "--dataset", "council_tax")
    entry = run.of("renamed column")
    assert ask(*source, "--date", str(entry.date)) == (
        0,
        f"{entry.delivery}: refused, revision 1\n  {report_path(run.settings, entry.delivery)}\n"
        f"  {report_path(run.settings, entry.delivery).with_suffix('.csv')}\n",
    )
    assert ask(*source) == (
        0, "saltmarsh_district/council_tax/2028-03-31: accepted, revision 1\n"
        "  There is nothing to correct, so it has no report.\n",
    )  # fmt: skip
    for wrong in ((*source, "--date", "2020-01-01"), (*source, "--date", CANARY), ("--partner", CANARY, *source[2:])):
        code, told = ask(*wrong)
        assert (code, CANARY in told) == (2, False)
