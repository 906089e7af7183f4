-- Rows never disappear: at every stage rows in = rows kept + rows dropped for a stated reason.
{{ config(severity='error', tags=['reconciliation']) }}

select
    stage,
    source_relation,
    rows_in,
    rows_kept,
    rows_dropped
from {{ ref('int_reconciliation') }}
where rows_in <> rows_kept + rows_dropped
