"""What holds for any records at all: order, ids, words in any script, overrides.

The number of threads is in test_link. Examples are derived from the tests themselves, so a run repeats the last one.
"""

from __future__ import annotations

import json
from datetime import date
from io import BytesIO
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from spine.errors import PipelineError
from spine.linkage import LinkageResult, link, load_config
from spine.linkage.conform import INPUT

#: No shrinking: it takes minutes, and the examples are small.
few = settings(max_examples=8, deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))
CONFIG = load_config()

#: Few values, so that records meet; each may be missing.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "source": st.sampled_from(["a__b", "c__d", None]),
    "first_name": st.sampled_from(["Orla", "Orlah", "O", "Iris", "Penhallow", "Mrs Orla", None]),
    "middle_names": st.sampled_from(["Jane", None, None]),
    "surname": st.sampled_from(["Penhallow", "Penhalow", "Tregarrow", "Penhallow-Tregarrow", "Orla", None]),
    "date_of_birth": st.sampled_from([date(1951, 2, 3), date(1951, 3, 2), date(1951, 1, 1), date(1979, 8, 21), None]),
    "sex": st.sampled_from(["female", "male", None]),
    "nhs_number": st.sampled_from(["9990000018", "9990000026", None, None]),
    "nhs_number_status": st.sampled_from(["01", "02", None]),
    "house_number": st.sampled_from(["1", "2", None]),
    "street": st.sampled_from(["Quay Road", None]),
    "postcode": st.sampled_from(["WX1 1AA", "WX9 9ZZ", "ZZ99 3VZ", None]),
    "phone": st.sampled_from(["07700900123", None, None]),
    "is_restricted": st.sampled_from([False, False, False, True, None]),
}
TEXT = [name for name, dtype in INPUT.items() if dtype == pl.String() and name != "record_id"]
LISTS = [name for name, dtype in INPUT.items() if dtype == pl.List(pl.String)]

#: Any character but surrogates; then those that break things: controls, right to left, marks alone, wide, long.
any_text = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
odd_text = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\x1b[31m",
        "\u202eOlra\u202c",
        "محمد الأحمد",
        "יוסף",
        "\u0301\u0308",
        "Zoe\u0308",
        "\ufb03n",
        "🧑‍🍼",
        "李娜",
        "İıſß",
        "\ufeffOrla",
        "O'" * 3000,
        "-",
        "%s {0} \\1 $1",
        "1951-02-30",
        "9" * 400,
        "\u200b",
    ]
)


def numbered(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: INPUT[name] for name in ("record_id", *VALUES)}
    return pl.DataFrame([{"record_id": f"r{n:02d}", **row} for n, row in enumerate(rows)], schema=schema)


records = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=12).map(numbered)


def partition(result: LinkageResult) -> set[frozenset[str]]:
    groups = result.clusters.group_by("cluster_id").agg("record_id")["record_id"]
    return {frozenset(group) for group in groups}


def written(result: LinkageResult) -> list[bytes | str]:
    """Everything that a run gives, as the bytes that are written."""
    parts: list[bytes | str] = [json.dumps([result.model, result.report])]
    for frame in (result.clusters, result.links):
        buffer = BytesIO()
        frame.write_parquet(buffer)
        parts.append(buffer.getvalue())
    return parts


@few
@given(records, st.randoms(use_true_random=False), st.integers(1, 11))
def test_neither_order_nor_frames_nor_ids_nor_a_second_time_change_anything(
    frame: pl.DataFrame, random: Any, place: int
) -> None:
    result = link(frame, CONFIG)
    clusters = result.clusters
    assert clusters["record_id"].to_list() == sorted(frame["record_id"]), "every record is in exactly one cluster"
    assert clusters.filter(pl.col("cluster_id") != pl.col("record_id").min().over("cluster_id")).is_empty()
    assert written(link(frame, CONFIG)) == written(result), "linking twice gives the same bytes"

    order = list(range(frame.height))
    random.shuffle(order)
    assert written(link(frame[order], CONFIG)) == written(result), "the order of records changes no byte"

    parts = [part.select(s for s in part if s.null_count() < part.height) for part in (frame[place:], frame[:place])]
    assert partition(link(pl.concat(parts, how="diagonal"), CONFIG)) == partition(result), "several frames are one"

    ids, rows = frame["record_id"].to_list(), frame.drop("record_id").rows()
    others = [f"{chr(random.randrange(97, 123))}{n}" for n in range(len(ids))]
    renamed = partition(link(frame.with_columns(pl.Series("record_id", others)), CONFIG))
    assert contents(renamed, dict(zip(others, rows, strict=True))) == contents(
        partition(result), dict(zip(ids, rows, strict=True))
    ), "ids change no cluster"


def contents(clusters: set[frozenset[str]], rows: dict[str, Any]) -> list[list[str]]:
    """Clusters as what their records hold: two equal records may change places."""
    return sorted(sorted(repr(rows[record]) for record in cluster) for cluster in clusters)


@few
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(TEXT, any_text | odd_text)), min_size=1, max_size=4))
def test_no_text_is_refused(rows: list[dict[str, str | None]]) -> None:
    frame = pl.DataFrame(
        [{"record_id": f"{n}", **row} for n, row in enumerate(rows)], schema_overrides=dict.fromkeys(TEXT, pl.String)
    )
    assert link(frame, CONFIG).clusters.height == len(rows)


@few
@given(st.lists(st.lists(any_text | odd_text, max_size=3) | st.none(), min_size=2, max_size=2), any_text | odd_text)
def test_no_list_or_date_or_id_as_text_is_refused(values: list[list[str | None] | None], text: str | None) -> None:
    ids = [f"a{text}", f"b{text}"]
    lists = {name: pl.Series(values, dtype=pl.List(pl.String)) for name in LISTS}
    dates = dict.fromkeys(
        ("date_of_birth", "date_of_death", "address_from", "address_to"),
        pl.Series([text, "1951-02-03"], dtype=pl.String),
    )
    assert (
        link(pl.DataFrame({"record_id": ids, "first_name": [text, text], **lists, **dates}), CONFIG).clusters.height
        == 2
    )


pairs = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from(["must_link", "cannot_link", "cannot_link"])),
    min_size=1,
    max_size=5,
)


@few
@given(st.lists(st.fixed_dictionaries(VALUES), min_size=8, max_size=8).map(numbered), pairs)
def test_overrides_hold_or_contradict_each_other(frame: pl.DataFrame, chosen: list[tuple[int, int, str]]) -> None:
    rows = [(f"r{a:02d}", f"r{b:02d}", decision) for a, b, decision in chosen if a != b]
    overrides = pl.DataFrame(
        rows, schema=dict.fromkeys(("left_record_id", "right_record_id", "decision"), pl.String), orient="row"
    )
    together = components([(a, b) for a, b, decision in rows if decision == "must_link"])
    if any(decision == "cannot_link" and together.get(a, a) == together.get(b, b) for a, b, decision in rows):
        with pytest.raises(PipelineError):
            link(frame, CONFIG, overrides=overrides)
        return
    cluster: dict[str, str] = dict(
        link(frame, CONFIG, overrides=overrides).clusters.select("record_id", "cluster_id").rows()
    )
    for a, b, decision in rows:
        assert (cluster[a] == cluster[b]) == (decision == "must_link"), decision


def components(joined: list[tuple[str, str]]) -> dict[str, str]:
    label: dict[str, str] = {}
    for a, b in joined:
        one, other = label.setdefault(a, a), label.setdefault(b, b)
        label = {record: one if name == other else name for record, name in label.items()}
    return label
