-- Care planning: which services know a resident of the mart, at which partner and since when. A district or a landlord
-- is an area, so council tax and housing of a restricted resident are left out: they would say where they are.
{{ config(alias='resident_services') }}

select
    bridge.resident_id,
    bridge.dataset as service,
    bridge.partner,
    min(persons.known_since) as known_since
from {{ ref('bridge_resident_record') }} as bridge
inner join {{ ref('care_planning_residents') }} as residents
    on bridge.resident_id = residents.resident_id
inner join {{ ref('int_person_records') }} as persons
    on bridge.record_id = persons.record_id
inner join {{ ref('dim_resident') }} as people
    on bridge.resident_id = people.resident_id
where not (people.is_restricted and bridge.dataset in ('council_tax', 'housing_tenancies'))
group by bridge.resident_id, bridge.dataset, bridge.partner
