"""Arrays of a kept run as files: whole, or as what sets them apart from those of an earlier run.

Put here: the form of an array on disk. Never here: which arrays a run has (state.py).

    NAME.npy        the array, or the one that it came from: a file of the earlier run, shared with it
    changes.npz     of each array that is not as that one: NAME.then, entries behind those; NAME.other_at, places of
                    entries that are others now; NAME.other, what stands there

Changes alter a few entries in a hundred and stand behind the others: what stays is neither copied nor written again. No
file is ever written in place, so folders may share them.
"""

from __future__ import annotations

import mmap
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from spine.linkage.arrays import Array

_CHANGES: Final = "changes.npz"
_MORE, _AT, _TO = ".then", ".other_at", ".other"
#: An array is written whole where more than this share of it is not as it was, or where it is this small (entries).
_MOST_OTHER: Final = 0.25
_SMALL: Final = 500


def read_arrays(folder: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    """Every array as it is, and by name those that files share with the runs before; files are read when needed.

    Raises:
        OSError, ValueError, EOFError, IndexError: a file is missing or damaged.
    """
    bases: dict[str, Array] = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    changes: dict[str, Array] = {}
    if (folder / _CHANGES).is_file():
        with np.load(folder / _CHANGES) as file:
            changes = dict(file.items())
    return {name: _as_it_is(name, base, changes) for name, base in bases.items()}, bases


def _as_it_is(name: str, base: Array, changes: Mapping[str, Array]) -> Array:
    more, at = changes.get(name + _MORE), changes.get(name + _AT)
    if more is None and at is None:
        return base
    result = np.array(base) if more is None else np.concatenate([base, more])
    if at is not None:
        result[at] = changes[name + _TO]
    return result


def write_arrays(folder: Path, arrays: Mapping[str, Array], bases: Mapping[str, Array]) -> None:
    """Write arrays: whole, or as what they share with the run that they came from, and what they do not.

    Args:
        folder: for them; those of an earlier state in it go.
        arrays: by name.
        bases: by name, those read from files of the run that these came from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changes: dict[str, Array] = {}
    for name, array in arrays.items():
        base = bases.get(name)
        at = None if base is None else _others(array, base)
        if base is None or at is None:
            _write(folder / f"{name}.npy", array)
            continue
        _share(base, folder / f"{name}.npy")
        if array.size > base.size:
            changes[name + _MORE] = array[base.size :]
        if at.size:
            changes[name + _AT], changes[name + _TO] = at, array[at]
    with _whole(folder / _CHANGES) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **changes)
    for path in folder.glob("*.npy"):
        if path.stem not in arrays:
            path.unlink()


def _others(array: Array, base: Array) -> Array | None:
    """Places where the array is not as the one that it came from; None where it is to be written whole."""
    if not _is_file(base):
        return None
    if array is base:
        return np.empty(0, dtype=np.int32)
    if array.dtype != base.dtype or array.ndim != 1 or not _SMALL <= base.size <= array.size:
        return None
    at = np.flatnonzero(array[: base.size] != base)
    few = at.size + array.size - base.size <= _MOST_OTHER * base.size
    return at.astype(np.int32 if base.size < 1 << 31 else np.int64) if few else None


def _is_file(array: Array) -> bool:
    """All of the array is the content of one file."""
    return isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and array.filename is not None


def _share(array: Array, path: Path) -> None:
    source = str(getattr(array, "filename", ""))
    with _whole(path) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, temporary)


def _write(path: Path, array: Array) -> None:
    with _whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file that is put in its place once it is whole: what another folder shares is never written to."""
    temporary = path.with_suffix(".part")
    temporary.unlink(missing_ok=True)
    yield temporary
    temporary.replace(path)
