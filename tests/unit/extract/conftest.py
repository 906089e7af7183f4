"""A small landing folder with three contracts, and a way to deliver and judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import pytest

from spine.contracts import Column, Contract, Rule, RuleResult, Supply, Table
from spine.contracts.model import Window
from spine.extract import Ledger, LedgerEntry, contract_for, create_raw_views, find_deliveries
from tests.fixtures.judging import process

AS_OF = date(2028, 3, 31)


def column(name: str, source: str, **more: object) -> Column:
    return Column(name, source, f"{source}.", "string", "personal", **more)  # type: ignore[arg-type]


PEOPLE = Table(
    name="people",
    source=r".*\.(csv|txt)",
    description="One row per person.",
    columns=(
        column("person_id", "Person ID", required=True, key=True, synonyms=("Client No",)),
        column("surname", "Surname"),
        column("area", "LAD25CD", header_pattern=r"lad\d\dcd"),
        column("note", "Note", optional_header=True),
    ),
)
PATIENTS = Table(
    name="patients",
    source="Patient",
    description="One row per patient.",
    columns=(
        column("id", "id", required=True, key=True),
        column("name", "name", nested=[{"family": "VARCHAR", "given": ["VARCHAR"]}]),
        column("birth_date", "birthDate"),
    ),
)
EVENTS = Table(
    name="events",
    source=r".*\.csv",
    description="One row per event.",
    columns=tuple(column(n, n, key=n == "ref", required=n == "ref") for n in ("ref", "ps", "pe", "es", "ee")),
)
CODES = Table(
    name="codes",
    source=r".*\.(csv|dat)",
    description="One number to a row.",
    columns=(column("number", "NUMBER", required=True, key=True),),
    headerless=True,
)


def contract(id: str, table: Table, **more: object) -> Contract:
    fields: dict[str, object] = {
        "title": id, "version": "1.0.0", "description": "", "domain": "test", "format": "csv", "mode": "snapshot",
        "quarantine_max_percent": 60.0, "frequency_days": None, "tables": (table,), "supplies": (Supply("north"),),
        "rules": (), "window": None,
    }  # fmt: skip
    return Contract(id=id, **(fields | more))  # type: ignore[arg-type]


CONTRACTS = (
    contract("people__flat", PEOPLE),
    contract("patients__fhir", PATIENTS, format="fhir-json"),
    contract("events__log", EVENTS, mode="rolling", window=Window("events", "ps", "pe", "es", "ee", ("ref",))),
    contract("codes__list", CODES, mode="append"),
)


@cache
def _warehouse() -> duckdb.DuckDBPyConnection:
    """One for all tests: each look makes its views anew, as in a warehouse that lives for years."""
    return duckdb.connect(config={"threads": 1})


@dataclass
class Home:
    """A home in a temporary folder."""

    root: Path
    contracts: tuple[Contract, ...] = CONTRACTS
    as_of: date = AS_OF
    outcome: str = "passed"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.root / "ledger")

    def put(
        self, dataset: str, files: Mapping[str, str | bytes], day: str = "2028-03-01", partner: str = "north"
    ) -> Path:
        folder = self.root / "landing" / partner / dataset / day
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    def run(self, threads: int = 1) -> list[LedgerEntry | None]:
        """Judge everything in landing, oldest first; a few rows take longer on several threads."""
        self.lake.mkdir(parents=True, exist_ok=True)
        results = []
        for delivery in find_deliveries(self.root / "landing", self.contracts, self.as_of).deliveries:
            layout = contract_for(self.contracts, delivery.partner, delivery.dataset, delivery.date)
            assert layout is not None
            results.append(
                process(delivery, layout, lake=self.lake, ledger=self.ledger, as_of=self.as_of,
                        evaluate=self.evaluate, threads=threads)
            )  # fmt: skip
        return results

    def evaluate(self, tables: Mapping[str, Path], rules: Sequence[Rule], as_of: date) -> list[RuleResult]:
        assert all(path.exists() for path in tables.values())
        return [RuleResult(name=r.name, outcome=self.outcome, numerator=1, denominator=2) for r in rules]  # type: ignore[arg-type]

    def deliver(self, dataset: str, files: Mapping[str, str | bytes], day: str = "2028-03-01") -> LedgerEntry:
        """Put one delivery into landing and judge it."""
        self.put(dataset, files, day)
        entry = self.run()[-1]
        assert entry is not None
        return entry

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Query the raw views."""
        connection = _warehouse()
        create_raw_views(connection, self.ledger.entries(), self.contracts, self.lake, self.as_of)
        return connection.execute(query).fetchall()

    def quarantine(self, entry: LedgerEntry) -> list[tuple[object, ...]]:
        path = self.lake / entry.folder / "quarantine.parquet"
        return duckdb.sql(f"SELECT file_no, row_no, rule FROM '{path}'").fetchall()

    def with_contract(self, id: str, **changes: object) -> None:
        """Change one contract."""
        self.contracts = tuple(replace(c, **changes) if c.id == id else c for c in self.contracts)  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
