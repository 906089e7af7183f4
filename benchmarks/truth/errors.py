"""What goes wrong when a clerk, a scanner or a form writes a value down.

Put here: errors of one value. Never here: how often each source makes them (sources).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.truth.draws import Booleans, Draws, Integers

_NEIGHBOURS = {
    "A": "QSZ", "B": "VNG", "C": "XVD", "D": "SFE", "E": "WRD", "F": "DGR", "G": "FHT", "H": "GJY", "I": "UOK",
    "J": "HKU", "K": "JLI", "L": "KOP", "M": "NKJ", "N": "BMH", "O": "IPL", "P": "OLI", "Q": "WAS", "R": "ETF",
    "S": "ADW", "T": "RYG", "U": "YIJ", "V": "CBF", "W": "QES", "X": "ZCS", "Y": "TUH", "Z": "XAS",
    **{str(digit): f"{(digit + 1) % 10}{(digit + 9) % 10}{(digit + 5) % 10}" for digit in range(10)},
}  # fmt: skip
#: Written for; the first that is found in the value is replaced once.
_HEARD = (("PH", "F"), ("CK", "K"), ("IE", "EI"), ("EY", "Y"), ("EA", "EE"), ("LL", "L"), ("NN", "N"), ("TT", "T"),
          ("SS", "S"), ("RR", "R"), ("OU", "OO"),
          ("C", "K"), ("Y", "I"), ("S", "Z"), ("E", "A"), ("O", "U"))  # fmt: skip
_SCANNED = (("RN", "M"), ("CL", "D"), ("VV", "W"), ("LI", "U"), ("M", "RN"), ("O", "0"), ("I", "1"), ("S", "5"),
            ("B", "8"), ("H", "N"), ("E", "F"), ("G", "6"), ("A", "R"), ("T", "I"))  # fmt: skip


def misspell(draws: Draws, label: str, values: pl.Series, chosen: Booleans) -> pl.Series:
    """Misspell the chosen values of two characters or more: keys, order, missing and doubled letters, ear and eye."""
    at = np.flatnonzero(chosen & (values.str.len_chars().fill_null(0).to_numpy() > 1))
    if not len(at):
        return values
    streams = draws.of(label)
    text = values.gather(at)
    length = text.str.len_chars().to_numpy().astype(np.int64)
    frame = pl.DataFrame(
        {
            "text": text,
            "kind": streams.pick("kind", len(at), np.array([0.26, 0.20, 0.16, 0.10, 0.18, 0.10])),
            # a first letter is got wrong less often than another
            "at": np.maximum(streams.below("at", len(at), length), streams.below("again", len(at), 2)).clip(
                0, length - 1
            ),
            "key": streams.below("key", len(at), 3),
        }
    )
    written = frame.select(_written()).to_series()
    return values.scatter(at, written)


def _written() -> pl.Expr:
    text, at, kind = pl.col("text"), pl.col("at"), pl.col("kind")
    before, letter, after = text.str.slice(0, at), text.str.slice(at, 1), text.str.slice(at + 1)
    keys = [letter.replace({key: near[number] for key, near in _NEIGHBOURS.items()}) for number in range(3)]
    typed = pl.when(pl.col("key") == 0).then(keys[0]).when(pl.col("key") == 1).then(keys[1]).otherwise(keys[2])
    return (
        pl.when(kind == 0).then(before + typed + after)
        .when(kind == 1).then(before + after.str.slice(0, 1) + letter + after.str.slice(1))
        .when(kind == 2).then(before + after)
        .when(kind == 3).then(before + letter + letter + after)
        .when(kind == 4).then(_first_found(_HEARD))
        .otherwise(_first_found(_SCANNED))
    )  # fmt: skip


def _first_found(pairs: tuple[tuple[str, str], ...]) -> pl.Expr:
    text = pl.col("text")
    result = text
    for old, new in reversed(pairs):
        found = text.str.contains(old, literal=True)
        result = pl.when(found).then(text.str.replace(old, new, literal=True, n=1)).otherwise(result)
    return result


def misdate(draws: Draws, days: Integers, chosen: Booleans) -> Integers:
    """Write the chosen dates (days since 1970) wrongly: day and month swapped, a part wrong, 1 January, a year off."""
    at = np.flatnonzero(chosen)
    dates = days[at].astype("datetime64[D]")
    year = dates.astype("datetime64[Y]").astype(np.int64)
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    day = (dates - dates.astype("datetime64[M]")).astype(np.int64)
    kind = draws.pick("kind", len(at), np.array([0.24, 0.22, 0.12, 0.12, 0.18, 0.12]))
    can_swap = (kind == 0) & (day < 12)
    month, day = np.where(can_swap, day, month), np.where(can_swap, month, day)
    other_day = (day + np.array([1, 9, 10, 20])[draws.below("day", len(at), 4)]) % 28
    day = np.where((kind == 1) | ((kind == 0) & ~can_swap), other_day, day)
    month = np.where(kind == 2, (month + 1 + draws.below("month", len(at), 11)) % 12, month)
    year = np.where(kind == 3, year + np.array([-1, 1, -10, 10])[draws.below("year", len(at), 4)], year)
    month, day = np.where(kind == 4, 0, month), np.where(kind == 4, 0, day)
    slip = draws.below("slip", len(at), 30)
    first = (year * 12 + month).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    written = first + day.clip(0, 27 if len(at) else 0)
    written = np.where((kind == 0) | (kind == 4), first + day, written)
    written = np.where(kind == 5, days[at] + slip - 15, written)
    result = days.copy()
    result[at] = written
    return result


def wrong_postcode(draws: Draws, label: str, values: pl.Series, chosen: Booleans) -> pl.Series:
    """Postcodes with one letter or digit of the inward half wrong; they still look like postcodes."""
    at = np.flatnonzero(chosen & values.is_not_null().to_numpy())
    if not len(at):
        return values
    text = values.gather(at)
    streams = draws.of(label)
    letters = pl.Series(list("ABDEFGHJLNPQRSTUWXYZ")).gather(streams.below("letter", len(at), 20))
    digits = pl.Series(streams.below("digit", len(at), 10)).cast(pl.String)
    frame = pl.DataFrame({"text": text, "letter": letters, "digit": digits, "kind": streams.below("kind", len(at), 4)})
    body, last = pl.col("text").str.head(-1), pl.col("text").str.tail(1)
    written = frame.select(
        pl.when(pl.col("kind") == 0).then(body + pl.col("letter"))
        .when(pl.col("kind") == 1).then(body.str.head(-1) + pl.col("letter") + last)
        .when(pl.col("kind") == 2).then(body.str.head(-2) + pl.col("digit") + body.str.tail(1) + last)
        .otherwise(body.str.head(-1) + last + body.str.tail(1))
    ).to_series()  # fmt: skip
    return values.scatter(at, written)


def wrong_nhs_number(draws: Draws, numbers: Integers, mine: Integers, chosen: Booleans) -> Integers:
    """Of the chosen records the number of another person: someone in the same home, anyone, or a digit wrong."""
    at = np.flatnonzero(chosen)
    kind = draws.pick("kind", len(at), np.array([0.35, 0.30, 0.35]))
    neighbour = numbers[(mine[at] + 1) % len(numbers)]
    anyone = numbers[draws.below("anyone", len(at), len(numbers))]
    digit = 10 ** draws.below("digit", len(at), 7)
    own = numbers[mine[at]]
    result = numbers[mine]
    result[at] = np.choose(kind, [neighbour, anyone, np.where(own // digit % 10 == 9, own - digit, own + digit)])
    return result
