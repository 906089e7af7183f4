with postcodes as (
    select * from {{ source('raw', 'area_lookup__onspd__postcodes') }}
)

select
    as_postcode(postcode) as postcode,
    clean_text(introduced) as introduced_month,
    clean_text(terminated) as terminated_month,
    upper(clean_text(lsoa21)) as lsoa21,
    upper(clean_text(local_authority_code)) as local_authority_code,
    {{ provenance() }}
from postcodes
