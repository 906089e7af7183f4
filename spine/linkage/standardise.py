"""Stage 1: person records with every value in one form, and values that are no evidence set to null.

Put here: cleaning that holds for any source. Never here: rules for one layout (dbt staging does
those), or what makes an identifier valid (the contracts' functions decided that before).
"""

from __future__ import annotations

import polars as pl

from spine.errors import PipelineError
from spine.linkage.config import LinkageConfig

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
    "phone": pl.String(),
    "email": pl.String(),
    "is_restricted": pl.Boolean(),
    "is_organisation": pl.Boolean(),
}

#: Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = {"ß": "SS", "Ø": "O", "Ł": "L", "Æ": "AE", "Œ": "OE", "Đ": "D", "Ð": "D", "Þ": "TH", "İ": "I", "ı": "I"}
_SUPERSESSION_STEPS = 8


def standardise(records: pl.DataFrame, config: LinkageConfig) -> pl.DataFrame:
    """Bring person records into the form that the later stages compare.

    Args:
        records: one row per person record, columns as `INPUT`; extra columns are ignored.
        config: words, dates and numbers that are no evidence.

    Returns:
        One row per record, sorted by record_id: record_id, source, first, middle, surname (upper
        case, letters and single spaces), formers (list), birth_year, birth_month, birth_day (Int64, null
        where not known), sex (male, female or null), nhs (superseded numbers followed), nhs_verified,
        nino, upn, uprn, house, street, postcode, phone, email, restricted.

    Raises:
        PipelineError: record_id is missing, null or not unique, or a column has an unusable type.
    """
    typed = _typed(records)
    frame = typed.with_columns(_names(config)).with_columns(*_birth(config), *_address(), *_contact())
    frame = _drop_shared(_follow_superseded(frame), config.standardise.max_records_per_number)
    return frame.select(
        "record_id", "source", "first", "middle", "surname", "formers", "birth_year", "birth_month", "birth_day",
        "sex", "nhs", "nhs_verified", "nino", "upn", "uprn", "house", "street", "postcode", "phone", "email",
        "restricted",
    )  # fmt: skip


def _typed(records: pl.DataFrame) -> pl.DataFrame:
    if "record_id" not in records.columns:
        raise PipelineError("linkage: the person records have no column record_id. Expected one row per record.")
    columns = [
        pl.col(name).cast(dtype) if name in records.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in INPUT.items()
    ]
    try:
        typed = records.select(columns).sort("record_id")
    except pl.exceptions.PolarsError:
        raise PipelineError(
            "linkage: a column of the person records cannot be read as its type. Expected the columns of "
            "int_person_records; compare the model's contract."
        ) from None
    if typed["record_id"].null_count() or not typed["record_id"].is_unique().all():
        raise PipelineError(
            "linkage: record_id is null or not unique. Expected one row per record; see int_person_records."
        )
    persons = pl.col("is_organisation").fill_null(False).not_()
    nullable = [name for name in INPUT if name not in ("record_id", "source")]
    return typed.with_columns(
        pl.col("source").fill_null(""), *(pl.when(persons).then(pl.col(name)).alias(name) for name in nullable)
    )


def _letters(column: pl.Expr) -> pl.Expr:
    """Upper-case words of A to Z with single spaces; null where nothing is left."""
    upper = column.str.to_uppercase().str.replace_many(_LETTERS).str.normalize("NFKD")
    words = upper.str.replace_all(r"[\p{M}'’‘`´.]", "").str.replace_all(r"[^A-Z]+", " ").str.strip_chars()
    return pl.when(words != "").then(words)


def _names(config: LinkageConfig) -> list[pl.Expr]:
    titles = rf"^(?:(?:{'|'.join(config.standardise.titles)})(?: |$))+"
    given = _letters(pl.col("first_name")).str.replace(titles, "").str.split(" ").list.eval(
        pl.element().filter(pl.element() != "")
    )  # fmt: skip
    no_name = list(config.standardise.not_names)
    first = given.list.get(0, null_on_oob=True)
    rest = pl.concat_str(
        given.list.slice(1).list.join(" "), _letters(pl.col("middle_names")), separator=" ", ignore_nulls=True
    ).str.strip_chars()
    surname = _letters(pl.col("surname"))
    formers = pl.col("former_surnames").list.eval(_letters(pl.element()).drop_nulls())
    known = ~surname.str.replace_all(" ", "").is_in(no_name)
    return [
        pl.when(~first.is_in(no_name)).then(first).alias("first"),
        pl.when(rest != "").then(rest).alias("middle"),
        pl.when(known).then(surname).alias("surname"),
        formers.fill_null([]).alias("formers"),
    ]


def _birth(config: LinkageConfig) -> list[pl.Expr]:
    born = pl.col("date_of_birth")
    full = pl.when(~born.is_in(list(config.standardise.dummy_dates_of_birth))).then(born)
    partial = pl.col("date_of_birth_partial")
    year = partial.str.extract(r"^(\d{4})").cast(pl.Int64, strict=False)
    month = partial.str.extract(r"^\d{4}-(\d{2})").cast(pl.Int64, strict=False)
    return [
        pl.coalesce(full.dt.year().cast(pl.Int64), year).alias("birth_year"),
        pl.coalesce(full.dt.month().cast(pl.Int64), month).alias("birth_month"),
        full.dt.day().cast(pl.Int64).alias("birth_day"),
        pl.when(pl.col("sex").is_in(["male", "female"])).then("sex").alias("sex"),
    ]


def _compact(name: str) -> pl.Expr:
    value = pl.col(name).str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    return pl.when(value != "").then(value)


def _address() -> list[pl.Expr]:
    line = pl.col("address_line").str.to_uppercase().str.strip_chars()
    number = line.str.extract(r"^(?:(?:FLAT|APARTMENT|APT|UNIT|ROOM)\s+\w+[\s,]+)?(\d+\s?[A-Z]?)\b")
    name = line.str.split(",").list.get(0, null_on_oob=True)
    house = pl.coalesce(_compact("house_number"), number, name).str.replace_all(r"[^A-Z0-9]", "")
    street = _letters(pl.col("street"))
    return [
        pl.when(house != "").then(house).alias("house"),
        street.str.replace_all(" ", "").alias("street"),
        _compact("postcode").alias("postcode"),
        _compact("uprn").str.strip_chars_start("0").alias("uprn"),
    ]


def _contact() -> list[pl.Expr]:
    digits = pl.col("phone").str.replace_all(r"\D", "").str.tail(10)
    email = pl.col("email").str.to_lowercase().str.strip_chars()
    return [
        pl.when(digits.str.len_chars() >= 9).then(digits).alias("phone"),
        pl.when(email.str.contains("@", literal=True)).then(email).alias("email"),
        _compact("nhs_number").alias("nhs"),
        (pl.col("nhs_number_status") == "01").fill_null(False).alias("nhs_verified"),
        _compact("nino").alias("nino"),
        _compact("upn").alias("upn"),
        pl.col("is_restricted").fill_null(False).alias("restricted"),
    ]


def _follow_superseded(frame: pl.DataFrame) -> pl.DataFrame:
    """Replace a superseded NHS number by its successor.

    A number that two different numbers claim to have superseded leads nowhere: following it would
    make two people's numbers equal.
    """
    claims = (
        frame.filter(pl.col("nhs").is_not_null())
        .select(pl.col("superseded_nhs_numbers").alias("old"), pl.col("nhs").alias("new"))
        .explode("old")
        .with_columns(pl.col("old").str.replace_all(r"\D", ""))
        .filter((pl.col("old") != "") & (pl.col("old") != pl.col("new")))
        .unique()
    )
    successor = claims.filter(pl.len().over("old") == 1)
    if successor.is_empty():
        return frame
    for _ in range(_SUPERSESSION_STEPS):
        frame = (
            frame.join(successor, left_on="nhs", right_on="old", how="left", maintain_order="left")
            .with_columns(pl.coalesce("new", "nhs").alias("nhs"))
            .drop("new")
        )
    return frame


def _drop_shared(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    held = {name: pl.len().over(name) <= most for name in ("nhs", "nino", "upn")}
    return frame.with_columns(pl.when(few).then(pl.col(name)).alias(name) for name, few in held.items())
