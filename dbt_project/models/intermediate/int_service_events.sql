-- What services did for a person and when: social care events, episodes of care, registrations with a practice and
-- stays under a tenancy.
select
    record_id,
    'social_care' as service,
    event_type,
    client_type,
    service_status as status,
    service_status_rank as status_rank,
    event_start_date as start_date,
    event_end_date as end_date,
    event_reference as source_reference
from {{ ref('int_social_care_events') }}
where outcome = 'kept'
union all
select
    record_id,
    'looked_after' as service,
    'episode' as event_type,
    null::varchar as client_type,
    legal_status_code as status,
    null::integer as status_rank,
    episode_start_date as start_date,
    episode_end_date as end_date,
    placement_code as source_reference
from {{ ref('int_looked_after_episodes') }}
where outcome = 'kept'
union all
select
    record_id,
    'gp_registrations' as service,
    'registration' as event_type,
    null::varchar as client_type,
    null::varchar as status,
    null::integer as status_rank,
    registered_from as start_date,
    registered_to as end_date,
    gp_practice_code as source_reference
from {{ ref('int_gp_practices') }}
union all
select
    record_id,
    'housing_tenancies' as service,
    'tenancy' as event_type,
    case when is_main_tenant then 'main tenant' when is_tenant then 'tenant' else 'household member' end as client_type,
    tenure as status,
    null::integer as status_rank,
    stay_from as start_date,
    stay_to as end_date,
    tenancy_reference as source_reference
from {{ ref('int_housing_members') }}
where stay_outcome = 'kept'
