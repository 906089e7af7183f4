with opt_outs as (
    select * from {{ source('raw', 'opt_out__ndo__opt_outs') }}
)

select
    as_nhs_number(nhs_number) as nhs_number,
    {{ provenance() }}
from opt_outs
