"""Before stage 1: any frame of person records as the columns and types that linkage reads.

Put here: types, text that stands for a date, a list or a flag, and columns that are not there. Never here:
cleaning of values (standardise), or files.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from spine.errors import PipelineError

#: The columns that linkage reads. All but record_id may be missing from the input.
INPUT: dict[str, pl.DataType] = {
    "record_id": pl.String(),
    "source": pl.String(),
    "first_name": pl.String(),
    "middle_names": pl.String(),
    "surname": pl.String(),
    "former_surnames": pl.List(pl.String()),
    "date_of_birth": pl.Date(),
    "date_of_birth_partial": pl.String(),
    "sex": pl.String(),
    "nhs_number": pl.String(),
    "nhs_number_status": pl.String(),
    "superseded_nhs_numbers": pl.List(pl.String()),
    "nino": pl.String(),
    "upn": pl.String(),
    "uprn": pl.String(),
    "house_number": pl.String(),
    "street": pl.String(),
    "address_line": pl.String(),
    "postcode": pl.String(),
    "address_from": pl.Date(),
    "address_to": pl.Date(),
    "phone": pl.String(),
    "email": pl.String(),
    "date_of_death": pl.Date(),
    "is_restricted": pl.Boolean(),
    "is_organisation": pl.Boolean(),
}

#: How a whole date is written as text; the first form that fits is taken.
_WHOLE = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d")
_PARTIAL = r"^(\d{4}(?:-(?:0[1-9]|1[0-2]))?)$"
_TRUE = ("1", "true", "t", "yes", "y")
_SEPARATORS = r"\s*[;|]\s*"


def conform(records: pl.DataFrame, extras: Sequence[str] = ()) -> pl.DataFrame:
    """Give person records the columns and types of `INPUT`, and the further columns `extras` as text.

    Dates may be dates or text (ISO, dd/mm/yyyy, yyyymmdd); of a partial date its known part is kept. Lists may be
    lists or text with semicolons or bars. Flags may be booleans or text. Numbers become text without a
    decimal part.

    Returns:
        One row per record, sorted by record_id; columns that neither names are left out.

    Raises:
        PipelineError: record_id is missing, null or not unique, a further column is missing, or a
            column cannot be read as its type.
    """
    if "record_id" not in records.columns:
        raise PipelineError("linkage: the person records have no column record_id. Expected one row per record.")
    if missing := sorted(set(extras) - set(records.columns)):
        raise PipelineError(f"linkage: the person records lack the further columns asked for: {', '.join(missing)}.")
    try:
        typed = records.select(
            *(_column(records, name, dtype) for name, dtype in INPUT.items() if name != "date_of_birth_partial"),
            _partial(records),
            *(_text(records, name).alias(name) for name in extras),
        ).sort("record_id")
    except pl.exceptions.PolarsError:
        raise PipelineError(
            "linkage: a column of the person records cannot be read as its type. Expected text, dates, lists of "
            "text and booleans; compare the documented columns."
        ) from None
    if typed["record_id"].null_count() or not typed["record_id"].is_unique().all():
        raise PipelineError("linkage: record_id is null or not unique. Expected one row per record.")
    return typed


def _column(records: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    if name not in records.columns:
        return pl.lit(None, dtype).alias(name)
    given = records.schema[name]
    if given in (dtype, pl.Null):
        return pl.col(name).cast(dtype)
    if dtype == pl.Date:
        return (_date(_text(records, name)) if not given.is_temporal() else pl.col(name).cast(dtype)).alias(name)
    if dtype == pl.Boolean:
        return _text(records, name).str.to_lowercase().is_in(_TRUE).alias(name)
    if isinstance(dtype, pl.List):
        separated = _text(records, name).str.replace_all(_SEPARATORS, ";").str.split(";")
        return (pl.col(name).cast(dtype) if isinstance(given, pl.List) else separated).alias(name)
    return _text(records, name).alias(name)


def _text(records: pl.DataFrame, name: str) -> pl.Expr:
    """A column as trimmed text, null where blank; 12.0 is 12."""
    value = pl.col(name)
    if records.schema[name].is_float():
        value = pl.when(value == value.round()).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(
            value.cast(pl.String)
        )  # fmt: skip
    text = value.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _date(text: pl.Expr) -> pl.Expr:
    day = text.str.replace(r"[T ]\d{1,2}:\d{2}.*$", "")
    return pl.coalesce(day.str.strptime(pl.Date, form, strict=False, exact=True) for form in _WHOLE)


def _partial(records: pl.DataFrame) -> pl.Expr:
    """What is known of a date of birth that is not whole: YYYY or YYYY-MM."""
    given = pl.lit(None, pl.String)
    if "date_of_birth_partial" in records.columns:
        given = _text(records, "date_of_birth_partial")
    if "date_of_birth" in records.columns and records.schema["date_of_birth"] == pl.String:
        given = pl.coalesce(given, _text(records, "date_of_birth").str.extract(_PARTIAL))
    return given.alias("date_of_birth_partial")
