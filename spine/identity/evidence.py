"""What was different between two runs: changed, new and withdrawn records, and decisions that came or lapsed.

Put here: fingerprints of records, and the comparison of two runs. Never here: which of these explains
an event (events), or whether anything does (churn).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import duckdb
import polars as pl

from spine.errors import PipelineError
from spine.identity.crosswalk import DECISIONS, PRINTS, Crosswalk, none_of
from spine.linkage.conform import INPUT

#: What may move an id, in the order in which one that moved for several reasons is told.
CAUSES: Final = {
    "decision_lapsed": "a decision by a person lapsed",
    "decision_made": "a person decided",
    "attribute_changed": "a linking attribute of a record changed",
    "record_withdrawn": "a record was withdrawn",
    "record_added": "a record was added",
}
#: Records by what is new of them; a record can have several rows.
CHANGES: Final[dict[str, pl.DataType]] = {"record_id": pl.String(), "cause": pl.String()}
#: Changed whenever the same record gets another fingerprint.
_FORM: Final = "1"


def form_of(records: pl.DataFrame) -> str:
    """What fingerprints of these records are made of; those of two forms say nothing of each other."""
    return f"{_FORM}: {', '.join(_read(records))}"


def comparable(before: Crosswalk, form: str) -> Crosswalk:
    """The last run; its fingerprints are null, which says nothing, where they are of another form than this run's."""
    if form in ("", before.form) or not before.form:
        return before
    return replace(before, prints=before.prints.with_columns(pl.lit(None, PRINTS["fingerprint"]).alias("fingerprint")))


def _read(records: pl.DataFrame) -> list[str]:
    return [name for name in INPUT if name in records.columns and name != "record_id"]


def fingerprints(records: pl.DataFrame, key: str) -> pl.DataFrame:
    """One number for everything that linkage reads of a record: it changes when any of it does.

    SHA-256 of the key and all linking attributes, of which 64 bits are kept. Polars' own hash would be faster,
    but differs from version to version, and every record would seem changed.

    Args:
        records: record_id and any columns of `spine.linkage.conform.INPUT`; others do not count.
        key: the store's seed, so that the fingerprints of two stores cannot be compared.

    Returns:
        Columns as `PRINTS`, sorted by record_id.
    """
    names = _read(records)
    cells = [f"'{name}=' || coalesce(CAST({_cell(records, name)} AS VARCHAR), '')" for name in names]
    text = ", ".join(["CAST(? AS VARCHAR)", *cells])
    try:
        with duckdb.connect(config={"python_enable_replacements": False}) as connection:
            connection.register("records", records.select("record_id", *names).to_arrow())
            # One thread's order is every thread's: rows are sorted, and each is hashed by itself.
            found = connection.execute(
                f"SELECT record_id, CAST('0x' || left(sha256(concat_ws(chr(31), {text})), 16) AS UBIGINT) "
                "AS fingerprint FROM records ORDER BY record_id",
                [key],
            ).pl()
    except duckdb.Error as error:
        raise PipelineError(f"identity: the records could not be fingerprinted ({type(error).__name__}).") from None
    return found.select(pl.col(name).cast(kind) for name, kind in PRINTS.items())


def _cell(records: pl.DataFrame, name: str) -> str:
    """A list counts whatever its order."""
    return f'list_sort("{name}")' if isinstance(records.schema[name], pl.List) else f'"{name}"'


def conformed(decisions: pl.DataFrame | None) -> pl.DataFrame:
    """Decisions with the smaller record first, each once, sorted.

    Args:
        decisions: left_record_id, right_record_id, decision; further columns do not count.
    """
    if decisions is None or decisions.is_empty():
        return none_of(DECISIONS)
    left, right = pl.col("left_record_id").cast(pl.String), pl.col("right_record_id").cast(pl.String)
    ordered = decisions.select(
        pl.min_horizontal(left, right).alias("left_record_id"),
        pl.max_horizontal(left, right).alias("right_record_id"),
        pl.col("decision").cast(pl.String),
    )
    return ordered.unique().sort(*DECISIONS)


def changes(prints: tuple[pl.DataFrame, pl.DataFrame], decisions: tuple[pl.DataFrame, pl.DataFrame]) -> pl.DataFrame:
    """What is new of each record, columns as `CHANGES`.

    Args:
        prints: before and after, one row per record, columns as `PRINTS`. A fingerprint that is null says nothing.
        decisions: before and after, columns as `DECISIONS`.
    """
    before, after = prints
    both = before.join(after, on="record_id", suffix="_now")
    found = {
        "decision_lapsed": _named(decisions[0].join(decisions[1], on=list(DECISIONS), how="anti")),
        "decision_made": _named(decisions[1].join(decisions[0], on=list(DECISIONS), how="anti")),
        "attribute_changed": both.filter(pl.col("fingerprint") != pl.col("fingerprint_now"))["record_id"],
        "record_withdrawn": before.join(after, on="record_id", how="anti")["record_id"],
        "record_added": after.join(before, on="record_id", how="anti")["record_id"],
    }
    return pl.concat(
        [pl.DataFrame({"record_id": ids, "cause": [cause] * ids.len()}, schema=CHANGES) for cause, ids in found.items()]
    )


def _named(decisions: pl.DataFrame) -> pl.Series:
    """Records that a decision names."""
    return pl.concat([decisions["left_record_id"], decisions["right_record_id"].alias("left_record_id")]).unique()
