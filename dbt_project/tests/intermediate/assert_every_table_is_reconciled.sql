-- A table that the door lets in is counted by the first stage: a layout that nobody reconciles fails here.
{{ config(severity='error', tags=['reconciliation']) }}

with delivered as (
    select coalesce(sum(rows_in_use), 0) as row_count from {{ source('raw', 'deliveries') }}
),

staged as (
    select coalesce(sum(rows_in), 0) as row_count from {{ ref('int_reconciliation') }}
    where stage = 'staging'
)

select
    delivered.row_count as delivered_rows,
    staged.row_count as staged_rows
from delivered
cross join staged
where delivered.row_count <> staged.row_count
