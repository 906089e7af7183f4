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
        yaml.YAMLError: the text is no YAML, or a key of a mapping stands there twice, because a reader may see the one
            and a machine the other.
    """
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def problem(error: yaml.YAMLError) -> str:
    """What is wrong with a text and in which line, without any of the text."""
    mark = getattr(error, "problem_mark", None)
    line = f" (line {mark.line + 1})" if mark else ""
    return f"{'a key stands there twice' if isinstance(error, RepeatedKeyError) else 'it cannot be read'}{line}"


class RepeatedKeyError(yaml.MarkedYAMLError):
    """A key stands twice in one mapping."""


def _refuse_repeated(root: yaml.Node) -> None:
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias: looked at where it is anchored
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = set()
            for key, value in node.value:
                if key.value in keys:
                    raise RepeatedKeyError(problem="a key stands there twice", problem_mark=key.start_mark)
                keys.add(key.value)
                waiting.append(value)
