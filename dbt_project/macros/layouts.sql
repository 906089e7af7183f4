{#- How the layouts of a dataset come together. Which there are is generated: macros/generated_layouts.sql. -#}

{#- All layouts of a dataset, or of one part of it, as one: the columns that the model's yml file describes, then
    `_layout`, `_table` (the contract's table that a row comes from) and `_outcome`: null where the row counts, 'joined'
    where its columns stand in another row, else the reason why it is dropped. -#}
{%- macro union_layouts(dataset, part='') -%}
    {%- set layouts = [] -%}
    {%- do add_layouts(layouts) -%}
    {%- for layout in layouts if layout.dataset == dataset and layout.part == part -%}
        {%- set relation = ref(layout.model) -%}
        {%- set found = [] -%}
        {%- set wanted = [] -%}
        {%- if execute and adapter is defined -%}
            {%- do found.extend(adapter.get_columns_in_relation(relation) | map(attribute='name') | list) -%}
            {%- do wanted.extend(model.columns.keys()) -%}
            {%- set missing = wanted | reject('in', found) | list -%}
            {%- if found and missing -%}
                {{ exceptions.raise_compiler_error(
                    layout.model ~ " lacks column(s) " ~ missing | join(', ') ~ ", which every layout of " ~ dataset ~ " has."
                ) }}
            {%- endif -%}
        {%- endif %}
select
    {{ wanted | join(',\n    ') if wanted else '*' }},
    '{{ layout.layout }}' as _layout,
    {{ '_table' if '_table' in found else "'" ~ layout.tables[0] ~ "'" }} as _table,
    {{ '_outcome' if '_outcome' in found else 'null::varchar' }} as _outcome
from {{ relation }}
        {%- if not loop.last %}
union all
        {%- endif -%}
    {%- endfor -%}
{%- endmacro -%}
