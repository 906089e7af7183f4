"""First names and surnames as codes, with how often each is borne and what else it is written as.

Put here: the tables of names, the spellings and the nicknames of a name. Never here: who bears a name (people) or
when another spelling is written (errors).

The head of the British lists and all other lists are our own (names_lists); the long tail comes from the package
`names` (US census frequencies), nicknames from the package `nicknames`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np
import polars as pl

from benchmarks.truth import names_lists as lists
from benchmarks.truth.draws import Draws, Floats, Integers

#: The groups of the population whose names come from lists of their own, and their shares.
GROUPS = ("british", "muslim", "indian", "polish", "african")
SHARES = np.array([0.76, 0.09, 0.05, 0.05, 0.05])

#: Spellings of a name: the first is the common one.
_SPELLINGS = np.array([0.55, 0.25, 0.12, 0.08])
#: The share of a British name that comes from the census list, and how far down that list goes.
_TAIL_FIRST, _TAIL_LAST, _TAIL_LENGTH = 0.30, 0.62, 40_000


@dataclass
class Table:
    """Names by code; `others` are the further writings of a name."""

    names: list[str] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    spellings: dict[int, list[int]] = field(default_factory=dict)

    def code(self, name: str) -> int:
        """The code of a name, made where it is new."""
        if name not in self.codes:
            self.codes[name] = len(self.names)
            self.names.append(name)
        return self.codes[name]

    def ranked(self, text: str) -> tuple[Integers, Floats]:
        """Codes and weights of a list: the weight falls with the rank and is shared among the spellings."""
        codes: list[int] = []
        weights: list[float] = []
        for rank, word in enumerate(text.split()):
            family = [self.code(name) for name in word.split("/")]
            shares = _SPELLINGS[: len(family)] / _SPELLINGS[: len(family)].sum()
            codes += family
            weights += [float(share) / (rank + 6) for share in shares]
            for code in family:
                known = self.spellings.setdefault(code, [])
                known += [other for other in family if other != code and other not in known]
        return np.array(codes), np.array(weights)

    def census(self, kind: str) -> tuple[Integers, Floats]:
        """Codes and weights of a list of the package `names`."""
        lines = files("names").joinpath(f"dist.{kind}").read_text().splitlines()
        kept = [line.split() for line in lines[:_TAIL_LENGTH]]
        return np.array([self.code(row[0]) for row in kept]), np.array([float(row[1]) + 2e-4 for row in kept])

    def series(self) -> pl.Series:
        """The names in the order of their codes."""
        return pl.Series(self.names, dtype=pl.String)


@dataclass(frozen=True)
class Choice:
    """A list to draw from."""

    codes: Integers
    weights: Floats

    def draw(self, draws: Draws, label: str, count: int) -> Integers:
        """Codes, each as often as its weight says."""
        return self.codes[draws.pick(label, count, self.weights)]


@dataclass(frozen=True)
class Alternatives:
    """For each code its other writings, one after the other in `flat`."""

    start: Integers
    count: Integers
    flat: Integers

    def draw(self, draws: Draws, label: str, codes: Integers) -> Integers:
        """Another writing of each name, or the name itself where there is none."""
        counts = self.count[codes]
        at = self.start[codes] + draws.below(label, len(codes), np.maximum(counts, 1))
        return np.where(counts > 0, self.flat[at.clip(max=max(len(self.flat) - 1, 0))], codes)


@dataclass(frozen=True)
class Names:
    """All that the population is named from."""

    first: pl.Series
    last: pl.Series
    first_of: dict[tuple[str, str, int], Choice]
    last_of: dict[str, Choice]
    first_spellings: Alternatives
    last_spellings: Alternatives
    nicknames: Alternatives
    feminine: Integers


def load_names() -> Names:
    """Read the lists. Deterministic for given versions of the packages `names` and `nicknames`."""
    first, last = Table(), Table()
    first_of: dict[tuple[str, str, int], Choice] = {}
    census = {"F": first.census("female.first"), "M": first.census("male.first")}
    others = {
        "muslim": lists.MUSLIM_FIRST,
        "indian": lists.INDIAN_FIRST,
        "polish": lists.POLISH_FIRST,
        "african": lists.AFRICAN_FIRST,
    }
    for sex in "FM":
        for era in range(3):
            head = first.ranked(lists.BRITISH_FIRST[sex, era])
            first_of["british", sex, era] = _mixed(head, census[sex], _TAIL_FIRST)
            for group, by_sex in others.items():
                first_of[group, sex, era] = Choice(*first.ranked(by_sex[sex]))
    last_of = {"british": _mixed(last.ranked(lists.BRITISH_LAST), last.census("all.last"), _TAIL_LAST)}
    written = {"muslim": lists.MUSLIM_LAST, "indian": lists.INDIAN_LAST, "african": lists.AFRICAN_LAST}
    for group, text in {**written, "polish": lists.POLISH_LAST}.items():
        last_of[group] = Choice(*last.ranked(text))
    nicknames = _nicknames(first)
    feminine = _feminine(last)
    return Names(
        first.series(), last.series(), first_of, last_of,
        _alternatives(first.spellings, len(first.names)), _alternatives(last.spellings, len(last.names)),
        _alternatives(nicknames, len(first.names)), feminine,
    )  # fmt: skip


def _mixed(head: tuple[Integers, Floats], tail: tuple[Integers, Floats], share: float) -> Choice:
    weights = np.concatenate([head[1] / head[1].sum() * (1 - share), tail[1] / tail[1].sum() * share])
    return Choice(np.concatenate([head[0], tail[0]]), weights)


def _nicknames(table: Table) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    text = files("nicknames").joinpath("names.csv").read_text().splitlines()
    for row in csv.DictReader(text):
        name, short = row["name1"].upper(), row["name2"].upper()
        if name in table.codes and short.isalpha() and len(short) > 1 and short != name:
            known = found.setdefault(table.codes[name], [])
            if len(known) < 4:
                known.append(table.code(short))
    return found


def _feminine(table: Table) -> Integers:
    """The surname that a woman bears for each surname: Kowalska for Kowalski, Kaur for Singh."""
    ends = {"SKI": "SKA", "CKI": "CKA"}
    forms = {name: name[:-3] + ends[name[-3:]] for name in lists.POLISH_LAST.split() if name[-3:] in ends}
    forms |= {"SINGH": "KAUR"}
    changed = {table.code(name): table.code(form) for name, form in forms.items()}
    result = np.arange(len(table.names))
    result[list(changed)] = list(changed.values())
    return result


def _alternatives(others: dict[int, list[int]], size: int) -> Alternatives:
    counts = np.zeros(size, dtype=np.int64)
    for code, codes in others.items():
        counts[code] = len(codes)
    flat = [other for code in sorted(others) for other in others[code]]
    return Alternatives(np.cumsum(counts) - counts, counts, np.array(flat or [0], dtype=np.int64))
