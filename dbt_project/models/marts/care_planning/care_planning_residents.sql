-- Care planning: every adult whom any source knows, and everybody whose date of birth is not known.
{{ config(alias='residents') }}
{%- set services = {
    'council_tax': 'council_tax', 'social_care': 'social_care', 'gp_registrations': 'gp', 'looked_after': 'looked_after',
    'housing_tenancies': 'housing_tenancies'
} %}

with residents as (
    select
        *,
        {{ age('date_of_birth') }} as age
    from {{ ref('dim_resident') }}
    where coalesce(is_adult, true)
),

services as (
    select
        bridge.resident_id,
        {%- for dataset, name in services.items() %}
        bool_or(bridge.dataset = '{{ dataset }}') as is_known_to_{{ name }},
        min(persons.known_since) filter (where bridge.dataset = '{{ dataset }}') as {{ name }}_since,
        {%- endfor %}
        count(distinct bridge.dataset) as service_count
    from {{ ref('bridge_resident_record') }} as bridge
    inner join {{ ref('int_person_records') }} as persons
        on bridge.record_id = persons.record_id
    group by bridge.resident_id
),

-- The highest open service in the national hierarchy: nursing before residential before community and so on.
open_services as (
    select
        resident_id,
        arg_min(status, (status_rank, status)) as social_care_status
    from {{ ref('fct_service_event') }}
    where service = 'social_care' and event_type = 'service' and is_open and status is not null
    group by resident_id
)

select
    residents.resident_id,
    case
        when residents.age is null then 'unknown'
        when residents.age < 25 then '18-24'
        when residents.age < 35 then '25-34'
        when residents.age < 45 then '35-44'
        when residents.age < 55 then '45-54'
        when residents.age < 65 then '55-64'
        when residents.age < 75 then '65-74'
        when residents.age < 85 then '75-84'
        when residents.age < 95 then '85-94'
        else '95+'
    end as age_band,
    residents.sex,
    -- What is no code of an area or a practice is somebody's free text.
    case when regexp_full_match(residents.lsoa21, '[EWSN]\d{8}') then residents.lsoa21 end as lsoa21,
    services.is_known_to_council_tax,
    services.council_tax_since,
    services.is_known_to_social_care,
    services.social_care_since,
    services.is_known_to_gp,
    services.gp_since,
    services.is_known_to_looked_after,
    services.looked_after_since,
    services.is_known_to_housing_tenancies,
    services.housing_tenancies_since,
    services.service_count,
    case
        when services.is_known_to_social_care then coalesce(open_services.social_care_status, 'none open')
    end as social_care_status,
    case
        when regexp_full_match(residents.gp_practice_code, '[A-Z]\d{5}') then residents.gp_practice_code
    end as gp_practice_code,
    residents.lives_alone,
    residents.record_count,
    residents.is_linked,
    residents.weakest_link_confidence
from residents
inner join services on residents.resident_id = services.resident_id
left join open_services on residents.resident_id = open_services.resident_id
