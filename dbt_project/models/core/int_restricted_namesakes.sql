-- Residents who may be a restricted person under another record. A restricted record links by NHS number only, so what
-- a source without that number holds of the same person stands as a resident of its own. Whoever bears the full name
-- of a restricted person, has no other date of birth and no verified NHS number of their own is treated alike: better
-- that an area is missing for a namesake than that it shows where a protected person lives.
{{ config(schema='intermediate') }}

with records as (
    select
        crosswalk.resident_id,
        persons.is_restricted,
        persons.date_of_birth,
        persons.nhs_number_status,
        persons.first_name,
        unnest(list_prepend(persons.surname, persons.former_surnames)) as surname
    from {{ ref('int_person_records') }} as persons
    inner join {{ source('linkage', 'crosswalk') }} as crosswalk
        on persons.record_id = crosswalk.record_id
),

residents as (
    select
        resident_id,
        bool_or(is_restricted) as is_restricted,
        bool_or(coalesce(nhs_number_status = '01', false)) as has_own_number,
        coalesce(list(distinct date_of_birth) filter (where date_of_birth is not null), []) as birth_dates
    from records
    group by resident_id
),

names as (
    select distinct
        resident_id,
        regexp_replace(upper(strip_accents(first_name || '/' || surname)), '[^A-Z/]', '', 'g') as name
    from records
    where first_name is not null and surname is not null
)

select distinct
    namesakes.resident_id,
    restricted.resident_id as restricted_resident_id,
    list_has_any(namesakes.birth_dates, restricted.birth_dates) as has_same_birth_date
from residents as restricted
inner join names as restricted_names on restricted.resident_id = restricted_names.resident_id
inner join names as other_names on restricted_names.name = other_names.name
inner join residents as namesakes on other_names.resident_id = namesakes.resident_id
where
    restricted.is_restricted
    and not namesakes.is_restricted
    and not namesakes.has_own_number
    and (
        list_has_any(namesakes.birth_dates, restricted.birth_dates)
        or len(namesakes.birth_dates) = 0
        or len(restricted.birth_dates) = 0
    )
