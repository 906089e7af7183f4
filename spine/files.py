"""Writing files so that a reader sees the old version or the new one, never half of one.

Put here: atomic writes, what a dead process left of them, what a failing disk means, content hashes.
Never here: what the files mean.

Every write names its failpoint (spine.failpoints), so that a test can kill it at each stage.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from spine.errors import PipelineError, SpineError
from spine.failpoints import reach

#: A disk with less than this left (bytes) is full: DuckDB extends its files by blocks of 256 KiB.
_NEARLY_NOTHING = 1 << 20
_TEMPORARY = re.compile(r"\.tmp-(\d+)-.+")

#: What the operating system says of a machine that cannot write, in words.
_FAULTS = {
    errno.ENOSPC: "the disk is full. Free some space",
    errno.EDQUOT: "the disk quota is used up. Free some space, or have it raised",
    errno.EROFS: "the disk is read-only. Mount it for writing, or choose another home (SPINE_HOME)",
    errno.EACCES: "the permission to write to the disk is missing. Give the home to the user who runs the spine",
    errno.EPERM: "the permission to write to the disk is missing. Give the home to the user who runs the spine",
    errno.EIO: "the disk reports an error. Check it",
}
#: How libraries that do not pass on the operating system's number say the same.
_WORDS = {
    "no space left on device": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "could not write all data": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "read-only file system": errno.EROFS,
    "permission denied": errno.EACCES,
}


def machine_fault(error: BaseException) -> PipelineError | None:
    """The error to show where the machine could not write (disk full, read-only, no permission), else None.

    Looks through the whole chain of causes. A library's message is searched for a few fixed phrases and
    never shown, since it may quote data.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        number = current.errno if isinstance(current, OSError) else None
        if number not in _FAULTS:
            text = str(current).lower()
            number = next((number for words, number in _WORDS.items() if words in text), None)
        if number is not None:
            return _fault(number)
        current = current.__cause__ or current.__context__
    return None


@contextmanager
def clear_faults(folder: Path | None = None) -> Iterator[None]:
    """Turn the machine's refusal to write into one clear error.

    Args:
        folder: on the disk that is written to. A library that says nothing of the disk (Polars speaks of
            a file out of specification) is taken to have failed for a full one, where it is full.

    Raises:
        PipelineError: the disk is full, read-only or broken, or the permission is missing.
    """
    try:
        yield
    except Exception as error:
        is_ours = isinstance(error, SpineError) and not isinstance(error, PipelineError)
        fault = machine_fault(error) if isinstance(error, OSError) else None
        if fault is None and not is_ours and folder is not None and _is_full(folder):
            fault = _fault(errno.ENOSPC)
        if fault is None:
            raise
        raise fault from None


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < _NEARLY_NOTHING


def _fault(number: int) -> PipelineError:
    return PipelineError(
        f"Nothing more could be written: {_FAULTS[number]}, then run again. What was published before stands."
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path, point: str | None = None) -> None:
    """Force a file or folder to disk; `point` is the name of the write it belongs to."""
    if point:
        reach(f"{point}.before_fsync")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder, open to its owner only, with those above it, so that a power cut keeps them all."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in missing:
        fsync(folder.parent)


def temporary_beside(path: Path) -> Path:
    """Where a new version of `path` is written before it is whole; `sweep` removes it once this process is dead."""
    return path.with_name(f".tmp-{os.getpid()}-{path.name}")


@contextmanager
def replacing(path: Path, point: str = "file") -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success fsync it and rename it over `path`.

    Args:
        path: the file to replace.
        point: name of the write among spine.failpoints.WRITES.

    Raises:
        PipelineError: the disk is full or cannot be written to; `path` is as it was.
    """
    temporary = temporary_beside(path)
    with clear_faults():
        make_folder(path.parent)
        try:
            with clear_faults(path.parent):
                reach(f"{point}.before_write")
                yield temporary
            fsync(temporary, point)
            reach(f"{point}.before_rename")
            os.replace(temporary, path)
            reach(f"{point}.after_rename")
            fsync(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def new_folder(path: Path, point: str = "file") -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success rename it to `path`, which must not exist.

    Args:
        path: the folder to make.
        point: name of the write among spine.failpoints.WRITES.

    Raises:
        PipelineError: the disk is full or cannot be written to; `path` is not there.
    """
    with _folder_beside(path, point, os.rename) as temporary:
        yield temporary


@contextmanager
def replacing_folder(path: Path, point: str = "file") -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success put it in the place of `path`, which may exist.

    What was there before stands until the new folder is whole, and goes only when the new one has its name.

    Args:
        path: the folder to replace.
        point: name of the write among spine.failpoints.WRITES.

    Raises:
        PipelineError: the disk is full or cannot be written to; `path` is as it was.
    """
    aside = temporary_beside(path.with_name(f"{path.name}.old"))
    try:
        with _folder_beside(path, point, lambda new, old: _swap(new, old, aside)) as temporary:
            yield temporary
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _folder_beside(path: Path, point: str, put: Callable[[Path, Path], None]) -> Iterator[Path]:
    """A temporary folder beside `path` that is `put` there once it is whole and on disk."""
    temporary = temporary_beside(path)
    with clear_faults():
        make_folder(path.parent)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        try:
            with clear_faults(path.parent):
                reach(f"{point}.before_write")
                yield temporary
            for file in temporary.rglob("*"):
                # A file that another folder shares was forced to disk when it was written.
                if file.is_dir() or file.stat().st_nlink == 1:
                    fsync(file)
            fsync(temporary, point)
            reach(f"{point}.before_rename")
            put(temporary, path)
            reach(f"{point}.after_rename")
            fsync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def recover_folder(path: Path) -> None:
    """Finish what a process left that died while it replaced a folder.

    Where it died between the two renames, the old folder gets its name back.
    """
    beside = list(path.parent.iterdir()) if path.parent.is_dir() else []
    for left in beside:
        match = _TEMPORARY.fullmatch(left.name)
        if match is None or is_alive(int(match[1])):
            continue
        name = left.name.removeprefix(f".tmp-{match[1]}-")
        if name == f"{path.name}.old" and not path.exists():
            os.rename(left, path)
        elif name in (path.name, f"{path.name}.old"):
            remove(left)


def _swap(new: Path, path: Path, aside: Path) -> None:
    """Give the new folder the name of the old one, or leave the old one its name."""
    if path.exists():
        os.rename(path, aside)
    try:
        os.rename(new, path)
    except OSError:
        if aside.exists():
            os.rename(aside, path)
        raise


def write_json(path: Path, value: Any, point: str = "file") -> None:
    """Write JSON atomically, keys sorted, so that equal values give equal bytes."""
    with replacing(path, point) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")


def sweep(root: Path, keep: Collection[str] = ()) -> int:
    """Remove the temporary files and folders of processes that are dead, at any depth.

    To be called at the start of a run, before it writes: what bears this process's own number was then
    left by an earlier one that had the same.

    Args:
        root: folder to look through.
        keep: names of folders in `root` that are left alone.

    Returns:
        How many were removed.
    """
    removed = 0
    for folder, below, files in os.walk(root):
        for name in [*below, *files]:
            match = _TEMPORARY.fullmatch(name)
            if match and (int(match[1]) == os.getpid() or not is_alive(int(match[1]))):
                remove(Path(folder) / name)
                removed += 1
        left_alone = keep if Path(folder) == root else ()
        below[:] = [name for name in below if name not in left_alone and not _TEMPORARY.fullmatch(name)]
    return removed


def new_private_file(path: Path, content: bytes, point: str = "file") -> None:
    """Write a file, mode 0600, that is whole or not there, and that replaces none.

    Args:
        path: must not exist; its folder is made where it is missing, mode 0700.
        point: name of the write among spine.failpoints.WRITES.

    Raises:
        FileExistsError: it exists.
        PipelineError: the disk is full or cannot be written to.
    """
    temporary = temporary_beside(path)
    with clear_faults():
        make_folder(path.parent)
        temporary.unlink(missing_ok=True)
        reach(f"{point}.before_write")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            fsync(temporary, point)
            reach(f"{point}.before_rename")
            os.link(temporary, path)  # unlike a rename, never replaces
            reach(f"{point}.after_rename")
        finally:
            temporary.unlink(missing_ok=True)
        fsync(path.parent)


def remove(path: Path) -> None:
    """Remove a file, link or whole folder that may be gone already."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """True where this machine has a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
