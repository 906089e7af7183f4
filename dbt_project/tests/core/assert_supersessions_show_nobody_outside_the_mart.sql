-- Whoever has a record that was once a told former id's is in the mart: counted from the records' history.
select told.former_resident_id
from {{ ref('care_planning_resident_supersessions') }} as told
inner join {{ ref('bridge_resident_record_history') }} as history
    on told.former_resident_id = history.resident_id
inner join {{ ref('bridge_resident_record') }} as bridge
    on history.record_id = bridge.record_id
anti join {{ ref('care_planning_residents') }} as residents
    on bridge.resident_id = residents.resident_id
