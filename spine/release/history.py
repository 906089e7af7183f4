"""What is remembered of every version of a purpose, also of those that are gone: counts, hashes and dates.

Put here: the record of one version, its making and its reading. Never here: a pseudonym, or a count of people that
did not go through `shown`: the record outlives the release, which is deleted when somebody opts out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from spine.errors import ContractError
from spine.files import write_json
from spine.release.disclosure import shown
from spine.release.marks import Marks
from spine.release.output_contracts import PSEUDONYM
from spine.release.people import People
from spine.release.plan import Plan
from spine.release.sql import counted, quoted

#: A count as it may be shown; None stands for 1 to 7.
Shown = int | None
#: A column with more values than this is no grouping.
_MOST_GROUPS = 40


class Movement(BaseModel):
    """Who came and went since the version that was published before, in counts of residents.

    Attributes:
        since: that version.
        left: by reason: deceased, national_opt_out, or not_in_the_data (no source holds them, or they were
            merged into another resident).
        changed: by column, residents in both versions in whom it differs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: int
    stayed: Shown
    joined: Shown
    left: dict[str, Shown]
    changed: dict[str, Shown]


class VersionRecord(BaseModel):
    """One version, published or meant to be.

    Attributes:
        rules: a short hash of each kind of rules (see marks.RULES).
        contracts: version of each output contract, by table.
        inputs: content hash of each delivery in use.
        population: the table with one row for each resident.
        groups: residents by column and value, for columns with few values.
        identity: how many events of each kind residents' ids had had by then.
        movement: None for a first version, and where the key was replaced, since ids cannot be compared then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    as_of: date
    agreement_id: str
    agreement_version: str
    agreement_sha256: str
    key_version: int
    content_sha256: str
    is_demo: bool
    opt_out_list: date | None
    rules: dict[str, str]
    contracts: dict[str, str]
    inputs: dict[str, str]
    withheld: dict[str, str]
    population: str
    rows: dict[str, Shown]
    excluded: dict[str, Shown]
    groups: dict[str, dict[str, Shown]]
    identity: dict[str, int]
    movement: Movement | None

    @property
    def residents(self) -> Shown:
        """How many residents it held."""
        return self.rows.get(self.population, 0)


def path_of(folder: Path, version: int) -> Path:
    """Where the record of a version is, in the folder of its purpose."""
    return folder / "history" / f"v{version:06d}.json"


def records(folder: Path) -> dict[int, VersionRecord]:
    """The records of a purpose by version, oldest first.

    Raises:
        ContractError: one is damaged.
    """
    found = {}
    for path in sorted((folder / "history").glob("v*.json")):
        try:
            record = VersionRecord.model_validate_json(path.read_bytes())
        except ValidationError:
            raise ContractError(
                f"{folder.name}/history/{path.name} is damaged: expected what `spine run` wrote of that version. "
                "Restore it from a backup, or remove it: the release itself does not depend on it"
            ) from None
        found[record.version] = record
    return dict(sorted(found.items()))


def write(folder: Path, record: VersionRecord) -> None:
    """Remember a version; before it is published, so that none is published without a record."""
    write_json(path_of(folder, record.version), record.model_dump(mode="json"), point="release.history")


def record_of(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    people: People,
    marks: Marks,
    build: Path,
    before: tuple[Path, Mapping[str, Any]] | None,
    *,
    content_sha256: str,
    excluded: Mapping[str, int],
    identity: Mapping[str, int],
) -> VersionRecord:
    """Count what a finished file holds, and what changed since the published one.

    Args:
        connection: from `attach_warehouse`, with table `people`.
        before: the file that is published now, and its facts; None where there is none.
    """
    connection.execute(f"ATTACH {quoted(str(build))} AS built (READ_ONLY)")
    try:
        rows = {t.name: counted(connection, f'SELECT count(*) FROM built.main."{t.name}"')[0] for t in plan.tables}
        groups = _groups(connection, plan)
        movement = _movement(connection, plan, people, before) if before else None
    finally:
        connection.execute("DETACH built")
    return VersionRecord(
        **_rested_on(plan, people, marks),
        content_sha256=content_sha256,
        rows={name: shown(count) for name, count in rows.items()},
        excluded={reason: shown(count) for reason, count in excluded.items()},
        groups=groups,
        identity=dict(identity),
        movement=movement,
    )


def _rested_on(plan: Plan, people: People, marks: Marks) -> dict[str, Any]:
    """Agreement, key, rules, contracts and deliveries that a version was built by."""
    return {
        "version": marks.version,
        "as_of": plan.as_of,
        "agreement_id": plan.agreement.id,
        "agreement_version": plan.agreement.version,
        "agreement_sha256": plan.agreement.sha256,
        "key_version": people.key_version,
        "is_demo": plan.is_demo,
        "opt_out_list": people.opt_out_list,
        "rules": dict(marks.rules),
        "contracts": {table.name: table.version for table in plan.tables},
        "inputs": {entry.delivery: entry.content_sha256 for entry in plan.inputs},
        "withheld": dict(plan.withheld),
        "population": plan.tables[0].name,
    }


def _groups(connection: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, dict[str, Shown]]:
    """Residents by value, for each text or boolean of the population table that has few values."""
    population, groups = plan.tables[0], {}
    for column in population.columns:
        if column.logical_type not in ("string", "boolean") or column.name == PSEUDONYM:
            continue
        sql = (
            f"SELECT coalesce(CAST(\"{column.name}\" AS VARCHAR), 'not known') AS value, count(*) "
            f'FROM built.main."{population.name}" GROUP BY value ORDER BY value LIMIT {_MOST_GROUPS + 1}'
        )
        found = connection.execute(sql).fetchall()
        if len(found) <= _MOST_GROUPS:
            groups[column.name] = {value: shown(count) for value, count in found}
    return groups


def _movement(
    connection: duckdb.DuckDBPyConnection, plan: Plan, people: People, before: tuple[Path, Mapping[str, Any]]
) -> Movement | None:
    path, facts = before
    if facts["key_version"] != people.key_version:
        return None
    connection.execute(f"ATTACH {quoted(str(path))} AS before (READ_ONLY)")
    try:
        name = plan.tables[0].name
        old, new = f'before.main."{name}"', f'built.main."{name}"'
        stayed, joined = counted(
            connection,
            f"SELECT (SELECT count(*) FROM {new} SEMI JOIN {old} USING ({PSEUDONYM})), "
            f"(SELECT count(*) FROM {new} ANTI JOIN {old} USING ({PSEUDONYM}))",
        )
        left = connection.execute(
            f"SELECT coalesce(p.reason, 'not_in_the_data') AS why, count(*) FROM {old} AS o "
            f"ANTI JOIN {new} AS n USING ({PSEUDONYM}) LEFT JOIN people AS p ON p.pseudonym = o.{PSEUDONYM} "
            "GROUP BY why ORDER BY why"
        ).fetchall()
        return Movement(
            since=facts["version"],
            stayed=shown(stayed),
            joined=shown(joined),
            left={why: shown(count) for why, count in left},
            changed=_changed(connection, plan, old, new),
        )
    finally:
        connection.execute("DETACH before")


def _changed(connection: duckdb.DuckDBPyConnection, plan: Plan, old: str, new: str) -> dict[str, Shown]:
    """Residents in both versions in whom a column differs; only columns that both have, and that moved."""
    had = {row[0] for row in connection.execute(f"DESCRIBE {old}").fetchall()}
    names = [c.name for c in plan.tables[0].columns if c.name in had and c.name != PSEUDONYM]
    if not names:
        return {}
    counts = ", ".join(f'count_if(n."{name}" IS DISTINCT FROM o."{name}")' for name in names)
    found = counted(connection, f"SELECT {counts} FROM {new} AS n JOIN {old} AS o USING ({PSEUDONYM})")
    return {name: shown(count) for name, count in zip(names, found, strict=True) if count}
