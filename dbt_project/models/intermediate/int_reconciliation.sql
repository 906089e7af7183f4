-- Rows in = rows kept + rows dropped, at every stage between the door and int_person_records. Each side is counted
-- where it lies, so that the sum is a check and not an identity; tests/intermediate/ fails when it does not hold.
-- Which layouts and datasets there are is generated: macros/generated_layouts.sql.
{%- set layouts, persons, reconciled = [], [], [] %}
{%- do add_layouts(layouts) %}
{%- do add_person_datasets(persons) %}
{%- do add_reconciled_datasets(reconciled) %}

with tables as (
    {%- for layout in layouts %}
    {%- set last_layout = loop.last %}
    {%- for table in layout.tables %}
    select
        '{{ layout.dataset }}' as dataset,
        '{{ layout.layout }}' as layout,
        '{{ table }}' as table_name,
        '{{ layout.model }}' as model
    {%- if not (loop.last and last_layout) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

delivered as (
    select
        dataset,
        layout,
        table_name,
        sum(rows_in_use) as row_count
    from {{ source('raw', 'deliveries') }}
    group by dataset, layout, table_name
),

staged_by_outcome as (
    {%- for together in layouts | map(attribute='together') | unique %}
    select
        '{{ (layouts | selectattr('together', 'equalto', together) | first).dataset }}' as dataset,
        _layout as layout,
        _table as table_name,
        _outcome as outcome,
        count(*) as row_count
    from {{ ref(together) }}
    group by _layout, _table, _outcome
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

staged as (
    select
        dataset,
        layout,
        table_name,
        sum(row_count) filter (where coalesce(outcome, 'joined') = 'joined') as rows_kept,
        list(struct_pack(reason := outcome, row_count := row_count) order by outcome)
        filter (where outcome <> 'joined') as dropped
    from staged_by_outcome
    group by dataset, layout, table_name
),

counted as (
    select
        'staging' as stage,
        'raw.' || tables.dataset || '__' || tables.layout || '__' || tables.table_name as source_relation,
        tables.model as target_relation,
        coalesce(delivered.row_count, 0)::bigint as rows_in,
        coalesce(staged.rows_kept, 0)::bigint as rows_kept,
        coalesce(staged.dropped, []) as dropped
    from tables
    left join delivered
        on
            tables.dataset = delivered.dataset
            and tables.layout = delivered.layout
            and tables.table_name = delivered.table_name
    left join staged
        on
            tables.dataset = staged.dataset
            and tables.layout = staged.layout
            and tables.table_name = staged.table_name
    {%- for dataset in reconciled %}
    union all by name
    select
        stage,
        source_relation,
        target_relation,
        rows_in,
        rows_kept,
        dropped
    from {{ ref('int_reconciliation__' ~ dataset) }}
    {%- endfor %}
    union all by name
    select
        'person records' as stage,
        'int_persons__*' as source_relation,
        'int_person_records' as target_relation,
        (
            {%- for dataset in persons %}
            (select count(*) from {{ ref('int_persons__' ~ dataset) }}){{ ' +' if not loop.last }}
            {%- endfor %}
        ) as rows_in,
        (select count(*) from {{ ref('int_person_records') }}) as rows_kept,
        []::struct(reason varchar, row_count bigint)[] as dropped
)

select
    stage,
    source_relation,
    target_relation,
    rows_in::bigint as rows_in,
    rows_kept::bigint as rows_kept,
    coalesce(list_sum(list_transform(dropped, lambda d: d.row_count)), 0)::bigint as rows_dropped,
    dropped as dropped_by_reason
from counted
order by stage, source_relation
