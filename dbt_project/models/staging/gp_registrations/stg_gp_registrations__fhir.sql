with patients as (
    select
        *,
        upper(clean_text(gender)) as sex_key,
        clean_text(birth_date) as birth_date_text
    from {{ source('raw', 'gp_registrations__fhir__patients') }}
)

select
    patients._partner || ':gp_registrations:' || clean_text(patients.id) as record_id,
    clean_text(patients.id) as source_person_id,
    try_cast(regexp_extract(patients.meta.versionid, '\d+') as bigint) as version_number,
    coalesce(
        len(list_filter(patients.meta.security, lambda s: upper(trim(s.code)) in ('R', 'V'))) > 0, false
    ) as is_restricted,
    coalesce(lower(clean_text(patients.active)) <> 'false', true) as is_active,
    patients.identifier as identifiers,
    list_distinct(
        list_filter(
            list_transform(
                list_filter(patients.identifier, lambda i: i.system like '%/nhs-number'),
                lambda i: {{ ten_digits('i.value') }}
            ),
            lambda n: n is not null
        )
    ) as nhs_numbers_as_sent,
    patients.name as names,
    patients.telecom as telecoms,
    patients.sex_key as sex_code,
    {{ mapped('patients.sex_key', 'sex.sex') }} as sex,
    {{ birth_date('patients.birth_date_text') }} as date_of_birth,
    case
        when regexp_full_match(patients.birth_date_text, '\d{4}(-\d{2})?') then patients.birth_date_text
    end as date_of_birth_partial,
    {{ death_date('patients.deceased_date_time') }} as date_of_death,
    -- A year, or a year and month, tells of a death once it is over; text that is no date tells nothing.
    coalesce({{ last_day_meant('patients.deceased_date_time') }} <= {{ as_of() }}, false)
    or coalesce(lower(clean_text(patients.deceased_boolean)) = 'true', false) as is_deceased,
    patients.address as addresses,
    patients.general_practitioner as general_practitioners,
    patients.link as links,
    {{ provenance() }}
from patients
left join {{ ref('sex_codes') }} as sex
    on patients.sex_key = sex.code
