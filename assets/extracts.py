"""Raw assets: one for each partner and dataset, made from the contracts.

Put here: the factory. Never here: reading or judging a delivery (spine.extract, spine.quality).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import dagster as dg

from assets.checks import Standing, check_results, check_specs, dropped_columns
from assets.resources import HOME, run_as_of, scrubbed
from assets.schedules import ARRIVED_TAG, arrived_fingerprints
from spine import audit
from spine.contracts import Contract, Partner, Waiver, load_waivers, waived_rules
from spine.door import judge_new, judged
from spine.extract import (
    InUse,
    Ledger,
    LedgerEntry,
    in_use,
    layout_periods,
)
from spine.governance import load_agreements
from spine.reports import write_reports
from spine.settings import Settings
from spine.verdicts import keep_history

Source = tuple[str, str]


def raw_key(partner: str, dataset: str) -> dg.AssetKey:
    """`raw/<partner>__<dataset>`."""
    return dg.AssetKey(["raw", f"{partner}__{dataset}"])


def sources(contracts: Sequence[Contract]) -> dict[Source, list[Contract]]:
    """Every (partner, dataset) that a contract names, with its layouts in order of validity."""
    found: dict[Source, list[Contract]] = {}
    for partner in sorted({supply.partner for contract in contracts for supply in contract.supplies}):
        for contract, _ in layout_periods(contracts, partner):
            layouts = found.setdefault((partner, contract.dataset), [])
            if contract not in layouts:
                layouts.append(contract)
    return dict(sorted(found.items()))


def extract_assets(
    settings: Settings, contracts: Sequence[Contract], partners: Mapping[str, Partner]
) -> list[dg.AssetsDefinition]:
    """One asset for each source."""
    return [
        _raw_asset(settings, contracts, layouts, partners[source[0]]) for source, layouts in sources(contracts).items()
    ]


def _raw_asset(
    settings: Settings, contracts: Sequence[Contract], layouts: list[Contract], partner: Partner
) -> dg.AssetsDefinition:
    key = raw_key(partner.id, layouts[0].dataset)

    # A multi-asset of one that can be subset: only of such a one Dagster takes a check without a result, as skipped.
    @dg.multi_asset(
        name="__".join(key.path),
        specs=[_spec(key, settings, layouts, partner)],
        check_specs=check_specs(key, layouts),
        required_resource_keys={HOME},
        can_subset=True,
    )
    def raw(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        if key not in context.selected_asset_keys:
            raise dg.Failure("Checks of an extract are made as it is judged: materialise the asset.")
        with scrubbed(key.to_user_string()):
            yield _judge(context, key, settings, contracts, layouts, partner)

    return raw


def _spec(key: dg.AssetKey, settings: Settings, layouts: Sequence[Contract], partner: Partner) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        group_name=partner.id,
        owners=[f"team:{partner.id}"],
        kinds={"parquet", layouts[-1].format.partition("-")[0]},
        description=f"{layouts[-1].title}, from {partner.name}. {layouts[-1].description}",
        metadata=_definition_metadata(settings, layouts, partner),
    )


def _judge(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    settings: Settings,
    contracts: Sequence[Contract],
    layouts: Sequence[Contract],
    partner: Partner,
) -> dg.MaterializeResult[None]:
    """Judge what is new, write the reports, and say how the source stands."""
    as_of = run_as_of(context, settings)
    source = (partner.id, layouts[0].dataset)
    if ARRIVED_TAG in context.run.tags:  # the sensor asked for the run: it takes what the sensor has seen
        found = judge_new(settings, contracts, source, as_of, arrived=arrived_fingerprints(settings))
    else:
        found = judged(settings, contracts, source, as_of)
    entries = Ledger(settings.ledger).for_source(*source)
    keep_history(settings, entries, contracts)
    known = [entry for entry in entries if entry.date <= as_of]
    state = next(s for s in in_use(known, contracts, as_of) if (s.partner, s.dataset) == source)
    latest = max(known, key=lambda e: (e.date, e.revision), default=None)
    # Each new delivery is an observation; the checks are of the newest one only. Dagster takes what is reported beside
    # a run for later than the run's own results, and would show an older delivery's verdict, or none.
    for entry in found.new:
        context.log_event(dg.AssetObservation(asset_key=key, metadata=_entry_metadata(entry)))
    waivers = load_waivers(settings.expectations, contracts)
    _note_waivers(settings, known, latest, waivers, as_of)
    standing = Standing(as_of, state, len(found.waiting), waivers)
    reports = write_reports(settings, partner, contracts, known, state, as_of)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**_run_metadata(known, latest, state, found.waiting), **_report_metadata(reports, latest)},
        check_results=list(check_results(key, latest, layouts, partner, known, standing)),
        data_version=dg.DataVersion(_content_in_use(state)),
    )


def _note_waivers(
    settings: Settings, known: Sequence[LedgerEntry], latest: LedgerEntry | None, waivers: Sequence[Waiver], as_of: date
) -> None:
    """Log each waiver the first time that it lets a delivery in or that the newest one is shown under it."""
    log = settings.audit_log
    for entry in known:
        broken = set(entry.waived)
        if entry == latest:
            broken |= {result.name for result in entry.results if result.outcome in ("failed", "warned")}
        for rule, waiver in waived_rules(waivers, entry.partner, entry.dataset, as_of).items():
            if rule not in broken:
                continue
            facts = {"delivery": entry.delivery, "revision": entry.revision, "rule": rule, "start": waiver.start,
                     "end": waiver.end, "decided_by": waiver.deciders, "accepted": entry.accepted}  # fmt: skip
            if not audit.is_noted(log, "waiver", **facts):
                audit.append(log, "waiver", **facts)


def _content_in_use(state: InUse) -> str:
    """One hash over what is in use, so that a corrected revision counts as other data."""
    parts = [(p.entry.delivery, p.entry.revision, p.entry.content_sha256, str(p.replaced_from)) for p in state.parts]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16] if parts else "nothing"


def _definition_metadata(settings: Settings, layouts: Sequence[Contract], partner: Partner) -> dict[str, str]:
    agreements = [
        a.id for a in load_agreements(settings.expectations / "agreements") if layouts[-1].dataset in a.datasets
    ]
    columns = [column for contract in layouts for table in contract.tables for column in table.columns]
    return {
        "partner": partner.name,
        "steward": partner.steward,
        "contract": ", ".join(f"{c.id} {c.version}" for c in layouts),
        "layouts": "; ".join(_periods(layouts, partner)),
        "delivery_mode": layouts[-1].mode,
        "expected_every_days": str(layouts[-1].frequency_days or "not agreed"),
        "classification": ", ".join(sorted({column.classification for column in columns})),
        "agreement": ", ".join(agreements) or "none: no purpose may use this dataset",
    }


def _periods(layouts: Sequence[Contract], partner: Partner) -> Iterator[str]:
    """`nfi until 2028-03-31`, `academy from 2028-04-01`."""
    for contract, supply in layout_periods(layouts, partner.id):
        start = "" if supply.valid_from == date.min else f" from {supply.valid_from}"
        yield contract.layout + start + ("" if supply.valid_to == date.max else f" until {supply.valid_to}")


def _entry_metadata(entry: LedgerEntry) -> dict[str, str | int]:
    tables = entry.tables.values()
    return {
        "delivery": entry.delivery,
        "revision": entry.revision,
        "verdict": entry.verdict,
        "reasons": "; ".join(entry.reasons) or "none",
        "rows_read": sum(t.rows_read for t in tables),
        "rows_kept": sum(t.kept for t in tables),
        "rows_quarantined": sum(t.quarantined for t in tables),
        "columns_dropped_names": ", ".join(dropped_columns(entry)) or "none known",
        "control_totals": "sent" if entry.control_sha256 else "not sent",
    }


def _report_metadata(
    reports: Mapping[str, Path], latest: LedgerEntry | None
) -> dict[str, str | int | dg.PathMetadataValue]:
    """Where the report for the partner lies, for the newest delivery and for the others that have one."""
    newest = reports.get(latest.delivery) if latest else None
    shown = dg.MetadataValue.path(str(newest)) if newest else "none: there is nothing to correct"
    return {"supplier_report": shown, "supplier_reports": len(reports)}


def _run_metadata(
    entries: Sequence[LedgerEntry], latest: LedgerEntry | None, state: InUse, waiting: Sequence[str]
) -> dict[str, str | int | dg.MarkdownMetadataValue]:
    used = [part.entry for part in state.parts]
    rows = [
        f"| {e.delivery} | {e.revision} | {e.verdict} | {sum(t.kept for t in e.tables.values()):,} "
        f"| {'yes' if e in used else ''} |"
        for e in sorted(entries, key=lambda e: (e.date, e.revision))
    ]
    header = "| delivery | revision | verdict | rows | in use |\n|---|---|---|---|---|\n"
    return {
        "in_use": ", ".join(entry.delivery for entry in used) or "nothing",
        "latest": latest.delivery if latest else "nothing",
        "latest_verdict": latest.verdict if latest else "none",
        "is_stale": int(state.is_stale),
        "waiting": len(waiting),
        "waiting_for": ", ".join(waiting) or "nothing",
        "columns_dropped_names": ", ".join(dropped_columns(latest)) if latest else "none known",
        "dagster/row_count": sum(t.kept for entry in used for t in entry.tables.values()),
        "deliveries": dg.MarkdownMetadataValue(header + "\n".join(rows)),
    }
