"""Earlier ids in a release: what analysts may be told of whom a resident stands in the place of.

Put here: which earlier ids of a table may leave, and their pseudonyms. Never here: which id supersedes which
(spine.identity), or the residents themselves (people).

An earlier id is told only where nothing of it belongs to anybody who is left out: neither the id itself, which may be
a resident's still, nor any resident who has a record that was once its. Else a released row would show that a
pseudonym of an older release belongs to somebody who has died or opted out since.
"""

from __future__ import annotations

from typing import Final

import duckdb
import polars as pl

from spine.governance import Key, pseudonym_column
from spine.release.output_contracts import FORMER
from spine.release.plan import Plan

_NONE: Final = f"SELECT NULL::VARCHAR AS {FORMER}, NULL::VARCHAR AS resident_id WHERE false"


def find_formers(connection: duckdb.DuckDBPyConnection, plan: Plan, key: Key) -> pl.DataFrame:
    """Every earlier id in the planned tables: former_id, former_pseudonym, former_reason (null where it may be told).

    Leaves the frame in the connection as table `formers`.

    Args:
        connection: with table `people`.
    """
    names = [table.name for table in plan.tables if table.has_former]
    tables = [f'SELECT {FORMER}, resident_id FROM warehouse."{plan.purpose}"."{name}"' for name in names]
    # Both reasons can be there; the first in the alphabet is also the first of people.REASONS.
    frame = connection.execute(
        f"""
        SELECT told.{FORMER} AS former_id, least(min(holder.reason), min(itself.reason)) AS former_reason
        FROM ({" UNION ".join([_NONE, *tables])}) AS told
        JOIN people AS holder USING (resident_id)
        LEFT JOIN people AS itself ON itself.resident_id = told.{FORMER}
        WHERE told.{FORMER} IS NOT NULL
        GROUP BY ALL ORDER BY former_id
        """
    ).pl()
    frame = frame.with_columns(former_pseudonym=pseudonym_column(key, frame["former_id"]))
    connection.register("formers_frame", frame.to_arrow())
    connection.execute("CREATE TABLE formers AS SELECT * FROM formers_frame")
    return frame
