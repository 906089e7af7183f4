"""One spelling of a piece of content, so that equal content has one hash and one signature.

Put here: canonical JSON and its hash. Never here: what the content means, or a key.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any


def canonical(content: Any) -> bytes:
    """JSON with sorted keys and without blanks, in UTF-8: RFC 8785 for what is used here.

    Texts, whole numbers, true, false, null, lists and objects; dates as YYYY-MM-DD. Fractions are refused, since
    they are the part of that standard which is easy to get wrong.

    Raises:
        TypeError: the content holds something else.
    """
    return json.dumps(
        _plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(content: Any) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(content)).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no canonical form")
