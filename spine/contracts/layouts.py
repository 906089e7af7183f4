"""What dbt has to know of the layouts: its raw sources, and which staging models make up a dataset.

Put here: the two generated files of dbt_project, and the check that staging models fit their dataset. Never here:
SQL that reads a row, or Great Expectations (derive).

A dataset comes together in `stg_<dataset>.sql`, or in one `stg_<dataset>_<part>.sql` for each of its parts. The columns
that the yml file beside it describes are the interface: every staging model of the dataset must have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from spine.contracts.model import Contract
from spine.documents import parse_yaml
from spine.errors import ContractError
from spine.files import replacing

#: Files that are written, below the dbt project.
SOURCES = Path("models/_raw_sources.yml")
MACROS = Path("macros/generated_layouts.sql")

_STAGING = Path("models/staging")
_INTERMEDIATE = Path("models/intermediate")
#: What `{{ provenance() }}` stands for.
_PROVENANCE = frozenset(
    [
        "_partner",
        "_delivery",
        "_delivery_date",
        "_revision",
        "_contract_version",
        "_file_sha256",
        "_file_no",
        "_row_no",
        "_first_delivered",
    ]
)
#: What the one staging model of several tables says of each row.
_OF_A_ROW = frozenset({"_table", "_outcome"})
_MARK = "jinja_mark"
_NOTE = "Written by `spine contracts derive` from expectations/contracts/ and the files in models/. Do not edit."


@dataclass(frozen=True, order=True)
class StagingModel:
    """One staging model of a layout.

    Attributes:
        part: what follows the layout in its name; empty for the one model of a layout.
        tables: the contract's tables whose rows it accounts for.
    """

    dataset: str
    layout: str
    part: str
    name: str
    tables: tuple[str, ...]

    @property
    def together(self) -> str:
        """The model in which the dataset's layouts come together."""
        return f"stg_{self.dataset}_{self.part}" if self.part else f"stg_{self.dataset}"

    @property
    def path(self) -> Path:
        """Where it stands in the dbt project."""
        return _STAGING / self.dataset / f"{self.name}.sql"


def write_layouts(contracts: Iterable[Contract], project: Path) -> None:
    """Write the generated files of the dbt project.

    Raises:
        ContractError: a table has no staging model, or a staging model does not fit its dataset.
    """
    for path, text in _texts(tuple(contracts), project).items():
        with replacing(project / path, point="contracts.derived") as temporary:
            temporary.write_text(text, encoding="utf-8")


def stale_layouts(contracts: Iterable[Contract], project: Path) -> list[str]:
    """Names of the generated files that are missing or differ from what contracts and models say; sorted.

    Raises:
        ContractError: as `write_layouts`.
    """
    texts = _texts(tuple(contracts), project)
    return sorted(path.name for path, text in texts.items() if not _holds(project / path, text))


def staging_models(contracts: Iterable[Contract], project: Path) -> tuple[StagingModel, ...]:
    """The staging models of all layouts, found by their names, sorted.

    Raises:
        ContractError: naming every table without a staging model and every column that a model lacks.
    """
    contracts = tuple(contracts)
    found, faults = [], []
    for contract in contracts:
        mine = _models_of(contract, contracts, project)
        covered = {table for model in mine for table in model.tables}
        bare = [table.name for table in contract.tables if table.name not in covered]
        faults += [_unstaged(contract, bare)] if bare else []
        found += mine
    for model in found:
        faults += _misfits(model, project)
    if faults:
        raise ContractError("\n".join(faults))
    return tuple(sorted(found))


def _models_of(contract: Contract, contracts: Sequence[Contract], project: Path) -> list[StagingModel]:
    """A layout's one model, which accounts for all its tables, or its model of each table."""
    layouts = {other.layout for other in contracts if other.dataset == contract.dataset}
    prefix = f"stg_{contract.dataset}__"
    models = []
    for path in sorted((project / _STAGING / contract.dataset).glob(f"{prefix}*.sql")):
        rest = path.stem.removeprefix(prefix)
        mine = [name for name in layouts if rest == name or rest.startswith(f"{name}_")]
        if not mine or max(mine, key=len) != contract.layout:
            continue
        part = rest.removeprefix(contract.layout).removeprefix("_")
        tables = (part,) if part else tuple(table.name for table in contract.tables)
        models.append(StagingModel(contract.dataset, contract.layout, part, path.stem, tables))
    return models


def _unstaged(contract: Contract, tables: Sequence[str]) -> str:
    folder = _STAGING / contract.dataset
    return (
        f"{contract.id}: nothing stages {', '.join(tables)}. Write {folder}/stg_{contract.id}.sql for the whole "
        f"layout, or {folder}/stg_{contract.id}_{tables[0]}.sql for one table; see docs/add-a-partner-extract.md"
    )


def _misfits(model: StagingModel, project: Path) -> list[str]:
    """What is wrong with a staging model, as far as its text tells; the build finds the rest."""
    interface, described_in = _interface(model, project)
    if not (project / _STAGING / model.dataset / f"{model.together}.sql").exists() or not interface:
        return [
            f"{model.path}: its dataset has no model {model.together} that brings layouts together, or no yml file "
            f"that describes its columns; both stand in {_STAGING / model.dataset}"
        ]
    columns = selected_columns((project / model.path).read_text(encoding="utf-8"))
    if columns is None:
        return []
    missing = [name for name in interface if name not in columns]
    if len(model.tables) > 1:
        missing += sorted(_OF_A_ROW - columns)
    if not missing:
        return []
    return [
        f"{model.path}: lacks column(s) {', '.join(missing)}, which every layout of {model.dataset} has. "
        f"Add them, as null where the layout does not know them; {described_in} says what each means"
    ]


def _interface(model: StagingModel, project: Path) -> tuple[list[str], Path]:
    """Columns that the dataset's staging models share, and the file that describes them."""
    folder = project / _STAGING / model.dataset
    for path in sorted(folder.glob("*.yml")):
        for entry in (parse_yaml(path.read_text(encoding="utf-8")) or {}).get("models", []):
            if entry["name"] == model.together:
                return [column["name"] for column in entry.get("columns", [])], path.relative_to(project)
    return [], folder.relative_to(project)


def selected_columns(text: str) -> set[str] | None:
    """Names of the columns that a model's SQL hands on; None where only a run can tell.

    Its Jinja is replaced by a mark and the rest read by DuckDB's own parser, without running anything.
    """
    text = re.sub(r"\{#.*?#\}", " ", text, flags=re.DOTALL)
    text = re.sub(r"\{\{-?\s*config\(.*?\}\}", " ", text, flags=re.DOTALL)
    text = re.sub(r"\{\{-?\s*provenance\(\)\s*-?\}\}", ", ".join(sorted(_PROVENANCE)), text)
    text = re.sub(r"\{\{.*?\}\}", f" {_MARK} ", re.sub(r"\{%.*?%\}", " ", text, flags=re.DOTALL), flags=re.DOTALL)
    with duckdb.connect() as connection:
        row = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
    parsed = json.loads(row[0]) if row else {"error": True}
    return None if parsed["error"] else _names(parsed["statements"][-1]["node"])


def _names(node: Any) -> set[str] | None:
    """Names of a parsed query's columns; the first part of a union names them."""
    while "select_list" not in node:
        if "left" not in node:
            return None
        node = node["left"]
    names = set()
    for entry in node["select_list"]:
        name = entry.get("alias") or (entry.get("column_names") or [""])[-1]
        if not name or name == _MARK:
            return None
        names.add(name.lower())
    return names


def _texts(contracts: Sequence[Contract], project: Path) -> dict[Path, str]:
    models = staging_models(contracts, project)
    return {SOURCES: _sources(contracts), MACROS: _macros(models, project)}


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def _sources(contracts: Sequence[Contract]) -> str:
    tables: list[dict[str, Any]] = [
        {
            "name": f"{contract.id}__{table.name}",
            "description": table.description,
            "config": {"meta": {"contract": contract.id}},
        }
        for contract in contracts
        for table in contract.tables
    ]
    raw = {
        "name": "raw",
        "schema": "raw",
        "description": "Views over the rows in use of every accepted delivery, one per table of a contract: the "
        "contracted columns as they came, described in expectations/contracts/, then provenance.",
        "tables": [*tables, _DELIVERIES],
    }
    return f"# {_NOTE}\n" + yaml.safe_dump({"sources": [raw]}, sort_keys=False, allow_unicode=True, width=118)


def _macros(models: Sequence[StagingModel], project: Path) -> str:
    entries = [
        {
            "dataset": m.dataset,
            "layout": m.layout,
            "part": m.part,
            "model": m.name,
            "together": m.together,
            "tables": list(m.tables),
        }
        for m in models
    ]
    lists: dict[str, tuple[str, Sequence[Any]]] = {
        "add_layouts": (
            "Every staging model of every layout, and the contract's tables that it accounts for.",
            entries,
        ),
        "add_person_datasets": (
            "Datasets that know people: those with a model `int_persons__<dataset>`.",
            _datasets_with("int_persons__", project),
        ),
        "add_reconciled_datasets": (
            "Datasets with stages of their own in `int_reconciliation__<dataset>`.",
            _datasets_with("int_reconciliation__", project),
        ),
    }
    parts = [
        f"{{#- {_NOTE}\n    Each macro adds to the list that it is given: not every templater lets one return. -#}}\n"
    ]
    for name, (sentence, values) in lists.items():
        lines = "".join(f"        {json.dumps(value, ensure_ascii=False)},\n" for value in values)
        parts.append(
            f"{{#- {sentence} -#}}\n{{%- macro {name}(to) -%}}\n    {{%- do to.extend([\n{lines}    ]) -%}}\n"
            "{%- endmacro -%}\n"
        )
    return "\n".join(parts)


def _datasets_with(prefix: str, project: Path) -> list[str]:
    return sorted(path.stem.removeprefix(prefix) for path in (project / _INTERMEDIATE).glob(f"{prefix}*.sql"))


_DELIVERIES: dict[str, Any] = {
    "name": "deliveries",
    "description": "The ledger's deliveries in use, with the number of rows that each gives to each table.",
    "columns": [
        {"name": name, "description": description}
        for name, description in {
            "partner": "Who sent it.",
            "dataset": "What it is.",
            "layout": "In which layout.",
            "table_name": "The table of the layout.",
            "delivery": "partner/dataset/date.",
            "delivery_date": "Date of the delivery.",
            "revision": "Which version of that date's delivery.",
            "rows_kept": "Rows that passed the door.",
            "rows_replaced": "Rows that a later window of a rolling dataset replaced.",
            "rows_in_use": "Rows that the raw view shows.",
            "is_stale": "True where a newer delivery was refused.",
        }.items()
    ],
}
