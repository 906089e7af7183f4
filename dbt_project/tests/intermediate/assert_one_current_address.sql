-- A record has at most one current address.
select record_id
from {{ ref('int_addresses') }}
where is_current
group by record_id
having count(*) > 1
