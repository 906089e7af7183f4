"""Errors change what they say they change, at about their rate, and are counted exactly."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from spine.synthetic.faults import (
    Faults,
    misspell,
    nickname,
    person_faults,
    swap_day_and_month,
    transliterate,
    unpunctuated,
)


def faults() -> Faults:
    return Faults(np.random.default_rng(7))


def people(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "first_name": ["William"] * rows,
            "middle_names": ["Arthur"] * rows,
            "surname": ["O'Mahony"] * rows,
            "former_surname": [None] * rows,
            "renamed_on": [None] * rows,
            "date_of_birth": [date(1980, 3, 11)] * rows,
        },
        schema_overrides={"former_surname": pl.String, "renamed_on": pl.Date},
    )


def test_a_fault_strikes_at_its_rate_and_counts_what_changed() -> None:
    log = faults()
    after = log.apply(people(20_000), "typo_surname", 0.1, {"surname": misspell("surname")})
    changed = int((after["surname"] != "O'Mahony").sum())
    assert log.counts["typo_surname"] == changed
    assert 1_600 < changed < 2_200
    assert after.columns == people(1).columns


def test_a_typo_is_one_slip() -> None:
    after = faults().apply(people(5_000), "typo", 1.0, {"surname": misspell("surname")})
    lengths = after["surname"].str.len_chars()
    assert lengths.min() >= 7
    assert lengths.max() <= 10
    assert after["surname"].str.contains("^[A-Z0]").all()


def test_a_fault_leaves_rows_that_do_not_qualify() -> None:
    frame = people(100).with_columns(former_surname=pl.when(pl.int_range(pl.len()) < 40).then(pl.lit("Maiden")))
    log = faults()
    married = pl.col("former_surname").is_not_null()
    after = log.apply(frame, "maiden_name", 1.0, {"surname": pl.col("former_surname")}, married)
    assert log.counts["maiden_name"] == 40
    assert (after["surname"] == "Maiden").sum() == 40


def test_nicknames_are_the_library_s() -> None:
    after = faults().apply(people(50), "nickname", 1.0, {"first_name": nickname()})
    assert set(after["first_name"]) <= {"Bela", "Willy"}


def test_day_and_month_swap_only_where_that_is_a_date() -> None:
    frame = pl.DataFrame({"date_of_birth": [date(1980, 3, 11), date(1980, 3, 25)]})
    assert frame.select(swap_day_and_month()).to_series().to_list() == [date(1980, 11, 3), date(1980, 3, 25)]


def test_other_spellings() -> None:
    frame = pl.DataFrame({"first_name": ["Mohammed", "Anne"], "surname": ["Smith-Jones", "D'Arcy"], "_u": [0.9, 0.1]})
    assert frame.select(transliterate("first_name")).to_series().to_list() == ["Muhammad", "Anne"]
    assert frame.select(unpunctuated()).to_series().to_list() == ["Jones", "DArcy"]


def test_each_rate_is_its_own() -> None:
    log = faults()
    after = person_faults(people(2_000), log, {"no_birth_date": 0.5, "swapped_names": 1.0})
    assert set(log.counts) == {"no_birth_date", "swapped_names"}
    assert after["first_name"].eq("O'Mahony").all()
    assert after["date_of_birth"].null_count() == log.counts["no_birth_date"]
