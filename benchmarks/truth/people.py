"""The residents of the benchmark: homes, families, names, numbers, moves and marriages.

Put here: what is true of a person. Never here: what a source writes about them (sources) or gets wrong (errors).

Shares are round figures near those of English official statistics (household types, moves a year, births of twins);
they are frozen with the generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.truth.draws import Booleans, Draws, Floats, Integers
from benchmarks.truth.names import GROUPS, SHARES, Names

HEAD, PARTNER, CHILD, GROWN, ELDER, SHARER, RESIDENT = range(7)
#: Homes by type: how often, and the ages that their heads have.
_TYPES = ("single", "couple", "family", "lone", "grown", "elders", "shared")
_OFTEN = np.array([0.28, 0.26, 0.22, 0.09, 0.07, 0.04, 0.04])
_YOUNGEST = np.array([22.0, 24.0, 22.0, 20.0, 44.0, 34.0, 18.0])
_OLDEST = np.array([96.0, 90.0, 52.0, 48.0, 68.0, 58.0, 45.0])
#: The day the ages are of, as days since 1970.
AS_OF = int(np.datetime64("2028-01-01").astype(np.int64))
_CARE_SHARE, _CARE_SMALLEST, _CARE_LARGEST = 0.008, 20, 200


@dataclass(frozen=True)
class Homes:
    """Who lives together: one row per person, the people of a home side by side."""

    home: Integers
    role: Integers
    head: Integers
    partner: Integers
    is_care: Booleans
    homes: int


@dataclass(frozen=True)
class People:
    """One row per person. Names, addresses and contacts are codes; `changed` and `moved` are years ago, 99 never."""

    homes: Homes
    group: Integers
    female: Booleans
    age: Floats
    born: Integers
    first: Integers
    middle: Integers
    second_middle: Integers
    surname: Integers
    joined: Integers
    former: Integers
    changed: Floats
    address: Integers
    earlier: Integers
    moved: Floats
    is_homeless: Booleans
    is_looked_after: Booleans
    addresses: int

    def __len__(self) -> int:
        return len(self.born)


def make_people(draws: Draws, names: Names, residents: int) -> People:
    """All residents; the same for a seed on every machine."""
    homes = _homes(draws.of("homes"), residents)
    age = _ages(draws.of("ages"), homes)
    female = _women(draws.of("sex"), homes)
    addresses = int(homes.homes * 1.06) + 50
    at = draws.order("address", addresses)[: homes.homes]
    group = _groups(draws.of("group"), homes, at)
    born = _born(draws.of("born"), homes, age)
    age = (AS_OF - born) / 365.25
    surname, joined, former, changed = _surnames(draws.of("surname"), names, homes, group, female, age)
    first, middle, second = _first_names(draws.of("first"), names, homes, group, female, age, born)
    looked_after = (homes.role == CHILD) & draws.chance("looked after", residents, 0.012)
    address, earlier, moved = _moves(draws.of("moves"), homes, age, at, addresses, looked_after)
    homeless = ~homes.is_care & (age > 16) & draws.chance("homeless", residents, 0.003)
    return People(
        homes, group, female, age, born, first, middle, second, surname, joined, former, changed, address, earlier,
        moved, homeless, looked_after, addresses,
    )  # fmt: skip


def _homes(draws: Draws, residents: int) -> Homes:
    drawn = residents // 2 + 10
    kind = draws.pick("kind", drawn, _OFTEN)
    counts = np.zeros((drawn, 6), dtype=np.int64)
    counts[:, HEAD] = 1
    counts[:, PARTNER] = np.isin(kind, (1, 2, 5)) | ((kind == 4) & draws.chance("both", drawn, 0.75))
    children = 1 + draws.pick("children", drawn, np.array([0.42, 0.40, 0.13, 0.05]))
    counts[:, CHILD] = np.where(np.isin(kind, (2, 3, 5)), children, 0)
    counts[:, GROWN] = np.where(kind == 4, 1 + draws.below("grown", drawn, 2), 0)
    counts[:, ELDER] = np.where(kind == 5, 1 + draws.below("elders", drawn, 2), 0)
    counts[:, SHARER] = np.where(kind == 6, 2 + draws.below("sharers", drawn, 6), 0)
    private = residents - int(residents * _CARE_SHARE)
    upto = np.cumsum(counts.sum(axis=1))
    full = int(np.searchsorted(upto, private, side="right"))
    counts = counts[:full]
    left = residents - int(upto[full - 1])
    beds = _CARE_SMALLEST + (draws.uniform("beds", left + 1) ** 2 * (_CARE_LARGEST - _CARE_SMALLEST)).astype(np.int64)
    care = _cut(beds, left)
    sizes = np.concatenate([counts.sum(axis=1), care])
    role = np.repeat(np.tile(np.arange(6), full), counts.reshape(-1))
    role = np.concatenate([role, np.full(left, RESIDENT)])
    start = np.cumsum(sizes) - sizes
    home = np.repeat(np.arange(len(sizes)), sizes)
    has_partner = np.concatenate([counts[:, PARTNER] > 0, np.zeros(len(care), dtype=bool)])
    partner = np.where(has_partner, start + 1, -1)
    return Homes(home, role, start[home], partner[home], home >= full, len(sizes))


def _cut(sizes: Integers, total: int) -> Integers:
    """The first sizes that make up a total, the last one cut to fit."""
    upto = np.cumsum(sizes)
    last = int(np.searchsorted(upto, total))
    return np.append(sizes[:last], total - (int(upto[last - 1]) if last else 0))


def _ages(draws: Draws, homes: Homes) -> Floats:
    people = len(homes.home)
    kind = _kind_of_home(homes)
    low, high = _YOUNGEST[kind], _OLDEST[kind]
    blend = (draws.uniform("one", homes.homes) + draws.uniform("two", homes.homes)) / 2
    head = (low + (high - low) * blend)[homes.home]
    some = draws.uniform("own", people)
    by_role = [
        head,
        (head + some * 12 - 7).clip(18.0, 99.0),
        some * np.minimum(18.0, head - 17.5),
        18 + some * (head - 38).clip(1.0, 20.0),
        (head + 22 + some * 14).clip(55.0, 99.0),
        18 + some * some * 32,
        68 + (some + draws.uniform("late", people)) * 17,
    ]
    return np.choose(homes.role, by_role)


def _kind_of_home(homes: Homes) -> Integers:
    """The type of each home, seen from who is in it."""
    has = [np.bincount(homes.home[homes.role == role], minlength=homes.homes) > 0 for role in range(6)]
    rules = [has[SHARER], has[ELDER], has[GROWN], has[CHILD] & has[PARTNER], has[CHILD], has[PARTNER]]
    return np.select(rules, [6, 5, 4, 2, 3, 1], default=0)


def _women(draws: Draws, homes: Homes) -> Booleans:
    people = len(homes.home)
    kind = _kind_of_home(homes)
    share = np.select([kind == 3, np.isin(kind, (0, 6))], [0.86, 0.5], default=0.35)[homes.home]
    own = draws.chance("own", people, np.select([homes.role == HEAD, homes.role == RESIDENT], [share, 0.66], 0.5))
    differs = draws.chance("differs", people, 0.975)
    return np.where(homes.role == PARTNER, own[homes.head] ^ differs, own)


def _groups(draws: Draws, homes: Homes, address: Integers) -> Integers:
    """The group whose names a person bears: mostly that of the home, and homes differ by district."""
    district = address // 3_500
    weight = 0.15 + 2.5 * draws.uniform("district", int(district.max()) + 1) ** 2
    elsewhere = SHARES[1:].sum()
    is_other = draws.chance("other", homes.homes, (elsewhere * weight[district]).clip(0, 0.9))
    which = 1 + draws.pick("which", homes.homes, SHARES[1:])
    of_home = np.where(is_other, which, 0)
    people = len(homes.home)
    alone = np.isin(homes.role, (SHARER, RESIDENT)) | ((homes.role == PARTNER) & draws.chance("mixed", people, 0.08))
    return np.where(alone, draws.pick("alone", people, SHARES), of_home[homes.home])


def _born(draws: Draws, homes: Homes, age: Floats) -> Integers:
    """Days of birth; a child in twenty-five is the twin of the child before."""
    people = len(age)
    born = AS_OF - 1 - (age * 365.25).astype(np.int64)
    siblings = np.zeros(people, dtype=bool)
    same = (homes.role[1:] == homes.role[:-1]) & (homes.home[1:] == homes.home[:-1])
    siblings[1:] = same & np.isin(homes.role[1:], (CHILD, GROWN))
    twin = siblings & draws.chance("twin", people, 0.045)
    twin[1:] &= ~twin[:-1]
    return np.where(twin, np.roll(born, 1), born)


def _surnames(
    draws: Draws, names: Names, homes: Homes, group: Integers, female: Booleans, age: Floats
) -> tuple[Integers, Integers, Integers, Floats]:
    """Surname, second part of a double one (-1), former surname (-1) and how many years ago it changed."""
    people = len(age)
    own = np.zeros(people, dtype=np.int64)
    for number, name in enumerate(GROUPS):
        chosen = np.flatnonzero(group == number)
        own[chosen] = names.last_of[name].draw(draws, name, len(chosen))
    shares = _shares_name(draws, homes, group)
    surname = np.where(shares, own[homes.head], own)
    other = np.where(homes.partner >= 0, surname[homes.partner], surname[homes.head])
    child = np.isin(homes.role, (CHILD, GROWN)) & (other != surname)
    how = draws.uniform("child of two names", homes.homes)[homes.home]
    joined = np.where(child & (how < 0.15) & (group == 0), other, -1)
    surname = np.where(child & (how >= 0.15) & (how < 0.3), other, surname)
    hyphen = (group == 0) & female & (age > 20) & (homes.role <= PARTNER) & draws.chance("hyphen", people, 0.02)
    joined = np.where(hyphen, own, joined)
    married = (homes.role == PARTNER) & shares & female
    divorced = female & (age > 26) & (homes.role != PARTNER) & (age < 75) & draws.chance("divorced", people, 0.14)
    maiden = np.where(married, own, np.roll(own, 7))
    former = np.where((married | divorced) & (maiden != surname), maiden, -1)
    changed = np.where(former >= 0, 30 * draws.uniform("changed", people), 99.0)
    changed = np.minimum(changed, (age - 18).clip(0.1))
    surname = np.where(female, names.feminine[surname], surname)
    return (
        surname,
        joined,
        np.where(former >= 0, names.feminine[former.clip(0)], -1),
        np.where(former >= 0, changed, 99),
    )


def _shares_name(draws: Draws, homes: Homes, group: Integers) -> Booleans:
    people = len(group)
    partner = np.where(group == 1, 0.45, 0.70)
    chance = np.choose(homes.role, [1.0, partner, 0.94, 0.94, 0.65, 0.0, 0.0])
    by_home = draws.uniform("home", homes.homes)[homes.home]
    own = draws.uniform("own", people)
    told = np.where(np.isin(homes.role, (CHILD, GROWN)), by_home, own)
    return np.asarray((told < chance) & (group == group[homes.head]))


def _first_names(
    draws: Draws, names: Names, homes: Homes, group: Integers, female: Booleans, age: Floats, born: Integers
) -> tuple[Integers, Integers, Integers]:
    """First name, middle name (-1) and second middle name (-1)."""
    people = len(age)
    era = np.select([age > 63, age > 33], [0, 1], default=2)
    drawn = np.zeros((4, people), dtype=np.int64)
    for number, name in enumerate(GROUPS):
        for sex in "FM":
            for period in range(3):
                chosen = np.flatnonzero((group == number) & (female == (sex == "F")) & (era == period))
                choice = names.first_of[name, sex, period]
                for row in range(4):
                    drawn[row, chosen] = choice.draw(draws, f"{name}{sex}{period}/{row}", len(chosen))
    first, middle, second, spare = drawn
    son = np.isin(homes.role, (CHILD, GROWN)) & ~female & ~female[homes.head] & (group == group[homes.head])
    after_father = son & draws.chance("after father", people, 0.015)
    after_father[1:] &= ~after_father[:-1]
    first = np.where(after_father, first[homes.head], first)
    sibling = np.zeros(people, dtype=bool)
    sibling[1:] = (homes.home[1:] == homes.home[:-1]) & (homes.role[1:] == homes.role[:-1]) & ~after_father[1:]
    alike = sibling & (homes.role != SHARER) & (first == np.roll(first, 1))
    first = np.where(alike, spare, first)
    has = draws.uniform("has middle", people)
    share = np.choose(group, [0.72, 0.35, 0.30, 0.25, 0.55])
    namesake = (group == 1) & ~female & draws.chance("namesake", people, 0.28)
    common = names.first_of["muslim", "M", 0].codes[0]
    middle = np.where(namesake & (first != common), first, np.where(has < share, middle, -1))
    first = np.where(namesake, common, first)
    return first, middle, np.where(has < share * 0.15, second, -1)


def _moves(
    draws: Draws, homes: Homes, age: Floats, at: Integers, addresses: int, looked_after: Booleans
) -> tuple[Integers, Integers, Floats]:
    """Address, the one before, and how many years ago they moved; a looked-after child lives with a carer."""
    people = len(age)
    together = (homes.role != SHARER) & (homes.role != RESIDENT) & ~draws.chance("apart", people, 0.15)
    some = np.where(together, draws.uniform("home", homes.homes)[homes.home], draws.uniform("own", people))
    reach = np.select([age < 8, age < 34, age < 60], [14.0, 11.0, 24.0], default=60.0)
    moved = some * np.sqrt(some) * np.where(homes.role == RESIDENT, 5.0, reach[homes.head])
    moved = np.minimum(moved, np.where(homes.role == CHILD, age + 0.2, 99.0))
    near = 1 + draws.below("near", people, 2_000)
    anywhere = draws.below("anywhere", people, addresses)
    far = draws.uniform("far", people)
    by_home = np.where(together, homes.head, np.arange(people))
    here = at[homes.home]
    before = np.where(far[by_home] < 0.55, (here + near[by_home]) % addresses, anywhere[by_home])
    carer = at[draws.below("carer", people, homes.homes)]
    address = np.where(looked_after, carer, here)
    earlier = np.where(looked_after, here, before)
    return address, earlier, np.where(looked_after, np.minimum(moved, age / 2), moved)
