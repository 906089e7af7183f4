"""What a source sends, and putting it into landing without harming what is there.

Put here: files of a delivery and their publication. Never here: their content.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from spine.errors import UsageError
from spine.failpoints import reach
from spine.files import fsync


@dataclass(frozen=True)
class Output:
    """A source's files on one day.

    Attributes:
        write: writes the files into a folder that is there and empty.
    """

    partner: str
    dataset: str
    day: date
    write: Callable[[Path], None]

    @property
    def path(self) -> str:
        """The delivery's folder below landing."""
        return f"{self.partner}/{self.dataset}/{self.day.isoformat()}"


@dataclass(frozen=True)
class SourceResult:
    """What one source made.

    Attributes:
        records: record_id, person (index) for every person record of the deliveries in use.
        faults: rows that each kind of error changed.
    """

    source: str
    outputs: tuple[Output, ...]
    records: pl.DataFrame
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Export:
    """How a partner's system writes its tables: one file each.

    Attributes:
        day: format of dates.
        file: pattern of file names, of `table` and `day`.
        snapshots: days before the as-of date.
    """

    partner: str
    day: str
    encoding: str
    separator: str
    line_end: str
    quotes: Literal["necessary", "non_numeric", "always"]
    file: str
    snapshots: tuple[int, ...]


def write_tables(folder: Path, tables: Mapping[str, pl.DataFrame], export: Export, day: date) -> None:
    """Write the tables of one day as the partner's system does."""
    for table, frame in tables.items():
        text = frame.write_csv(separator=export.separator, line_terminator=export.line_end, quote_style=export.quotes)
        write_text(folder / export.file.format(table=table, day=day), text, export.encoding)


def with_dates(table: pl.DataFrame, export: Export) -> pl.DataFrame:
    """The table with its dates as the partner's system writes them."""
    dates = [name for name, kind in table.schema.items() if kind == pl.Date]
    return table.with_columns(pl.col(dates).dt.strftime(export.day).str.to_uppercase())


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write text as it is. A character that the encoding lacks becomes `?`, as suppliers' exports do it."""
    path.write_bytes(text.encode(encoding, errors="replace"))


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A folder beside the landing, removed at the end whatever happens."""
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = out / f".tmp-{os.getpid()}-synth"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        reach("synthetic.delivery.before_write")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(staged: Path, landing: Path, deliveries: Iterable[str]) -> None:
    """Move each staged delivery into landing in one rename; equal ones that are there already stay.

    Raises:
        UsageError: a delivery's folder is there with other content; nothing was moved.
    """
    paths = list(deliveries)
    changed = [path for path in paths if (landing / path).exists() and not _equal(staged / path, landing / path)]
    if changed:
        raise UsageError(
            f"synth: {len(changed)} of {len(paths)} deliveries are in the landing already with other content, "
            f"the first is {changed[0]}. A delivery is never overwritten: choose an empty --out, "
            "or remove that landing yourself"
        )
    for path in paths:
        target = landing / path
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in (staged / path).iterdir():
            fsync(file, point="synthetic.delivery")
        reach("synthetic.delivery.before_rename")
        os.rename(staged / path, target)
        reach("synthetic.delivery.after_rename")
        fsync(target.parent)


def _equal(left: Path, right: Path) -> bool:
    names = sorted(path.name for path in left.iterdir())
    if names != sorted(path.name for path in right.iterdir()):
        return False
    return filecmp.cmpfiles(left, right, names, shallow=False)[0] == names
