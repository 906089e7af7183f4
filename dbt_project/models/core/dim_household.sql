-- The living, unrestricted residents of one dwelling. More than ten adults are no household but an institution.
select
    property_id as household_id,
    property_id,
    max(resident_count) as resident_count,
    max(adult_count) as adult_count,
    max(adult_count) > 10 as is_communal
from {{ ref('int_resident_homes') }}
group by property_id
