-- Adult social care: one row per person, as the latest event describes them. A detail that the latest event leaves
-- blank is taken from the latest event that holds it.
with events as (
    select
        *,
        row_number() over (
            partition by record_id order by event_start_date desc nulls last, {{ newest_first() }}
        ) as age_of_row
    from {{ ref('stg_social_care') }}
    where _outcome is null and record_id is not null
)

select
    record_id,
    any_value(_partner) as partner,
    'social_care' as dataset,
    any_value(source_person_id) as source_person_id,
    arg_min(first_name, age_of_row) filter (where last_name is not null or first_name is not null) as first_name,
    null::varchar as middle_names,
    arg_min(last_name, age_of_row) filter (where last_name is not null or first_name is not null) as surname,
    []::varchar[] as former_surnames,
    arg_min(date_of_birth, age_of_row) filter (where date_of_birth is not null) as date_of_birth,
    null::varchar as date_of_birth_partial,
    coalesce(
        arg_min(sex, age_of_row) filter (where sex in ('male', 'female', 'other')), 'unknown'
    ) as sex,
    arg_min(nhs_number, age_of_row) filter (where nhs_number is not null) as nhs_number,
    null::varchar as nhs_number_status,
    []::varchar[] as superseded_nhs_numbers,
    null::varchar as upn,
    null::varchar as phone,
    null::varchar as email,
    min(date_of_death) as date_of_death,
    min(date_of_death) is not null as is_deceased,
    false as is_restricted,
    arg_min(gp_practice_code, age_of_row) filter (where gp_practice_code is not null) as gp_practice_code,
    coalesce(
        min(event_start_date) filter (where event_start_date <= {{ as_of() }}), min(_first_delivered)
    ) as known_since,
    max(_delivery_date) as last_delivery_date,
    arg_min(postcode_text, age_of_row) filter (where postcode_text is not null) as postcode_text,
    max(event_start_date) filter (where event_start_date <= {{ as_of() }}) as last_evidence_date
from events
group by record_id
