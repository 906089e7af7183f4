-- Care planning: which residents of the mart stand in the place of which earlier ids. A child, or anybody else who is
-- not in the mart, must not be shown by it either: where one of them has a record that was an earlier id's, or still
-- has that id, nothing at all is said of the id.
{{ config(alias='resident_supersessions') }}

with hidden as (
    select supersessions.former_resident_id
    from {{ source('linkage', 'supersessions') }} as supersessions
    anti join {{ ref('care_planning_residents') }} as residents
        on supersessions.resident_id = residents.resident_id
    union
    select bridge.resident_id as former_resident_id
    from {{ ref('bridge_resident_record') }} as bridge
    anti join {{ ref('care_planning_residents') }} as residents
        on bridge.resident_id = residents.resident_id
)

select
    supersessions.resident_id,
    supersessions.former_resident_id,
    supersessions.kind,
    supersessions.since
from {{ source('linkage', 'supersessions') }} as supersessions
where supersessions.former_resident_id not in (select hidden.former_resident_id from hidden)
