-- Every NHS number that any version of a record holds or ever held, as ten digits: verified or not, superseded or not,
-- with a right check digit or a wrong one. Linkage reads none of it; an opt-out by any of them reaches the person.
with patients as (
    select
        record_id,
        _partner as partner,
        links,
        list_append(nhs_numbers_as_sent, {{ ten_digits('source_person_id') }}) as numbers
    from {{ ref('stg_gp_registrations') }}
    where _outcome is null
),

links as (
    select
        record_id,
        partner,
        numbers,
        unnest(links) as link
    from patients
),

others as (
    select
        record_id,
        partner || ':gp_registrations:' || nullif(
            regexp_extract(link.other.reference, 'Patient/([^/]+)', 1), ''
        ) as other_record_id,
        link.type as link_type,
        numbers,
        [
            {{ ten_digits("regexp_extract(link.other.reference, 'Patient/([^/]+)', 1)") }},
            {{ ten_digits('link.other.identifier.value') }}
        ] as other_numbers
    from links
),

numbers as (
    select
        record_id,
        nhs_number_as_sent as nhs_number
    from {{ ref('stg_social_care') }}
    where _outcome is null
    union all
    select
        record_id,
        unnest(numbers) as nhs_number
    from patients
    union all
    select
        record_id,
        unnest(other_numbers) as nhs_number
    from others
    where link_type = 'replaces'
    union all
    -- The numbers of a record that another one replaced are the other's too.
    select
        other_record_id as record_id,
        unnest(numbers) as nhs_number
    from others
    where link_type = 'replaced-by'
)

select distinct
    record_id,
    nhs_number
from numbers
where record_id is not null and nhs_number is not null
