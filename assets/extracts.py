"""Raw assets: one for each partner and dataset, made from the contracts.

Put here: the factory. Never here: reading or judging a delivery (spine.extract, spine.quality).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial

import dagster as dg

from assets.checks import check_results, check_specs, evaluations
from assets.resources import run_as_of, scrubbed
from spine.contracts import Contract, Partner
from spine.extract import InUse, Ledger, LedgerEntry, contract_for, find_deliveries, in_use, process
from spine.governance import load_agreements
from spine.quality import evaluate
from spine.settings import Settings

Source = tuple[str, str]


def raw_key(partner: str, dataset: str) -> dg.AssetKey:
    """`raw/<partner>__<dataset>`."""
    return dg.AssetKey(["raw", f"{partner}__{dataset}"])


def sources(contracts: Sequence[Contract]) -> dict[Source, list[Contract]]:
    """Every (partner, dataset) that a contract names, with its layouts in order of validity."""
    found: dict[Source, list[Contract]] = {}
    for contract in contracts:
        for supply in contract.supplies:
            layouts = found.setdefault((supply.partner, contract.dataset), [])
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
    dataset = layouts[0].dataset
    key = raw_key(partner.id, dataset)

    @dg.asset(
        key=key,
        group_name=partner.id,
        owners=[f"team:{partner.id}"],
        kinds={"parquet", layouts[-1].format.partition("-")[0]},
        description=f"{layouts[-1].title}, from {partner.name}. {layouts[-1].description}",
        metadata=_definition_metadata(settings, layouts, partner),
        check_specs=check_specs(key, layouts),
    )
    def raw(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        with scrubbed(key.to_user_string()):
            as_of = run_as_of(context, settings)
            new = _judge_new(settings, contracts, (partner.id, dataset), as_of)
            entries = Ledger(settings.ledger).for_source(partner.id, dataset)
            known = [entry for entry in entries if entry.date <= as_of]
            state = next(s for s in in_use(known, contracts, as_of) if (s.partner, s.dataset) == (partner.id, dataset))
            latest = max(known, key=lambda e: (e.date, e.revision), default=None)
            for entry in new:
                context.log_event(dg.AssetObservation(asset_key=key, metadata=_entry_metadata(entry)))
            for evaluation in _past_evaluations(key, [e for e in new if e != latest], layouts, partner):
                context.instance.report_runless_asset_event(evaluation)
            yield dg.MaterializeResult(
                asset_key=key,
                metadata=_run_metadata(known, latest, state),
                check_results=list(check_results(key, latest, layouts, partner, state)),
                data_version=dg.DataVersion(_content_in_use(state)),
            )

    return raw


def _judge_new(settings: Settings, contracts: Sequence[Contract], source: Source, as_of: date) -> list[LedgerEntry]:
    found = find_deliveries(settings.landing, contracts, as_of)
    ledger = Ledger(settings.ledger)
    mine = [d for d in found.deliveries if (d.partner, d.dataset) == source]
    judged = []
    for delivery in mine:
        contract = contract_for(contracts, delivery.partner, delivery.dataset, delivery.date)
        if contract is not None:
            measure = partial(evaluate, threads=settings.threads)
            judged.append(
                process(
                    delivery,
                    contract,
                    lake=settings.lake,
                    ledger=ledger,
                    as_of=as_of,
                    evaluate=measure,
                    threads=settings.threads,
                )
            )
    return [entry for entry in judged if entry is not None]


def _past_evaluations(
    key: dg.AssetKey, entries: Sequence[LedgerEntry], layouts: Sequence[Contract], partner: Partner
) -> Iterator[dg.AssetCheckEvaluation]:
    """Verdicts on deliveries that are not the newest, so that trends hold them too."""
    for entry in entries:
        yield from evaluations(check_results(key, entry, layouts, partner), key, entry)


def _content_in_use(state: InUse) -> str:
    """One hash over what is in use, so that a corrected revision counts as other data."""
    parts = [(part.entry.delivery, part.entry.content_sha256, str(part.replaced_from)) for part in state.parts]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16] if parts else "nothing"


def _definition_metadata(settings: Settings, layouts: list[Contract], partner: Partner) -> dict[str, str]:
    agreements = [
        a.id for a in load_agreements(settings.expectations / "agreements") if layouts[-1].dataset in a.datasets
    ]
    columns = [column for contract in layouts for table in contract.tables for column in table.columns]
    return {
        "partner": partner.name,
        "steward": partner.steward,
        "contract": ", ".join(f"{c.id} {c.version}" for c in layouts),
        "delivery_mode": layouts[-1].mode,
        "expected_every_days": str(layouts[-1].frequency_days or "not agreed"),
        "classification": ", ".join(sorted({column.classification for column in columns})),
        "agreement": ", ".join(agreements) or "none: no purpose may use this dataset",
    }


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
    }


def _run_metadata(
    entries: Sequence[LedgerEntry], latest: LedgerEntry | None, state: InUse
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
        "dagster/row_count": sum(t.kept for entry in used for t in entry.tables.values()),
        "deliveries": dg.MarkdownMetadataValue(header + "\n".join(rows)),
    }
