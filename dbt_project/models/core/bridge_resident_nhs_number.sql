-- Every valid NHS number that any record of a resident holds or ever held in use: verified or not, superseded or not,
-- from whatever version of the record. An opt-out by any of them reaches the resident.
with identifiers as (
    select
        record_id,
        unnest(identifiers) as identifier
    from {{ ref('stg_gp_registrations__fhir') }}
),

numbers as (
    select
        record_id,
        nhs_number
    from {{ ref('int_person_records') }}
    union all
    select
        record_id,
        unnest(superseded_nhs_numbers) as nhs_number
    from {{ ref('int_person_records') }}
    union all
    select
        record_id,
        nhs_number
    from {{ ref('stg_social_care__cld') }}
    union all
    select
        record_id,
        as_nhs_number(identifier.value) as nhs_number
    from identifiers
    where identifier.system like '%/nhs-number'
)

select distinct
    bridge.resident_id,
    numbers.nhs_number
from numbers
inner join {{ ref('bridge_resident_record') }} as bridge
    on numbers.record_id = bridge.record_id
where numbers.nhs_number is not null
