-- The dwelling of every resident whose own address names one, and how many adults live there with them.
{{ config(schema='intermediate') }}

with dwellings as (
    select distinct
        property_id,
        address_uprn,
        postcode,
        house_number
    from {{ ref('int_dwellings') }}
)

select
    residents.resident_id,
    dwellings.property_id,
    residents.counts_as_adult_at_home as is_adult,
    count(*) over (partition by dwellings.property_id) as resident_count,
    count(*) filter (where residents.counts_as_adult_at_home) over (partition by dwellings.property_id) as adult_count
from {{ ref('int_resident_attributes') }} as residents
inner join dwellings
    on
        residents.uprn is not distinct from dwellings.address_uprn
        and residents.postcode is not distinct from dwellings.postcode
        and residents.house_number is not distinct from dwellings.house_number
where not residents.is_deceased and not residents.is_restricted
