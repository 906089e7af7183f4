"""What dbt has to know of the layouts follows from contracts and from the names of models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spine.contracts import Column, Contract, Table, load_contracts, load_partners
from spine.contracts.layouts import selected_columns, staging_models, stale_layouts, write_layouts
from spine.errors import ContractError

ROOT = Path(__file__).parents[3]
CONTRACTS = load_contracts(ROOT / "expectations/contracts", load_partners(ROOT / "expectations/partners.yaml"))
STAGING = Path("models/staging/people")
INTERFACE = """
models:
  - name: {name}
    columns:
      - {{name: person_id, description: Who.}}
      - {{name: _row_no, description: Row.}}
"""


def contract(layout: str, *tables: str) -> Contract:
    column = Column("id", "ID", "", "string", "identifier")
    made = tuple(Table(name, ".*", f"Rows of {name}.", (column,)) for name in tables)
    return replace(CONTRACTS[0], id=f"people__{layout}", tables=made, supplies=(), rules=())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project in which people come together in one model."""
    for folder in ("macros", "models/intermediate", STAGING):
        (tmp_path / folder).mkdir(parents=True)
    model(tmp_path, "stg_people", "{{ union_layouts('people') }}")
    (tmp_path / STAGING / "_stg_people.yml").write_text(INTERFACE.format(name="stg_people"), encoding="utf-8")
    return tmp_path


def model(project: Path, name: str, sql: str = "select id as person_id, {{ provenance() }} from t") -> None:
    (project / STAGING / f"{name}.sql").write_text(sql, encoding="utf-8")


def test_the_committed_files_are_current() -> None:
    assert stale_layouts(CONTRACTS, ROOT / "dbt_project") == [], "run make fix, then read the difference"


def test_a_model_belongs_to_the_longest_layout_that_its_name_begins_with(project: Path) -> None:
    model(project, "stg_people__a")
    model(project, "stg_people__a_b")
    found = staging_models([contract("a", "rows"), contract("a_b", "rows")], project)
    assert [(m.name, m.layout, m.part, m.tables) for m in found] == [
        ("stg_people__a", "a", "", ("rows",)),
        ("stg_people__a_b", "a_b", "", ("rows",)),
    ]


def test_a_layout_may_have_a_model_for_each_table(project: Path) -> None:
    for name in ("stg_people_adults", "stg_people__a_adults"):
        model(project, name)
    (project / STAGING / "_adults.yml").write_text(INTERFACE.format(name="stg_people_adults"), encoding="utf-8")
    (only,) = staging_models([contract("a", "adults")], project)
    assert (only.part, only.tables, only.together) == ("adults", ("adults",), "stg_people_adults")


def test_every_fault_is_told_at_once(project: Path) -> None:
    model(project, "stg_people__short", "select 1 as other, {{ provenance() }} from t")
    model(project, "stg_people__joined")
    with pytest.raises(ContractError) as caught:
        staging_models([contract("short", "rows"), contract("joined", "a", "b"), contract("none", "x", "y")], project)
    nothing, short, joined = str(caught.value).splitlines()
    assert nothing.startswith("people__none: nothing stages x, y. Write models/staging/people/stg_people__none.sql")
    assert "stg_people__short.sql: lacks column(s) person_id, which every layout of people has" in short
    assert "models/staging/people/_stg_people.yml says what each means" in short
    assert "stg_people__joined.sql: lacks column(s) _outcome, _table" in joined


def test_a_dataset_without_a_model_that_brings_it_together_is_told(project: Path) -> None:
    (project / STAGING / "stg_people.sql").unlink()
    model(project, "stg_people__a")
    with pytest.raises(ContractError, match="its dataset has no model stg_people "):
        staging_models([contract("a", "rows")], project)


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select a, b.c, {{ f('x') }} as d from {{ ref('t') }}", {"a", "c", "d"}),
        ("{{ config(materialized='view') }}\nwith q as (select 1 as z) select q.z as y from q", {"y"}),
        ("select a as x from t union all by name select b as y from u", {"x"}),
        ("{#- no } column -#}\nselect {% if true %} a {% endif %} from t", {"a"}),
        ("select * from t", None),
        ("select {{ columns() }} from t", None),
        ("{{ union_layouts('people') }}", None),
        ("select a from", None),
    ],
)
def test_columns_are_read_without_running_anything(sql: str, columns: set[str] | None) -> None:
    assert selected_columns(sql) == columns


def test_provenance_stands_for_its_columns() -> None:
    assert {"_partner", "_row_no", "_first_delivered"} < (selected_columns("select {{ provenance() }} from t") or set())


def test_what_is_written_names_tables_layouts_and_datasets_of_people(project: Path) -> None:
    model(project, "stg_people__a")
    (project / "models/intermediate/int_persons__people.sql").write_text("select 1", encoding="utf-8")
    contracts = [contract("a", "rows")]
    assert stale_layouts(contracts, project) == ["_raw_sources.yml", "generated_layouts.sql"]
    write_layouts(contracts, project)
    assert stale_layouts(contracts, project) == []
    sources = (project / "models/_raw_sources.yml").read_text(encoding="utf-8")
    assert "name: people__a__rows" in sources
    assert "description: Rows of rows." in sources
    macros = (project / "macros/generated_layouts.sql").read_text(encoding="utf-8")
    assert '"model": "stg_people__a", "together": "stg_people", "tables": ["rows"]' in macros
    assert macros.partition("add_person_datasets(to)")[2].partition("]")[0].split() == [
        "-%}",
        "{%-",
        "do",
        "to.extend([",
        '"people",',
    ]
    model(project, "stg_people__b")
    assert stale_layouts([*contracts, contract("b", "rows")], project) == ["_raw_sources.yml", "generated_layouts.sql"]


def test_who_sends_a_layout_changes_nothing(project: Path) -> None:
    model(project, "stg_people__a")
    one = contract("a", "rows")
    write_layouts([one], project)
    assert stale_layouts([replace(one, supplies=CONTRACTS[0].supplies)], project) == []
