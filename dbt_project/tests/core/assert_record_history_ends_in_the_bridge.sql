-- The history of records and the bridge were made of the same run of identity.
with current_rows as (
    select * from {{ ref('bridge_resident_record_history') }}
    where is_current
)

select coalesce(history.record_id, bridge.record_id) as record_id
from current_rows as history
full join {{ ref('bridge_resident_record') }} as bridge
    on history.record_id = bridge.record_id
where
    history.resident_id is distinct from bridge.resident_id
    or history.valid_from is distinct from bridge.valid_from
