"""How alike two names are written: the short cut loses none that matters, and the tables of sounds and nicknames."""

from __future__ import annotations

from pathlib import Path

import names
import numpy as np
import polars as pl
import pytest
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from spine.linkage.similar import Dictionary, one_slip
from tests.fixtures.linkage_sets import typo


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Names of all lengths, each with a slip of the pen, and some of odd letters."""
    rng = np.random.default_rng(6)
    listed = [line.split()[0] for path in names.FILES.values() for line in Path(path).read_text().splitlines()]
    drawn = [str(name) for name in rng.choice(listed, 140, replace=False)]
    slips = [typo(rng, name.lower(), 1.0).upper() for name in drawn]
    odd = [
        "A",
        "O",
        "ANNANNA",
        "ANNANNNA",
        "AAAA",
        "AAAAAA",
        "ТИХАЯ",
        "ТИХИЙ",
        "李娜",
        "李",
        "MÜLLER",
        "PENHALLOWTREGARROW",
    ]
    return ["", *sorted({*drawn, *slips, *odd})]


@pytest.mark.parametrize("least", [0.5, 0.75, 0.78, 0.88, 0.9, 0.97])
def test_no_similar_pair_is_lost_and_none_is_made_up(texts: list[str], least: float) -> None:
    """Every pair, some 38,000 of them, against rapidfuzz itself."""
    dictionary = Dictionary(pl.Series(texts))
    a, b = np.triu_indices(len(texts), k=1)
    true = process.cpdist(
        [texts[n] for n in a], [texts[n] for n in b], scorer=JaroWinkler.normalized_similarity, dtype=np.float32
    )
    found = dictionary.similarity(a, b, np.full(a.size, True), least)
    np.testing.assert_array_equal(found[true >= least], true[true >= least])
    assert ((found == true) | (found == 0)).all()
    np.testing.assert_array_equal(dictionary.similarity(b, a, np.full(a.size, True), least), found)


def test_only_what_is_wanted_is_compared(texts: list[str]) -> None:
    dictionary = Dictionary(pl.Series(["", "ORLA", "ORLAH"]))
    found = dictionary.similarity(np.array([1, 1, 1]), np.array([2, 2, 1]), np.array([True, False, True]), 0.8)
    np.testing.assert_allclose(found, [JaroWinkler.normalized_similarity("ORLA", "ORLAH"), 0, 1], rtol=1e-6)


def pair(one: str, other: str) -> tuple[Dictionary, np.ndarray, np.ndarray]:
    dictionary = Dictionary(pl.Series(["", one, other]))
    return dictionary, np.array([1, 2]), np.array([2, 1])


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("YUSUF", "YOUSSEF", True),
        ("HUSSAIN", "HOSSEIN", True),
        ("MOHAMMED", "MUHAMMAD", True),
        ("STEPHEN", "STEVEN", True),
        ("CATHERINE", "KATHRYN", True),
        ("FATIMA", "FATMA", True),
        ("ORLA", "IRIS", False),
        ("PENHALLOW", "TREGARROW", False),
        ("TOM", "TIM", False),  # too few letters to tell
        ("李娜", "王芳", False),
        ("ТИХАЯ", "ТИХИЙ", False),
    ],
)
def test_spellings_of_one_sound(one: str, other: str, alike: bool) -> None:
    dictionary, a, b = pair(one, other)
    assert dictionary.sound_alike(a, b).tolist() == [alike, alike]


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        ("WILLIAM", "BILL", True),
        ("MARGARET", "PEGGY", True),
        ("PEGGY", "MEG", True),  # two nicknames of one name
        ("BILL", "PEGGY", False),
        ("ORLA", "IRIS", False),
        ("WILLIAM", "WILLIAMSON", False),
    ],
)
def test_nicknames(one: str, other: str, known: bool) -> None:
    dictionary, a, b = pair(one, other)
    assert dictionary.nickname(a, b).tolist() == [known, known]
    assert dictionary.nickname(a, a).tolist() == [False, False]


@pytest.mark.parametrize(
    ("other", "slip"),
    [
        ("QQ123456A", True),
        ("QQ123456B", True),
        ("QQ12346A", True),
        ("QQ1234556A", True),
        ("QQ132456A", True),
        ("QQ124356B", False),
        ("ZZ123456A", False),
    ],
)
def test_one_slip_of_the_pen(other: str, slip: bool) -> None:
    dictionary = pl.Series(["", "QQ123456A", other])
    assert one_slip(dictionary, np.array([1]), np.array([2])).tolist() == [slip]
