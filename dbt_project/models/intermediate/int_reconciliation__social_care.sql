-- Adult social care: from events to people, and to events of a service.
{{ config(materialized='ephemeral') }}

select
    'one row per person' as stage,
    'stg_social_care' as source_relation,
    'int_persons__social_care' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_persons__social_care') }}) as rows_kept,
    {{ counts_by_key('record_id', 'same person') }} as dropped
from {{ ref('stg_social_care') }}
where _outcome is null
union all
select
    'service events' as stage,
    'stg_social_care' as source_relation,
    'int_service_events' as target_relation,
    (select count(*) filter (where _outcome is null) from {{ ref('stg_social_care') }}) as rows_in,
    (select count(*) filter (where service = 'social_care') from {{ ref('int_service_events') }}) as rows_kept,
    {{ counts_by_outcome(['no person', 'duplicate', 'no start date', 'ends before it starts']) }} as dropped
from {{ ref('int_social_care_events') }}
