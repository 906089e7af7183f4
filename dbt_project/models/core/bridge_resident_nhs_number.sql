-- Every NHS number that any record of a resident holds or ever held in use, valid or not. An opt-out by any of them
-- reaches the resident, and also a resident of the same name and date of birth as a restricted person whose number
-- it is: see int_restricted_namesakes.
with held as (
    select distinct
        bridge.resident_id,
        numbers.nhs_number
    from {{ ref('int_nhs_numbers') }} as numbers
    inner join {{ ref('bridge_resident_record') }} as bridge
        on numbers.record_id = bridge.record_id
)

select
    resident_id,
    nhs_number
from held
union distinct
select
    namesakes.resident_id,
    held.nhs_number
from {{ ref('int_restricted_namesakes') }} as namesakes
inner join held on namesakes.restricted_resident_id = held.resident_id
where namesakes.has_same_birth_date
