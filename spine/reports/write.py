"""Which deliveries have a report, and writing it.

Put here: when a report is made, made again and removed. Never here: what it says (findings, advice).

A report speaks of the newest revision of its delivery. One that is corrected and has nothing left to
correct loses its report, so that none outlives what it is about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from spine.contracts import Contract, Partner
from spine.extract import InUse, LedgerEntry
from spine.files import make_folder, replacing
from spine.reports.findings import gather, has_findings, state_of
from spine.reports.listing import listing
from spine.reports.page import basis_of, page
from spine.settings import Settings


def report_path(settings: Settings, delivery: str) -> Path:
    """`reports/<partner>/<dataset>/<date>.html`; the list stands beside it as `.csv`."""
    return settings.reports / f"{delivery}.html"


def write_reports(
    settings: Settings,
    partner: Partner,
    contracts: Sequence[Contract],
    entries: Iterable[LedgerEntry],
    state: InUse,
    as_of: date,
) -> dict[str, Path]:
    """Bring the reports of one partner's dataset up to date.

    Args:
        contracts: all input contracts, or at least the layouts of the dataset.
        entries: the ledger's records of the dataset up to `as_of`.
        state: what is in use as of that date.

    Returns:
        The page of every delivery that has one. A report whose delivery, verdict and circumstances
        are those of the last run is left as it is.

    Raises:
        PipelineError: the reports folder cannot be written to.
    """
    by_id = {contract.id: contract for contract in contracts}
    newest = {entry.delivery: entry for entry in sorted(entries, key=lambda e: (e.date, e.revision))}
    wanted = [entry for entry in newest.values() if has_findings(entry) and entry.contract_id in by_id]
    written = {
        entry.delivery: _bring_up_to_date(settings, partner, by_id[entry.contract_id], entry, state_of(entry, state))
        for entry in wanted
    }
    _remove_others(settings.reports / state.partner / state.dataset, {e.date for e in wanted}, as_of)
    return written


def _bring_up_to_date(settings: Settings, partner: Partner, contract: Contract, entry: LedgerEntry, state: str) -> Path:
    path = report_path(settings, entry.delivery)
    basis = _basis(entry, contract, partner, state)
    if not path.with_suffix(".csv").exists() or basis_of(path) != basis:
        report = gather(entry, contract, partner, state, settings.lake, settings.landing, settings.threads)
        _write(path.with_suffix(".csv"), listing(report))
        _write(path, page(report, basis))  # last: it says that both are of this basis
    return path


def _write(path: Path, text: str) -> None:
    for folder in reversed(path.parents[:2]):  # one at a time: mkdir gives its mode to the last folder only
        make_folder(folder)
    with replacing(path, point="report.supplier") as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(text, encoding="utf-8", newline="")


def _remove_others(folder: Path, kept: set[date], as_of: date) -> None:
    """Remove reports of deliveries that need none. Those dated after the run belong to a later one."""
    for path in [*folder.glob("*.html"), *folder.glob("*.csv")]:
        try:
            day = date.fromisoformat(path.stem)
        except ValueError:
            continue
        if day not in kept and day <= as_of:
            path.unlink()


def _basis(entry: LedgerEntry, contract: Contract, partner: Partner, state: str) -> str:
    """A hash of all that a report is made from, and of the code that makes it."""
    parts = (
        entry.model_dump_json(),
        contract.fingerprint,
        contract.title,
        partner.name,
        partner.steward,
        state,
        _code(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def _code() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
