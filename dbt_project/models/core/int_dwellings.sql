-- The dwellings that current addresses name, and one id for each: the UPRN where one is known for the address, else
-- postcode and house number. Addresses of restricted residents name no dwelling.
{{ config(schema='intermediate') }}

with addresses as (
    select distinct
        addresses.uprn,
        addresses.postcode,
        addresses.house_number,
        addresses.street
    from {{ ref('int_addresses') }} as addresses
    inner join {{ source('linkage', 'crosswalk') }} as crosswalk
        on addresses.record_id = crosswalk.record_id
    inner join {{ ref('int_resident_attributes') }} as residents
        on crosswalk.resident_id = residents.resident_id
    where
        addresses.is_current
        and not residents.is_restricted
        and (addresses.uprn is not null or (addresses.postcode is not null and addresses.house_number is not null))
),

-- A postcode and house number that come with exactly one UPRN mean that UPRN.
known_uprns as (
    select
        postcode,
        house_number,
        min(uprn) as uprn
    from addresses
    where uprn is not null and postcode is not null and house_number is not null
    group by postcode, house_number
    having count(distinct uprn) = 1
),

identified as (
    select
        addresses.uprn as address_uprn,
        addresses.postcode,
        addresses.house_number,
        addresses.street,
        coalesce(addresses.uprn, known_uprns.uprn) as uprn
    from addresses
    left join known_uprns
        on addresses.postcode = known_uprns.postcode and addresses.house_number = known_uprns.house_number
)

select distinct
    case
        when uprn is not null then 'uprn:' || uprn
        else 'address:' || postcode || '|' || house_number
    end as property_id,
    uprn,
    postcode,
    house_number,
    street,
    address_uprn
from identified
