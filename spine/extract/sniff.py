"""What kind of file lies before us: told from its bytes, never from its name alone.

Put here: the signs of each kind, and why a kind is refused. Never here: reading it.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spine.errors import DeliveryError
from spine.extract.archive import directory

Kind = Literal["text", "json", "xml", "workbook", "parquet", "zip", "gzip"]

#: A file may have so many bytes; so may a zip's content.
MAX_FILE = 5_000_000_000
EXPECTED = "expected delimited text, a workbook (.xlsx), JSON, XML, Parquet, or a zip or gzip of these"
_RESEND = "Ask the partner to resend it in one of these"
_JSON_SUFFIXES = (".json", ".ndjson", ".jsonl")
_SIGNS = {
    b"%PDF": "a PDF document",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"#!": "a script",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"II*\x00": "an image",
    b"MM\x00*": "an image",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"(\xb5/\xfd": "compressed with zstd",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"{\\rtf": "a text document (RTF)",
    b"SQLite format 3": "a database",
    b"PARE": "an encrypted Parquet file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: More of such bytes than this part of the head, and it is no text.
_CONTROL_SHARE = 0.02
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a\x1b"))


@dataclass(frozen=True)
class Sniffed:
    """What a file is.

    Attributes:
        kind: None where the spine does not read such files.
        fault: why not, in words that follow "file 1 of 1 (.pdf): ".
        holds_data: True where a refused file may hold tables, so that it cannot be passed over.
    """

    kind: Kind | None
    fault: str = ""
    holds_data: bool = False


def check_size(size: int, where: str) -> None:
    """Refuse a file over the documented limit.

    Raises:
        DeliveryError: it is larger.
    """
    if size > MAX_FILE:
        raise DeliveryError(
            f"{where}: has {size / 1e9:.1f} GB; expected at most {MAX_FILE / 1e9:g} GB. "
            "Ask the partner to send it in several files"
        )


def sniff(path: Path, name: str) -> Sniffed:
    """The kind of a file.

    Args:
        name: its suffix decides only between lines of text and lines of JSON whose first one is malformed.
    """
    with path.open("rb") as file:
        head = file.read(65_536)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zipped(path)
    if head.startswith(_OLE):
        return _ole(path)
    if head.startswith(b"\x1f\x8b"):
        return Sniffed("gzip")
    if head.startswith(b"PAR1"):
        return Sniffed("parquet")
    for sign, words in _SIGNS.items():
        if head.startswith(sign):
            return _refused(words, holds_data=False)
    return _text(head, name)


def _refused(words: str, *, holds_data: bool, next_step: str = _RESEND) -> Sniffed:
    return Sniffed(None, f"is {words}; {EXPECTED}. {next_step}", holds_data)


def _zipped(path: Path) -> Sniffed:
    names = {entry.filename for entry in directory(path)}
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return _refused(
            "a workbook with macros", holds_data=True, next_step="Ask the partner to save it without macros"
        )
    if "xl/workbook.xml" in names:
        return Sniffed("workbook")
    if "xl/workbook.bin" in names:
        return _refused("a binary workbook (.xlsb)", holds_data=True, next_step="Ask the partner to save it as .xlsx")
    if "mimetype" in names and "content.xml" in names:
        return _refused("an OpenDocument file", holds_data=True, next_step="Ask the partner to save it as .xlsx or CSV")
    if "[Content_Types].xml" in names:
        return _refused("an office document that is no workbook", holds_data=False)
    return Sniffed("zip")


def _ole(path: Path) -> Sniffed:
    """The old container of Office: an encrypted file of today, a workbook of before 2007, or a document."""
    with path.open("rb") as file:
        content = file.read(64_000_000)
    if "EncryptedPackage".encode("utf-16-le") in content:
        words = "an office file protected by a password"
        return _refused(words, holds_data=True, next_step="Ask the partner to send it without a password")
    if any(stream.encode("utf-16-le") + b"\x00\x00" in content for stream in ("Workbook", "Book")):
        words = "a workbook in the format before 2007 (.xls)"
        return _refused(words, holds_data=True, next_step="Ask the partner to save it as .xlsx or CSV")
    return _refused("an old office document", holds_data=False)


def _text(head: bytes, name: str) -> Sniffed:
    if _is_binary(head):
        return _refused("of an unknown kind and no text", holds_data=False)
    start = _decoded(head).lstrip("\ufeff \t\r\n")
    if re.match(r"<(!doctype\s+html|html)\b", start, re.IGNORECASE):
        return _refused("a web page", holds_data=False)
    if re.match(r"<[?!A-Za-z_]", start):
        return Sniffed("xml")
    if re.match(r"\[\s*([\[{\]]|$)|\{\s*[\"}]", start):
        return Sniffed("json")
    lines = start.splitlines()[:20]
    if Path(name).suffix.lower() in _JSON_SUFFIXES and any(line.lstrip().startswith(("{", "[")) for line in lines):
        return Sniffed("json")
    return Sniffed("text")


def _is_binary(head: bytes) -> bool:
    if not head or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        return False
    sample = head[:4096]
    if sample.count(0) > len(sample) // 4:
        text = _decoded(sample)
        return sum(ord(c) < 32 and c not in "\t\r\n" for c in text) > _CONTROL_SHARE * len(text)
    return len(head) - len(head.translate(None, _CONTROL)) > _CONTROL_SHARE * len(head)


def _decoded(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return head[: len(head) // 4 * 4].decode("utf-32", "replace")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "replace")
    if head[:4096].count(0) > len(head[:4096]) // 4:
        order = "le" if head[1:4096:2].count(0) >= head[0:4096:2].count(0) else "be"
        return head.decode(f"utf-16-{order}", "replace")
    return head.decode("utf-8", "replace")
