"""The form of resident ids."""

from __future__ import annotations

import polars as pl

from spine.identity.ids import ALPHABET, is_resident_id, resident_ids, seed_of

SEED = seed_of(pl.Series(["b", "a"]))


def test_ids_are_of_one_form_never_twice_and_the_same_each_time() -> None:
    ids = resident_ids(SEED, 1, 100_000)
    assert ids.n_unique() == ids.len()
    assert all(is_resident_id(name) for name in ids[:200])
    assert ids[500:600].equals(resident_ids(SEED, 501, 100))
    assert resident_ids(SEED, 1, 0).is_empty()


def test_an_id_does_not_tell_when_it_was_minted() -> None:
    ids = resident_ids(SEED, 1, 20_000).to_frame().with_row_index("serial")
    ranks = ids.select(pl.corr("serial", pl.col("resident_id").rank())).item()
    assert abs(ranks) < 0.03
    assert pl.Series(ids["resident_id"].str.slice(1, 2)).n_unique() == len(ALPHABET) ** 2


def test_the_seed_is_of_the_records_in_any_order() -> None:
    assert seed_of(pl.Series(["a", "b"])) == SEED
    other = resident_ids(seed_of(pl.Series(["a", "c"])), 1, 1000)
    assert not other.is_in(resident_ids(SEED, 1, 1000).implode()).any()


def test_every_wrong_character_is_found() -> None:
    [right] = resident_ids(SEED, 7, 1)
    assert is_resident_id(right)
    wrong = [right[:at] + other + right[at + 1 :] for at in range(1, 12) for other in ALPHABET if other != right[at]]
    assert not any(map(is_resident_id, wrong))
    assert not any(map(is_resident_id, ("", "R", right[:-1], right.lower(), right + "0", "X" + right[1:])))
