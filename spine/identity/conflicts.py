"""What does not fit together in a resident, or between two: the list that a person goes through.

Put here: which records contradict each other once residents are known. Never here: what makes two records one
person (spine.linkage), or a decision on a conflict. Of spine.linkage only its limits are used, imported where they
are needed: the module that holds them is slow to import.

A conflict takes nothing apart. It is a flag on the crosswalk and a row of the review list.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from spine.linkage import LinkageResult

NHS_NUMBERS: Final = "two_verified_nhs_numbers"
BIRTHS: Final = "dates_of_birth_differ"
DEATHS: Final = "dates_of_death_differ"
SEXES: Final = "sex_differs"
AFTER_DEATH: Final = "event_after_death"
APART: Final = "kept_apart"
#: Every kind, and what it says.
KINDS: Final = {
    NHS_NUMBERS: "hold two verified NHS numbers of which neither replaces the other",
    BIRTHS: "hold dates of birth that differ by more than a slip of the pen",
    DEATHS: "hold two dates of death more than a month apart",
    SEXES: "are male in one record and female in another",
    AFTER_DEATH: "have an address that begins long after their death",
    APART: "share so much with another resident that the two would be one, but for a third record or a rule",
}
#: The review list. `other_resident_id` is there for `kept_apart` only, which stands once for each of the two.
CONFLICTS: Final[dict[str, pl.DataType]] = {
    "resident_id": pl.String(),
    "kind": pl.String(),
    "other_resident_id": pl.String(),
    "record_ids": pl.List(pl.String()),
    "is_reviewed": pl.Boolean(),
}
#: Vetoes by which the case is closed: nobody has to look at it again.
_CLOSED = ("verified_nhs_numbers_differ", "twins", "one_record_per_person", "cannot_link")
_ONE = ("resident_id", "record_id")


def find_conflicts(
    records: pl.DataFrame, crosswalk: pl.DataFrame, result: LinkageResult, link_bits: float
) -> pl.DataFrame:
    """The review list of one run.

    Args:
        records: int_person_records.
        crosswalk: record_id, resident_id; one row per record.
        result: what linkage found, for the pairs that it kept apart and those that people decided.
        link_bits: the threshold it worked with.

    Returns:
        Columns as `CONFLICTS`, sorted. `record_ids` are the records that contradict each other, sorted;
        `is_reviewed` says that a person has linked two of them by decision; of `kept_apart`, that a decision has
        linked one of them to a record that may not be one with another of them.
    """
    held = crosswalk.select("record_id", "resident_id").join(records, on="record_id")
    shared = held.filter(pl.len().over("resident_id") > 1)
    within = {
        NHS_NUMBERS: _nhs_numbers(shared),
        BIRTHS: _births(shared),
        SEXES: _sexes(shared),
        **_deaths(shared),
    }
    other = pl.lit(None, pl.String).alias("other_resident_id")
    parts = [rows.select(*_ONE, other, pl.lit(kind).alias("kind")) for kind, rows in within.items()]
    parts.append(_apart(crosswalk, result, link_bits).with_columns(kind=pl.lit(APART)))
    keys = ("resident_id", "kind", "other_resident_id")
    decided = result.links.filter(pl.col("method").cast(pl.String) == "manual")
    found = pl.concat(parts, how="diagonal").group_by(keys).agg(record_ids=pl.col("record_id").unique().sort())
    settled = _settled(decided, result)
    return _with_review(found, decided, settled).select(*CONFLICTS).cast(dict(CONFLICTS)).sort(keys)  # type: ignore[arg-type]


def _with_review(found: pl.DataFrame, decided: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """Whether one of the decided pairs, or of the settled ones for `kept_apart`, lies within a conflict's records."""
    numbered = found.with_row_index("row")
    apart = pl.col("other_resident_id").is_not_null()
    seen = [_rows_with(numbered.filter(~apart), decided), _rows_with(numbered.filter(apart), settled)]
    return numbered.with_columns(is_reviewed=pl.col("row").is_in(pl.concat(seen).implode()))


def _rows_with(numbered: pl.DataFrame, pairs: pl.DataFrame) -> pl.Series:
    """Rows that hold both records of a pair."""
    records = numbered.select("row", record_id="record_ids").explode("record_id")
    left = pairs.select(record_id="left_record_id", partner="right_record_id").cast(pl.String)
    seen = records.join(left, on="record_id").join(records, left_on=["row", "partner"], right_on=["row", "record_id"])
    return seen["row"].unique()


def _settled(decided: pl.DataFrame, result: LinkageResult) -> pl.DataFrame:
    """Pairs that a decision keeps apart: one of them was linked to a record that may not be one with the other."""
    from spine.linkage.compare import VETOES

    scored, ids = result.scored, result.clusters["record_id"]
    closed = np.flatnonzero(np.isin(scored.veto, [VETOES.index(name) for name in _CLOSED]))
    never = pl.DataFrame(
        {
            "partner": ids.gather(np.asarray(scored.left)[closed]),
            "right_record_id": ids.gather(np.asarray(scored.right)[closed]),
        }
    )
    linked = decided.select("left_record_id", partner="right_record_id").cast(pl.String)
    either = _mirrored(linked, "left_record_id", "partner")
    return either.join(_mirrored(never, "partner", "right_record_id"), on="partner").select(
        "left_record_id", "right_record_id"
    )


def _mirrored(frame: pl.DataFrame, one: str, other: str) -> pl.DataFrame:
    """The pairs, and the same the other way round."""
    return pl.concat([frame, frame.select(pl.col(other).alias(one), pl.col(one).alias(other))])


def _nhs_numbers(shared: pl.DataFrame) -> pl.DataFrame:
    """Records whose verified number no other record of the resident replaces, where there are two such numbers."""
    verified = shared.filter((pl.col("nhs_number_status") == "01") & pl.col("nhs_number").is_not_null())
    replaced = verified.select("resident_id", nhs_number="superseded_nhs_numbers").explode("nhs_number").drop_nulls()
    live = verified.join(replaced, on=["resident_id", "nhs_number"], how="anti")
    return live.filter(pl.col("nhs_number").n_unique().over("resident_id") > 1).select(_ONE)


def _sexes(shared: pl.DataFrame) -> pl.DataFrame:
    known = shared.filter(pl.col("sex").is_in(["female", "male"]))
    return known.filter(pl.col("sex").n_unique().over("resident_id") > 1).select(_ONE)


def _births(shared: pl.DataFrame) -> pl.DataFrame:
    known = shared.select(*_ONE, birth="date_of_birth").drop_nulls("birth")
    several = known.filter(pl.col("birth").n_unique().over("resident_id") > 1)
    dates = several.select("resident_id", "birth").unique()
    pairs = dates.join(dates, on="resident_id", suffix="_2").filter(
        (pl.col("birth") != pl.col("birth_2")) & ~_is_slip(pl.col("birth"), pl.col("birth_2"))
    )
    return several.join(pairs, on=["resident_id", "birth"], how="semi").select(_ONE)


def _is_slip(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """One digit is wrong, two neighbours or day and month changed places, or only the day or the month differs.

    1 January counts as "in that year": it is what systems write where no more is known.
    """
    one, other = a.dt.strftime("%Y%m%d"), b.dt.strftime("%Y%m%d")
    digits = [(one.str.slice(i, 1), other.str.slice(i, 1)) for i in range(8)]
    wrong = pl.sum_horizontal((x != y).cast(pl.Int8) for x, y in digits)
    turned = pl.any_horizontal(
        (x == next_y) & (next_x == y) & (x != next_x) for (x, y), (next_x, next_y) in pairwise(digits)
    )
    year, month, day = (getattr(a.dt, part)() == getattr(b.dt, part)() for part in ("year", "month", "day"))
    crossed = (a.dt.month() == b.dt.day()) & (a.dt.day() == b.dt.month())
    new_year = pl.any_horizontal((d.dt.month() == 1) & (d.dt.day() == 1) for d in (a, b))
    result: pl.Expr = (wrong == 1) | ((wrong == 2) & turned) | (year & (month | day | crossed | new_year))
    return result


def _deaths(shared: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Both kinds, by the limits that linkage itself keeps."""
    from spine.linkage.dates import outlives, two_deaths

    known = shared.filter(pl.col("date_of_death").is_not_null().any().over("resident_id"))
    death, start = (_days(known[name]) for name in ("date_of_death", "address_from"))
    dated = known.select(_ONE).with_columns(death=death, start=start)
    spans = dated.group_by("resident_id").agg(
        first=pl.col("death").filter(pl.col("death") != 0).min(), last=pl.col("death").max()
    )
    spans = spans.with_columns(differ=two_deaths(spans["first"].to_numpy(), spans["last"].to_numpy()))
    dated = dated.join(spans, on="resident_id")
    dated = dated.with_columns(late=outlives(dated["last"].to_numpy(), dated["start"].to_numpy()))
    dies = pl.col("death") != 0
    return {
        DEATHS: dated.filter(pl.col("differ") & dies).select(_ONE),
        AFTER_DEATH: dated.filter(pl.col("late").any().over("resident_id") & (pl.col("late") | dies)).select(_ONE),
    }


def _days(dates: pl.Series) -> pl.Series:
    """Days since 1970, 0 where not known: what linkage's own limits are given."""
    return dates.cast(pl.Date).cast(pl.Int32).cast(pl.Int64).fill_null(0)


def _apart(crosswalk: pl.DataFrame, result: LinkageResult, link_bits: float) -> pl.DataFrame:
    """Both records of each pair that its weight would link and that is two residents, from either side."""
    from spine.linkage.compare import VETOES

    scored = result.scored
    is_open = ~np.isin(scored.veto, [VETOES.index(name) for name in _CLOSED])
    strong = np.flatnonzero((np.asarray(scored.bits) >= link_bits) & is_open)
    of = result.clusters.select("record_id").join(crosswalk, on="record_id", how="left", maintain_order="left")
    left, right = (of[side] for side in (np.asarray(scored.left)[strong], np.asarray(scored.right)[strong]))
    pairs = pl.DataFrame(
        {
            "resident_id": left["resident_id"],
            "other_resident_id": right["resident_id"],
            "record_id": left["record_id"],
            "partner": right["record_id"],
        }
    ).filter(pl.col("resident_id") != pl.col("other_resident_id"))
    mirrored = pairs.rename({"resident_id": "other_resident_id", "other_resident_id": "resident_id"})
    both = pl.concat([pairs, mirrored], how="diagonal")
    columns = ("resident_id", "other_resident_id")
    return pl.concat([both.select(*columns, "record_id"), both.select(*columns, record_id="partner")])
