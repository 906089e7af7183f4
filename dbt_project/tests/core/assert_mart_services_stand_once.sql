-- A service of one partner knows a resident once.
select
    resident_id,
    service,
    partner
from {{ ref('care_planning_resident_services') }}
group by resident_id, service, partner
having count(*) > 1
