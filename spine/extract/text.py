"""From a partner's bytes to plain UTF-8 text with one line ending, in bounded memory.

Put here: finding the encoding, decoding, line endings. Never here: what the text means.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Callable, Iterator
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
        has_quotes: True where the quote character occurs, so that a line may be part of a cell.
        has_escapes: True where a backslash, and never a second quote, stands before quotes inside cells.
        sha256: of the bytes as the partner sent them.
        is_ended: the last line ends in a line break.
        nul_line: the first line that holds a NUL, which is no character of any text, from 1; 0 where there is none.
    """

    path: Path
    lines: int
    has_quotes: bool
    has_escapes: bool
    sha256: str
    is_ended: bool
    nul_line: int = 0


def head_of(path: Path, encoding: str) -> list[str]:
    """The first lines of a file as `to_plain_text` would write them, without a line that the end of the head cuts."""
    with path.open("rb") as file:
        head = file.read(_CHUNK)
        is_whole = not file.read(1)
    pieces = _line_feeds(iter((_transcoder(encoding)(head, is_whole),)))
    lines = b"".join(pieces).decode("utf-8", "replace").split("\n")
    return [line for line in (lines if is_whole else lines[:-1] or lines) if line]


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


def to_plain_text(source: Path, target: Path, encoding: str = "", skip: int = 0, quote: str = "") -> Text:
    """Write `source` as plain UTF-8 to `target`.

    Bytes that are not UTF-8 in a UTF-8 file stay as they are, so that the reader of the rows can
    put those rows aside. Empty lines are left out.

    Args:
        encoding: of the source (find_encoding); found where it is not given.
        skip: so many lines at the top are left out.
        quote: the character that the text's `has_quotes` and `has_escapes` tell about.
    """
    digest = hashlib.sha256()
    signs = _Signs(quote.encode())
    lines, last, nul_line = 0, b"\n", 0
    with target.open("wb") as out:
        for text in _line_feeds(_recoded(source, encoding or find_encoding(source), digest)):
            piece = text if last != b"\n" else text.lstrip(b"\n")
            while b"\n\n" in piece:
                piece = piece.replace(b"\n\n", b"\n")
            last = piece[-1:] or last
            while skip and piece:
                _, end, piece = piece.partition(b"\n")
                skip -= len(end)
            if piece:
                if not nul_line and b"\0" in piece:
                    nul_line = lines + piece[: piece.index(b"\0")].count(b"\n") + 1
                lines += piece.count(b"\n")
                signs.see(piece)
                out.write(piece)
        is_ended = last == b"\n"
        if not is_ended and not skip:
            lines += 1
            out.write(b"\n")
    return Text(
        target, lines, signs.quotes, signs.backslash and not signs.doubled, digest.hexdigest(), is_ended, nul_line
    )


@dataclass
class _Signs:
    """What the text says of its quote character."""

    quote: bytes
    quotes: bool = False
    backslash: bool = False
    doubled: bool = False

    def see(self, piece: bytes) -> None:
        q = self.quote
        if not q or q not in piece:
            return
        self.quotes = True
        # Inside a cell: a word goes on after the quote. Before a delimiter it may be the cell's own end.
        if b"\\" + q in piece:
            self.backslash = self.backslash or bool(re.search(rb"\\" + q + rb"\w", piece))
            self.doubled = self.doubled or bool(re.search(rb"[\w ]" + q + q + rb"[\w ]", piece))


def _utf8_evidence(path: Path) -> tuple[int, int, bool]:
    """Bytes outside ASCII that belong to UTF-8 characters, bytes that do not, and whether one of these chunks has a
    byte that Windows-1252 leaves undefined.
    """
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
                good += max(0, len(chunk) - len(text))
                odd = odd or (broken > 0 and any(byte in _NOT_CP1252 for byte in set(chunk)))
            if not chunk:
                return good, bad, odd


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _recoded(source: Path, encoding: str, digest: hashlib._Hash) -> Iterator[bytes]:
    recode = _transcoder(encoding)
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            yield recode(chunk, False)
    yield recode(b"", True)


def _transcoder(encoding: str) -> Callable[[bytes, bool], bytes]:
    """From chunks of an encoding to UTF-8; UTF-8 itself passes as it is, its mark left out."""
    if encoding in ("utf-8", "utf-8-sig"):
        marks = [codecs.BOM_UTF8] if encoding == "utf-8-sig" else []

        def without_mark(chunk: bytes, final: bool) -> bytes:
            return chunk.removeprefix(marks.pop()) if marks else chunk

        return without_mark
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return lambda chunk, final: decoder.decode(chunk, final).encode("utf-8", "surrogatepass")


def _line_feeds(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Every line ending as a line feed: CR LF, and CR alone where the first line ends in one."""
    held, lone = b"", b""
    for piece in pieces:
        text = held + piece
        held = b"\r" if text.endswith(b"\r") else b""
        text = text.removesuffix(b"\r")
        if b"\r" in text or b"\n" in text:
            lone = lone or (b" " if b"\n" in text else b"\n")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", lone) if b"\r" in text else text
        yield text
    if held:
        yield b"\n"
