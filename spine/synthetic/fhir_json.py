"""JSON text built in columns: a null leaves its element out, as FHIR wants it.

Put here: how elements are written. Never here: which elements a Patient has (gp_patients).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import polars as pl


def text(value: pl.Expr | str) -> pl.Expr:
    """A JSON string, null where the value is null."""
    if isinstance(value, str):
        return constant(value)
    escaped = value.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return pl.lit('"') + escaped + pl.lit('"')


def constant(value: Any) -> pl.Expr:
    """Any value that is the same in each row."""
    return pl.lit(orjson.dumps(value).decode())


def record(**elements: pl.Expr | None) -> pl.Expr:
    """An object of the elements that are not null. At least one must always be there."""
    parts = [pl.lit(f'"{name}":') + value for name, value in elements.items() if value is not None]
    return pl.lit("{") + pl.concat_str(parts, separator=",", ignore_nulls=True) + pl.lit("}")


def array(*items: pl.Expr) -> pl.Expr:
    """An array of the items that are not null; null where none is left."""
    # naming the inside once keeps nested elements from being worked out twice at every level
    return (pl.lit("[") + pl.concat_str(items, separator=",", ignore_nulls=True) + pl.lit("]")).replace("[]", None)


def words(value: pl.Expr) -> pl.Expr:
    """An array of strings, one for each word of a text; null where there is none."""
    escaped = value.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return pl.when(value.str.len_bytes() > 0).then(
        pl.lit('["') + escaped.str.replace_all(" ", '","', literal=True) + pl.lit('"]')
    )


def day(value: pl.Expr) -> pl.Expr:
    """A date as a JSON string."""
    return pl.lit('"') + value.dt.strftime("%Y-%m-%d") + pl.lit('"')


def period(start: pl.Expr, end: pl.Expr | date | None = None) -> pl.Expr:
    """A FHIR Period."""
    ends = None if end is None else day(pl.lit(end) if isinstance(end, date) else end)
    return record(start=day(start), end=ends)
