-- Every NHS number that any record of a resident holds or ever held in use, valid or not. An opt-out by any of them
-- reaches the resident.
select distinct
    bridge.resident_id,
    numbers.nhs_number
from {{ ref('int_nhs_numbers') }} as numbers
inner join {{ ref('bridge_resident_record') }} as bridge
    on numbers.record_id = bridge.record_id
