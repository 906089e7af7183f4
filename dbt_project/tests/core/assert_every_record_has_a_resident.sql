-- Every person record has a resident and every row of the crosswalk has a person record: nobody is lost in linkage
-- or on the way to the bridge, and there is no resident whom no source knows.
select
    coalesce(persons.record_id, crosswalk.record_id, bridge.record_id) as record_id,
    crosswalk.resident_id
from {{ ref('int_person_records') }} as persons
full join {{ source('linkage', 'crosswalk') }} as crosswalk
    on persons.record_id = crosswalk.record_id
full join {{ ref('bridge_resident_record') }} as bridge
    on crosswalk.record_id = bridge.record_id
where
    persons.record_id is null
    or crosswalk.resident_id is null
    or bridge.resident_id is distinct from crosswalk.resident_id
