"""Stage 1: person records with every value in one form, and values that are no evidence set to null.

Put here: cleaning that holds for any source. Never here: rules for one layout (dbt staging does
those), or what makes an identifier valid (the contracts' functions decided that before).
"""

from __future__ import annotations

import polars as pl

from spine.linkage.config import LinkageConfig
from spine.linkage.conform import INPUT, conform

#: Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = {"ß": "SS", "Ø": "O", "Ł": "L", "Æ": "AE", "Œ": "OE", "Đ": "D", "Ð": "D", "Þ": "TH", "İ": "I", "ı": "I"}
_SUPERSESSION_STEPS = 8


def standardise(records: pl.DataFrame, config: LinkageConfig) -> pl.DataFrame:
    """Bring person records into the form that the later stages compare.

    Args:
        records: one row per person record, columns as `conform.INPUT`; others but `config.extras` are ignored.
        config: words, dates and numbers that are no evidence.

    Returns:
        One row per record, sorted by record_id: record_id, source, first, middle, surname (upper
        case, letters and single spaces), formers (list), birth_year, birth_month, birth_day (Int64, null
        where not known), sex (m, f or null), nhs (superseded numbers followed), nhs_verified,
        nino, upn, uprn, house, street, postcode, phone, email, restricted.

    Raises:
        PipelineError: record_id is missing, null or not unique, or a column has an unusable type.
    """
    frame = _names(_persons(records, config), config).with_columns(_birth(config))
    frame = _address(frame).with_columns(_contact())
    frame = _drop_shared(_follow_superseded(frame), config.standardise.max_records_per_number)
    return frame.select(
        "record_id", "source", "first", "middle", "surname", "formers", "birth_year", "birth_month", "birth_day",
        "sex", "nhs", "nhs_verified", "nino", "upn", "uprn", "house", "street", "postcode", "phone", "email",
        "restricted", *config.scheme.extra_comparisons,
    )  # fmt: skip


def _persons(records: pl.DataFrame, config: LinkageConfig) -> pl.DataFrame:
    """Records with the columns of `INPUT`; an organisation keeps its id and source only."""
    typed = conform(records, config.extras)
    persons = pl.col("is_organisation").fill_null(False).not_()
    told = [name for name in (*INPUT, *config.extras) if name not in ("record_id", "source")]
    return typed.with_columns(
        pl.col("source").fill_null(""), *(pl.when(persons).then(pl.col(name)).alias(name) for name in told)
    ).with_columns(_extras(config))


def _letters(column: pl.Expr) -> pl.Expr:
    """Upper-case words of A to Z with single spaces; null where nothing is left."""
    upper = column.str.to_uppercase().str.replace_many(_LETTERS).str.normalize("NFKD")
    words = upper.str.replace_all(r"[\p{M}'’‘`´.]", "").str.replace_all(r"[^A-Z]+", " ").str.strip_chars()
    return pl.when(words != "").then(words)


def _extras(config: LinkageConfig) -> list[pl.Expr]:
    """Further columns as upper-case text with single spaces."""
    cleaned = {
        column: pl.col(name).str.to_uppercase().str.replace_all(r"\s+", " ").str.strip_chars()
        for name, column in zip(config.extras, config.scheme.extra_comparisons, strict=True)
    }
    return [pl.when(value != "").then(value).alias(column) for column, value in cleaned.items()]


def _by_value(frame: pl.DataFrame, name: str, *made: pl.Expr) -> pl.DataFrame:
    """Add columns that depend on one column only: made once for each distinct value of it."""
    values = frame.select(pl.col(name)).unique().with_columns(made)
    return frame.join(values, on=name, how="left", nulls_equal=True, maintain_order="left")


def _names(frame: pl.DataFrame, config: LinkageConfig) -> pl.DataFrame:
    titles = rf"^(?:(?:{'|'.join(config.standardise.titles)})(?: |$))+"
    given = _letters(pl.col("first_name")).str.replace(titles, "").str.split(" ").list.eval(
        pl.element().filter(pl.element() != "")
    )  # fmt: skip
    no_name = list(config.standardise.not_names)
    first = given.list.get(0, null_on_oob=True)
    surname = _letters(pl.col("surname"))
    known = ~surname.str.replace_all(" ", "").is_in(no_name)
    frame = _by_value(
        frame,
        "first_name",
        pl.when(~first.is_in(no_name)).then(first).alias("first"),
        given.list.slice(1).list.join(" ").alias("_rest"),
    )
    frame = _by_value(frame, "middle_names", _letters(pl.col("middle_names")).alias("_middle"))
    frame = _by_value(frame, "surname", pl.when(known).then(surname).alias("_surname"))
    rest = pl.concat_str("_rest", "_middle", separator=" ", ignore_nulls=True).str.strip_chars()
    return frame.with_columns(
        pl.when(rest != "").then(rest).alias("middle"), pl.col("_surname").alias("surname"), _formers(frame)
    )


def _formers(frame: pl.DataFrame) -> pl.Series:
    """Former surnames; few records have any, so only those are read."""
    given = frame.select("former_surnames").with_row_index("row").filter(pl.col("former_surnames").list.len() > 0)
    cleaned = given.with_columns(
        pl.col("former_surnames").list.eval(_letters(pl.element()).drop_nulls()).alias("formers")
    )
    rows = pl.DataFrame({"row": pl.arange(frame.height, eager=True, dtype=pl.UInt32)})
    found = rows.join(cleaned.select("row", "formers"), on="row", how="left", maintain_order="left")
    return found["formers"].fill_null([])


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
        pl.col("sex").str.to_lowercase().str.extract(r"^(m|f)(?:ale|emale)?$").alias("sex"),
    ]


def _compact(name: str) -> pl.Expr:
    value = pl.col(name).str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    return pl.when(value != "").then(value)


def _address(frame: pl.DataFrame) -> pl.DataFrame:
    line = pl.col("address_line").str.to_uppercase().str.strip_chars()
    number = line.str.extract(r"^(?:(?:FLAT|APARTMENT|APT|UNIT|ROOM)\s+\w+[\s,]+)?(\d+\s?[A-Z]?)\b")
    name = line.str.split(",").list.get(0, null_on_oob=True)
    frame = _by_value(frame, "address_line", pl.coalesce(number, name).alias("_house"))
    frame = _by_value(frame, "street", _letters(pl.col("street")).str.replace_all(" ", "").alias("_street"))
    frame = _by_value(frame, "postcode", _compact("postcode").alias("_postcode"))
    house = pl.coalesce(_compact("house_number"), "_house").str.replace_all(r"[^A-Z0-9]", "")
    return frame.with_columns(
        pl.when(house != "").then(house).alias("house"),
        pl.col("_street").alias("street"),
        pl.col("_postcode").alias("postcode"),
        _compact("uprn").str.strip_chars_start("0").alias("uprn"),
    )


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
