"""YAML as text to plain values, by the parser written in C where it is there: ten times as fast as the other.

Put here: parsing that every reader of a settings or contract file shares. Never here: what a document means.
"""

from __future__ import annotations

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """The values of one YAML document: mappings, lists, text, numbers, dates, booleans and None; never objects.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    return yaml.load(text, Loader=_LOADER)
