"""Before stage 1: the columns that linkage reads, one at a time, from any frame of person records.

Put here: types, text that stands for a date, a list or a flag, and columns that are not there. Never here:
cleaning of values (standardise), or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from spine.errors import PipelineError
from spine.linkage.arrays import Codes, order_of

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
_TRUE = ("1", "true", "t", "yes", "y")
_SEPARATORS = r"\s*[;|]\s*"


@dataclass(frozen=True)
class Records:
    """Person records, read column by column in order of record_id.

    Attributes:
        ids: record_id, ascending.
        frame: the records as given.
        schema: their columns and types.
        order: place of each record in the frame; None where the frame is in order.
    """

    ids: pl.Series
    frame: pl.DataFrame | pl.LazyFrame
    schema: pl.Schema
    order: Codes | None

    def column(self, name: str) -> pl.Series:
        """One column as it came; nulls where there is none."""
        if name not in self.schema:
            return pl.repeat(None, len(self.ids), dtype=INPUT.get(name, pl.String()), eager=True).alias(name)
        values = _collect(self.frame, name, self.order)
        return as_text(values) if values.dtype in (pl.Categorical, pl.Enum, pl.Binary) else values

    def has(self, name: str) -> bool:
        """Whether the records have a column of this name that holds anything by its type."""
        return name in self.schema and self.schema[name] != pl.Null


def conform(records: pl.DataFrame | pl.LazyFrame, extras: Sequence[str] = ()) -> Records:
    """Find the columns of person records.

    Args:
        records: one row per record; every column but record_id may be missing.
        extras: further columns that shall be compared.

    Raises:
        PipelineError: record_id is missing, null or not unique, or a further column is missing.
    """
    schema = records.collect_schema()
    if "record_id" not in schema:
        raise PipelineError("linkage: the person records have no column record_id. Expected one row per record.")
    if missing := sorted(set(extras) - set(schema)):
        raise PipelineError(f"linkage: the person records lack the further columns asked for: {', '.join(missing)}.")
    ids = as_text(_collect(records, "record_id", None))
    order = None if ids.is_sorted() else order_of(ids)
    ids = ids if order is None else ids.gather(order)
    ids = ids.rechunk()
    if ids.null_count() or (ids == ids.shift(1)).any():
        raise PipelineError("linkage: record_id is null or not unique. Expected one row per record.")
    return Records(ids, records, schema, order)


def _collect(frame: pl.DataFrame | pl.LazyFrame, name: str, order: Codes | None) -> pl.Series:
    try:
        values = frame[name] if isinstance(frame, pl.DataFrame) else frame.select(name).collect().to_series()
    except pl.exceptions.PolarsError as error:
        raise PipelineError(
            f"linkage: the person records cannot be read ({type(error).__name__}). Expected a readable table."
        ) from None
    # In one piece: a look-up in a column of several pieces takes ten times as long.
    values = values.rechunk()
    return values if order is None else values.gather(order)


def as_text(values: pl.Series) -> pl.Series:
    """Trimmed text, null where blank; 12.0 is 12.

    Raises:
        PipelineError: the column holds lists or structures.
    """
    if values.dtype.is_nested() or values.dtype == pl.Binary:
        raise PipelineError(f"linkage: column {values.name} holds {_kind(values)}. Expected text, numbers or dates.")
    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        values = pl.select(
            pl.when(values == values.round()).then(whole.cast(pl.String)).otherwise(values.cast(pl.String))
        ).to_series().alias(values.name)  # fmt: skip
    text = values.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def as_names(values: pl.Series) -> pl.Series:
    """Text of few different values, held as codes.

    Raises:
        PipelineError: as of `as_text`.
    """
    text = as_text(values)
    return text.cast(pl.Enum(text.drop_nulls().unique().sort()))


def as_dates(values: pl.Series) -> pl.Series:
    """Dates, or text that is one (ISO, dd/mm/yyyy, yyyymmdd, with or without a time); else null."""
    if values.dtype == pl.Date:
        return values
    if values.dtype == pl.Datetime:
        return values.cast(pl.Date)
    frame = as_text(values).str.replace(r"[T ]\d{1,2}:\d{2}.*$", "").to_frame("text")
    forms = (pl.col("text").str.strptime(pl.Date, form, strict=False, exact=True) for form in _WHOLE)
    return frame.select(pl.coalesce(forms)).to_series()


def as_flags(values: pl.Series) -> pl.Series:
    """Booleans, or text that says yes; null is no."""
    flags = values if values.dtype == pl.Boolean else as_text(values).str.to_lowercase().is_in(_TRUE)
    return flags.fill_null(False)


def as_lists(values: pl.Series) -> pl.Series:
    """Lists of text, or text with semicolons or bars between the items.

    Raises:
        PipelineError: the column holds structures.
    """
    if values.dtype == pl.Null:
        return values.cast(pl.List(pl.String))
    if isinstance(values.dtype, pl.List):
        if values.dtype.inner.is_nested():
            raise PipelineError(f"linkage: column {values.name} holds {_kind(values)}. Expected lists of text.")
        return values.cast(pl.List(pl.String))
    return as_text(values).str.replace_all(_SEPARATORS, ";").str.split(";")


def _kind(values: pl.Series) -> str:
    return "lists of structures" if isinstance(values.dtype, pl.List) else str(values.dtype).split("(")[0].lower()
