"""Stage 1: values in one form, and values that are no evidence set to null.

Put here: cleaning that holds for any source; each function takes the distinct values of a column, so that
a name is cleaned once however many records hold it. Never here: rules for one layout (dbt staging does
those).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.linkage.arrays import Codes, text_codes
from spine.linkage.config import Standardise
from spine.linkage.conform import as_dates, as_text

#: Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = {"ß": "SS", "Ø": "O", "Ł": "L", "Æ": "AE", "Œ": "OE", "Đ": "D", "Ð": "D", "Þ": "TH", "İ": "I", "ı": "I"}
#: Accents, vowel points of Hebrew and Arabic, apostrophes and stops. The vowel signs of other scripts are letters.
_SILENT = r"[\x{0300}-\x{036F}\x{0591}-\x{05C7}\x{064B}-\x{065F}'’‘`´ʼ.]"
_PLAIN = r"^[A-Z]+$"
_ZIP_PLUS_4 = r"^(\d{5})\d{4}$"
_UNIT = r"^(?:(?:FLAT|APARTMENT|APT|UNIT|ROOM)\s+\w+[\s,]+|\d+[A-Z]?\s?/\s?)"
_FIRST_PART = r"^([^,]*)"
_NUMBER_FIRST = r"^(\d+\s?[A-Z]?)\b"
_NUMBER_LAST = r"^(.*?\D)\s(\d+\s?[A-Z]?)$"
_STREET_AFTER = r"^\d+\s?[A-Z]?\b[\s,]*([^,\d]+)"
_STREETS = {
    r"\bST": "STREET", r"\bRD": "ROAD", r"\b(?:AVE|AV)": "AVENUE", r"\bLN": "LANE", r"\bDR": "DRIVE",
    r"\bCL": "CLOSE", r"\bCT": "COURT", r"\bPL": "PLACE", r"\bCRES": "CRESCENT", r"\bBLVD": "BOULEVARD",
    r"STR": "STRASSE",
}  # fmt: skip
_PHONE_DIGITS = 10**10
_SHORTEST_PHONE = 10**6


def letters(values: pl.Series) -> pl.Series:
    """Upper-case words of letters with single spaces, accents removed; null where nothing is left."""
    upper = as_text(values).str.to_uppercase()
    odd = ~upper.str.contains(_PLAIN)
    if odd.any():
        text = upper.filter(odd).str.replace_many(_LETTERS).str.normalize("NFKD")
        words = text.str.replace_all(_SILENT, "").str.replace_all(r"[^\p{L}\p{M}]+", " ").str.strip_chars()
        upper = upper.scatter(odd.arg_true(), words.set(words == "", None))
    return upper


def given_names(values: pl.Series, settings: Standardise) -> tuple[pl.Series, pl.Series]:
    """First forename, and the other forenames that stand with it; titles and words that are no name removed."""
    titles = rf"^(?:(?:{'|'.join(settings.titles)})(?: |$))+"
    words = letters(values).str.replace(titles, "")
    first, rest = words.str.extract(r"^(\S+)"), words.str.extract(r"^\S+ (.+)$")
    no_name = first.is_in(list(settings.not_names)) | words.str.replace_all(" ", "").is_in(list(settings.not_names))
    no_name = no_name.fill_null(False)
    return first.set(no_name, None), rest.set(no_name, None)


def surnames(values: pl.Series, settings: Standardise) -> pl.Series:
    """Surnames as words; words that are no name removed."""
    words = letters(values)
    return words.set(words.str.replace_all(" ", "").is_in(list(settings.not_names)), None)


def births(values: pl.Series, settings: Standardise) -> Codes:
    """Dates of birth as YYYYMMDD, with zeros where the day, or month and day, are not known; 0 for none."""
    dates = as_dates(values)
    dates = dates.set(dates.is_in(list(settings.dummy_dates_of_birth)), None)
    whole = dates.dt.year().cast(pl.Int64) * 10_000 + dates.dt.month().cast(pl.Int64) * 100 + dates.dt.day()
    codes: Codes = whole.cast(pl.Int64).fill_null(0).to_numpy()
    return codes if values.dtype.is_temporal() else np.where(codes > 0, codes, partial_births(values))


def partial_births(values: pl.Series) -> Codes:
    """What is known of dates that are not whole (YYYY or YYYY-MM), as for `births`."""
    parts = as_text(values).str.extract_groups(r"^(?<year>\d{4})(?:-(?<month>0[1-9]|1[0-2]))?$").struct.unnest()
    year, month = (parts[name].cast(pl.Int64).fill_null(0).to_numpy() for name in ("year", "month"))
    codes: Codes = year * 10_000 + month * 100
    return codes


def sexes(values: pl.Series) -> npt.NDArray[np.int8]:
    """1 female, 2 male, else 0."""
    word = as_text(values).str.to_lowercase().str.extract(r"^(m|f)(?:ale|emale)?$")
    return word.replace_strict({"f": 1, "m": 2}, default=0, return_dtype=pl.Int8).to_numpy()


def compact(values: pl.Series) -> pl.Series:
    """Upper-case letters and digits alone; null where nothing is left."""
    text = as_text(values).str.to_uppercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return text.set(text == "", None)


def postcodes(values: pl.Series, settings: Standardise) -> pl.Series:
    """Postcodes without spaces (of a ZIP+4 code the first five digits); those that stand for no place removed."""
    text = compact(values).str.replace(_ZIP_PLUS_4, "$1")
    return text.set(text.str.contains(f"^(?:{'|'.join(settings.pseudo_postcodes)})"), None)


def houses(lines: pl.Series) -> pl.Series:
    """The house number at the head of an address line, or at the end of its first part, or the house's name there."""
    line = as_text(lines).str.to_uppercase().str.replace(_UNIT, "")
    name = line.str.extract(_FIRST_PART)
    number = line.str.extract(_NUMBER_FIRST)
    number = number.zip_with(number.is_not_null(), name.str.extract(_NUMBER_LAST, 2))
    return compact(number.zip_with(number.is_not_null(), name))


def streets_in_lines(lines: pl.Series) -> pl.Series:
    """The street that stands with the house number in an address line; null where no number does."""
    line = as_text(lines).str.to_uppercase().str.replace(_UNIT, "")
    before = line.str.extract(_FIRST_PART).str.extract(_NUMBER_LAST, 1)
    after = line.str.extract(_STREET_AFTER)
    return streets(after.zip_with(after.is_not_null(), before))


def streets(values: pl.Series) -> pl.Series:
    """Street names as letters without spaces; usual short forms at their end written out."""
    words = pl.col("words")
    for short, long in _STREETS.items():
        words = words.str.replace(f"{short}$", long)
    street = words.str.replace_all(" ", "").alias(values.name)
    return letters(values).to_frame("words").select(street).to_series()


def extras(values: pl.Series) -> pl.Series:
    """A further column as upper-case text with single spaces."""
    text = as_text(values).str.to_uppercase().str.replace_all(r"\s+", " ")
    return text.set(text == "", None)


def phones(values: pl.Series) -> Codes:
    """The last ten digits of a telephone number; 0 where fewer than seven."""
    digits = _whole(values)
    odd = digits.is_null() & values.is_not_null()
    if odd.any():
        cleaned = as_text(values.filter(odd)).str.replace_all(r"\D", "").str.tail(18)
        digits = digits.scatter(odd.arg_true(), cleaned.cast(pl.Int64, strict=False))
    numbers = np.abs(digits.fill_null(0).to_numpy())
    ending: Codes = numbers % _PHONE_DIGITS
    return np.where(numbers >= _SHORTEST_PHONE, ending, 0)


def emails(values: pl.Series) -> Codes:
    """Codes of e-mail addresses in lower case; 0 for what has no @."""
    text = as_text(values).str.to_lowercase()
    return text_codes(text.set(~text.str.contains("@", literal=True), None))


def _whole(values: pl.Series) -> pl.Series:
    """Text of digits as integers; null for all else."""
    return (as_text(values) if values.dtype.is_nested() else values).cast(pl.Int64, strict=False)


def digits_or_text(values: pl.Series) -> Codes:
    """Numbers as integers, leading zeros removed; other text as a code of its letters and digits; 0 for none."""
    digits = _whole(values)
    odd = digits.is_null() & values.is_not_null()
    codes: Codes = np.maximum(digits.fill_null(0).to_numpy(), 0)
    if odd.any():
        text = compact(as_text(values.filter(odd)).str.replace(r"\.0+$", ""))
        number = _whole(text)
        codes = codes.copy()
        codes[odd.arg_true().to_numpy()] = np.where(
            number.is_not_null().to_numpy(), number.fill_null(0).to_numpy(), text_codes(text)
        )
    return codes
