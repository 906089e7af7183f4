-- Every person record has a resident and every row of the crosswalk has a person record: nobody is lost in linkage,
-- and there is no resident whom no source knows.
select
    coalesce(persons.record_id, crosswalk.record_id) as record_id,
    crosswalk.resident_id
from {{ ref('int_person_records') }} as persons
full join {{ source('linkage', 'crosswalk') }} as crosswalk
    on persons.record_id = crosswalk.record_id
where persons.record_id is null or crosswalk.resident_id is null
