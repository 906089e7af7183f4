-- The care planning mart holds exactly the residents who are adults or whose age is not known, linked or not.
select coalesce(residents.resident_id, mart.resident_id) as resident_id
from {{ ref('dim_resident') }} as residents
full join {{ ref('care_planning_residents') }} as mart
    on residents.resident_id = mart.resident_id
where coalesce(residents.is_adult, true) <> (mart.resident_id is not null) or residents.resident_id is null
