"""The form of a resident id: opaque, never twice, with a character that finds a slip of the pen.

Put here: how the n-th id of a store looks. Never here: who gets which id (assign), or what n is next.

An id is `R`, ten characters and a check character in Crockford's base 32 (no I, L, O, U). The ten are the serial
number after a permutation of all 50-bit numbers (Luby and Rackoff 1988: a Feistel network is a permutation whatever
its round function is), so no two serials share an id, and nothing of an id tells when it was minted. The permutation
hangs on the store's seed. An id is no pseudonym: whoever has the seed can turn it back into its serial number.
The check character is Luhn's, modulo 32: it finds every single wrong character.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

#: Crockford's base 32.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PATTERN: Final = rf"R[{ALPHABET}]{{11}}"
_LENGTH = 10
_HALF = 25
_MASK = np.uint64((1 << _HALF) - 1)
_ROUNDS = 6
_BASE = len(ALPHABET)
_Numbers = npt.NDArray[np.uint64]


def seed_of(record_ids: pl.Series) -> str:
    """The seed of a store, from the records of its first run: equal for equal records in any order.

    Args:
        record_ids: n texts, none null.
    """
    return hashlib.sha256("\n".join(record_ids.sort().to_list()).encode()).hexdigest()


def resident_ids(seed: str, first: int, count: int) -> pl.Series:
    """The ids of the serial numbers `first` to `first + count - 1`, in that order.

    Args:
        seed: of the store.
        first: 1 for the first id of a store.
    """
    numbers = _permuted(np.arange(first, first + count, dtype=np.uint64), seed)
    shifts = np.arange(5 * (_LENGTH - 1), -1, -5, dtype=np.uint64)
    digits = ((numbers[:, None] >> shifts) & np.uint64(_BASE - 1)).astype(np.int64)
    letters = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
    text = np.empty((count, _LENGTH + 2), dtype=np.uint8)
    text[:, 0] = ord("R")
    text[:, 1:-1] = letters[digits]
    text[:, -1] = letters[_check(digits)]
    names = text.view(f"S{_LENGTH + 2}").ravel().astype(str)
    return pl.Series("resident_id", names.tolist(), dtype=pl.String)


def is_resident_id(text: str) -> bool:
    """Whether a text has the form of a resident id and its check character is right."""
    if re.fullmatch(PATTERN, text) is None:
        return False
    digits = np.array([[ALPHABET.index(letter) for letter in text[1:-1]]])
    return ALPHABET[int(_check(digits)[0])] == text[-1]


def _permuted(numbers: _Numbers, seed: str) -> _Numbers:
    """Each 50-bit number's place in the permutation of the seed."""
    left, right = numbers >> np.uint64(_HALF), numbers & _MASK
    for turn in range(_ROUNDS):
        key = np.frombuffer(hashlib.sha256(f"{seed}|{turn}".encode()).digest()[:8], dtype="<u8")
        left, right = right, left ^ (_mixed(right + key) & _MASK)
    return (left << np.uint64(_HALF)) | right


def _mixed(values: _Numbers) -> _Numbers:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), which spreads every bit over all others."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _check(digits: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Luhn's check digit, modulo 32: every other digit counts double, from the right."""
    doubled = digits.copy()
    doubled[:, ::-1][:, ::2] *= 2
    total = (doubled // _BASE + doubled % _BASE).sum(axis=1)
    remainder: npt.NDArray[np.int64] = (-total) % _BASE
    return remainder
