"""How records go wrong: each kind of error as one column rule, drawn at a rate and counted.

Put here: errors that several sources make. Never here: a supplier's way of writing a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import numpy as np
import polars as pl
from nicknames import NickNamer

from spine.synthetic.draws import chance
from spine.synthetic.name_lists import vocabulary

_NEIGHBOURS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioiosdfghjkjkxcvbnmn", strict=True))
_LOOKALIKES = {
    "m": "rn",
    "l": "1",
    "o": "0",
    "i": "l",
    "e": "c",
    "u": "v",
    "n": "ri",
    "h": "b",
    "a": "o",
    "s": "5",
    "t": "f",
    "g": "q",
}
_TRANSLITERATIONS = {
    "Mohammed": "Muhammad",
    "Muhammad": "Mohammad",
    "Mohamed": "Mohammed",
    "Yusuf": "Youssef",
    "Youssef": "Yusuf",
    "Hussain": "Hussein",
    "Hussein": "Hussain",
    "Ahmed": "Ahmad",
    "Aisha": "Ayesha",
    "Fatima": "Fatema",
    "Zainab": "Zaynab",
    "Chowdhury": "Choudhury",
    "Chaudhry": "Choudhary",
    "Layla": "Leila",
    "Maryam": "Mariam",
    "Abdullah": "Abdallah",
    "Ibrahim": "Ebrahim",
    "Usman": "Osman",
    "Siddiqui": "Siddiqi",
    "Qureshi": "Kureshi",
    "Zhang": "Chang",
    "Xu": "Hsu",
    "Cheung": "Zhang",
    "Al-Hassan": "Alhassan",
    "El-Sayed": "Elsayed",
}
_LETTERS = {
    "ą": "a",
    "ć": "c",
    "ę": "e",
    "ł": "l",
    "ń": "n",
    "ś": "s",
    "ź": "z",
    "ż": "z",
    "č": "c",
    "ď": "d",
    "ě": "e",
    "ň": "n",
    "ř": "r",
    "ť": "t",
    "ů": "u",
    "š": "s",
    "ž": "z",
}
#: Letters that the code page 1252 lacks, and what clerks write for them.
FOLDED_LETTERS = {**_LETTERS, **{key.upper(): value.upper() for key, value in _LETTERS.items()}}
_DUMMY_BIRTH_DATES = (date(1900, 1, 1), date(1901, 1, 1), date(1900, 1, 1), date(1911, 11, 11))


@dataclass
class Faults:
    """Applies errors to one source's records and counts what changed.

    Attributes:
        rng: the source's own stream.
        counts: rows changed, by kind of error.
    """

    rng: np.random.Generator
    counts: Counter[str] = field(default_factory=Counter)

    def apply(
        self, frame: pl.DataFrame, fault: str, rate: float, changes: Mapping[str, pl.Expr], where: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Replace columns in about `rate` of the rows that satisfy `where`.

        The expressions may use `_u` and `_v`, two uniform draws per row. A row counts where a column
        differs afterwards.
        """
        hit = np.flatnonzero(chance(self.rng, frame.height, rate))
        draws = {name: self.rng.random(frame.height)[hit] for name in ("_u", "_v")}
        before = frame[hit].with_columns(pl.Series(name, drawn) for name, drawn in draws.items())
        if where is not None:
            holds = before.select(where.fill_null(False).alias("holds"))["holds"]
            before, hit = before.filter(holds), hit[holds.to_numpy()]
        if not hit.size or not changes:
            self.counts[fault] += 0
            return frame
        after = before.with_columns(new.cast(frame.schema[name]).alias(name) for name, new in changes.items())
        differs = pl.any_horizontal(after[name].ne_missing(before[name]).alias(name) for name in changes)
        self.counts[fault] += int(after.select(differs.sum()).item())
        return frame.with_columns(frame[name].scatter(hit, after[name]) for name in changes)

    def add(self, fault: str, rows: int) -> None:
        """Count an error that a writer made itself."""
        self.counts[fault] += rows


def misspell(column: str) -> pl.Expr:
    """One slip: a neighbouring key, a lookalike from scanning, a letter lost, doubled or transposed."""
    text = pl.col(column)
    at = (pl.col("_u") * text.str.len_chars()).floor().cast(pl.Int64)
    before, letter = text.str.slice(0, at), text.str.slice(at, 1)
    after, following = text.str.slice(at + 1), text.str.slice(at + 1, 1)
    # a first letter is seldom lost, and its capital stays one
    start = at == 0
    kind = pl.col("_v")
    slip = (
        pl.when(kind < 0.3)
        .then(before + _swap(letter, _NEIGHBOURS) + after)
        .when(kind < 0.45)
        .then(before + _swap(letter, _LOOKALIKES) + after)
        .when((kind < 0.65) & ~start)
        .then(before + after)
        .when(kind < 0.82)
        .then(before + letter + letter.str.to_lowercase() + after)
        .when(~start)
        .then(before + following + letter + text.str.slice(at + 2))
        .otherwise(before + _swap(letter, _NEIGHBOURS) + after)
    )
    return pl.when(text.str.len_chars() >= 3).then(slip).otherwise(text)


def _swap(letter: pl.Expr, table: Mapping[str, str]) -> pl.Expr:
    return letter.replace({**table, **{key.upper(): value.capitalize() for key, value in table.items()}})


@cache
def _nicknames() -> tuple[dict[str, str], dict[str, str]]:
    """Two everyday forms of each formal name that the library knows."""
    namer = NickNamer()
    pairs = {name: sorted(namer.nicknames_of(name)) for name in vocabulary().given.unique(maintain_order=True)}
    known = {name: [nick.capitalize() for nick in nicks] for name, nicks in pairs.items() if nicks}
    return {name: nicks[0] for name, nicks in known.items()}, {name: nicks[-1] for name, nicks in known.items()}


def nickname() -> pl.Expr:
    """The everyday form of a first name, where there is one."""
    one, two = _nicknames()
    first = pl.col("first_name")
    return pl.when(pl.col("_u") < 0.5).then(first.replace(one)).otherwise(first.replace(two))


def unpunctuated() -> pl.Expr:
    """A surname without its apostrophe or hyphen, or the last of its parts."""
    surname = pl.col("surname")
    joined = surname.str.replace_all("['-]", "")
    spaced = surname.str.replace_all("['-]", " ")
    last = surname.str.extract(r"([^-]+)$", 1)
    return pl.when(pl.col("_u") < 0.4).then(joined).when(pl.col("_u") < 0.7).then(spaced).otherwise(last)


def swap_day_and_month() -> pl.Expr:
    """The date read in American order, where that is a date."""
    born = pl.col("date_of_birth")
    return pl.when(born.dt.day() <= 12).then(pl.date(born.dt.year(), born.dt.day(), born.dt.month())).otherwise(born)


def shift_birth_date() -> pl.Expr:
    """A wrong figure: the year out by one or ten, or the day by one; never later than it was."""
    born = pl.col("date_of_birth")
    shifted = (
        pl.when(pl.col("_u") < 0.5)
        .then(born.dt.offset_by("-1d"))
        .when(pl.col("_u") < 0.8)
        .then(born.dt.offset_by("-1y"))
    )
    return shifted.otherwise(born.dt.offset_by("-10y"))


def transliterate(column: str) -> pl.Expr:
    """Another usual spelling of a name from another script."""
    return pl.col(column).replace(_TRANSLITERATIONS)


def person_faults(frame: pl.DataFrame, faults: Faults, rates: Mapping[str, float]) -> pl.DataFrame:
    """Errors in names and dates of birth, each kind at the source's rate.

    Args:
        frame: has first_name, middle_names, surname, former_surname, renamed_on and date_of_birth.
    """
    initial = pl.col("first_name").str.slice(0, 1)
    has_first = pl.col("first_name").is_not_null()
    steps: tuple[tuple[str, Mapping[str, pl.Expr], pl.Expr | None], ...] = (
        ("maiden_name", {"surname": pl.col("former_surname")}, pl.col("former_surname").is_not_null()),
        ("punctuation", {"surname": unpunctuated()}, pl.col("surname").str.contains("['-]")),
        ("transliteration", {"first_name": transliterate("first_name"), "surname": transliterate("surname")}, None),
        ("nickname", {"first_name": nickname()}, has_first),
        ("typo_first_name", {"first_name": misspell("first_name")}, has_first),
        ("typo_surname", {"surname": misspell("surname")}, None),
        ("initial_only", {"first_name": initial}, has_first),
        ("middle_initial", {"middle_names": pl.col("middle_names").str.slice(0, 1)}, None),
        ("no_middle_names", {"middle_names": pl.lit(None, pl.String)}, None),
        ("swapped_names", {"first_name": pl.col("surname"), "surname": pl.col("first_name")}, has_first),
        ("day_month_swap", {"date_of_birth": swap_day_and_month()}, None),
        ("first_of_january", {"date_of_birth": pl.date(pl.col("date_of_birth").dt.year(), 1, 1)}, None),
        ("wrong_birth_date", {"date_of_birth": shift_birth_date()}, None),
        ("no_birth_date", {"date_of_birth": pl.lit(None, pl.Date)}, None),
        ("dummy_birth_date", {"date_of_birth": _dummy()}, pl.col("date_of_birth").is_not_null()),
    )
    for fault, changes, where in steps:
        if rates.get(fault, 0.0) > 0:
            frame = faults.apply(frame, fault, rates[fault], changes, where)
    return frame


def _dummy() -> pl.Expr:
    choice = (pl.col("_u") * len(_DUMMY_BIRTH_DATES)).floor()
    expression = pl.lit(_DUMMY_BIRTH_DATES[0])
    for index, day in enumerate(_DUMMY_BIRTH_DATES):
        expression = pl.when(choice == index).then(pl.lit(day)).otherwise(expression)
    return expression
