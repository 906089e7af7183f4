"""Views of schema `linkage` over the files of linkage and identity.

Put here: their SQL. Never here: what the files mean, or a table of the warehouse.

    crosswalk          each record's resident, with its conflicts and since when it is so
    crosswalk_history  all that was ever said of any record, by day and by run
    crosswalk_on(day)  record_id, resident_id as known for a day
    events             what happened to residents, with reason and evidence
    identity_runs      the runs that these count by
    resident_ids       every id ever minted and where it leads today
    supersessions      which residents of today stand in the place of which earlier ids
    links, conflicts   accepted pairs of records, and the review list
    decisions          decisions by people, with what became of each
    decision_conflicts those that contradict each other, together as they belong
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from spine.identity.store import IdentityFiles


def create_views(connection: duckdb.DuckDBPyConnection, identity: IdentityFiles, linkage: Path) -> None:
    """Put the views in place. The crosswalk has each record's conflicts beside it; the identity store knows none."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS linkage")
    for name, path in {
        "events": identity.events,
        "resident_ids": identity.register,
        "supersessions": identity.supersessions,
        "links": linkage / "links.parquet",
        "conflicts": linkage / "conflicts.parquet",
        "decisions": linkage / "decisions.parquet",
        "decision_conflicts": linkage / "decision_conflicts.parquet",
    }.items():
        connection.execute(f"CREATE OR REPLACE VIEW linkage.{name} AS SELECT * FROM {_parquet(path)}")
    for view in _VIEWS:
        files = {"runs": identity.runs, "spells": identity.spells, "crosswalk": identity.crosswalk}
        paths = {name: _parquet(path) for name, path in files.items()}
        connection.execute(view.format(**paths, conflicts=_parquet(linkage / "conflicts.parquet")))


def _parquet(path: Path) -> str:
    literal = str(path.absolute()).replace("'", "''")
    return f"read_parquet('{literal}')"


# What a run said holds from its as-of date, or from an earlier one that a later run spoke for (see crosswalk.py).
_VIEWS = (
    """
    CREATE OR REPLACE VIEW linkage.identity_runs AS
    SELECT number, run, run_as_of,
        min(run_as_of) OVER (ORDER BY number ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS valid_from
    FROM {runs}
    """,
    """
    CREATE OR REPLACE VIEW linkage.crosswalk_history AS
    SELECT spells.record_id, spells.resident_id, begun.valid_from, ended.valid_from AS valid_to,
        spells.known_from, spells.known_to, spells.known_to IS NULL AS is_current
    FROM {spells} AS spells
    JOIN linkage.identity_runs AS begun ON begun.number = spells.known_from
    LEFT JOIN linkage.identity_runs AS ended ON ended.number = spells.known_to
    """,
    """
    CREATE OR REPLACE MACRO linkage.crosswalk_on(day) AS TABLE
    SELECT record_id, resident_id FROM linkage.crosswalk_history
    WHERE valid_from <= day AND (valid_to IS NULL OR day < valid_to)
    """,
    """
    CREATE OR REPLACE VIEW linkage.crosswalk AS
    WITH flags AS (
        SELECT record_id, list_sort(list(DISTINCT kind)) AS conflicts
        FROM (SELECT unnest(record_ids) AS record_id, kind FROM {conflicts})
        GROUP BY record_id
    )
    SELECT crosswalk.*, coalesce(flags.conflicts, []::VARCHAR[]) AS conflicts, history.valid_from, history.known_from
    FROM {crosswalk} AS crosswalk
    LEFT JOIN flags USING (record_id)
    LEFT JOIN (FROM linkage.crosswalk_history WHERE is_current) AS history USING (record_id)
    """,
)
