"""Arrays of a kept run as files: whole, or as what sets them apart from those of an earlier run.

Put here: the form of an array on disk. Never here: which arrays a run has (state.py).

    NAME.npy            the array, or the one that it came from: a file of the earlier run, shared with it
    NAME.then.npy       entries behind those
    NAME.other_at.npy   places of entries that are others now
    NAME.other.npy      what stands there

Changes alter a few entries in a hundred and stand behind the others: what stays is neither copied nor written again. No
file is ever written in place, so folders may share them.
"""

from __future__ import annotations

import mmap
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from spine.linkage.arrays import Array

_MORE, _AT, _TO = ".then", ".other_at", ".other"
#: An array is written whole where more than this share of it is not as it was, or where it is this small (entries).
_MOST_OTHER: Final = 0.25
_SMALL: Final = 500


def read_arrays(folder: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    """Every array as it is, and by name those that files share with the runs before; files are read when needed.

    Raises:
        OSError, ValueError, EOFError, IndexError: a file is missing or damaged.
    """
    files: dict[str, Array] = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    bases = {name: files[name] for name in files if not name.endswith((_MORE, _AT, _TO))}
    return {name: _as_it_is(name, files) for name in bases}, bases


def _as_it_is(name: str, files: Mapping[str, Array]) -> Array:
    base, more, at = files[name], files.get(name + _MORE), files.get(name + _AT)
    if more is None and at is None:
        return base
    result = np.array(base) if more is None else np.concatenate([base, more])
    if at is not None:
        result[at] = files[name + _TO]
    return result


def write_array(folder: Path, name: str, array: Array, base: Array | None) -> list[Path]:
    """Write an array, or share the file that all of it was read from, or that file and what is not in it.

    Args:
        folder: of the arrays.
        name: of this one.
        array: as it is now.
        base: read from a file of the run that this one came from; None where there is none.

    Returns:
        The array's files.
    """
    whole = folder / f"{name}.npy"
    if base is not None and array is base and _is_file(base):
        return [_share(base, whole)]
    at = None if base is None else _others(array, base)
    if base is None or at is None:
        return [_write(whole, array)]
    files = [_share(base, whole)]
    if array.size > base.size:
        files.append(_write(folder / f"{name}{_MORE}.npy", array[base.size :]))
    if at.size:
        files += [_write(folder / f"{name}{_AT}.npy", at), _write(folder / f"{name}{_TO}.npy", array[at])]
    return files


def _others(array: Array, base: Array) -> Array | None:
    """Places where the array is not as the one that it came from; None where it is to be written whole."""
    if not _is_file(base) or array.dtype != base.dtype or array.ndim != 1 or not _SMALL <= base.size <= array.size:
        return None
    at = np.flatnonzero(array[: base.size] != base)
    few = at.size + array.size - base.size <= _MOST_OTHER * base.size
    return at.astype(np.int32 if base.size < 1 << 31 else np.int64) if few else None


def _is_file(array: Array) -> bool:
    """All of the array is the content of one file."""
    return isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and array.filename is not None


def _share(array: Array, path: Path) -> Path:
    source = str(getattr(array, "filename", ""))
    temporary = path.with_suffix(".part")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, temporary)
    return temporary.replace(path)


def _write(path: Path, array: Array) -> Path:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.save(file, array)
    return temporary.replace(path)
