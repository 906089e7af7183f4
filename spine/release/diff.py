"""Why the numbers of a purpose moved from one version to another: for an analyst and for a board.

Put here: the comparison of two records (history) in tables and in plain sentences. Never here: a release file: the
records are enough, and they hold no count from 1 to 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from spine.errors import UsageError
from spine.release.disclosure import in_words, shown
from spine.release.history import Movement, Shown, VersionRecord, records
from spine.release.marks import RULES
from spine.release.shelf import Shelf
from spine.settings import Settings

#: Title, heading and rows.
Rows = tuple[str, tuple[str, ...], list[tuple[str, ...]]]

_LEFT = {
    "deceased": "have died",
    "national_opt_out": "opted out nationally",
    "not_in_the_data": "are in no source any more, or turned out to be somebody who was there already",
}
_EVENTS = {
    "merge": "residents turned out to be one with another",
    "split": "residents turned out to be several people",
    "retire": "residents are in no source any more",
}


@dataclass(frozen=True)
class Listed:
    """One version in the list. `state` is current, kept, removed or withdrawn."""

    purpose: str
    record: VersionRecord
    state: str


@dataclass(frozen=True)
class Difference:
    """Two versions side by side.

    Attributes:
        sentences: for a board: what moved, and why.
        tables: for an analyst.
    """

    sentences: tuple[str, ...]
    tables: tuple[Rows, ...]


def versions(settings: Settings) -> list[Listed]:
    """Every version that was ever published, by purpose and number."""
    found = []
    for folder in sorted(path for path in settings.releases.glob("*") if path.is_dir()):
        shelf = Shelf(folder)
        there, held = shelf.versions, shelf.withdrawn_up_to
        for version, record in records(folder).items():
            kept = "current" if version == shelf.current else "kept"
            state = kept if version in there else "withdrawn" if version <= held else "removed"
            found.append(Listed(folder.name, record, state))
    return found


def compare_versions(settings: Settings, purpose: str, before: int | None, after: int | None) -> Difference:
    """Compare two versions of a purpose; by default the newest with the one before it.

    Raises:
        UsageError: one of them is not known, or there is only one.
    """
    known = records(settings.releases / purpose)
    numbers = list(known)
    newest = after or (numbers[-1] if numbers else 0)
    older = before or max((number for number in numbers if number < newest), default=0)
    if newest not in known or older not in known:
        there = ", ".join(map(str, numbers)) or "none"
        few = " A run that changes what is released publishes the next one" if len(numbers) < 2 else ""
        raise UsageError(f"purpose '{purpose}': expected two versions out of those that were published: {there}.{few}")
    if older >= newest:
        raise UsageError(f"expected the older version first, got {older} and {newest}")
    steps = [record for number, record in known.items() if older < number <= newest]
    one, two = known[older], known[newest]
    return Difference(tuple(_sentences(purpose, one, two, steps)), tuple(_tables(one, two, steps)))


def _sentences(purpose: str, one: VersionRecord, two: VersionRecord, steps: Sequence[VersionRecord]) -> Iterator[str]:
    name = purpose.replace("_", " ")
    yield (
        f"Version {two.version} of {name}, as of {two.as_of}, holds {in_words(two.residents)} residents; "
        f"version {one.version}, as of {one.as_of}, held {in_words(one.residents)}."
    )
    for record in steps:
        if record.movement:
            yield from _moved(record.movement, record.version)
    causes = list(_causes(one, two))
    yield from causes or ["Neither deliveries, agreement, rules nor keys changed in between."]


def _moved(movement: Movement, version: int) -> Iterator[str]:
    new, gone = movement.joined, _sum(movement.left.values())
    yield f"In version {version}, {in_words(new)} residents are new and {in_words(gone)} are gone."
    parts = [f"{in_words(count)} {_LEFT.get(why, why)}" for why, count in movement.left.items() if count != 0]
    if parts:
        yield f"Of those who are gone, {'; '.join(parts)}."


def _causes(one: VersionRecord, two: VersionRecord) -> Iterator[str]:
    """Why, in the order in which a person would ask."""
    new = sorted(two.inputs.keys() - one.inputs.keys())
    gone = sorted(one.inputs.keys() - two.inputs.keys())
    again = sorted(key for key in two.inputs.keys() & one.inputs.keys() if two.inputs[key] != one.inputs[key])
    for keys, what in ((new, "came into use"), (gone, "went out of use"), (again, "came again with other content")):
        if keys:
            yield f"{_deliveries(len(keys))} {what}: {', '.join(keys)}."
    for kind, words in _EVENTS.items():
        count = two.identity.get(kind, 0) - one.identity.get(kind, 0)
        if count > 0:
            yield f"In linking records, {in_words(shown(count))} {words}."
    if one.agreement_sha256 != two.agreement_sha256:
        yield (
            f"The agreement changed, from {one.agreement_id} {one.agreement_version} to {two.agreement_id} "
            f"{two.agreement_version}."
        )
    for kind, (words, _) in RULES.items():
        if one.rules.get(kind) != two.rules.get(kind):
            yield f"A rule changed: {words}."
    changed = sorted(two.withheld.keys() ^ one.withheld.keys())
    if changed:
        yield f"Other columns are withheld than before: {', '.join(changed)}."
    if one.opt_out_list != two.opt_out_list:
        yield f"The national opt-out list of {two.opt_out_list} was applied; before, that of {one.opt_out_list}."
    if one.key_version != two.key_version:
        yield (
            "The key of the pseudonyms was replaced: every resident has another id, and the ids of the two versions "
            "cannot be joined. Who came and went between them cannot be counted."
        )


def _deliveries(count: int) -> str:
    return "One delivery" if count == 1 else f"{count} deliveries"


def _tables(one: VersionRecord, two: VersionRecord, steps: Iterable[VersionRecord]) -> Iterator[Rows]:
    heading = (f"version {one.version}", f"version {two.version}", "change")
    yield "Rows", ("table", *heading), list(_compared(one.rows, two.rows))
    yield "Left out", ("reason", *heading), list(_compared(one.excluded, two.excluded))
    for name in two.groups:
        if name in one.groups:
            rows = list(_compared(one.groups[name], two.groups[name]))
            yield f"Residents by {name}", (name, *heading), rows
    for record in steps:
        if record.movement and record.movement.changed:
            changed: list[tuple[str, ...]] = [(name, _cell(count)) for name, count in record.movement.changed.items()]
            title = f"Residents in both, in whom a column differs (version {record.version})"
            yield title, ("column", "residents"), changed


def _compared(old: Mapping[str, Shown], new: Mapping[str, Shown]) -> Iterator[tuple[str, ...]]:
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name, 0), new.get(name, 0)
        change = "" if was is None or now is None else f"{now - was:+,}" if now != was else "0"
        yield name, _cell(was), _cell(now), change


def _cell(count: Shown) -> str:
    return "1 to 7" if count is None else f"{count:,}"


def _sum(counts: Iterable[Shown]) -> Shown:
    """The sum of counts as they may be shown; one that is not shown counts as 4, the middle of 1 to 7."""
    return shown(sum(4 if count is None else count for count in counts))
