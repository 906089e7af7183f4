"""Work on several threads: the same results in the same order, and none where it would cost more than it gives."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from spine.linkage import link, parallel

Region = Callable[[int], tuple[pl.DataFrame, pl.DataFrame]]
MANY = 1_000_000


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel.pl, "thread_pool_size", lambda: 3)


def thread_of(_: object) -> int:
    return threading.get_ident()


@pytest.mark.usefixtures("three")
def test_results_come_in_the_order_of_the_things() -> None:
    assert parallel.each(lambda n: n * n, range(9), MANY) == [n * n for n in range(9)]
    assert parallel.both(lambda: "one", lambda: "other", MANY) == ("one", "other")
    rows = np.zeros(MANY, dtype=np.int8)

    def count(some: slice) -> None:
        rows[some] += 1

    parallel.by_rows(count, MANY)
    assert (rows == 1).all()


@pytest.mark.usefixtures("three")
def test_few_rows_and_a_thread_of_several_start_no_thread() -> None:
    here = threading.get_ident()
    assert parallel.each(thread_of, range(4), 10) == [here] * 4
    assert parallel.both(threading.get_ident, threading.get_ident, 10) == (here, here)
    for own, others in parallel.each(
        lambda n: (thread_of(n), parallel.each(thread_of, range(4), MANY)), range(4), MANY
    ):
        assert own != here
        assert others == [own] * 4


def test_one_thread_is_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel.pl, "thread_pool_size", lambda: 1)
    assert parallel.each(thread_of, range(4), MANY) == [threading.get_ident()] * 4


@pytest.mark.usefixtures("three")
def test_a_fault_in_a_thread_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        parallel.each(lambda n: 1 // n, (2, 1, 0), MANY)


@pytest.mark.usefixtures("three")
def test_threads_change_no_result(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = link(region(200)[0])
    monkeypatch.setattr(parallel, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(parallel, "ROWS", 50)
    spread = link(region(200)[0])
    assert spread.clusters.equals(alone.clusters)
    assert spread.links.equals(alone.links)
    assert (spread.model, spread.report) == (alone.model, alone.report)
