-- One row per postcode: where a register repeats one, a live entry before a terminated one.
{{ config(schema='intermediate') }}

select
    postcode,
    lsoa21,
    local_authority_code
from {{ ref('stg_area_lookup') }}
where _outcome is null and postcode is not null
qualify
    row_number() over (
        partition by postcode order by terminated_month is not null asc, {{ newest_first() }}
    ) = 1
