"""From a partner's bytes to plain UTF-8 text with one line ending, in bounded memory.

Put here: finding the encoding, decoding, line endings. Never here: what the text means.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

_CHUNK = 4 * 1024 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Bytes that Windows-1252 leaves undefined: a file that holds one was written in another encoding.
_NOT_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


@dataclass(frozen=True)
class Text:
    """A decoded file.

    Attributes:
        path: UTF-8 without mark, lines end in a line feed, no empty lines.
        lines: how many lines it has, counted from the bytes and not by a parser.
        has_quotes: True where a double quote occurs, so that a line may be part of a cell.
        sha256: of the bytes as the partner sent them.
    """

    path: Path
    encoding: str
    lines: int
    has_quotes: bool
    sha256: str


def find_encoding(path: Path) -> str:
    """The encoding of a file, by its mark, else by its bytes.

    UTF-8 is taken where every byte fits, or where most bytes outside ASCII do (a few broken rows
    must not turn every other accent in the file into two wrong letters). Then UTF-16 without a
    mark, Windows-1252, and the western code pages of old systems.
    """
    with path.open("rb") as file:
        head = file.read(_CHUNK)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if head[:4096].count(0) > len(head[:4096]) // 4:
        return "utf-16-le" if head[1:4096:2].count(0) >= head[0:4096:2].count(0) else "utf-16-be"
    good, bad, odd = _utf8_evidence(path)
    if bad <= good // 10:
        return "utf-8"
    if not odd:
        return "cp1252"
    best = from_bytes(head, cp_isolation=["cp850", "cp437", "mac_roman", "latin_1"]).best()
    return best.encoding if best else "latin_1"


def to_plain_text(source: Path, target: Path) -> Text:
    """Write `source` as plain UTF-8 to `target`.

    Bytes that are not UTF-8 in a UTF-8 file stay as they are, so that the reader of the rows can
    put those rows aside. Empty lines are left out.
    """
    encoding = find_encoding(source)
    digest = hashlib.sha256()
    lines, quotes, last = 0, False, "\n"
    with target.open("wb") as out:
        for text in _line_feeds(_decoded(source, encoding, digest)):
            piece = text if last != "\n" else text.lstrip("\n")
            while "\n\n" in piece:
                piece = piece.replace("\n\n", "\n")
            if piece:
                lines += piece.count("\n")
                quotes = quotes or '"' in piece
                last = piece[-1]
                out.write(piece.encode("utf-8", "surrogateescape"))
        if last != "\n":
            lines += 1
            out.write(b"\n")
    return Text(target, encoding, lines, quotes, digest.hexdigest())


def _utf8_evidence(path: Path) -> tuple[int, int, bool]:
    """Characters outside ASCII that are UTF-8, bytes that are not, and whether one is undefined in Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    odd = False
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            if not chunk.isascii() or decoder.getstate()[0]:
                text = decoder.decode(chunk, final=not chunk)
                broken = sum(1 for c in text if "\udc80" <= c <= "\udcff") if not _is_utf8(text) else 0
                bad += broken
                good += len(text) - len(text.encode("ascii", "ignore")) - broken
                odd = odd or any(byte in _NOT_CP1252 for byte in set(chunk))
            if not chunk:
                return good, bad, odd


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _decoded(source: Path, encoding: str, digest: hashlib._Hash) -> Iterator[str]:
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _line_feeds(pieces: Iterator[str]) -> Iterator[str]:
    """Every line ending as a line feed: CR LF, and CR alone where the first line ends in one."""
    held, lone = "", ""
    for piece in pieces:
        text = held + piece
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        if not lone and ("\r" in text or "\n" in text):
            lone = " " if "\n" in text else "\n"
        yield text.replace("\r\n", "\n").replace("\r", lone or "\n")
    if held:
        yield "\n"
