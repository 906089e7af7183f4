-- One row per dwelling that somebody unrestricted lives at or is liable for.
with areas as (
    select
        postcode,
        lsoa21,
        local_authority_code
    from {{ ref('int_areas') }}
),

accounts as (
    select
        property_id,
        count(*) as account_count,
        min(band) as band
    from {{ ref('fct_council_tax_account') }}
    where property_id is not null
    group by property_id
),

dwellings as (
    select
        property_id,
        uprn,
        postcode,
        house_number,
        street
    from {{ ref('int_dwellings') }}
    -- one spelling of the address: the fullest, then the first in the alphabet
    qualify
        row_number() over (
            partition by property_id
            order by
                postcode is null asc,
                house_number is null asc,
                street is null asc,
                postcode asc,
                house_number asc,
                street asc
        ) = 1
)

select
    dwellings.property_id,
    dwellings.uprn,
    dwellings.house_number,
    dwellings.street,
    dwellings.postcode,
    areas.lsoa21,
    areas.local_authority_code,
    accounts.band,
    coalesce(accounts.account_count, 0) as account_count
from dwellings
left join areas on dwellings.postcode = areas.postcode
left join accounts on dwellings.property_id = accounts.property_id
