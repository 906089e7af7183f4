-- Children looked after: from the header to children, and from the episodes to events of a service.
{{ config(materialized='ephemeral') }}

select
    'one row per child' as stage,
    'stg_looked_after_header' as source_relation,
    'int_persons__looked_after' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_persons__looked_after') }}) as rows_kept,
    {{ counts_by_key('record_id', 'same person') }} as dropped
from {{ ref('stg_looked_after_header') }}
where _outcome is null
union all
select
    'service events' as stage,
    'stg_looked_after_episodes' as source_relation,
    'int_service_events' as target_relation,
    (select count(*) filter (where _outcome is null) from {{ ref('stg_looked_after_episodes') }}) as rows_in,
    (select count(*) filter (where service = 'looked_after') from {{ ref('int_service_events') }}) as rows_kept,
    {{ counts_by_outcome(['no person', 'duplicate', 'no start date', 'ends before it starts']) }} as dropped
from {{ ref('int_looked_after_episodes') }}
