"""What a source writes about its people: one frame of person records with its gaps and errors.

Put here: the columns of a record. Never here: rates (sources), errors of a value (errors), files (linkage_truth).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.truth import errors, numbers
from benchmarks.truth.addresses import make_addresses
from benchmarks.truth.draws import Booleans, Draws, Floats, Integers
from benchmarks.truth.names import Names, load_names
from benchmarks.truth.people import AS_OF, CHILD, PARTNER, RESIDENT, People, make_people
from benchmarks.truth.sources import Households, Source, households


@dataclass(frozen=True)
class World:
    """All that is true: people, addresses, and what is theirs by their position."""

    people: People
    names: Names
    of: Households
    addresses: pl.DataFrame
    nhs: Integers
    nino: pl.Series
    upn: pl.Series
    mobile: pl.Series
    landline: pl.Series
    email: pl.Series
    person_id: pl.Series


@dataclass(frozen=True)
class Rows:
    """The records of a source before they are written: whose, how old, and the streams that decide."""

    draws: Draws
    source: Source
    who: Integers
    lag: Floats

    def holds(self, field: str) -> Booleans:
        """Which records hold a field."""
        return self.draws.chance(f"holds {field}", len(self.who), self.source.holds[field])

    def slips(self, error: str) -> Booleans:
        """Which records make an error."""
        return self.draws.chance(f"slips {error}", len(self.who), self.source.slips[error])


def make_world(draws: Draws, residents: int) -> World:
    """Everything that is true of `residents` people."""
    names = load_names()
    people = make_people(draws.of("people"), names, residents)
    count = len(people)
    care = np.unique(people.address[people.homes.role == RESIDENT])
    given = names.first.gather(people.first).str.to_lowercase().str.replace_all("[^a-z]", "")
    family = names.last.gather(people.surname).str.to_lowercase().str.replace_all("[^a-z]", "")
    digits = pl.Series(draws.below("email", count, 1_000)).cast(pl.String)
    return World(
        people, names, households(draws.of("households"), people),
        make_addresses(draws.of("addresses"), people.addresses, care),
        numbers.nhs_numbers(draws, count), numbers.ninos(draws, count), numbers.upns(draws, count),
        numbers.mobiles(draws, 2 * count + 20_000), numbers.landlines(draws, people.addresses),
        given + "." + family + digits + "@example.org", numbers.opaque(draws, "person", count),
    )  # fmt: skip


def make_records(draws: Draws, world: World, source: Source) -> pl.DataFrame:
    """The records of one source with record_id and person_id, in no telling order."""
    people = world.people
    covered = draws.uniform("covered", len(people)) < source.covers(people, world.of)
    once = np.flatnonzero(covered)
    again = once[draws.chance("twice", len(once), source.twice)]
    who = np.concatenate([once, again])
    lag = source.lag * 4 * draws.uniform("lag", len(who)) ** 3
    lag[len(once) :] += 1.0  # a second record is mostly an older one
    rows = Rows(draws, source, who, lag)
    place = _place(rows, people)
    return pl.DataFrame(
        {
            "record_id": numbers.opaque(draws, "record", len(who)),
            "person_id": world.person_id.gather(who),
            "source": pl.Series([source.name], dtype=pl.String).gather(np.zeros(len(who), dtype=np.int64)),
            **_name_columns(rows, world),
            **_birth_columns(rows, people),
            **_number_columns(rows, world),
            **_address_columns(rows, world, place),
            **_contact_columns(rows, world, place),
        }
    ).sort("record_id")  # fmt: skip


def _kept(values: pl.Series, kept: Booleans) -> pl.Series:
    """The values where they are held, else null."""
    return values.set(pl.Series(~kept), None)


def _place(rows: Rows, people: People) -> Integers:
    """The address at the time of the record."""
    return np.where(people.moved[rows.who] < rows.lag, people.earlier[rows.who], people.address[rows.who])


def _name_columns(rows: Rows, world: World) -> dict[str, pl.Series]:
    people, names, draws, who = world.people, world.names, rows.draws, rows.who
    code = people.first[who]
    code = np.where(rows.slips("spelling"), names.first_spellings.draw(draws, "spelling", code), code)
    code = np.where(rows.slips("nickname"), names.nicknames.draw(draws, "nickname", code), code)
    has_middle = people.middle[who] >= 0
    by_middle = rows.slips("middle") & has_middle
    middle = _kept(names.first.gather(people.middle[who].clip(0)), has_middle & rows.holds("middle"))
    second = _kept(names.first.gather(people.second_middle[who].clip(0)), people.second_middle[who] >= 0)
    middle = pl.select(pl.concat_str(middle, second, separator=" ", ignore_nulls=True)).to_series()
    middle = _kept(middle, (has_middle & rows.holds("middle")) & ~by_middle)
    middle = _initial(middle, draws.chance("middle initial", len(who), 0.25))
    first = names.first.gather(np.where(by_middle, people.middle[who].clip(0), code))
    first = errors.misspell(draws, "first typo", first, rows.slips("first"))
    first = _kept(_initial(first, rows.slips("initial")), ~rows.slips("no_first"))
    last = _surname(rows, world)
    last = errors.misspell(draws, "last typo", last, rows.slips("last"))
    swap = pl.Series(rows.slips("swap") & first.is_not_null().to_numpy())
    former = _kept(names.last.gather(people.former[who].clip(0)), (people.former[who] >= 0) & rows.holds("former"))
    return {
        "first_name": first.zip_with(~swap, last),
        "middle_names": middle,
        "surname": last.zip_with(~swap, first),
        "former_surnames": _kept(former, people.changed[who] >= rows.lag),
    }


def _initial(values: pl.Series, chosen: Booleans) -> pl.Series:
    return values.zip_with(pl.Series(~chosen), values.str.head(1))


def _surname(rows: Rows, world: World) -> pl.Series:
    """The surname at the time of the record; a double one is written in four ways."""
    people, names, draws, who = world.people, world.names, rows.draws, rows.who
    old = people.changed[who] < rows.lag
    code = np.where(old, people.former[who].clip(0), people.surname[who])
    code = np.where(rows.slips("spelling"), names.last_spellings.draw(draws, "last spelling", code), code)
    last = names.last.gather(code)
    double = pl.Series((people.joined[who] >= 0) & ~old)
    second = names.last.gather(people.joined[who].clip(0))
    how = pl.Series(draws.pick("double", len(who), np.array([0.62, 0.14, 0.12, 0.12])))
    joined = (last + "-" + second).zip_with(how != 1, last + " " + second)
    joined = joined.zip_with(how != 2, last).zip_with(how != 3, second)
    return joined.zip_with(double, last)


def _birth_columns(rows: Rows, people: People) -> dict[str, pl.Series]:
    days = errors.misdate(rows.draws.of("misdate"), people.born[rows.who], rows.slips("dob"))
    born = pl.Series(days.astype("datetime64[D]")).cast(pl.Date)
    female = people.female[rows.who] ^ rows.slips("sex")
    sex = pl.Series(["M", "F"]).gather(female.astype(np.int64))
    return {"date_of_birth": _kept(born, rows.holds("dob")), "sex": _kept(sex, rows.holds("sex"))}


def _number_columns(rows: Rows, world: World) -> dict[str, pl.Series]:
    people, who = world.people, rows.who
    wrong = rows.slips("nhs")
    nhs = pl.Series(errors.wrong_nhs_number(rows.draws.of("nhs"), world.nhs, who, wrong)).cast(pl.String)
    held = rows.holds("nhs")
    verified = np.where(wrong, rows.draws.chance("wrong verified", len(who), 0.04), rows.holds("verified"))
    status = pl.Series(["02", "01"]).gather(verified.astype(np.int64))
    adult = people.age[who] >= 16
    return {
        "nhs_number": _kept(nhs, held),
        "nhs_number_status": _kept(status, held),
        "nino": _kept(world.nino.gather(who), rows.holds("nino") & adult),
        "upn": _kept(world.upn.gather(who), rows.holds("upn") & (people.age[who] >= 4)),
    }


def _address_columns(rows: Rows, world: World, place: Integers) -> dict[str, pl.Series]:
    people, draws, who = world.people, rows.draws, rows.who
    homed = ~people.is_homeless[who]
    at = {name: world.addresses[name].gather(place) for name in world.addresses.columns}
    postcode = errors.wrong_postcode(draws, "postcode typo", at["postcode"], rows.slips("postcode"))
    no_abode = pl.Series(~homed & draws.chance("pseudo", len(who), 0.7))
    postcode = (
        pl.Series(["ZZ99 3VZ"]).gather(np.zeros(len(who), dtype=np.int64)).zip_with(no_abode, _kept(postcode, homed))
    )
    street = errors.misspell(draws, "street typo", at["street"], rows.slips("street"))
    street = _shortened(street, draws.chance("short", len(who), rows.source.slips["short"]))
    number = errors.misspell(draws, "number typo", at["house_number"], rows.slips("number"))
    number = _other_flat_form(number, draws.below("flat form", len(who), 5))
    since = pl.Series((AS_OF - (people.moved[who] * 365.25).astype(np.int64)).astype("datetime64[D]")).cast(pl.Date)
    current = (people.moved[who] >= rows.lag) & homed
    return {
        "uprn": _kept(at["uprn"], rows.holds("uprn") & homed),
        "house_number": _kept(number, rows.holds("number") & homed),
        "street": _kept(street, rows.holds("street") & homed),
        "postcode": _kept(postcode, rows.holds("postcode")),
        "address_from": _kept(since, rows.holds("from") & current),
    }


def _shortened(street: pl.Series, chosen: Booleans) -> pl.Series:
    """The last word of the street abbreviated, as some systems write it."""
    from benchmarks.truth.names_lists import STREET_ENDS, STREET_SHORT

    ends = dict(zip(STREET_ENDS.split(), STREET_SHORT.split(), strict=True))
    parts = pl.DataFrame({"street": street}).select(
        pl.col("street").str.replace(r" [^ ]+$", " ") + pl.col("street").str.extract(r"([^ ]+)$").replace(ends)
    )
    return street.zip_with(pl.Series(~chosen), parts.to_series())


def _other_flat_form(number: pl.Series, form: Integers) -> pl.Series:
    """FLAT 3 12 is also written 3/12 and 12 FLAT 3."""
    pattern = r"^FLAT (\d+) (\d+)$"
    slash = number.str.replace(pattern, "${1}/${2}")
    behind = number.str.replace(pattern, "${2} FLAT ${1}")
    return number.zip_with(pl.Series(form != 0), slash).zip_with(pl.Series(form != 1), behind)


def _contact_columns(rows: Rows, world: World, place: Integers) -> dict[str, pl.Series]:
    people, draws, who = world.people, rows.draws, rows.who
    owner = _owner(rows, people)
    count = len(people)
    old = draws.chance("old mobile", len(who), (0.05 * rows.lag).clip(0, 0.5))
    workers = 2 * count + draws.below("worker", len(who), max(1, len(who) // 6_000))
    line = np.where(rows.slips("worker"), workers, np.where(old, owner + count, owner))
    phone = world.mobile.gather(line)
    fixed = draws.chance("landline", len(who), np.where(people.age[who] > 65, 0.15, 0.04))
    phone = phone.zip_with(pl.Series(~fixed), world.landline.gather(place))
    phone = errors.misspell(draws, "phone typo", phone, rows.slips("phone"))
    has_mobile = Draws(draws.seed).chance("has mobile", count, 0.93)[owner]
    has_email = Draws(draws.seed).chance("has email", count, np.where(people.age > 75, 0.4, 0.86))[owner]
    # most forms about a child leave the parent's phone and email out
    own = (owner == who) | draws.chance("parent asked", len(who), 0.4)
    return {
        "phone": _kept(phone, rows.holds("phone") & (has_mobile | fixed) & own),
        "email": _kept(world.email.gather(owner), rows.holds("email") & has_email & own),
    }


def _owner(rows: Rows, people: People) -> Integers:
    """Whose phone and email a record gives: a child's parent's, sometimes the partner's, else the person's own."""
    who, homes = rows.who, people.homes
    head, partner = homes.head[who], homes.partner[who]
    has_two = partner >= 0
    second = has_two & rows.draws.chance("second parent", len(who), 0.35)
    parent = np.where(second, partner, head)
    spouse = np.where(homes.role[who] == PARTNER, head, partner)
    shared = rows.slips("share") & has_two & (homes.role[who] <= PARTNER)
    child = (homes.role[who] == CHILD) & (people.age[who] < 16.5)
    return np.where(child, parent, np.where(shared, spouse, who))
