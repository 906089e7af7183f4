"""Names as people bear them: by tradition and cohort, with families, marriages and namesakes.

Put here: true names. Never here: how a source misspells them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from spine.synthetic import households as hh
from spine.synthetic import name_lists as lists
from spine.synthetic.draws import Draws, Floats, Ints, Mask, chance, pick

_RENAME_CHANCE = np.array([0.85, 0.85, 0.35, 0.1, 0.8, 0.25])
_COHORT_YEARS = 12


def add_names(draws: Draws, people: pl.DataFrame) -> pl.DataFrame:
    """Add name_group, title, first_name, middle_names, surname, former_surname, renamed_on, father_namesake.

    A person of one name has no first_name. `renamed_on` is the day of marriage where a surname changed.
    """
    frame = _drawn(draws, people)
    renamed = pl.col("has_former") & ~pl.col("single")
    named = frame.select(
        pl.when("single")
        .then(pl.lit("single_name"))
        .when("is_double")
        .then(pl.lit("double_barrelled"))
        .otherwise("group")
        .alias("name_group"),
        "title",
        pl.when("single").then(None).when("is_compound").then("compound").otherwise("given").alias("first_name"),
        pl.when("single").then(None).otherwise("middle").alias("middle_names"),
        pl.when("single").then("given").otherwise("last").alias("surname"),
        pl.when(renamed).then("maiden").alias("former_surname"),
        pl.when(renamed).then(pl.col("renamed_on").cast(pl.Date)).alias("renamed_on"),
        (pl.col("namesake") & ~pl.col("single")).alias("father_namesake"),
    )
    return people.hstack(named)


def _drawn(draws: Draws, people: pl.DataFrame) -> pl.DataFrame:
    """The parts that names are put together from, one row per resident."""
    household, role = people["household"].to_numpy(), people["role"].to_numpy()
    is_female, age = people["is_female"].to_numpy(), people["age"].to_numpy()
    group = _groups(draws, household, role)
    surname, former, second, changed_ago = _surnames(draws, people, group)
    first, first_second, namesake = _first_names(draws, people, group)
    words = lists.vocabulary()
    single = chance(
        draws.stream("single names"),
        len(group),
        np.where(group == lists.SOUTH_ASIAN, 0.04, np.where(group == lists.ARABIC, 0.03, 0.0)),
    )
    joint = pl.Series(np.where(chance(draws.stream("compound"), len(group), 0.6), " ", "-"))
    given = words.given.gather(first)
    return pl.DataFrame(
        {
            "given": given,
            "compound": given + joint + words.given.gather(np.maximum(first_second, 0)),
            "last": _surname_text(surname, second, is_female),
            "maiden": _surname_text(np.maximum(former, 0), np.full(len(former), -1), is_female),
            "has_former": former >= 0,
            "single": single,
            "namesake": namesake,
            "is_compound": first_second >= 0,
            "group": pl.Series(lists.GROUP_NAMES).gather(group),
            "is_double": second >= 0,
            "renamed_on": draws.before() - changed_ago.astype("timedelta64[D]"),
            "middle": _middle_names(draws, group, is_female, age),
            "title": _titles(draws, is_female, age, former >= 0),
        }
    )


def _groups(draws: Draws, household: Ints, role: Ints) -> Ints:
    """A household shares a tradition; most partners do, sharers and care home residents draw their own."""
    rng = draws.stream("name groups")
    family = pick(rng, int(household[-1]) + 1, lists.GROUP_WEIGHTS)[household]
    own = pick(rng, len(role), lists.GROUP_WEIGHTS)
    apart = np.isin(role, (hh.SHARER, hh.CARE_RESIDENT)) | ((role == hh.PARTNER) & chance(rng, len(role), 0.1))
    return np.asarray(np.where(apart, own, family), dtype=np.int64)


def _surnames(draws: Draws, people: pl.DataFrame, group: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Surname, surname at birth where it changed (else -1), second barrel (else -1), days since the change."""
    rng = draws.stream("surnames")
    household, role = people["household"].to_numpy(), people["role"].to_numpy()
    is_female, age = people["is_female"].to_numpy(), people["age"].to_numpy()
    size = len(role)
    birth = np.zeros(size, dtype=np.int64)
    for code, (start, weights) in lists.vocabulary().surname_lists.items():
        members = np.flatnonzero(group == code)
        birth[members] = start + pick(rng, len(members), weights)
    head = np.searchsorted(household, household)
    other = np.where(role == hh.HEAD, np.minimum(head + 1, size - 1), head)
    couple = ((role == hh.HEAD) & (role[other] == hh.PARTNER) & (household[other] == household)) | (role == hh.PARTNER)
    married = couple & chance(rng, size, 0.75)[head]
    takes = married & is_female & (~is_female[other] | (role == hh.PARTNER)) & chance(rng, size, _RENAME_CHANCE[group])
    doubled = takes & np.isin(group, (lists.BRITISH, lists.IRISH)) & chance(rng, size, 0.04)
    alone = is_female & ~couple & (role <= hh.HEAD) & (age > 35) & chance(rng, size, 0.55 * _RENAME_CHANCE[group])
    elder = (
        is_female & np.isin(role, (hh.GRANDPARENT, hh.CARE_RESIDENT)) & chance(rng, size, 0.8 * _RENAME_CHANCE[group])
    )
    widow = alone | elder
    surname = np.where(takes, birth[other], np.where(widow, birth[rng.permutation(size)], birth))
    widow &= group == group[np.searchsorted(household, household)]
    surname = np.where((alone | elder) & ~widow, birth, surname)
    second = np.where(doubled, birth, -1)
    former = np.where((takes | widow) & (surname != birth) | doubled, birth, -1)
    surname, second = _inherit(people, surname, second, group, rng)
    ago = np.where(
        married & chance(rng, size, 0.08)[head] & (age < 60),
        rng.integers(30, 3 * 365, size),
        (age - np.minimum(age - 0.3, rng.triangular(19, 27, 42, size))) * 365,
    )
    return surname, former, second, np.maximum(ago, 30).astype(np.int64)


def _inherit(
    people: pl.DataFrame, surname: Ints, second: Ints, group: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Children bear the family's name: the mother's double-barrelled one, else the father's."""
    household, role, is_female = (people[name].to_numpy() for name in ("household", "role", "is_female"))
    head = np.searchsorted(household, household)
    partner = np.minimum(head + 1, len(role) - 1)
    has_partner = (role[partner] == hh.PARTNER) & (household[partner] == household)
    source = np.where(has_partner & is_female[head] & (rng.random(len(role))[head] < 0.9), partner, head)
    source = np.where(has_partner & (second[partner] >= 0), partner, np.where(second[head] >= 0, head, source))
    child = (
        np.isin(role, (hh.CHILD, hh.ADULT_CHILD))
        & (group == group[head])
        & ~((people["kind"].to_numpy() == hh.LONE_PARENT) & chance(rng, len(role), 0.3)[head])
    )
    return np.where(child, surname[source], surname), np.where(child, second[source], second)


def _surname_text(index: Ints, second: Ints, is_female: Mask) -> pl.Series:
    words = lists.vocabulary()
    forms = pl.DataFrame(
        {
            "f": is_female,
            "male": words.male_surnames.gather(index),
            "female": words.female_surnames.gather(index),
            "two": second >= 0,
            "second": words.male_surnames.gather(np.maximum(second, 0)),
        }
    )
    one = pl.when("f").then("female").otherwise("male")
    return forms.select(pl.when("two").then(pl.col("second") + "-" + one).otherwise(one)).to_series()


def _first_names(draws: Draws, people: pl.DataFrame, group: Ints) -> tuple[Ints, Ints, Mask]:
    """First name, second part of a compound one (else -1), and who is named after the father."""
    rng = draws.stream("first names")
    household, role, is_female, age = (people[name].to_numpy() for name in ("household", "role", "is_female", "age"))
    size = len(role)
    tradition = np.where((age < 35) & chance(rng, size, 0.2), lists.BRITISH, group)
    first = _draw_given(draws, rng, tradition, is_female, age)
    redrawn = _draw_given(draws, rng, tradition, is_female, age)
    child = np.isin(role, (hh.CHILD, hh.ADULT_CHILD))
    keys = pl.DataFrame({"household": household, "first": first, "child": child})
    repeated = ~keys.select(pl.struct("household", "first", "child").is_first_distinct()).to_series().to_numpy() & child
    first = np.where(repeated, redrawn, first)
    head = np.searchsorted(household, household)
    partner = np.minimum(head + 1, size - 1)
    father = np.where(
        is_female[head] & (role[partner] == hh.PARTNER) & (household[partner] == household), partner, head
    )
    eldest = child & ~np.concatenate(([False], child[:-1]))
    namesake = eldest & ~is_female & ~is_female[father] & chance(rng, size, 0.05)
    first = np.where(namesake, first[father], first)
    compound = chance(rng, size, 0.012) & ~namesake
    return first, np.where(compound, _draw_given(draws, rng, tradition, is_female, age), -1), namesake


def _draw_given(draws: Draws, rng: np.random.Generator, group: Ints, is_female: Mask, age: Floats) -> Ints:
    """Given names by tradition, sex and cohort: each cohort of twelve years has fashions of its own."""
    cohort = np.minimum(age // _COHORT_YEARS, 7).astype(np.int64)
    index = np.zeros(len(group), dtype=np.int64)
    for (code, female), (start, weights) in lists.vocabulary().given_lists.items():
        fashion = draws.stream(f"fashion {code} {female}")
        for years in range(8):
            fashionable = weights * np.exp(fashion.normal(0, 0.9, len(weights)))
            members = np.flatnonzero((group == code) & (is_female == female) & (cohort == years))
            index[members] = start + pick(rng, len(members), fashionable)
    return index


def _middle_names(draws: Draws, group: Ints, is_female: Mask, age: Floats) -> pl.Series:
    rng = draws.stream("middle names")
    words = lists.vocabulary()
    western = np.isin(group, (lists.BRITISH, lists.IRISH))
    has_one = chance(rng, len(group), np.where(western, 0.76, 0.25))
    has_two = has_one & chance(rng, len(group), np.where(western, 0.16, 0.02))
    one = words.given.gather(_draw_given(draws, rng, group, is_female, age))
    two = words.given.gather(_draw_given(draws, rng, group, is_female, age))
    frame = pl.DataFrame({"one": one, "two": two, "has_one": has_one, "has_two": has_two})
    return frame.select(
        pl.when("has_two").then(pl.col("one") + " " + pl.col("two")).when("has_one").then("one")
    ).to_series()


def _titles(draws: Draws, is_female: Mask, age: Floats, has_married: Mask) -> pl.Series:
    rng = draws.stream("titles")
    single = np.where(chance(rng, len(age), 0.6) | (age < 18), "Miss", "Ms")
    title = np.where(
        is_female,
        np.where(has_married, "Mrs", single),
        np.where((age < 14) & chance(rng, len(age), 0.7), "Master", "Mr"),
    )
    return pl.Series(np.where((age > 25) & chance(rng, len(age), 0.015), "Dr", title))
