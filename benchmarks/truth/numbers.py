"""Identifiers of the benchmark's people: NHS numbers, NINOs, UPNs, phones, emails, opaque ids.

Put here: numbers that are true of a person. Never here: which source holds them (sources).

NHS numbers come from the test range 999, for more than 600,000 people from all of 99, which is not issued either.
NINOs start with QQ and phones with 070 and 01632, which belong to nobody.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.truth.draws import Draws, Integers, mix


def nhs_numbers(draws: Draws, count: int) -> Integers:
    """Different NHS numbers with a right check digit (weights 10 to 2, modulus 11)."""
    digits = 6 if count <= 600_000 else 7
    body = np.arange(10**digits) if digits == 6 else np.unique(np.arange(int(count * 1.12) + 100) * 3_571 % 10**7)
    body += (999 if digits == 6 else 99) * 10**digits
    total: Integers = np.zeros_like(body)
    for weight in range(2, 11):
        total += body // 10 ** (weight - 2) % 10 * weight
    check = (11 - total % 11) % 11
    valid: Integers = (body * 10 + check)[check != 10]
    chosen: Integers = valid[draws.order("nhs", len(valid))[:count]]
    return chosen


def scattered(draws: Draws, label: str, count: int, size: int) -> Integers:
    """Different whole numbers below `size`, in no order."""
    step = 7_368_787 if size % 7_368_787 else 7_368_791
    return (draws.order(label, count) * step + int(draws.below(label + "/from", 1, size)[0])) % size


def ninos(draws: Draws, count: int) -> pl.Series:
    """Different NINOs with the prefix QQ, as text."""
    value = scattered(draws, "nino", count, 4_000_000)
    number = pl.Series(value // 4).cast(pl.String).str.zfill(6)
    return "QQ" + number + pl.Series(list("ABCD")).gather(value % 4)


def upns(draws: Draws, count: int) -> pl.Series:
    """Different pupil numbers, as text."""
    return "Z999" + pl.Series(scattered(draws, "upn", count, 999_999_937)).cast(pl.String).str.zfill(9)


def mobiles(draws: Draws, count: int) -> pl.Series:
    """Different mobile numbers, as text."""
    return "070" + pl.Series(scattered(draws, "mobile", count, 99_999_989)).cast(pl.String).str.zfill(8)


def landlines(draws: Draws, count: int) -> pl.Series:
    """Different landline numbers, as text."""
    return "01632" + pl.Series(scattered(draws, "landline", count, 999_983)).cast(pl.String).str.zfill(6)


def opaque(draws: Draws, label: str, count: int) -> pl.Series:
    """Different ids of 16 hexadecimal digits that carry neither order nor person."""
    text = mix(draws.words(label, count)).astype(">u8").tobytes().hex().encode()
    return pl.Series(np.frombuffer(text, dtype="S16")).cast(pl.String)
