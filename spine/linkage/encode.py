"""Stage 2: records as arrays of integer codes, and the frequencies of names.

Put here: dictionary coding and rarity. Never here: a comparison. Columns are read one at a time and cleaned by
distinct value; a code depends on the value alone, so neither the order of records nor their ids matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.errors import PipelineError
from spine.linkage import standardise as clean
from spine.linkage.arrays import Array, Codes, Flags, Floats, distinct, factorise, mixed, text_codes
from spine.linkage.columns import Columns
from spine.linkage.config import LinkageConfig, Standardise
from spine.linkage.conform import Records, as_dates, as_flags, as_lists, as_text
from spine.linkage.identifiers import drop_failing, follow_superseded, held_by_few, of_one_person
from spine.linkage.levels import BUCKET_BITS, BUCKETS, Scheme
from spine.linkage.parallel import each
from spine.linkage.similar import Dictionary

FORMERS = tuple(f"former_{i}" for i in range(3))
FLAGS = ("verified", "restricted", "crowded")
NAMES = ("first", "middle", "surname", "part_1", "part_2", *FORMERS)
_NEVER = 1e-12
_SOURCE_BITS = 62


@dataclass(frozen=True)
class Rarity:
    """How frequent the values of one column are, in buckets.

    Attributes:
        bucket: bucket of each code (0 = commonest).
        holders: share of records in each bucket, summing to 1.
        chance: probability that two random people share a value of this bucket.
        unseen: bucket of a value that no record held.
    """

    bucket: npt.NDArray[np.uint8]
    holders: Floats
    chance: Floats
    unseen: int

    def extended(self, size: int) -> Rarity:
        """The same frequencies for a dictionary that has grown to `size` values."""
        more = np.full(size - self.bucket.size, self.unseen, dtype=np.uint8)
        return replace(self, bucket=np.concatenate([self.bucket, more]))


@dataclass(frozen=True)
class Encoded:
    """Person records, or nodes of them, as arrays of one entry each.

    Attributes:
        size: number of entries.
        codes: arrays by name; 0 means not known. Those of `NAMES` are places in the dictionary `names`, `birth` is
            YYYYMMDD with zeros for what is not known, `death` and `start` days since 1970, `source` one bit for each
            source that the entry comes from.
        names: the dictionary of names.
        dictionaries: values of the codes of nino, upn and further columns; entry 0 is empty.
        bits: the bit of each source.
        promised: bits of the sources that promise one record a person.
        rarity: of `first_name`, `surname` and each further column.
        scheme: what is compared.
        telling: comparisons of further columns whose values are one person's, like a number.
        verified: NHS number status is 01.
        restricted: the record may be linked by NHS number only.
        crowded: its address is that of more entries than one block holds (none among single records).
        facts: counts for the report.
    """

    size: int
    codes: Mapping[str, Array]
    names: Dictionary
    dictionaries: dict[str, pl.Series]
    bits: dict[str, int]
    promised: int
    rarity: dict[str, Rarity]
    scheme: Scheme
    telling: tuple[str, ...]
    verified: Flags
    restricted: Flags
    crowded: Flags
    facts: dict[str, int] = field(default_factory=dict)

    @property
    def several_sources(self) -> bool:
        """Whether sources can tell anything."""
        return len(self.bits) > 1

    def taken(self, chosen: Codes) -> Encoded:
        """Some of the entries."""
        if isinstance(self.codes, Columns):
            codes = self.codes.taken(chosen)
        else:
            codes = dict(each(lambda name: (name, np.take(self.codes[name], chosen)), self.codes, chosen.size))
        flags: dict[str, Any] = {name: np.take(getattr(self, name), chosen) for name in FLAGS}
        return replace(self, size=chosen.size, codes=codes, **flags)


def encode(records: Records, config: LinkageConfig, known: Encoded | None = None) -> Encoded:
    """Turn person records into codes.

    Args:
        records: the records.
        config: what is no evidence, and which further columns are compared.
        known: records coded before: their dictionaries are extended, and their frequencies hold.

    Raises:
        PipelineError: a column's type is unusable.
    """
    codes, names, dictionaries, bits, facts = _columns(records, config, known)
    promised = (1 << len(set(config.one_record_per_person))) - 1
    verified = codes.pop("verified").astype(bool)
    holder = mixed([codes[name] for name in ("first", "surname", "birth")])
    most = config.standardise.max_holders_per_number
    codes |= each(lambda name: (name, held_by_few(codes[name], holder, most)), ("nhs", "nino", "upn"), holder.size)
    _forget_organisations(records, codes)
    return Encoded(
        size=len(records.ids),
        codes=codes,
        names=names,
        dictionaries=dictionaries,
        bits=bits,
        promised=promised,
        rarity=_rarities(codes, names.length.size, dictionaries, config, known),
        scheme=config.scheme,
        telling=known.telling if known else _telling(codes, names, config.scheme),
        verified=verified & (codes["nhs"] > 0),
        restricted=as_flags(records.column("is_restricted")).to_numpy(),
        crowded=np.zeros(len(records.ids), dtype=bool),
        facts=facts,
    )


def _columns(
    records: Records, config: LinkageConfig, known: Encoded | None
) -> tuple[dict[str, Array], Dictionary, dict[str, pl.Series], dict[str, int], dict[str, int]]:
    """Codes of all columns, the dictionary of names, those of other columns, bits of the sources, and counts."""
    own = _dictionary_columns(config)
    jobs: list[Callable[[], Any]] = [
        partial(_names, records, config.standardise, known.names if known else None),
        *(partial(make, records, config.standardise) for make in (_address, _contact, _facts, _births)),
        partial(_sources, records, config.one_record_per_person, known.bits if known else {}),
        partial(_nhs, records, known.facts if known else None),
        *(partial(_coded, records, column, cleaner, known.dictionaries[name] if known else None)
          for name, column, cleaner in own),
    ]  # fmt: skip
    (codes, names), address, contact, facts, births, (source, bits), (nhs, counts), *coded = each(
        lambda job: job(), jobs, len(records.ids)
    )
    codes |= {"source": source, **address, **contact, **births, **facts, "nhs": nhs}
    dictionaries: dict[str, pl.Series] = {}
    for (name, _, _), (places, dictionary) in zip(own, coded, strict=True):
        codes[name], dictionaries[name] = places, dictionary
    return codes, names, dictionaries, bits, counts


def _facts(records: Records, settings: Standardise) -> dict[str, Array]:
    """Sex, whether the NHS number is verified, and the days of a death and of a move."""
    return {
        "sex": _by_value(records, "sex", clean.sexes),
        "verified": _by_value(records, "nhs_number_status", _is_verified),
        "death": _days(records, "date_of_death"),
        "start": _days(records, "address_from"),
    }


def _is_verified(values: pl.Series) -> Flags:
    flags: Flags = clean.compact(values).eq("01").fill_null(False).to_numpy()
    return flags


def _rarities(
    codes: dict[str, Array],
    names: int,
    dictionaries: dict[str, pl.Series],
    config: LinkageConfig,
    known: Encoded | None,
) -> dict[str, Rarity]:
    if known:
        return {
            name: r.extended(dictionaries[name].len() if name in dictionaries else names)
            for name, r in known.rarity.items()
        }
    usual, weight = config.fit.usual_share, config.fit.name_prior_records
    return {
        "first_name": _rarity(codes["first"], names, usual.first_name, weight),
        "surname": _rarity(codes["surname"], names, usual.surname, weight),
        **{name: _rarity_of_extra(codes[name], dictionaries[name].len()) for name in config.scheme.extra_comparisons},
    }


def _telling(codes: dict[str, Array], names: Dictionary, scheme: Scheme) -> tuple[str, ...]:
    initial, birth = np.where(codes["first"] > 0, np.take(names.initial, codes["first"]), 0), codes["birth"]
    pairs = zip(scheme.extra_comparisons, scheme.nearby_comparisons, strict=True)
    return tuple(name for both in pairs if of_one_person(codes[both[0]], initial, birth) for name in both)


def _dictionary_columns(config: LinkageConfig) -> list[tuple[str, str, Callable[[pl.Series], pl.Series]]]:
    """(code, column, cleaning) of the columns whose values are kept in a dictionary of their own."""
    numbers = [(name, name, clean.compact) for name in ("nino", "upn")]
    return [*numbers, *((code, name, clean.extras) for code, name in
                        zip(config.scheme.extra_comparisons, config.extras, strict=True))]  # fmt: skip


def _by_value(records: Records, column: str, code: Callable[[pl.Series], Array]) -> Array:
    """Codes of a column, made once for each distinct value."""
    if not records.has(column):
        return np.zeros(len(records.ids), dtype=np.int8)
    values, place = distinct(records.column(column))
    return np.take(code(values), place)


def _coded(
    records: Records, column: str, cleaner: Callable[[pl.Series], pl.Series], known: pl.Series | None = None
) -> tuple[Codes, pl.Series]:
    """Places of a column's cleaned values in a dictionary of their own."""
    if not records.has(column):
        return np.zeros(len(records.ids), dtype=np.int32), pl.Series([""]) if known is None else known
    values, place = distinct(records.column(column))
    dictionary, (cleaned,) = _places([cleaner(values)], known)
    return np.take(cleaned, place), dictionary


def _places(values: list[pl.Series], known: pl.Series | None) -> tuple[pl.Series, list[Codes]]:
    """A dictionary of all values after an empty one, and the place there of each; what was known keeps its place."""
    before = pl.Series([""]) if known is None else known
    every = pl.concat([before.set(before == "", None), *(series.cast(pl.String).alias("") for series in values)])
    codes, where = factorise(text_codes(every))
    # A value stands where it stood before, or after all that was known; the empty one has code 0 by its null.
    number = np.full(where.size, -1, dtype=np.int32)
    number[codes[: len(before)]] = np.arange(len(before), dtype=np.int32)
    fresh = np.flatnonzero(number < 0)
    # Longer values come later: where a node may keep one of two, a name is more than its initial.
    fresh = fresh[np.argsort(every.gather(where[fresh]).str.len_chars().to_numpy(), kind="stable")]
    number[fresh] = len(before) + np.arange(fresh.size, dtype=np.int32)
    dictionary = pl.concat([before, every.gather(where[fresh])], rechunk=True)
    places = number[codes[len(before) :]]
    return dictionary, np.split(places, np.cumsum([len(series) for series in values])[:-1])


def _names(
    records: Records, settings: Standardise, known: Dictionary | None = None
) -> tuple[dict[str, Array], Dictionary]:
    """Codes of every part of a name, in one dictionary."""
    given, given_at = distinct(records.column("first_name"))
    others, others_at = distinct(records.column("middle_names"))
    family, family_at = distinct(records.column("surname"))
    first, rest = clean.given_names(given, settings)
    surname = clean.surnames(family, settings)
    head, tail = surname.str.extract(r"^(\S+) "), surname.str.extract(r" (\S+)$")
    former = _formers(records)
    cleaned = {
        "first": first, "rest": rest.str.extract(r"^(\S+)"), "other": clean.letters(others).str.extract(r"^(\S+)"),
        "surname": surname.str.replace_all(" ", ""), "part_1": head, "part_2": tail,
        **{name: former[name] for name in FORMERS},
    }  # fmt: skip
    texts, places = _places(list(cleaned.values()), known.texts if known else None)
    place = dict(zip(cleaned, places, strict=True))
    middle = np.take(place["rest"], given_at)
    codes: dict[str, Array] = {
        "first": np.take(place["first"], given_at),
        "middle": np.where(middle > 0, middle, np.take(place["other"], others_at)),
        **{name: np.take(place[name], family_at) for name in ("surname", "part_1", "part_2")},
    }
    for name in FORMERS:
        codes[name] = np.zeros(len(records.ids), dtype=np.int32)
        codes[name][former["row"].to_numpy()] = place[name]
    return codes, Dictionary(texts, known.arrays if known else None)


def _formers(records: Records) -> pl.DataFrame:
    """Former surnames of the few records that hold any: row, former_0, former_1, former_2."""
    if not records.has("former_surnames"):
        return pl.DataFrame(schema={"row": pl.UInt32(), **dict.fromkeys(FORMERS, pl.String())})
    column = records.column("former_surnames")
    held = column.is_not_null().arg_true()
    given = pl.DataFrame({"row": held, "given": as_lists(column.gather(held))}).filter(pl.col("given").list.len() > 0)
    items = given.explode("given")
    words = items.select("row", clean.letters(items["given"]).str.replace_all(" ", "").alias("name")).drop_nulls()
    several = words.group_by("row", maintain_order=True).agg(pl.col("name").unique(maintain_order=True))
    return several.select("row", *(pl.col("name").list.get(i, null_on_oob=True).alias(name)
                                   for i, name in enumerate(FORMERS)))  # fmt: skip


def _sources(records: Records, promised: tuple[str, ...], known: dict[str, int]) -> tuple[Codes, dict[str, int]]:
    """The bit of each record's source, and the bits by source; those that promise one record a person come first.

    Where there are more sources than bits, those that promise nothing share them. A source that all records name says
    as little as none: its records have no bit, unless it promises something.
    """
    if len(promised) >= _SOURCE_BITS:
        raise PipelineError(
            f"linkage: {len(promised)} sources promise one record a person. Expected at most {_SOURCE_BITS - 1}."
        )
    values, place = distinct(as_text(records.column("source")))
    first = sorted(set(promised))
    every = {*values.drop_nulls(), *known}
    others = sorted(every - set(first), key=lambda name: (name not in known, name))
    bits = {name: 1 << i for i, name in enumerate(first)}
    bits |= {name: 1 << (len(first) + i % (_SOURCE_BITS - len(first))) for i, name in enumerate(others)}
    bits |= known
    telling = set(first) if len(every) == 1 else every
    return np.array([bits[name] if name in telling else 0 for name in values], dtype=np.int64)[place], bits


def _births(records: Records, settings: Standardise) -> dict[str, Array]:
    """YYYYMMDD; the two columns of a birth are cleaned together by their distinct pairs."""
    whole, partial = records.column("date_of_birth"), records.column("date_of_birth_partial")
    values, place = distinct(whole)
    codes = np.take(clean.births(values, settings), place)
    if records.has("date_of_birth_partial"):
        parts, part_at = distinct(partial)
        codes = np.where(codes > 0, codes, np.take(clean.partial_births(parts), part_at))
    return {"birth": codes.astype(np.int32)}


def _address(records: Records, settings: Standardise) -> dict[str, Array]:
    postcode, sector, nowhere = _postcodes(records, settings)
    number = _by_value(records, "house_number", lambda values: text_codes(clean.compact(values)))
    line = _by_value(records, "address_line", lambda values: text_codes(clean.houses(values)))
    street = _by_value(records, "street", lambda values: text_codes(clean.streets(values)))
    street_in_line = _by_value(records, "address_line", lambda values: text_codes(clean.streets_in_lines(values)))
    return {
        "postcode": postcode,
        "sector": sector,
        "house": np.where(nowhere, 0, np.where(number != 0, number, line)),
        "street": np.where(nowhere, 0, np.where(street != 0, street, street_in_line)),
        "uprn": clean.digits_or_text(records.column("uprn")),
    }


def _postcodes(records: Records, settings: Standardise) -> tuple[Array, Array, Flags]:
    """Postcode, its sector, and whether it says that the person has no fixed abode."""
    values, place = distinct(records.column("postcode"))
    cleaned = clean.postcodes(values, settings)
    nowhere = clean.compact(values).is_not_null() & cleaned.is_null()
    made = (text_codes(cleaned), text_codes(cleaned.str.head(-2)), nowhere.to_numpy())
    postcode, sector, without = (np.take(codes, place) for codes in made)
    return postcode, sector, without


def _contact(records: Records, settings: Standardise) -> dict[str, Array]:
    none = np.zeros(len(records.ids), dtype=np.int64)
    both = (("phone", clean.phones), ("email", clean.emails))
    return {name: code(records.column(name)) if records.has(name) else none.copy() for name, code in both}


def _days(records: Records, column: str) -> Array:
    """Days since 1970, 0 where not known."""
    return _by_value(records, column, lambda v: as_dates(v).cast(pl.Date).to_physical().fill_null(0).to_numpy())


def _nhs(records: Records, known: dict[str, int] | None) -> tuple[Codes, dict[str, int]]:
    """NHS numbers, superseded ones followed. Those that fail their check digit are dropped where most pass."""
    numbers = clean.digits_or_text(records.column("nhs_number"))
    numbers, facts = drop_failing(numbers, known)
    if not records.has("superseded_nhs_numbers"):
        return numbers, facts
    lists = as_lists(records.column("superseded_nhs_numbers"))
    held = (lists.list.len() > 0).fill_null(False).arg_true().to_numpy()
    claims = pl.DataFrame({"new": numbers[held], "old": lists.gather(held)}).explode("old")
    return follow_superseded(numbers, clean.digits_or_text(claims["old"]), claims["new"].to_numpy()), facts


def _forget_organisations(records: Records, codes: dict[str, Array]) -> None:
    if not records.has("is_organisation"):
        return
    organisations = as_flags(records.column("is_organisation")).to_numpy()
    codes |= {k: np.where(organisations, 0, v).astype(v.dtype) for k, v in codes.items() if k != "source"}


def _rarity_of_extra(values: Array, size: int) -> Rarity:
    """As for names; nothing is known before of how frequent a value is, so each counts as held once more."""
    return _rarity(values, size, 1 / size, float(size))


def _rarity(values: Array, size: int, usual: float, weight: float) -> Rarity:
    """Frequencies shrunk towards the usual share, then cut into buckets of `BUCKET_BITS` bits."""
    counts = np.bincount(values, minlength=size).astype(np.float64)
    counts[0] = 0
    total = counts.sum()
    share = (counts + weight * usual) / (total + weight)
    bucket = np.clip((-np.log2(share) / BUCKET_BITS).astype(np.int64), 0, BUCKETS - 1)
    if not total:  # no name at all: one holder of a name of usual frequency stands in
        counts[0], total = 1.0, 1.0
    holders = np.bincount(bucket, weights=counts, minlength=BUCKETS) / total
    chance = np.bincount(bucket, weights=counts * share, minlength=BUCKETS) / total
    unseen = int(np.clip(-np.log2(weight * usual / (total + weight)) / BUCKET_BITS, 0, BUCKETS - 1))
    return Rarity(bucket.astype(np.uint8), np.maximum(holders, _NEVER), np.maximum(chance, _NEVER), unseen)
