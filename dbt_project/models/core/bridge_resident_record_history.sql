-- Which record belonged to which resident, from when to when, by day and by run.
select
    record_id,
    resident_id,
    valid_from,
    valid_to,
    known_from,
    known_to,
    is_current
from {{ source('linkage', 'crosswalk_history') }}
