"""Reading one file of the Open Data Contract Standard, valid against the standard.

Put here: what the standard says of any contract. Never here: what the spine asks of one (load).
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jsonschema
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError
from yaml import YAMLError

from spine.documents import parse_yaml, problem, read_bytes, text_of
from spine.errors import ContractError


def read_odcs(path: Path) -> OpenDataContractStandard:
    """One ODCS file as the standard's own model, valid against the standard's JSON schema.

    Raises:
        ContractError: every violation, with its place in the file.
    """
    return parse_odcs(path.name, read_bytes(path))


def parse_odcs(name: str, content: bytes) -> OpenDataContractStandard:
    """As `read_odcs`, of a file's content; `name` stands in what is told of its faults.

    Raises:
        ContractError: as `read_odcs`.
    """
    return _parsed(name, content).model_copy(deep=True)


@lru_cache(maxsize=256)
def _parsed(name: str, content: bytes) -> OpenDataContractStandard:
    """Of the same name and bytes the same object; each caller gets a copy of its own, since the model can be changed.

    Holding a file against the standard's schema takes fifty times as long as reading it, or copying what was read.
    """
    try:
        raw = parse_yaml(text_of(content, name))
    except (YAMLError, ValueError) as error:  # a ValueError is a date that the calendar does not have
        raise ContractError(f"{name}: is not valid YAML: {problem(error)}") from None
    faults = [f"{name}: at {_place(e)}: {e.message}" for e in _validator().iter_errors(raw)]
    if faults:
        raise ContractError("\n".join(faults))
    try:
        odcs = OpenDataContractStandard(**raw)
    except ValidationError as error:
        faults = [f"{name}: at {'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ContractError("\n".join(faults)) from None
    unknown = _unknown_keys(raw, odcs.model_dump(by_alias=True, exclude_unset=True))
    if unknown:
        raise ContractError("\n".join(f"{name}: at {place}: the standard knows no such key" for place in unknown))
    return odcs


@cache
def _validator() -> Any:
    schema = json.loads(OpenDataContractStandard.json_schema())  # type: ignore[no-untyped-call]
    return jsonschema.Draft201909Validator(_without(schema, "unevaluatedProperties"))


def _unknown_keys(raw: Any, kept: Any, place: str = "") -> list[str]:
    """Places of keys that the standard's model did not keep."""
    if isinstance(raw, dict) and isinstance(kept, dict):
        unknown = [f"{place}{key}" for key in raw if key not in kept]
        return unknown + [p for key in raw if key in kept for p in _unknown_keys(raw[key], kept[key], f"{place}{key}/")]
    if isinstance(raw, list) and isinstance(kept, list):
        pairs = enumerate(zip(raw, kept, strict=False))
        return [p for n, (item, other) in pairs for p in _unknown_keys(item, other, f"{place}{n}/")]
    return []


def _without(schema: Any, keyword: str) -> Any:
    """The schema without one keyword, at any depth.

    `unevaluatedProperties` makes jsonschema go over every branch again: four seconds a contract instead
    of a fiftieth. What it would find, an unknown key, `_unknown_keys` finds.
    """
    if isinstance(schema, dict):
        return {key: _without(value, keyword) for key, value in schema.items() if key != keyword}
    return [_without(value, keyword) for value in schema] if isinstance(schema, list) else schema


def _place(error: Any) -> str:
    return "/".join(str(part) for part in error.absolute_path) or "the top"
