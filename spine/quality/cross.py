"""What sources say of the same residents, held against each other: counts by source and kind, and the rows to look at.

Put here: from the tables of schema quality to counts and places. Never here: a rule of comparison (the models in
dbt_project/models/quality hold those), a threshold's meaning (cross_limits), or a value of a record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from spine.contracts import Contract, Partner
from spine.errors import PipelineError
from spine.quality.cross_limits import ADDRESSES, CODES, COVERAGE, DEATHS, IDENTIFIERS, CrossLimits

#: The one classification of a contract that lets a key be told to the partner that sent it.
PUBLIC = "public"
#: The rule of a contract that asks whether an identifier is well formed, by the macros of spine.contracts.functions.
_IDENTIFIER_RULE = re.compile(r"SELECT count_if\((.*\bis_bad_(?:nhs_number|upn|nino|uprn)\(.*)\) FROM \$\{table\}")


@dataclass(frozen=True)
class Group:
    """Residents of one age band in one council whom another source knows, and those whom this one holds."""

    age_band: str
    council: str
    known: int
    held: int


@dataclass(frozen=True)
class CrossResult:
    """What one kind of check found in one source.

    Attributes:
        source: `<partner>__<dataset>`.
        numerator: records, rows or residents that are found wanting, as the kind counts.
        denominator: those that could be compared.
        residents: whom it affects.
        groups: of coverage, by age and council.
    """

    source: str
    kind: str
    numerator: int
    denominator: int
    residents: int
    groups: tuple[Group, ...] = ()

    @property
    def percentage(self) -> float:
        """Numerator in percent of the denominator; 0 where nothing could be compared."""
        return round(100.0 * self.numerator / self.denominator, 4) if self.denominator else 0.0


@dataclass(frozen=True)
class CrossFindings:
    """All that was found.

    Attributes:
        results: by source and kind, sorted.
        rows: source, kind, delivery, revision, table_name, column_name, file_no, row_no of each place that a partner
            should look at, sorted; a record is told of by its newest row. `record_key` is what the contract
            classifies as public of the row's key, null where it classifies nothing of it so.
    """

    results: tuple[CrossResult, ...]
    rows: pl.DataFrame


def cross_source(
    connection: duckdb.DuckDBPyConnection,
    contracts: Sequence[Contract],
    partners: Mapping[str, Partner],
    limits: CrossLimits,
) -> CrossFindings:
    """Count what the tables of schema quality found, and where.

    Args:
        connection: the warehouse, its quality models built.
        contracts: of the input layouts, whose rules say what an identifier is.
        partners: by id; a council's coverage is reckoned over its own area.

    Raises:
        PipelineError: a table is missing or cannot be read. The message holds the error's class only.
    """
    try:
        _gather(connection, contracts, limits)
        _public_keys(connection, contracts)
        counted = connection.execute(_COUNTS).fetchall()
        rows = connection.execute(_PLACES).pl()
        coverage = _coverage(connection, partners)
    except duckdb.Error as error:
        raise PipelineError(
            f"quality across sources: the models of schema quality could not be read ({type(error).__name__}). "
            "Build them again with `spine run --full`"
        ) from None
    results = [r for r in [*(CrossResult(*row) for row in counted), *coverage] if limits.asks(r.source, r.kind)]
    asked = pl.DataFrame([(r.source, r.kind) for r in results], schema=["source", "kind"], orient="row")
    told = rows.join(asked.cast(pl.String), on=["source", "kind"], how="semi", maintain_order="left")
    return CrossFindings(tuple(sorted(results, key=lambda r: (r.source, r.kind))), told)


def _gather(connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], limits: CrossLimits) -> None:
    """One temporary table of all that was compared: `is_found` says what is wanting."""
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE compared AS
        SELECT source, kind, record_id, resident_id, NULL::VARCHAR AS table_name, NULL::VARCHAR AS delivery,
            NULL::INTEGER AS revision, NULL::INTEGER AS file_no, NULL::BIGINT AS row_no, '' AS column_name,
            is_found AND (kind NOT IN ('{DEATHS}', '{ADDRESSES}') OR days >= {int(limits.grace_days)}) AS is_found
        FROM quality.quality_compared_records""")
    rows = [
        "SELECT source, table_name, delivery, revision, file_no, row_no, '' AS column_name, is_found, "
        f"'{CODES}' AS kind FROM quality.quality_unmapped_codes",
        *_identifier_queries(contracts),
    ]
    for query in rows:
        connection.execute(f"""
            INSERT INTO compared BY NAME
            SELECT found.*, records.record_id, records.resident_id
            FROM ({query}) AS found
            LEFT JOIN (SELECT * FROM quality.quality_record_rows QUALIFY row_number() OVER (
                PARTITION BY delivery, revision, table_name, file_no, row_no ORDER BY record_id) = 1) AS records
                USING (delivery, revision, table_name, file_no, row_no)""")


def _identifier_queries(contracts: Sequence[Contract]) -> list[str]:
    """For each column with a rule about identifiers, all its rows that are in use, and whether they break it."""
    queries = {}
    for contract in contracts:
        for rule in contract.rules:
            found = _IDENTIFIER_RULE.fullmatch(str(rule.arguments.get("query", "")).strip())
            if found is None or rule.column is None:
                continue
            predicate = found[1].replace("${column}", f'"{rule.column}"')
            name = contract.table(rule.table)
            header = next(c.source_name for c in name.columns if c.name == rule.column).replace("'", "''")
            queries[(contract.id, rule.table, rule.column)] = f"""
                SELECT _partner || '__{contract.dataset}' AS source, '{rule.table}' AS table_name,
                    _delivery AS delivery, _revision AS revision, _file_no AS file_no, _row_no AS row_no,
                    '{header}' AS column_name, coalesce({predicate}, false) AS is_found, '{IDENTIFIERS}' AS kind
                FROM raw."{contract.id}__{rule.table}" """
    return list(queries.values())


def _public_keys(connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> None:
    """What may be told of a row's key: columns that the contract classifies as public. Without the word, nothing."""
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE record_keys (delivery VARCHAR, revision INTEGER, table_name VARCHAR,
            file_no INTEGER, row_no BIGINT, record_key VARCHAR)""")
    for contract in contracts:
        for table in contract.tables:
            columns = [f'"{c.name}"' for c in table.columns if c.key and c.classification == PUBLIC]
            if columns:
                connection.execute(f"""
                    INSERT INTO record_keys
                    SELECT _delivery, _revision, '{table.name}', _file_no, _row_no, concat_ws(' ', {", ".join(columns)})
                    FROM raw."{contract.id}__{table.name}" """)


#: Duplicates, codes and identifiers are counted as they stand; a resident counts once however many rows there are.
_COUNTS = """
    SELECT source, kind, count(*) FILTER (is_found), count(*),
        count(DISTINCT resident_id) FILTER (is_found)
    FROM compared GROUP BY source, kind ORDER BY source, kind"""

#: One equality: a condition on the left side alone would make DuckDB compare every row with every other.
_PLACES = """
    SELECT DISTINCT * FROM (
        SELECT found.source, found.kind, coalesce(found.delivery, places.delivery) AS delivery,
            coalesce(found.revision, places.revision) AS revision,
            coalesce(found.table_name, places.table_name) AS table_name, found.column_name,
            coalesce(found.file_no, places.file_no) AS file_no, coalesce(found.row_no, places.row_no) AS row_no
        FROM compared AS found
        LEFT JOIN quality.quality_record_rows AS places
            ON CASE WHEN found.delivery IS NULL THEN found.record_id END = places.record_id AND places.is_newest
        WHERE found.is_found)
    LEFT JOIN record_keys USING (delivery, revision, table_name, file_no, row_no)
    ORDER BY ALL"""


def _coverage(connection: duckdb.DuckDBPyConnection, partners: Mapping[str, Partner]) -> list[CrossResult]:
    """A source's coverage of its area: a district's own, everybody's for others."""
    asked = (
        "SELECT source, age_band, local_authority_code, residents_known, residents_held FROM quality.quality_coverage "
        "WHERE residents_known > 0 ORDER BY ALL"
    )
    by_source: dict[str, list[Group]] = {}
    for source, age_band, council, known, held in connection.execute(asked).fetchall():
        partner = partners.get(source.partition("__")[0])
        own = partner.gss_code if partner is not None and partner.kind == "district" else None
        if own is None or council == own:
            by_source.setdefault(source, []).append(Group(age_band, council or "not known", known, held))
    return [
        CrossResult(source, COVERAGE, missing, sum(g.known for g in groups), missing, tuple(groups))
        for source, groups in by_source.items()
        for missing in [sum(g.known - g.held for g in groups)]
    ]
