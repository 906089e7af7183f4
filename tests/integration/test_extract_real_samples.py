"""Public sample files of PDS FHIR and SSDA903, dropped into landing as they are (see docs for their origin)."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from spine.contracts import Contract, RuleResult, install_functions, load_contracts, load_partners
from spine.extract import Ledger, LedgerEntry, contract_for, create_raw_views, find_deliveries
from spine.settings import PROJECT_ROOT
from tests.fixtures.judging import process

AS_OF = date(2028, 3, 31)
SAMPLES = Path(os.environ.get("SPINE_SAMPLES", PROJECT_ROOT.parent / "shared" / "samples"))
EXPECTATIONS = PROJECT_ROOT / "expectations"


@pytest.fixture(scope="module")
def contracts() -> tuple[Contract, ...]:
    return load_contracts(EXPECTATIONS / "contracts", load_partners(EXPECTATIONS / "partners.yaml"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, contracts: tuple[Contract, ...]) -> Path:
    if not SAMPLES.is_dir():
        if os.environ.get("CI"):
            pytest.fail("the sample files are required in CI: set SPINE_SAMPLES to their folder")
        pytest.skip("the sample files are not here: set SPINE_SAMPLES to their folder")
    root = tmp_path_factory.mktemp("home")
    shutil.copytree(SAMPLES / "fhir_pds", root / "landing/wexmoor_icb/gp_registrations/2028-03-01")
    shutil.copytree(SAMPLES / "ssda903", root / "landing/wexmoor_county/looked_after/2028-03-01")
    ledger = Ledger(root / "ledger")
    for delivery in find_deliveries(root / "landing", contracts, AS_OF).deliveries:
        contract = contract_for(contracts, delivery.partner, delivery.dataset, delivery.date)
        assert contract is not None
        process(delivery, contract, lake=root / "lake", ledger=ledger, as_of=AS_OF, evaluate=_pass)
    with duckdb.connect(str(root / "warehouse.duckdb")) as connection:
        create_raw_views(connection, ledger.entries(), contracts, root / "lake", AS_OF)
        install_functions(connection, "is_bad_upn")
    return root


def _pass(tables: object, rules: object, as_of: date) -> list[RuleResult]:
    """What the rules say of these files is tested with spine.quality."""
    return [RuleResult(name=rule.name, outcome="passed", numerator=0, denominator=1) for rule in rules]  # type: ignore[attr-defined]


def _entry(home: Path, dataset: str) -> LedgerEntry:
    (entry,) = [entry for entry in Ledger(home / "ledger").entries() if entry.dataset == dataset]
    return entry


def _value(home: Path, query: str) -> object:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_fhir_folder_as_it_is(home: Path) -> None:
    entry = _entry(home, "gp_registrations")
    counts = entry.tables["patients"]
    assert entry.accepted
    assert (entry.files, entry.files_ignored) == (18, 1)
    # 35 Patients (8 bundles and 10 bare ones), 1 RelatedPerson and 200 addresses that are no resource.
    assert (counts.rows_read, counts.kept, counts.quarantined, counts.ignored) == (236, 35, 0, 201)
    assert _value(home, "SELECT count(DISTINCT id) FROM raw.gp_registrations__fhir__patients") == 33
    assert _value(home, "SELECT count(*) FROM raw.gp_registrations__fhir__patients WHERE identifier IS NULL") == 0


def test_903_folder_as_it_is(home: Path) -> None:
    entry = _entry(home, "looked_after")
    assert entry.accepted
    assert {name: table.kept for name, table in entry.tables.items()} == {"header": 2675, "episodes": 5050}
    assert (entry.files, entry.files_ignored) == (2, 14)


def test_the_known_fault_of_the_upns_is_found_in_full(home: Path) -> None:
    assert _value(home, "SELECT count(*) FROM raw.looked_after__ssda903__header WHERE is_bad_upn(upn)") == 2568


def test_no_file_name_is_in_the_ledger(home: Path) -> None:
    names = [path.stem for path in (SAMPLES / "fhir_pds").iterdir()]
    text = "".join(path.read_text() for path in (home / "ledger").rglob("*.json"))
    assert not [name for name in names if name in text]
