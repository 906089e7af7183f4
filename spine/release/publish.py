"""Publishing a purpose: agreement, plan, build, check, reconcile, swap; or refusing.

Put here: the order of these steps and what each outcome does to what was published before. Never
here: a step's own rules, or when a release is withdrawn (withdraw).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import cast

import duckdb

from spine import audit
from spine.contracts import Contract, RuleResult
from spine.errors import GovernanceError, ReconciliationError, SpineError
from spine.failpoints import reach
from spine.files import clear_faults
from spine.governance import Key, Permission, load_agreements, load_or_create_key, permission
from spine.identity import IdentityStore
from spine.release import history
from spine.release.build import build_release, refuse_unfit_tables
from spine.release.check import Checked, check_release
from spine.release.decisions import refuse_while_held
from spine.release.marks import Marks, marks, rule_versions
from spine.release.output_contracts import load_output_contracts, purposes_with_contracts
from spine.release.people import People, attach_warehouse, excluded_rows, find_people, warehouse_tables
from spine.release.plan import Input, Plan, inputs_sha256, plan_release
from spine.release.query import release_facts
from spine.release.shelf import Lines, Shelf, Terms
from spine.release.sql import counted
from spine.release.withdraw import (
    delete_expired,
    finish,
    refuse_demonstrations,
    refuse_suspended,
    withdraw_if_lapsed,
)
from spine.settings import Settings


@dataclass(frozen=True)
class TableCounts:
    """Rows of one table: `rows_in` = `released` + all of `excluded`."""

    rows_in: int
    released: int
    excluded: Mapping[str, int]


@dataclass(frozen=True)
class ReleaseResult:
    """What a run did for one purpose.

    Attributes:
        version: the published version, which is the previous one where nothing changed.
        changed: False where the content equals what is published already.
        tables: counts by table; the first one is the table of residents.
        excluded: residents left out, by reason; one with two reasons counts under the first.
        withheld: `table.column` and why it is not in the release.
        removed: older versions deleted in this run.
        rules: the verdicts on the output contracts' rules; none is broken, some may warn.
        audit_head: the head of the audit log that the published file carries.
        rule_versions: a short hash of each kind of rules (see marks.RULES).
    """

    purpose: str
    version: int
    path: Path
    changed: bool
    as_of: date
    agreement_id: str
    agreement_version: str
    agreement_sha256: str
    opt_out_list: date | None
    tables: Mapping[str, TableCounts]
    excluded: Mapping[str, int]
    withheld: Mapping[str, str]
    removed: tuple[int, ...]
    content_sha256: str
    rules: tuple[RuleResult, ...]
    audit_head: str
    inputs: tuple[Input, ...]
    key_version: int
    rule_versions: Mapping[str, str]


def known_purposes(settings: Settings) -> list[str]:
    """Purposes that an output contract names, sorted; what lost its contracts is withdrawn by `withdraw_lapsed`."""
    return purposes_with_contracts(settings.expectations / "contracts" / "spine")


def publish(
    purpose: str,
    settings: Settings,
    contracts: Sequence[Contract],
    as_of: date,
    inputs: Iterable[Input],
    *,
    is_demo: bool,
) -> ReleaseResult:
    """Publish a purpose's release from the warehouse, if its agreement permits it.

    A refusal leaves the published release as it was, with one exception: where no agreement is in
    force, the published release is withdrawn. `inputs` are all deliveries in use.

    Raises:
        GovernanceError: no agreement in force, no fresh opt-out list, no key, or a forbidden content.
        ContractError: an agreement or output contract is not valid.
        PipelineError: the warehouse does not hold what is promised.
        ReconciliationError: rows in do not equal rows released and excluded.
    """
    shelf = Shelf(settings.releases / purpose)
    log = settings.audit_log
    inputs = tuple(sorted(set(inputs)))
    finish(shelf, settings)
    try:
        refuse_while_held(shelf)
        granted = _permission(purpose, settings, contracts, as_of)
        result = _publish(granted, shelf, settings, contracts, inputs, is_demo=is_demo or granted.is_demo)
    except SpineError as error:
        with suppress(SpineError):  # a disk that refuses the release refuses its log too; the first error is shown
            audit.append(log, "output_release", purpose=purpose, as_of=as_of, decision="refused", reason=str(error),
                         inputs_sha256=inputs_sha256(inputs), rules=rule_versions(settings.project))  # fmt: skip
        raise
    _log_release(log, shelf, result)
    return result


def _publish(
    granted: Permission,
    shelf: Shelf,
    settings: Settings,
    contracts: Sequence[Contract],
    inputs: tuple[Input, ...],
    *,
    is_demo: bool,
) -> ReleaseResult:
    """What is permitted: key, plan, people, build and swap."""
    agreement, as_of, log = granted.agreement, granted.as_of, settings.audit_log
    purpose = agreement.purpose
    refuse_demonstrations(purpose, settings, is_demo=is_demo)
    key = load_or_create_key(settings.keys, purpose, may_create=shelf.last == 0)
    _log_permission(log, granted, key)
    with clear_faults(settings.releases), attach_warehouse(settings.warehouse, settings.threads) as connection:
        promised = load_output_contracts(settings.expectations / "contracts" / "spine", purpose)
        present = warehouse_tables(connection, purpose)
        plan = plan_release(agreement, promised, present, contracts, as_of=as_of, inputs=inputs, is_demo=is_demo)
        refuse_unfit_tables(plan, present)
        people = find_people(connection, plan, key, contracts)
        audit.append(log, "key_use", purpose=purpose, key_version=key.version, made=people.frame.height)
        return _build_and_swap(connection, shelf, plan, people, settings)


def _permission(purpose: str, settings: Settings, contracts: Sequence[Contract], as_of: date) -> Permission:
    """What permits the release; where nothing permits the published one, it is withdrawn."""
    agreements = load_agreements(settings.expectations / "agreements")
    withdrawn = withdraw_if_lapsed(purpose, settings, agreements, contracts, as_of)
    if withdrawn:
        raise GovernanceError(withdrawn)
    delete_expired(purpose, settings, agreements, as_of)
    return permission(purpose, settings, contracts, as_of, agreements=agreements)


def _build_and_swap(
    connection: duckdb.DuckDBPyConnection, shelf: Shelf, plan: Plan, people: People, settings: Settings
) -> ReleaseResult:
    version = shelf.last + 1
    build = shelf.build_path(version)
    marked = marks(version, settings)
    terms = Terms(agreement=plan.agreement.id, ends_on=plan.agreement.ends_on,
                  keep_until=plan.agreement.kept_until(plan.as_of))  # fmt: skip
    try:
        reach("release.version.before_write")
        content = build_release(connection, plan, people, build, marked)
        reach("release.after_build")
        checked = check_release(connection, plan, people, build)
        tables = _reconcile(connection, plan, checked.rows)
        path = shelf.versions.get(shelf.current or 0)
        current = release_facts(path)
        reach("release.after_check")
        result = _result(plan, people, marked, checked, tables, content)
        published = (path, current) if path and current else None
        if current and path and current["content_sha256"] == content:
            head = str(current.get("audit_head", ""))
            result = replace(result, version=shelf.current or version, path=path, changed=False, audit_head=head)
            shelf.note_terms(result.version, terms)
        else:
            result = replace(result, path=shelf.path_of(version, is_demo=plan.is_demo))
            record = history.record_of(connection, plan, people, marked, build, published, content_sha256=content,
                                       excluded=result.excluded, identity=_identity(settings))  # fmt: skip
            history.write(shelf.folder, record)
            refuse_suspended(plan.purpose, plan.agreement.id, settings, plan.as_of)
            shelf.put(build, version, _lines(result), is_demo=plan.is_demo, terms=terms)
    finally:
        build.unlink(missing_ok=True)
    reach("release.before_remove")
    return replace(result, removed=tuple(_remove_old(shelf, plan, people, settings.keep_releases)))


def _result(
    plan: Plan, people: People, marked: Marks, checked: Checked, tables: Mapping[str, TableCounts], content: str
) -> ReleaseResult:
    """What a finished file would be as the next version, before it has a place."""
    return ReleaseResult(
        purpose=plan.purpose,
        version=marked.version,
        path=Path(),
        changed=True,
        as_of=plan.as_of,
        agreement_id=plan.agreement.id,
        agreement_version=plan.agreement.version,
        agreement_sha256=plan.agreement.sha256,
        opt_out_list=people.opt_out_list,
        tables=tables,
        excluded=tables[plan.tables[0].name].excluded,
        withheld=plan.withheld,
        removed=(),
        content_sha256=content,
        rules=checked.rules,
        audit_head=marked.audit_head,
        inputs=plan.inputs,
        key_version=people.key_version,
        rule_versions=marked.rules,
    )


def _identity(settings: Settings) -> dict[str, int]:
    """How many events of each kind residents' ids have had."""
    counts = IdentityStore(settings.identity).events().group_by("event").len().sort("event")
    return dict(counts.iter_rows())


def _log_permission(log: Path, granted: Permission, key: Key) -> None:
    agreement = granted.agreement
    audit.append(log, "dsa_check", purpose=agreement.purpose, as_of=granted.as_of, decision="permitted",
                 agreement=agreement.id, version=agreement.version, sha256=agreement.sha256,
                 approved_by=[s.signer for s in granted.approvals], trust_sha256=granted.trust.sha256)  # fmt: skip
    if key.is_new:
        audit.append(log, "key_rotation", purpose=agreement.purpose, decision="created", key_version=key.version)


def _log_release(log: Path, shelf: Shelf, result: ReleaseResult) -> None:
    reach("release.before_log")
    for kind, facts in _lines(result):
        more = {"removed": result.removed} if kind == "output_release" else {}
        audit.append(log, cast(audit.Kind, kind), **facts, **more)
    reach("release.after_log")
    shelf.logged()


def _lines(result: ReleaseResult) -> Lines:
    """What the audit log is told of a release; noted on the shelf before it is published."""
    facts = {"purpose": result.purpose, "as_of": result.as_of, "version": result.version}
    opt_outs = {**facts, "list_date": result.opt_out_list, "excluded": dict(result.excluded)}
    release = {
        **facts,
        "decision": "published" if result.changed else "unchanged",
        "content_sha256": result.content_sha256,
        "key_version": result.key_version,
        "agreement_sha256": result.agreement_sha256,
        "inputs_sha256": inputs_sha256(result.inputs),
        "rules": dict(result.rule_versions),
        "withheld": sorted(result.withheld),
        "rows": {name: counts.released for name, counts in result.tables.items()},
    }
    return [("optout_apply", opt_outs), ("output_release", release)]


def _reconcile(
    connection: duckdb.DuckDBPyConnection, plan: Plan, released: Mapping[str, int]
) -> dict[str, TableCounts]:
    """Rows in the warehouse = rows found in the finished file + rows of excluded residents."""
    tables = {}
    for table in plan.tables:
        (rows_in,) = counted(connection, f'SELECT count(*) FROM warehouse."{plan.purpose}"."{table.name}"')
        counts = TableCounts(rows_in, released[table.name], excluded_rows(connection, plan, table))
        if counts.rows_in != counts.released + sum(counts.excluded.values()):
            raise ReconciliationError(
                f"{plan.purpose}.{table.name}: {counts.rows_in} rows in, {counts.released} released and "
                f"{sum(counts.excluded.values())} excluded do not add up. Nothing is published"
            )
        tables[table.name] = counts
    return tables


def _remove_old(shelf: Shelf, plan: Plan, people: People, keep: int) -> list[int]:
    """Delete versions beyond the number kept, and any made under another agreement, key or other opt-outs."""
    older = [version for version in shelf.versions if version != shelf.current]
    stale = {version for version in older if _is_stale(release_facts(shelf.versions[version]), plan, people)}
    kept = [version for version in older if version not in stale]
    return shelf.remove(stale | set(kept[: max(0, len(kept) - (keep - 1))]))


def _is_stale(facts: Mapping[str, object] | None, plan: Plan, people: People) -> bool:
    return (
        facts is None
        or facts["agreement_sha256"] != plan.agreement.sha256
        or facts["opted_out_fingerprint"] != people.opted_out_fingerprint
        or facts["is_demo"] != plan.is_demo
        or facts["key_version"] != people.key_version  # the same rows under two keys join by their other columns
    )
