"""What a run depends on, as signatures, and what has changed since the last one that succeeded.

Put here: looking at a home and comparing two looks. Never here: which assets follow from a change (assets), or
where a look is kept (spine.runs).

Folder names in landing may be personal, so deliveries and sources are kept by the hash of their name; a name
comes back only from what lies there now.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from spine.settings import Settings

#: Partner and dataset.
Source = tuple[str, str]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NOT_INPUT = {"__pycache__", "target", "logs"}


class Inputs(BaseModel):
    """What a run is run on, looked at before it starts.

    Attributes:
        landing: all of the landing folder, whatever is made of it.
        deliveries: signature of each delivery's folder that is dated up to `as_of`, by hashed key.
        definitions: contracts, dbt project, code and the lock of packages, by content.
        agreements: what was agreed, signed and is trusted: it decides what is released and nothing before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    landing: str
    deliveries: dict[str, str]
    definitions: str
    agreements: str


class Made(BaseModel):
    """What a run leaves behind, looked at after it has ended: who changes it later is noticed.

    Attributes:
        sources: signature of each source's ledger records and lake files, by hashed name.
        results: warehouse, linkage, identity, releases and keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: dict[str, str]
    results: str


@dataclass(frozen=True)
class Changes:
    """What a run has to do.

    Attributes:
        everything: why all is rebuilt; None where it is enough to rebuild what follows from `sources`.
        sources: sources whose deliveries or lake files changed, with what to say of each.
        agreements: the agreements changed.
        full_link: all person records are linked, changed or not.
        may_judge: a delivery may have to be judged; False where none can be new since the last successful run.
    """

    everything: str | None
    sources: Mapping[Source, str]
    agreements: bool = False
    full_link: bool = False
    may_judge: bool = field(default=True, compare=False)


def look(settings: Settings, as_of: date) -> Inputs:
    """Take the signature of everything that a run depends on.

    Landing files count by size, modification time and permissions, the rest by content, so that a run with
    nothing to do is known before anything slow is imported.
    """
    governance = _governance(settings)
    folders = [settings.expectations, settings.dbt_project, settings.project / "spine", settings.project / "assets"]
    files = [p for folder in folders for p in _files(folder) if p not in governance]
    lock = settings.project / "requirements.lock"
    return Inputs(
        as_of=as_of,
        landing=_stats(settings.landing, _files(settings.landing)),
        deliveries={_hashed(key): _stats(path, _files(path)) for key, path in _dated(settings.landing, as_of).items()},
        definitions=_contents(settings.project, [*files, *([lock] if lock.exists() else [])]),
        agreements=_agreed(settings, governance),
    )


def _governance(settings: Settings) -> list[Path]:
    """Files of the project that decide what is released and nothing before it."""
    folders = (settings.expectations / "agreements", settings.expectations / "contracts" / "signed")
    rights = settings.expectations / "decision_rights.yaml"
    return [*(path for folder in folders for path in _files(folder)), *([rights] if rights.exists() else [])]


def _agreed(settings: Settings, governance: list[Path]) -> str:
    """What was agreed, what was signed, and whose signatures count."""
    digest = hashlib.sha256(_contents(settings.project, governance).encode())
    signed = [p for p in _files(settings.demonstration) if p.suffix == ".yaml"]
    digest.update(_contents(settings.root, signed).encode())
    digest.update(f"{settings.mode} {settings.trust_file} {settings.trust_sha256}".encode())
    with suppress(OSError):  # a trust file that is missing is for the release to refuse
        digest.update(settings.trust_file.expanduser().read_bytes() if settings.trust_file else b"")
    return digest.hexdigest()[:32]


def look_at_results(settings: Settings) -> Made:
    """Take the signature of everything that a run left in the home."""
    folders = [settings.linkage, settings.identity, settings.releases, settings.keys]
    files = [settings.warehouse, *(path for folder in folders for path in _files(folder))]
    return Made(sources=_judged(settings), results=_stats(settings.root, files))


def compare(settings: Settings, before: tuple[Inputs, Made], now: tuple[Inputs, Made]) -> Changes:
    """What changed between the last successful run and now.

    Anything but a source's deliveries, its records in ledger and lake, or the agreements rebuilds everything.
    """
    (inputs, made), (inputs_now, made_now) = before, now
    sources = _changed_deliveries(settings, inputs, inputs_now)
    named = {_hashed("/".join(source)): source for source in _named(settings)}
    touched = _differing(made.sources, made_now.sources)
    for key in sorted(touched & named.keys(), key=lambda k: named[k]):
        sources.setdefault(named[key], f"{'/'.join(named[key])} was judged, or its files in the lake changed")
    why = None
    if inputs.as_of != inputs_now.as_of:
        why = f"the last run was as of {inputs.as_of}"
    elif inputs.definitions != inputs_now.definitions:
        why = "contracts, models or code changed"
    elif made.results != made_now.results:
        why = "what the last run made has changed since"
    elif touched - named.keys() or _unnamed_are_gone(settings, inputs, inputs_now):
        why = "a source that was there is gone"
    is_other = inputs.definitions != inputs_now.definitions or made.results != made_now.results
    return Changes(
        why,
        dict(sorted(sources.items())),
        inputs.agreements != inputs_now.agreements,
        may_judge=bool(sources or touched) or is_other,
    )


def without(inputs: Inputs, deliveries: Iterable[str]) -> Inputs:
    """The look less some deliveries (by key `partner/dataset/date`): the next run takes them for new."""
    gone = {_hashed(key) for key in deliveries}
    kept = {key: value for key, value in inputs.deliveries.items() if key not in gone}
    return inputs.model_copy(update={"deliveries": kept})


def _changed_deliveries(settings: Settings, before: Inputs, now: Inputs) -> dict[Source, str]:
    """By source, one sentence on its deliveries that came, changed or went."""
    keys: dict[str, str] = {_hashed(key): key for key in _known_keys(settings, now.as_of)}
    found: dict[Source, list[str]] = {}
    for hashed in _differing(before.deliveries, now.deliveries) & keys.keys():
        partner, dataset, day = keys[hashed].split("/")
        verb = "is gone" if hashed not in now.deliveries else "changed" if hashed in before.deliveries else "is new"
        found.setdefault((partner, dataset), []).append(f"{partner}/{dataset} {day} {verb}")
    return {source: " and ".join(sorted(texts)) for source, texts in found.items()}


def _unnamed_are_gone(settings: Settings, before: Inputs, now: Inputs) -> bool:
    keys = {_hashed(key) for key in _known_keys(settings, now.as_of)}
    return not _differing(before.deliveries, now.deliveries) <= keys


def _known_keys(settings: Settings, as_of: date) -> set[str]:
    """Keys of deliveries that lie in landing, or that were judged once."""
    return set(_dated(settings.landing, as_of)) | set(_dated(settings.ledger, as_of))


def _named(settings: Settings) -> set[Source]:
    """Sources that lie in landing or in the ledger."""
    found = set()
    for folder in (settings.landing, settings.ledger):
        for partner in _folders(folder):
            found |= {(partner.name, dataset.name) for dataset in _folders(partner)}
    return found


def _dated(folder: Path, as_of: date) -> dict[str, Path]:
    """`<partner>/<dataset>/<YYYY-MM-DD>` up to `as_of`, under landing or ledger."""
    found = {}
    for path in (d for partner in _folders(folder) for dataset in _folders(partner) for d in _folders(dataset)):
        if _DATE.fullmatch(path.name) and path.name <= as_of.isoformat():
            found["/".join(path.parts[-3:])] = path
    return found


def _judged(settings: Settings) -> dict[str, str]:
    """Signatures of ledger records and lake files by source; the lake's first level is `<dataset>__<layout>`."""
    files: dict[Source, list[Path]] = {}
    for partner in _folders(settings.ledger):
        for dataset in _folders(partner):
            files.setdefault((partner.name, dataset.name), []).extend(_files(dataset))
    for contract in _folders(settings.lake):
        for partner in _folders(contract):
            source = (partner.name, contract.name.partition("__")[0])
            files.setdefault(source, []).extend(_files(partner))
    return {_hashed("/".join(source)): _stats(settings.root, paths) for source, paths in sorted(files.items())}


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.is_dir())
    except OSError:
        return []


def _files(folder: Path) -> list[Path]:
    found = (p for p in folder.rglob("*") if p.is_file() or p.is_symlink())
    return sorted(p for p in found if not _NOT_INPUT & set(p.relative_to(folder).parts) and p.name != ".lock")


def _stats(folder: Path, files: Iterable[Path]) -> str:
    """A hash of the files' names, sizes, times and permissions; of a link and of what it leads to."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder)}{list(_stat(path))}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _stat(path: Path) -> Iterator[tuple[int, int, int] | None]:
    for follow in (False, True):
        try:
            stat = path.stat(follow_symlinks=follow)
        except OSError:
            yield None
        else:
            yield stat.st_size, stat.st_mtime_ns, stat.st_mode


def _contents(folder: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(folder)).encode("utf-8", "surrogateescape"))
        try:
            digest.update(path.read_bytes() if path.is_file() else b"no file")
        except OSError:  # for whoever reads it to refuse
            digest.update(b"cannot be read")
    return digest.hexdigest()[:32]


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}


def _hashed(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
