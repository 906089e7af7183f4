"""Reading a YAML file into a model, with every fault at once and the line it stands in.

Put here: the way from a file to a model. Never here: what a model says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from spine.documents import problem, read_bytes, refuse_unsafe, text_of
from spine.errors import ContractError

M = TypeVar("M", bound=BaseModel)
#: Safe loaders build plain values only; the one in C is ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_model(path: Path, model: type[M]) -> M:
    """One YAML file as a model.

    Raises:
        ContractError: every fault of the file, one a line, each with its place and its line in the file. A key that
            stands twice is a fault, because a reader may see the one and a machine the other; and so is what is no
            plain file, or cannot be read safely (spine.documents).
    """
    return parse_model(read_bytes(path), path.name, model)


def parse_model(content: bytes, name: str, model: type[M]) -> M:
    """The same of a file's content; `name` is what messages call it.

    Raises:
        ContractError: as `read_model`.
    """
    node: yaml.Node | None = None
    text = text_of(content, name)
    try:
        refuse_unsafe(text)
        loader = _LOADER(text)
        node = loader.get_single_node()
        faults = [f"{name}, line {line}: '{key}' stands there twice" for key, line in _repeated(node)]
        if faults:
            raise ContractError("\n".join(faults))
        return model.model_validate(None if node is None else loader.construct_document(node))
    except ValidationError as error:
        raise ContractError("\n".join(_faults(name, node, error))) from None
    except (yaml.YAMLError, ValueError) as error:  # a ValueError is a date that the calendar does not have
        raise ContractError(f"{name}: is not valid YAML: {problem(error)}") from None


def _faults(name: str, node: yaml.Node | None, error: ValidationError) -> Iterator[str]:
    found = []
    for fault in error.errors(include_url=False, include_input=False):
        place = "/".join(map(str, fault["loc"])) or "the top"
        found.append((_line(node, fault["loc"]), place, fault["msg"]))
    for line, place, message in sorted(found):
        yield f"{name}, line {line}: at {place}: {message}"


def _line(node: yaml.Node | None, location: Sequence[int | str]) -> int:
    """The line of the innermost part of `location` that the file has: a missing key counts to what lacks it."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if entry is None:
                return line
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _repeated(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if str(key.value) in keys:
                yield str(key.value), key.start_mark.line + 1
            keys.add(str(key.value))
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
