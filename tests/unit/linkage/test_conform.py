"""Before stage 1: the columns of any frame, and what is refused without a value being told."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from spine.errors import PipelineError
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import as_dates, as_flags, as_lists, as_text, conform
from spine.linkage.encode import encode


@pytest.mark.parametrize("ids", [["a", "a"], ["a", None], ["a", " "], ["a ", "a"]])
def test_record_ids_must_be_unique(ids: list[str | None]) -> None:
    with pytest.raises(PipelineError, match="record_id"):
        conform(pl.DataFrame({"record_id": ids}))


def test_a_frame_without_ids_or_without_a_column_asked_for_is_refused() -> None:
    with pytest.raises(PipelineError, match="no column record_id"):
        conform(pl.DataFrame({"surname": ["Penhallow"]}))
    with pytest.raises(PipelineError, match="further columns asked for: trade"):
        conform(pl.DataFrame({"record_id": ["a"]}), ("trade",))


@pytest.mark.parametrize(
    ("column", "value"),
    [("date_of_birth", ["zebra"]), ("first_name", ["zebra"]), ("former_surnames", [["zebra"]]), ("uprn", ["zebra"])],
)
def test_an_unusable_type_is_reported_without_the_value(config: LinkageConfig, column: str, value: object) -> None:
    with pytest.raises(PipelineError, match=column) as caught:
        encode(conform(pl.DataFrame({"record_id": ["a"], column: [value]})), config)
    assert "zebra" not in str(caught.value)


@pytest.mark.parametrize("column", ["source", "first_name", "nhs_number", "uprn", "phone", "email", "postcode"])
def test_text_of_few_values_is_text(config: LinkageConfig, column: str) -> None:
    """Parquet files of other tools hold such text as dictionaries."""
    text = pl.DataFrame({"record_id": ["a", "b"], column: ["zebra 1", None]})
    coded = text.with_columns(pl.col(column).cast(pl.Categorical))
    one, other = (encode(conform(frame), config) for frame in (text, coded))
    for name, values in one.codes.items():
        assert values.tolist() == other.codes[name].tolist(), name


@pytest.mark.parametrize("column", ["first_name", "nhs_number", "date_of_birth"])
def test_bytes_that_are_no_text_are_reported_without_their_value(config: LinkageConfig, column: str) -> None:
    with pytest.raises(PipelineError) as caught:
        encode(conform(pl.DataFrame({"record_id": ["a"], column: [b"zebra\xff"]})), config)
    assert "zebra" not in str(caught.value)


def test_a_table_that_cannot_be_read_is_reported_without_its_values() -> None:
    frame = pl.LazyFrame({"record_id": ["zebra"]}).with_columns(pl.col("record_id").cast(pl.Int64).cast(pl.String))
    with pytest.raises(PipelineError, match="cannot be read") as caught:
        conform(frame)
    assert "zebra" not in str(caught.value)


def test_columns_come_in_order_of_the_ids_and_missing_ones_are_null() -> None:
    records = conform(
        pl.LazyFrame({"record_id": ["b", "a"], "surname": ["Tregarrow", "Penhallow"], "email": [None] * 2})
    )
    assert records.ids.to_list() == ["a", "b"]
    assert records.column("surname").to_list() == ["Penhallow", "Tregarrow"]
    assert records.column("date_of_birth").to_list() == [None, None]
    assert [records.has(name) for name in ("surname", "email", "phone")] == [True, False, False]


def test_numbers_and_blanks_as_text() -> None:
    assert as_text(pl.Series([12.0, 1.5, None, float("nan")])).to_list() == ["12", "1.5", None, None]
    assert as_text(pl.Series([" a ", "", "  ", None])).to_list() == ["a", None, None, None]


@pytest.mark.parametrize(
    "text",
    ["1984-07-09", "09/07/1984", "19840709", "09-07-1984", "09.07.1984", "1984/07/09", "1984-07-09T00:00:00",
     " 1984-07-09 "],
)  # fmt: skip
def test_dates_in_many_forms(text: str) -> None:
    assert as_dates(pl.Series([text])).to_list() == [date(1984, 7, 9)]


def test_what_is_no_date() -> None:
    assert as_dates(pl.Series(["1984-02-30", "1984", "July", "", None])).to_list() == [None] * 5
    assert as_dates(pl.Series([datetime(1984, 7, 9, 13)])).to_list() == [date(1984, 7, 9)]


def test_flags_and_lists_as_text() -> None:
    assert as_flags(pl.Series(["Yes", "true", "1", "0", "no", None])).to_list() == [True] * 3 + [False] * 3
    assert as_flags(pl.Series([True, None])).to_list() == [True, False]
    assert as_lists(pl.Series(["a; b|c", None])).to_list() == [["a", "b", "c"], None]
    assert as_lists(pl.Series([["a"], None])).to_list() == [["a"], None]
    assert as_lists(pl.Series([None, None])).dtype == pl.List(pl.String)
