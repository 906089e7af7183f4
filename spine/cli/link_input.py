"""What `spine link` reads: records from Parquet and CSV files, decisions, withdrawn ids and a truth.

Put here: files as frames, columns by their names. Never here: types and cleaning of values (spine.linkage), or
a value in an error: columns and files are named, cells never are.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from spine.errors import UsageError
from spine.linkage.conform import INPUT

_DELIMITERS = ",;\t|"
_DECISIONS = ("must_link", "cannot_link")


@dataclass(frozen=True)
class Given:
    """Person records as they came.

    Attributes:
        records: the columns that linkage reads, and the further ones asked for.
        files: names of the files.
        ignored: names of the columns that nothing reads.
    """

    records: pl.LazyFrame
    files: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    path: Path
    schema: Mapping[str, pl.DataType]
    delimiter: str = ""

    @property
    def name(self) -> str:
        return self.path.name

    def read(self, columns: Sequence[str]) -> pl.LazyFrame:
        """The columns; of a CSV file at once, so that a fault in it is told here."""
        if not self.delimiter:
            return pl.scan_parquet(self.path).select(columns)
        try:
            frame = pl.read_csv(self.path, columns=list(columns), separator=self.delimiter, infer_schema=False)
        except (pl.exceptions.PolarsError, OSError, UnicodeError):
            raise UsageError(
                f"{self.name}: not readable as CSV in UTF-8. Expected one header line, as many cells in every row, and "
                "quotes around cells that hold the delimiter. Save it again, or as Parquet."
            ) from None
        return frame.select(columns).lazy()


def marks(paths: Sequence[Path]) -> list[list[int]]:
    """Size and time of change of each file: the same ones say that it is the same file still."""
    return [[path.stat().st_size, path.stat().st_mtime_ns] for path in paths]


def read_records(
    paths: Sequence[Path], mapping: Mapping[str, str], extras: Sequence[str], truth: str | None = None
) -> Given:
    """Person records of all files, one below the other.

    A file without a column `source` gets its name as source where there are several files.

    Args:
        paths: Parquet or CSV files; they may have different columns.
        mapping: our column by theirs: `{"first_name": "given_name"}`.
        extras: further columns to compare.
        truth: column that is not to be read, though it is known.

    Raises:
        UsageError: a file cannot be read, or a column is not there, or is given twice.
    """
    found = [_open(path) for path in paths]
    _check(found, mapping, extras, truth)
    parts = [_taken(file, mapping, extras) for file in found]
    kinds: dict[str, set[pl.DataType]] = {}
    for file, part in zip(found, parts, strict=True):
        for ours, theirs in part.items():
            kinds.setdefault(ours, set()).add(file.schema[theirs])
    sources = _sources([file.path for file in found])
    frames = []
    for file, part, source in zip(found, parts, sources, strict=True):
        columns = [
            (_text(theirs, file.schema[theirs]) if len(kinds[ours]) > 1 else pl.col(theirs)).alias(ours)
            for ours, theirs in part.items()
        ]
        if "source" not in part and len(found) > 1:
            columns.append(pl.lit(source).alias("source"))
        frames.append(file.read(list(dict.fromkeys(part.values()))).select(columns))
    used = {theirs for part in parts for theirs in part.values()} | {truth}
    ignored = sorted({name for file in found for name in file.schema} - used)
    records = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")
    return Given(records, tuple(file.name for file in found), tuple(ignored))


def _taken(file: _File, mapping: Mapping[str, str], extras: Sequence[str]) -> dict[str, str]:
    """Our column by theirs, of those that a file has."""
    consumed = set(mapping.values())
    return {
        **{ours: theirs for ours, theirs in mapping.items() if theirs in file.schema},
        **{name: name for name in (*INPUT, *extras) if name in file.schema and name not in consumed},
    }


def read_truth(paths: Sequence[Path], record_id: str, column: str) -> pl.DataFrame:
    """record_id and person_id, as text, of the files that have the column.

    Args:
        record_id: their name of the column record_id.
        column: the column that says who is who.
    """
    frames = [
        file.read([record_id, column]).select(
            _text(record_id, file.schema[record_id]).str.strip_chars().alias("record_id"),
            _text(column, file.schema[column]).alias("person_id"),
        )
        for file in map(_open, paths)
        if {record_id, column} <= set(file.schema)
    ]
    return pl.concat(frames).collect()


def read_overrides(path: Path) -> pl.DataFrame:
    """Decisions that two records are, or are not, one person.

    Raises:
        UsageError: a column is missing, or a decision is neither must_link nor cannot_link.
    """
    names = ["left_record_id", "right_record_id", "decision"]
    frame = _columns(path, names)
    strange = frame.filter(~pl.col("decision").is_in(_DECISIONS) | pl.any_horizontal(pl.all().is_null())).height
    if strange:
        raise UsageError(
            f"{path.name}: {strange} of {frame.height} rows have no record_id, or a decision that is neither must_link "
            "nor cannot_link. Correct them"
        )
    return frame


def read_ids(path: Path) -> list[str]:
    """The record_ids of a file, such as those withdrawn."""
    return _columns(path, ["record_id"])["record_id"].drop_nulls().to_list()


def what_is_wrong_with_ids(records: pl.LazyFrame) -> str:
    """Why record_id does not tell the records apart, in counts; empty where it does."""
    ids = records.select(pl.col("record_id").cast(pl.String).str.strip_chars().replace("", None).alias("id"))
    counts = ids.group_by("id").len().collect()
    nulls = counts.filter(pl.col("id").is_null())["len"].sum()
    twice = counts.filter(pl.col("id").is_not_null() & (pl.col("len") > 1))
    told = [f"{nulls:,} records have none"] if nulls else []
    if twice.height:
        told.append(f"{twice.height:,} record_ids stand on {twice['len'].sum():,} records")
    return "; ".join(told)


def _open(path: Path) -> _File:
    if not path.is_file():
        raise UsageError(f"{path}: no such file. Expected Parquet or CSV files")
    if not path.stat().st_size:
        raise UsageError(f"{path.name}: the file is empty. Expected a header line at least")
    if path.suffix.lower() in (".parquet", ".pq"):
        try:
            return _File(path, pl.scan_parquet(path).collect_schema())
        except (pl.exceptions.PolarsError, OSError):
            raise UsageError(f"{path.name}: not readable as Parquet. Export it again") from None
    if path.suffix.lower() not in (".csv", ".txt", ".tsv"):
        raise UsageError(f"{path.name}: expected a name that ends with .parquet or .csv")
    return _open_csv(path)


def _open_csv(path: Path) -> _File:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
    except UnicodeDecodeError:
        raise UsageError(f"{path.name}: not in UTF-8. Save it as UTF-8") from None
    delimiter = max(_DELIMITERS, key=lambda sign: (line.count(sign), -_DELIMITERS.index(sign)))
    names = next(csv.reader([line], delimiter=delimiter), [])
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise UsageError(f"{path.name}: these columns stand in the header more than once: {', '.join(repeated)}")
    return _File(path, dict.fromkeys(names, pl.String()), delimiter)


def _check(files: Sequence[_File], mapping: Mapping[str, str], extras: Sequence[str], truth: str | None) -> None:
    """All that is wrong with the names of columns, told together."""
    present = {name for file in files for name in file.schema}
    told = [
        f"--map {ours}={theirs}: no file has a column {theirs}"
        for ours, theirs in mapping.items()
        if theirs not in present
    ]
    told += [f"--map {ours}=…: linkage reads no such column" for ours in mapping if ours not in INPUT]
    told += [f"--extra {name}: no file has this column" for name in extras if name not in present]
    told += [f"--extra {name}: linkage compares it already" for name in extras if name in INPUT]
    told += [f"--extra {name}: is mapped to another column" for name in extras if name in mapping.values()]
    if truth is not None and truth not in present:
        told.append(f"--truth {truth}: no file has this column")
    if truth is not None and (truth in extras or truth in mapping.values()):
        told.append(f"--truth {truth}: must not be compared itself")
    consumed = set(mapping.values())
    for file in files:
        both = [o for o, t in mapping.items() if t in file.schema and o in file.schema and o not in consumed]
        told += [f"{file.name}: has a column {name} already, and --map names another for it" for name in both]
        if mapping.get("record_id", "record_id") not in file.schema and "record_id" not in file.schema:
            columns = ", ".join(sorted(file.schema))
            told.append(f"{file.name}: has no column record_id; name it with --map record_id=… (columns: {columns})")
    if told:
        raise UsageError("\n".join(told))


def _sources(paths: Sequence[Path]) -> list[str]:
    """Names of the files, with their folder where two have one name."""
    stems = Counter(path.stem for path in paths)
    return [path.stem if stems[path.stem] == 1 else f"{path.resolve().parent.name}/{path.stem}" for path in paths]


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    """A column as text: lists with semicolons, whole numbers without a decimal part."""
    value = pl.col(name)
    if isinstance(kind, pl.List):
        return value.cast(pl.List(pl.String)).list.join(";")
    if kind.is_float():
        whole = value.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(value == value.round()).then(whole).otherwise(value.cast(pl.String))
    return value.cast(pl.String)


def _columns(path: Path, names: Sequence[str]) -> pl.DataFrame:
    file = _open(path)
    if missing := [name for name in names if name not in file.schema]:
        raise UsageError(f"{path.name}: has no column {', '.join(missing)}. Expected {', '.join(names)}")
    texts = (_text(name, file.schema[name]).str.strip_chars().replace("", None).alias(name) for name in names)
    return file.read(names).select(texts).collect()
