-- Service events by resident.
select
    bridge.resident_id,
    events.record_id,
    bridge.partner,
    events.service,
    events.event_type,
    events.client_type,
    events.status,
    events.status_rank,
    events.start_date,
    events.end_date,
    coalesce(events.start_date <= {{ as_of() }}, false) and coalesce(events.end_date >= {{ as_of() }}, true) as is_open,
    events.source_reference
from {{ ref('int_service_events') }} as events
inner join {{ ref('bridge_resident_record') }} as bridge
    on events.record_id = bridge.record_id
