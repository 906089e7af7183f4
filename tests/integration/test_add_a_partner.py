"""Both walks of docs/add-a-partner-extract.md, with the page's own texts, in a copy of the project.

Put here: that the two cases need what the page says and nothing else. Never here: what the models make of odd rows.
Everybody in here is invented.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spine.contracts import install_functions, load_contracts, load_partners
from spine.extract import Ledger, contract_for, create_raw_views, find_deliveries
from spine.quality import evaluate
from spine.settings import PROJECT_ROOT, Settings
from spine.warehouse import open_warehouse
from tests.fixtures import dbt_warehouse
from tests.fixtures.judging import process

AS_OF = date(2028, 3, 31)
PAGE = PROJECT_ROOT / "docs" / "add-a-partner-extract.md"
NEC = "expectations/contracts/housing_tenancies__nec.odcs.yaml"
ORCHARD = "expectations/contracts/council_tax__orchard.odcs.yaml"
MODEL = "dbt_project/models/staging/council_tax/stg_council_tax__orchard.sql"
DERIVED = {
    "expectations/suites/council_tax__orchard.json",
    "dbt_project/models/_raw_sources.yml",
    "dbt_project/macros/generated_layouts.sql",
}
FILES = {
    "brackenfell_borough/housing_tenancies/2028-03-30": {
        "people.csv": "LPAR_PER_ALT_REF,LPAR_TCY_ALT_REF,LPAR_PER_SURNAME,LPAR_PER_FORENAME,LPAR_PER_DATE_OF_BIRTH,"
        "LPAR_HOP_START_DATE,LPAR_HOP_END_DATE,LPAR_TIN_MAIN_TENANT_IND\n"
        "900,T9,MARLOW,TESS,12/03/1960,01/04/2015,,Y\n",
        "tenancies.csv": "LTCY_ALT_REF,LTCY_TTY_CODE,LTCY_ACT_START_DATE,LTCY_ACT_END_DATE,LTCY_THO_PROPREF1\n"
        "T9,SEC,01/04/2015,,PR9\n",
        "properties.csv": "LPRO_PROPREF\nPR9\n",
        "contacts.csv": "LCDE_LEGACY_REF,LCDE_FRV_CME_CODE,LCDE_CONTACT_VALUE\n900,TELEPHONE,01632 960001\n",
    },
    "quarrybank_district/council_tax/2028-03-30": {
        "tax_ledger_2028.txt": "LEDGER NO|Payer|Liable since|Property address|Postcode|Dog\n"
        "Q1|MOSSWICK, MR KIT & JONQUIL, MS LIV|01/06/2019|9 Ferry Rd; Quarrybank|WX1 1AB|Rex\n"
        "Q2|The Occupier|01/06/2020|10 Ferry Rd|WX1 1AB|\n",
    },
    "tor_valley_district/council_tax/2028-03-30": {
        "tor_ctaccount.csv": 'account_ref,account_cd,lead_liab_name,lead_liab_pos\n7,X,"COOKLEY,MS NADY",6\n'
        '8,Y,"BYGONE, MR E",6\n',
        "tor_ctoccupation.csv": "account_ref,property_ref,occupation_date,vacation_date,live_ind,transit_ind\n"
        "7,P1,2020-07-01 00:00:00,2099-12-31 00:00:00,1,0\n8,P1,2010-07-01 00:00:00,2020-06-30 00:00:00,0,0\n",
        "tor_ctproperty.csv": "property_ref,addr1,postcode,uprn,band_010493\nP1,3 TOR HILL,WX1 1AD,1.0,D\n",
    },
}


def text_of_page(path: str) -> str:
    """The block of the page that begins with this file's path, or says what to add to it."""
    blocks = re.findall(
        r"^```(?:yaml|sql)\n(?:#|--) ([^\n]+)\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return next(text for head, text in blocks if path in head)


def insert(path: Path, after: str, text: str) -> None:
    """Add lines after the first line that is `after`."""
    before, line, rest = path.read_text("utf-8").partition(f"\n{after}\n")
    assert line, f"{path.name} has no line '{after}'"
    path.write_text(before + line + text + rest, encoding="utf-8")


def contents(project: Path) -> dict[str, str]:
    """Hash of every file of the project."""
    return {
        str(path.relative_to(project)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in project.rglob("*")
        if path.is_file()
    }


def spine(*arguments: str) -> Any:
    """A `spine` command in this process."""
    from spine.cli import app

    return CliRunner().invoke(app, list(arguments))


@dataclass
class Walk:
    """The project's copy and what was seen on the way."""

    settings: Settings
    first: set[str]
    valid_after_first: bool
    stale_before_derive: str
    second: set[str]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings.warehouse) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Both walks, then one delivery of each partner through the door and the models before linkage."""
    root = tmp_path_factory.mktemp("walk")
    project = root / "project"
    for folder in ("expectations", "dbt_project"):
        shutil.copytree(PROJECT_ROOT / folder, project / folder, ignore=shutil.ignore_patterns("target", "logs"))
    settings = Settings(home=root / "home", project=project).prepare()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "SPINE_HOME": settings.root,
            "SPINE_PROJECT": project,
            "DBT_TARGET_PATH": root / "dbt" / "target",
            "DBT_LOG_PATH": root / "dbt" / "logs",
        }.items():
            patch.setenv(name, str(value))
        patch.setattr(dbt_warehouse, "PROJECT_ROOT", project)
        insert(project / "expectations/partners.yaml", "partners:", text_of_page("expectations/partners.yaml"))
        start = contents(project)

        insert(project / NEC, "servers:", text_of_page(NEC))
        after_first = contents(project)
        valid = spine("contracts", "validate").exit_code == 0

        (project / ORCHARD).write_text(text_of_page(ORCHARD), encoding="utf-8")
        (project / MODEL).write_text(text_of_page(MODEL), encoding="utf-8")
        stale = spine("contracts", "validate").output
        assert spine("contracts", "derive").exit_code == 0
        after_second = contents(project)

        deliver(settings)
        assert dbt_warehouse.run_dbt("build", "--selector", "before_linkage", "--exclude-resource-type", "unit_test")
        first = {name for name, content in after_first.items() if start.get(name) != content}
        second = {name for name, content in after_second.items() if after_first.get(name) != content}
        yield Walk(settings, first, valid, stale, second)


def deliver(settings: Settings) -> None:
    """The partners drop their files; the door judges them; the raw views show what is in use."""
    for place, files in FILES.items():
        folder = settings.landing / place
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    expectations = settings.expectations
    contracts = load_contracts(expectations / "contracts", load_partners(expectations / "partners.yaml"))
    ledger = Ledger(settings.ledger)
    for delivery in find_deliveries(settings.landing, contracts, AS_OF).deliveries:
        contract = contract_for(contracts, delivery.partner, delivery.dataset, delivery.date)
        assert contract is not None
        measure = partial(evaluate, threads=1)
        entry = process(delivery, contract, lake=settings.lake, ledger=ledger, as_of=AS_OF, evaluate=measure)
        assert entry is not None
        assert entry.accepted, entry.reasons
    with open_warehouse(settings.warehouse) as connection:
        install_functions(connection)
        create_raw_views(connection, ledger.entries(), contracts, settings.lake, AS_OF)


def test_a_partner_with_a_known_layout_is_one_entry_and_nothing_else(walk: Walk) -> None:
    assert walk.first == {NEC}
    assert walk.valid_after_first
    people = walk.rows(
        "SELECT record_id, first_name, date_of_birth FROM intermediate.int_person_records "
        "WHERE source = 'brackenfell_borough__housing_tenancies'"
    )
    assert people == [("brackenfell_borough:housing_tenancies:900", "TESS", date(1960, 3, 12))]


def test_a_new_layout_is_two_files_and_what_follows_from_them(walk: Walk) -> None:
    assert walk.second == {ORCHARD, MODEL} | DERIVED
    assert "generated_layouts.sql" in walk.stale_before_derive
    people = walk.rows(
        "SELECT record_id, first_name, surname, house_number, street, postcode, known_since "
        "FROM intermediate.int_person_records WHERE partner = 'quarrybank_district' ORDER BY 1"
    )
    home = ("9", "FERRY ROAD", "WX1 1AB", date(2019, 6, 1))
    assert people == [
        ("quarrybank_district:council_tax:Q1/1", "KIT", "MOSSWICK", *home),
        ("quarrybank_district:council_tax:Q1/2", "LIV", "JONQUIL", *home),
    ]


def test_a_layout_of_several_files_goes_the_same_way(walk: Walk) -> None:
    people = walk.rows(
        "SELECT record_id, first_name, surname, uprn, known_since FROM intermediate.int_person_records "
        "WHERE partner = 'tor_valley_district'"
    )
    assert people == [("tor_valley_district:council_tax:7/1", "NADY", "COOKLEY", "1", date(2020, 7, 1))]


def test_the_rows_of_all_of_them_add_up(walk: Walk) -> None:
    stages = walk.rows("SELECT rows_in, rows_kept + rows_dropped FROM intermediate.int_reconciliation")
    assert all(rows_in == accounted for rows_in, accounted in stages)
    delivered = walk.rows(
        "SELECT source_relation, rows_in, rows_kept FROM intermediate.int_reconciliation "
        "WHERE stage = 'staging' AND rows_in > 0 AND source_relation LIKE '%council_tax%' ORDER BY 1"
    )
    assert delivered == [
        ("raw.council_tax__academy__ctaccount", 2, 1),
        ("raw.council_tax__academy__ctoccupation", 2, 1),
        ("raw.council_tax__academy__ctproperty", 1, 1),
        ("raw.council_tax__orchard__ledger", 2, 2),
    ]


def test_a_staging_model_without_a_column_is_refused_by_name(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPINE_PROJECT", str(walk.settings.project))
    monkeypatch.setenv("COLUMNS", "400")
    model = walk.settings.project / MODEL
    whole = model.read_text("utf-8")
    model.write_text(whole.replace("    null::varchar as band,\n", ""), encoding="utf-8")
    done = spine("contracts", "derive")
    model.write_text(whole, encoding="utf-8")
    assert done.exit_code == 3
    assert "stg_council_tax__orchard.sql: lacks column(s) band" in " ".join(done.output.split())
    assert "_stg_council_tax.yml" in done.output
