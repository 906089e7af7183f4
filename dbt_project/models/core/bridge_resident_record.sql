-- Which record belongs to which resident, and why.
select
    persons.record_id,
    crosswalk.resident_id,
    persons.source,
    persons.partner,
    persons.dataset,
    persons.source_person_id,
    crosswalk.method,
    crosswalk.confidence,
    crosswalk.conflicts,
    crosswalk.valid_from,
    null::date as valid_to,
    crosswalk.known_from,
    null::bigint as known_to
from {{ ref('int_person_records') }} as persons
inner join {{ source('linkage', 'crosswalk') }} as crosswalk
    on persons.record_id = crosswalk.record_id
