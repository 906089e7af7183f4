"""How alike two names are written, for many pairs at once.

Put here: similarity of texts, computed once for each distinct pair. Never here: what a similarity is called or worth.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
from nicknames import NickNamer
from rapidfuzz import process
from rapidfuzz.distance import OSA, JaroWinkler

from spine.linkage.arrays import Array, Codes, Flags, Floats, Hashes, factorise, text_codes

_PREFIX = 4
_PREFIX_WEIGHT = 0.1
_ROUNDING = 1e-5
#: What is written in several ways, and the letters that stay when a name is stripped to its bones.
_SAME_SOUND = {
    "PH": "F", "CK": "K", "KH": "K", "GH": "G", "DH": "D", "TH": "T", "CH": "K", "Q": "K", "C": "K", "V": "F", "Z": "S",
}  # fmt: skip
_CONSONANTS = "BDFGHJKLMNPRSTWX"
_FEWEST_LETTERS = 3
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: How often each letter stands in a name.
_LETTERS = tuple(pl.col("text").str.count_matches(letter, literal=True).alias(letter) for letter in _ALPHABET)


class Dictionary:
    """A dictionary of names, with what bounds the similarity of two of them.

    Attributes:
        texts: the names; entry 0 is empty.
        initial: a code for each name's first letter.
        length: letters of each name.
        single: it is one letter.
        arrays: these and what else is known of each name.
    """

    def __init__(self, texts: pl.Series, arrays: dict[str, Array] | None = None) -> None:
        """Describe names; `arrays` is what was made of the first of them before (see `arrays`)."""
        self.texts = texts
        made = _describe(texts.slice(len(arrays["length"]) if arrays else 0))
        self.arrays = {k: np.concatenate([arrays[k], v]) for k, v in made.items()} if arrays else made
        self.initial, self.length = self.arrays["initial"], self.arrays["length"]
        self.single = self.length == 1
        self._sound = self.arrays["sound"]
        self._once, self._twice, self._more = (self.arrays[name] for name in ("once", "twice", "more"))
        self._nicknames, self._has_nickname = _nicknames(texts)

    def sound_alike(self, a: Array, b: Array) -> Flags:
        """Two spellings of one sound, as names written in another alphabet have (Yusuf, Youssef)."""
        one = np.take(self._sound, a)
        result: Flags = (one == np.take(self._sound, b)) & (one != 0)
        return result

    def nickname(self, a: Array, b: Array) -> Flags:
        """One is a nickname of the other, or both are of one name, by the table of the `nicknames` library."""
        possible = np.flatnonzero(np.take(self._has_nickname, a) & np.take(self._has_nickname, b) & (a != b))
        one, other = a[possible].astype(np.int64), b[possible].astype(np.int64)
        result = np.zeros(a.size, dtype=bool)
        result[possible] = np.isin(np.minimum(one, other) * self.length.size + np.maximum(one, other), self._nicknames)
        return result

    def similarity(self, a: Array, b: Array, wanted: Flags, least: float) -> npt.NDArray[np.float32]:
        """Jaro-Winkler similarity of names by their places; 0 where not wanted, or surely below `least`."""
        result = np.zeros(a.size, dtype=np.float32)
        place = np.flatnonzero(wanted)
        place = place[self._bound(a[place], b[place]) >= least]
        if not place.size:
            return result
        one, other = a[place].astype(np.int64), b[place].astype(np.int64)
        codes, where = factorise(np.minimum(one, other) * self.length.size + np.maximum(one, other))
        scores = process.cpdist(
            self.texts.gather(one[where]).to_list(),
            self.texts.gather(other[where]).to_list(),
            scorer=JaroWinkler.normalized_similarity,
            dtype=np.float32,
        )
        result[place] = scores[codes]
        return result

    def _bound(self, a: Array, b: Array) -> Floats:
        """No less than the similarity, from letters in common: Jaro counts them, Winkler adds for a common start."""
        once, twice, more, length, initial = (
            (np.take(values, a), np.take(values, b))
            for values in (self._once, self._twice, self._more, self.length, self.initial)
        )
        common = np.bitwise_count(once[0] & once[1]) + np.bitwise_count(twice[0] & twice[1])
        common = common.astype(np.float32) + np.minimum(*more)
        jaro = (common / np.maximum(length[0], 1) + common / np.maximum(length[1], 1) + 1) / 3
        start = np.where(initial[0] == initial[1], np.float32(_PREFIX * _PREFIX_WEIGHT), np.float32(0))
        bound: Floats = np.where(common > 0, jaro + start * (1 - jaro), 0) + _ROUNDING
        return bound


def one_slip(dictionary: pl.Series, a: Codes, b: Codes) -> Flags:
    """Whether one slip of the pen (a letter wrong, missing or too many, or two changed over) tells two texts apart."""
    result = np.zeros(a.size, dtype=bool)
    if not a.size:
        return result
    one, other = dictionary.gather(a), dictionary.gather(b)
    # A slip takes one sign away and brings another one: texts that differ by more need no closer look.
    place = np.flatnonzero(np.bitwise_count(_signs(one) ^ _signs(other)) <= 2)
    texts = (side.gather(place).to_list() for side in (one, other))
    result[place] = process.cpdist(*texts, scorer=OSA.distance, score_cutoff=1) <= 1
    return result


def _signs(texts: pl.Series) -> Hashes:
    """A bit for each sign that a text holds; signs share the 64 bits."""
    result, size = np.zeros(len(texts), dtype=np.uint64), texts.str.len_chars().to_numpy()
    held = np.flatnonzero(size)
    signs = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    if held.size:
        starts = np.cumsum(size[held], dtype=np.int64) - size[held]
        result[held] = np.bitwise_or.reduceat(np.uint64(1) << (signs & np.uint64(63)), starts)
    return result


@cache
def _partners() -> dict[str, frozenset[str]]:
    """By name its nicknames, the names that it is a nickname of, and the other nicknames of these."""
    found: dict[str, set[str]] = {}
    for name, nicks in NickNamer().nickname_lookup.items():
        family = {name.upper(), *(nick.upper() for nick in nicks)}
        for one in family:
            found.setdefault(one, set()).update(family - {one})
    return {name: frozenset(partners) for name, partners in found.items()}


@cache
def _listed() -> pl.Series:
    return pl.Series([*_partners()])


def _nicknames(texts: pl.Series) -> tuple[Codes, Flags]:
    """Pairs of names by their places (smaller * number of names + larger), and the names that are in any pair."""
    listed = texts.is_in(_listed().implode()).arg_true()
    code = dict(zip(texts.gather(listed), listed, strict=True))
    pairs = {
        (min(a, code[name]), max(a, code[name])) for one, a in code.items() for name in _partners()[one] & code.keys()
    }
    has_one = np.zeros(len(texts), dtype=bool)
    has_one[[place for pair in pairs for place in pair]] = True
    return np.array(sorted(one * len(texts) + other for one, other in pairs), dtype=np.int64), has_one


@cache
def _bones() -> pl.Expr:
    """The first letter and the consonants of a name, doubled ones once."""
    sound = pl.col("text").str.replace_many(_SAME_SOUND)
    bones = sound.str.head(1) + sound.str.slice(1).str.replace_all(f"[^{_CONSONANTS}]", "")
    for letter in _CONSONANTS:
        bones = bones.str.replace_all(f"{letter}{letter}+", letter)
    return bones


def _sounds(texts: pl.Series) -> Codes:
    """A code for the first letter and the consonants of each name, doubled ones once; 0 for fewer than three."""
    found = texts.to_frame("text").select(_bones()).to_series()
    return text_codes(found.set(found.str.len_chars() < _FEWEST_LETTERS, None))


def _describe(texts: pl.Series) -> dict[str, Array]:
    """What is compared of each name, one array entry each.

    `once` and `twice` have a bit for each letter that a name holds once, and twice; `more` counts its other letters:
    third ones, and those that are not A to Z.
    """
    length = texts.str.len_chars().to_numpy().astype(np.int64)
    once, twice, seen = (np.zeros(length.size, dtype=np.int64) for _ in range(3))
    table = texts.to_frame("text").select(_LETTERS)
    for bit, letter in enumerate(_ALPHABET):
        held = table[letter].to_numpy().astype(np.int64)
        once |= (held > 0).astype(np.int64) << bit
        twice |= (held > 1).astype(np.int64) << bit
        seen += np.minimum(held, 2)
    return {
        "length": length.astype(np.int32), "initial": text_codes(texts.str.head(1)), "sound": _sounds(texts),
        "once": once, "twice": twice, "more": (length - seen).astype(np.int32),
    }  # fmt: skip
