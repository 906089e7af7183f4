"""One delivery's report as plain data, gathered from its ledger record and its rows in the lake.

Put here: what is wrong, where, and in which order it is told. Never here: how it looks (page,
listing), or a word of advice (advice).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from spine.contracts import Contract, Partner, Rule, RuleResult
from spine.errors import PipelineError
from spine.extract import InUse, LedgerEntry
from spine.extract.deliveries import CONTROL, MARKER, SourceFile, is_unfinished
from spine.quality.rows import SCHEMA, row_finder
from spine.reports import advice

#: Rows that are listed for one rule; the total is always told.
LIMIT = 1000
_LABEL = re.compile(r"file \d+ of \d+ \([^)]*\)")
_COLUMN = re.compile(r"column '([^']+)'")
_TABLE = re.compile(r"table '([^']+)'")

Kind = Literal["structure", "rule", "unmeasured", "quarantine", "columns"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a delivery.

    Attributes:
        kind: of the delivery or a file as a whole; a rule that is broken; a rule that could not
            run; rows put aside; columns too many or too few.
        column: as the partner's layout calls it; empty where it is about no single one.
        severity: `error` where it refused the delivery.
        count, of: broken rows and all rows; None where it is not about rows.
        rows: file_no and row_no of the first `LIMIT` of them; None where they cannot be told.
        file: label, where the finding is about one file.
    """

    kind: Kind
    table: str
    column: str
    rule: str
    severity: Literal["error", "warning"]
    expected: str
    first: str
    count: int | None = None
    of: int | None = None
    allowed: str = ""
    rows: pl.DataFrame | None = None
    file: str = ""

    @property
    def needs_resend(self) -> bool:
        """True where sending the delivery again is the partner's next step; a warning can wait for the next one."""
        return self.severity == "error" and self.kind != "unmeasured"

    @property
    def share(self) -> float:
        """Broken rows as a part of all, 0 to 1."""
        return self.count / self.of if self.count and self.of else 0.0


@dataclass(frozen=True)
class SupplierReport:
    """All that a report tells of one delivery.

    Attributes:
        state: what the spine uses meanwhile.
        findings: the most urgent first.
        labels: what each file is called, by its number.
    """

    entry: LedgerEntry
    contract: Contract
    partner: Partner
    state: str
    findings: tuple[Finding, ...]
    labels: Mapping[int, str]


def has_findings(entry: LedgerEntry) -> bool:
    """True where a partner has something to correct. An optional column that is absent is nothing to correct."""
    tables = entry.tables.values()
    broken = any(result.outcome != "passed" for result in entry.results)
    return not entry.accepted or broken or any(t.quarantined or t.columns_dropped for t in tables)


def gather(
    entry: LedgerEntry, contract: Contract, partner: Partner, state: str, lake: Path, landing: Path, threads: int = 0
) -> SupplierReport:
    """Collect what there is to say about one delivery.

    Args:
        entry: its ledger record.
        contract: the layout it was judged by.
        state: what the spine uses meanwhile, in one sentence (state_of).
        lake, landing: of the home. Where a file is gone, only the counts of the record are told.
    """
    findings = [*_structure(entry), *_rules(entry, contract, lake, threads), *_quarantined(entry, contract, lake)]
    findings += _columns(entry, contract)
    ordered = tuple(sorted(findings, key=_urgency))
    return SupplierReport(entry, contract, partner, state, ordered, _labels(entry, landing))


def state_of(entry: LedgerEntry, state: InUse) -> str:
    """What the spine uses of this dataset while the report stands, in one sentence."""
    latest = state.latest
    if entry in [part.entry for part in state.parts]:
        return "The spine uses this delivery. Please correct what is listed in the next one."
    if latest is None:
        return "The spine uses no data of this dataset until a corrected delivery arrives."
    if latest.date > entry.date:
        return "A newer delivery of this dataset is in use, so this one need not be sent again unless we ask for it."
    if latest.date == entry.date:
        return "The spine goes on with the files that you sent earlier for the same date until corrected ones arrive."
    return f"The spine goes on with the delivery of {latest.date} until a corrected one arrives."


def _urgency(finding: Finding) -> tuple[object, ...]:
    """What refused the delivery first, faults of whole files before rows, then by the share of rows."""
    order = ("structure", "rule", "unmeasured", "quarantine", "columns")
    return (finding.severity != "error", order.index(finding.kind), -finding.share, finding.table, finding.rule)


def _structure(entry: LedgerEntry) -> list[Finding]:
    """Reasons of a refusal other than rules, whose results say more than their reasons."""
    told = {result.name for result in entry.results if result.outcome in ("failed", "error")}
    findings = []
    for reason in entry.reasons:
        if told & set(re.findall(r"\w+", reason)):
            continue
        expected, first = advice.for_fault(reason.removeprefix(f"{entry.delivery}: "))
        label, column, table = _LABEL.search(reason), _COLUMN.search(reason), _TABLE.search(reason)
        findings.append(
            Finding(
                kind="structure",
                table=table[1] if table else "",
                column=column[1] if column else "",
                rule="",
                severity="error",
                expected=expected,
                first=first,
                file=label[0] if label else "",
            )
        )
    return findings


def _rules(entry: LedgerEntry, contract: Contract, lake: Path, threads: int) -> list[Finding]:
    """Every rule that is broken, with its rows where the contract is still the one that judged them."""
    broken = [result for result in entry.results if result.outcome != "passed"]
    rules = {rule.name: rule for rule in contract.rules}
    findings: list[Finding] = []
    if not broken:
        return findings
    is_same = contract.fingerprint == entry.contract_fingerprint
    tables = {table.name: lake / entry.folder / f"{table.name}.parquet" for table in contract.tables} if is_same else {}
    try:
        with row_finder(tables, entry.judged_as_of, threads) as finder:
            return [
                _finding(contract, rules[r.name], r, finder.find(rules[r.name], LIMIT))
                for r in broken
                if r.name in rules
            ]
    except PipelineError:  # a damaged file of a refused delivery: the counts of the record still stand
        return [_finding(contract, rules[r.name], r, None) for r in broken if r.name in rules]


def _finding(contract: Contract, rule: Rule, result: RuleResult, rows: pl.DataFrame | None) -> Finding:
    ran = result.outcome != "error"
    columns = [c.source_name for c in contract.table(rule.table).columns if c.name == rule.column]
    return Finding(
        kind="rule" if ran else "unmeasured",
        table=rule.table,
        column=columns[0] if columns else "",
        rule=rule.name,
        severity="error" if result.outcome in ("failed", "error") else "warning",
        expected=rule.sentence,
        first=advice.for_rule(rule, contract) if ran else advice.for_unmeasured(result.problem),
        count=result.numerator if ran else None,
        of=result.denominator,
        allowed=advice.allowed(rule.threshold),
        rows=rows if ran else None,
    )


def _quarantined(entry: LedgerEntry, contract: Contract, lake: Path) -> list[Finding]:
    findings = []
    for table, rule, rows, total in _quarantine_rows(entry, lake):
        expected, first = advice.for_quarantine(rule, contract, table)
        counts = entry.tables[table]
        findings.append(
            Finding(
                kind="quarantine",
                table=table,
                column="",
                rule=rule,
                severity="warning",
                expected=expected,
                first=first,
                count=total,
                of=counts.kept + counts.quarantined,
                rows=rows,
            )
        )
    return findings


def _quarantine_rows(entry: LedgerEntry, lake: Path) -> list[tuple[str, str, pl.DataFrame | None, int]]:
    """Table, rule, first rows and number of all rows that were put aside; one entry a table where the lake has none."""
    path = lake / entry.folder / "quarantine.parquet"
    counted = {name: counts.quarantined for name, counts in entry.tables.items() if counts.quarantined}
    try:
        with duckdb.connect() as connection:
            source = "FROM read_parquet(?) WHERE list_contains(?, table_name)"
            asked = [str(path), list(counted)]
            groups = connection.execute(
                f"SELECT table_name, rule, count(*) {source} GROUP BY ALL ORDER BY ALL", asked
            ).fetchall()
            listed = "SELECT DISTINCT file_no, row_no FROM read_parquet(?) WHERE table_name = ? AND rule = ?"
            return [
                (table, rule, pl.DataFrame(
                    connection.execute(f"{listed} ORDER BY ALL LIMIT {LIMIT}", [str(path), table, rule]).fetchall(),
                    schema=SCHEMA, orient="row",
                ), total)
                for table, rule, total in groups
            ]  # fmt: skip
    except duckdb.Error:  # the file is gone or damaged: the counts of the record still stand
        return [(table, "not_readable", None, total) for table, total in counted.items()]


def _columns(entry: LedgerEntry, contract: Contract) -> list[Finding]:
    findings = []
    for name, counts in entry.tables.items():
        if counts.columns_dropped:
            few = counts.columns_dropped == 1
            names = ", ".join(counts.columns_dropped_names)
            shown = (
                f", {names if len(counts.columns_dropped_names) == counts.columns_dropped else f'{names} among them'},"
            )
            what = (
                f"{counts.columns_dropped} column{'' if few else 's'}{shown if names else ''} {'is' if few else 'are'}"
            )
            findings.append(
                _about_columns(name, "columns_dropped", f"{what} not in the contract.", advice.for_dropped())
            )
        if counts.columns_absent:
            found = {c.name: c.source_name for c in contract.table(name).columns}
            absent = tuple(found.get(column, column) for column in counts.columns_absent)
            what = f"Optional columns that did not come: {', '.join(absent)}."
            findings.append(_about_columns(name, "columns_absent", what, advice.for_absent(absent)))
    return findings


def _about_columns(table: str, rule: str, expected: str, first: str) -> Finding:
    return Finding("columns", table, "", rule, "warning", expected, first)


def _labels(entry: LedgerEntry, landing: Path) -> dict[int, str]:
    """`file 3 of 19 (.csv)` for each file; without its kind where landing no longer holds what was judged."""
    of = entry.files + entry.files_ignored
    folder = landing / entry.delivery
    there = sorted(
        (path for path in folder.rglob("*") if not path.is_dir() and not _is_aside(path)),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    if len(there) != of:
        return {n: f"file {n} of {of}" for n in range(1, of + 1)}
    return {n: SourceFile(path.name, path, n, of, "", 0).label for n, path in enumerate(there, start=1)}


def _is_aside(path: Path) -> bool:
    """True for what lies beside a delivery's files: hidden, still being sent, or said about the delivery."""
    return path.name.startswith(".") or is_unfinished(path.name) or path.name.casefold() in (MARKER, CONTROL)
