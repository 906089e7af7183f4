with events as (
    select
        *,
        upper(clean_text(gender)) as sex_key,
        upper(clean_text(client_type)) as client_type_key,
        upper(clean_text(event_type)) as event_type_key,
        upper(clean_text(service_type)) as service_type_key,
        upper(clean_text(delivery_mechanism)) as delivery_mechanism_key
    from {{ source('raw', 'social_care__cld__events') }}
)

select
    events._partner || ':social_care:' || clean_text(events.la_person_unique_identifier) as record_id,
    clean_text(events.la_person_unique_identifier) as source_person_id,
    clean_text(events.la_code) as la_code,
    as_date(events.reporting_period_start_date) as reporting_period_start_date,
    as_date(events.reporting_period_end_date) as reporting_period_end_date,
    as_nhs_number(events.nhs_number) as nhs_number,
    {{ ten_digits('events.nhs_number') }} as nhs_number_as_sent,
    clean_text(events.first_name) as first_name,
    clean_text(events.last_name) as last_name,
    {{ birth_date('events.date_of_birth') }} as date_of_birth,
    {{ death_date('events.date_of_death') }} as date_of_death,
    clean_text(events.postcode) as postcode_text,
    upper(clean_text(events.gp_practice_code)) as gp_practice_code,
    events.sex_key as sex_code,
    {{ mapped('events.sex_key', 'sex.sex') }} as sex,
    clean_text(events.client_type) as client_type_code,
    {{ mapped('events.client_type_key', 'client_type.meaning') }} as client_type,
    clean_text(events.primary_support_reason) as primary_support_reason,
    clean_text(events.accommodation_status) as accommodation_status,
    clean_text(events.has_unpaid_carer) as has_unpaid_carer,
    clean_text(events.event_type) as event_type_code,
    {{ mapped('events.event_type_key', 'event_type.meaning') }} as event_type,
    clean_text(events.event_reference) as event_reference,
    as_date(events.event_start_date) as event_start_date,
    as_end_date(events.event_end_date) as event_end_date,
    clean_text(events.event_outcome) as event_outcome,
    clean_text(events.service_type) as service_type_code,
    {{ mapped('events.service_type_key', 'service_type.service_status') }} as service_status,
    coalesce(service_type.status_rank, 9) as service_status_rank,
    clean_text(events.service_component) as service_component,
    clean_text(events.delivery_mechanism) as delivery_mechanism_code,
    {{ mapped('events.delivery_mechanism_key', 'delivery_mechanism.meaning') }} as delivery_mechanism,
    {{ provenance() }}
from events
left join {{ ref('sex_codes') }} as sex
    on events.sex_key = sex.code
left join {{ ref('social_care_codes') }} as client_type
    on events.client_type_key = client_type.code and client_type.field = 'client_type'
left join {{ ref('social_care_codes') }} as event_type
    on events.event_type_key = event_type.code and event_type.field = 'event_type'
left join {{ ref('social_care_codes') }} as delivery_mechanism
    on events.delivery_mechanism_key = delivery_mechanism.code and delivery_mechanism.field = 'delivery_mechanism'
left join {{ ref('social_care_service_types') }} as service_type
    on events.service_type_key = service_type.code
