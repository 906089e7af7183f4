"""Names of liable people as one string: "SURNAME, TITLE FORENAME MIDDLE", two people joined by an ampersand.

Put here: how clerks write a name in one field. Never here: who is liable, or the rest of an account.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from spine.synthetic.faults import FOLDED_LETTERS, Faults, person_faults
from spine.synthetic.population import RECENT_DAYS, Region

#: Characters that the field holds.
_WIDTH = 32
PARTS = ("title", "first_name", "middle_names", "surname")
_HELD = (*PARTS, "former_surname", "renamed_on", "date_of_birth")
_RATES = {
    "maiden_name": 0.05,
    "punctuation": 0.15,
    "transliteration": 0.15,
    "nickname": 0.03,
    "typo_first_name": 0.006,
    "typo_surname": 0.01,
    "initial_only": 0.03,
    "swapped_names": 0.004,
    "no_middle_names": 0.35,
    "middle_initial": 0.5,
}


def with_names(region: Region, accounts: pl.DataFrame, faults: Faults, joining: str, folds: bool) -> pl.DataFrame:
    """Add the parts of both names as the council holds them, and `name`, the string in capitals.

    Clerks shorten a name that is longer than the field: the second title goes, then forenames become initials.

    Args:
        accounts: has lead, other (persons or null) and organisation.
        joining: what stands between two people.
        folds: True where the system has no letters outside code page 1252.

    Returns:
        the accounts with title_1 … surname_2, name, and `other` null where the second person found no room.
    """
    for column, slot in (("lead", "1"), ("other", "2")):
        accounts = accounts.hstack(_held(region, accounts[column], faults, slot, folds))
    accounts = accounts.with_columns(_strings(joining))
    shortened = pl.col("name").ne_missing(pl.col("full"))
    faults.add("shortened_name", int(accounts.select(shortened.sum()).item()))
    return accounts.drop("full").with_columns(pl.when("has_room").then("other").alias("other")).drop("has_room")


def _held(region: Region, person: pl.Series, faults: Faults, slot: str, folds: bool) -> pl.DataFrame:
    """The parts of the names, nulls where nobody stands in the place."""
    known = person.drop_nulls()
    held = region.people.select(_HELD)[known.to_numpy()]
    recent = pl.col("renamed_on") > region.draws.as_of - timedelta(days=RECENT_DAYS)
    held = faults.apply(held, "maiden_name", 0.3, {"surname": pl.col("former_surname")}, recent)
    held = person_faults(held, faults, _RATES)
    if folds:
        held = held.with_columns(pl.col(PARTS[1:]).str.replace_many(FOLDED_LETTERS))
    parts = held.select(pl.col(PARTS).str.to_uppercase())
    row = person.is_not_null().arg_true().cast(pl.Int64)
    places = pl.DataFrame({"row": pl.int_range(len(person), dtype=pl.Int64, eager=True)})
    placed = places.join(parts.with_columns(row.alias("row")), on="row", how="left", maintain_order="left")
    return placed.drop("row").rename({part: f"{part}_{slot}" for part in PARTS})


def _one(slot: str, *, initial: bool = False, middle: bool = False) -> pl.Expr:
    """ "SURNAME, TITLE FORENAME MIDDLE", with the forename's initial or without the middle names."""
    first = pl.col(f"first_name_{slot}")
    given = [pl.col(f"title_{slot}"), first.str.slice(0, 1) if initial else first]
    given += [pl.col(f"middle_names_{slot}")] if middle else []
    words = pl.concat_str(given, separator=" ", ignore_nulls=True)
    surname = pl.col(f"surname_{slot}")
    return pl.when(words == "").then(surname).otherwise(surname + ", " + words)


def _both(joining: str, *, title: bool = True, lead: bool = False, other: bool = False) -> pl.Expr:
    """Two people; `lead` and `other` say whose forename is an initial. One surname is written once."""
    second = pl.col("first_name_2")
    given = [pl.col("title_2")] if title else []
    given += [second.str.slice(0, 1) if other else second]
    shared = (pl.col("surname_1") == pl.col("surname_2")) & pl.col("first_name_1").is_not_null() & second.is_not_null()
    after = pl.concat_str(given, separator=" ", ignore_nulls=True)
    return _one("1", initial=lead) + joining + pl.when(shared).then(after).otherwise(_one("2", initial=other))


def _strings(joining: str) -> list[pl.Expr]:
    """The string as it would be (`full`), as it fits (`name`), and whether the second person is in it."""
    lead = pl.col("lead").is_not_null()
    two = lead & pl.col("other").is_not_null()
    organisation = pl.col("organisation").str.to_uppercase()
    full = pl.coalesce(organisation, pl.when(two).then(_both(joining)).when(lead).then(_one("1", middle=True)))
    squeezed = (
        _both(joining, title=False),
        _both(joining, other=True),
        _both(joining, lead=True, other=True),
    )
    alone = pl.when(_fits(_one("1"))).then(_one("1")).otherwise(_one("1", initial=True))
    name = pl.coalesce(
        pl.when(_fits(full)).then(full),
        *(pl.when(two & _fits(text)).then(text) for text in squeezed),
        pl.when(lead).then(alone),
        full,
    )
    room = pl.any_horizontal(_fits(text) for text in (full, *squeezed))
    return [
        full.alias("full"),
        name.str.slice(0, _WIDTH).str.strip_chars_end().alias("name"),
        (room | ~two).fill_null(True).alias("has_room"),
    ]


def _fits(text: pl.Expr) -> pl.Expr:
    return text.str.len_chars() <= _WIDTH
