"""Small files that people write, read with care: whoever writes one may do so by mistake or in bad faith.

Put here: from a file to its text, and from YAML or JSON to plain values, that every reader of a settings, contract or
governance file shares. Never here: what a document means.

A file is read only where it is one: no folder, pipe or device, no link to another place, at most 1 MiB, and UTF-8.
YAML that is nested very deeply, or whose aliases stand for very many values, is refused before anything is built from
it: a few hundred bytes of aliases stand for gigabytes, and the parser written in C does not survive a hundred thousand
brackets. What people sign has no anchors at all, so that everybody reads the same.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import yaml

from spine.errors import ContractError

MOST_BYTES = 1 << 20
#: Levels of lists and mappings in each other. The deepest file of the project has 16.
MOST_LEVELS = 50
#: Values in one document, with what its aliases stand for. 1 MiB holds fewer that somebody wrote.
MOST_VALUES = 1_000_000
#: A number of more characters is no number that anybody wrote, and takes very long to build.
_MOST_DIGITS = 1000
#: The parser written in C, where it is there, is ten times as fast as the other.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESTORE = "Whoever keeps it must restore it as it was agreed"


class RefusedYamlError(yaml.YAMLError):
    """YAML that is well formed and is not read, because it could bring down whoever reads it; `line` is from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, line


def read_bytes(path: Path, *, may_link: bool = False) -> bytes:
    """The content of a file, at most 1 MiB.

    Args:
        may_link: it may be a link to another place; else only to one in or below its own folder.

    Raises:
        ContractError: it is not there, is no file, cannot be read, or is too large; says what to do.
    """
    try:
        target = path.resolve()
        if not may_link and not target.is_relative_to(path.parent.resolve()):
            raise ContractError(f"{path.name}: is a link to another folder. Put the file itself in its place")
        # Without waiting: opening a pipe waits for whoever writes into it.
        descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ContractError(f"{path.name}: is a folder, or something else that is no file. {_RESTORE}")
            with os.fdopen(os.dup(descriptor), "rb") as file:
                content = file.read(MOST_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ContractError(f"{path.name}: is missing. {_RESTORE}") from None
    except (OSError, RuntimeError) as error:  # a RuntimeError is a link that leads to itself
        raise ContractError(f"{path.name}: cannot be read ({type(error).__name__}). {_RESTORE}") from None
    if len(content) > MOST_BYTES:
        raise ContractError(f"{path.name}: is larger than {MOST_BYTES >> 20} MiB. {_RESTORE}")
    return content


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        ContractError: as `read_bytes`, or it is not UTF-8.
    """
    return text_of(read_bytes(path), path.name)


def text_of(content: bytes, name: str) -> str:
    """A file's content as text.

    Raises:
        ContractError: it is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ContractError(f"{name}: is not UTF-8. Save it as UTF-8") from None


def parse_yaml(text: str, *, may_alias: bool = True) -> Any:
    """The values of one YAML document: mappings, lists, text, numbers, dates, booleans and None; never objects.

    Args:
        may_alias: it may have anchors and aliases, as contracts have, that stand for a bounded number of values.

    Raises:
        yaml.YAMLError: the text is no YAML, is refused (`refuse_unsafe`), or a key of a mapping stands there twice,
            because a reader may see the one and a machine the other.
    """
    refuse_unsafe(text, may_alias=may_alias)
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def refuse_unsafe(text: str, *, may_alias: bool = False) -> None:
    """Refuse YAML that cannot be read safely; nothing is built from it.

    Raises:
        RefusedYamlError: it is nested too deeply, stands for too many values, has a number of a thousand digits, or
            has an anchor where it may not.
        yaml.YAMLError: it is no YAML.
    """
    open_nodes: list[tuple[str | None, int]] = []  # the anchor of each node that is not ended, and the count before it
    sizes: dict[str, int] = {}
    count = 0
    for event in yaml.parse(text, Loader=_LOADER):
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionEndEvent):
            name, before = open_nodes.pop()
            sizes |= {name: count - before} if name else {}
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((anchor, count))
            sizes.pop(anchor or "", None)
        elif isinstance(event, yaml.AliasEvent):
            count += sizes.get(anchor or "", MOST_VALUES)  # one that is not ended yet would contain itself
        elif isinstance(event, yaml.ScalarEvent):
            sizes |= {anchor: 1} if anchor else {}
        count += 1
        if fault := _unsafe(event, len(open_nodes), count, may_alias=may_alias):
            raise RefusedYamlError(fault, event.start_mark.line + 1 if event.start_mark else 1)


def _unsafe(event: yaml.Event, depth: int, count: int, *, may_alias: bool) -> str | None:
    if not may_alias and getattr(event, "anchor", None) is not None:
        return "it has an anchor or an alias (& or *), which is not read here: write it out"
    if depth > MOST_LEVELS:
        return f"it is nested more than {MOST_LEVELS} levels deep"
    if count > MOST_VALUES:
        return "its aliases contain themselves, or stand for too many values: write it out"
    if isinstance(event, yaml.ScalarEvent) and len(event.value) > _MOST_DIGITS and event.implicit[0]:
        return "it has a number of more than a thousand characters" if event.value[0] in "+-.0123456789" else None
    return None


def read_json(path: Path) -> Any:
    """The values of one JSON file.

    Raises:
        ContractError: as `read_text`, or it is no JSON, a key of it stands twice, or it is nested too deeply.
    """
    try:
        return json.loads(read_text(path), object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError):
        raise ContractError(f"{path.name}: is not valid JSON, or has a key twice. {_RESTORE}") from None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def problem(error: Exception) -> str:
    """What is wrong with a text and in which line, without any of the text."""
    if isinstance(error, RefusedYamlError):
        return f"{error.problem} (line {error.line})"
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
                name = str(key.value)
                if name in keys:
                    raise RepeatedKeyError(problem="a key stands there twice", problem_mark=key.start_mark)
                keys.add(name)
                waiting.append(value)
