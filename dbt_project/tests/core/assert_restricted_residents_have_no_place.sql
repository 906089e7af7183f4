-- One restricted record hides where the resident is, whatever other sources say.
with restricted as (
    select * from {{ ref('dim_resident') }}
    where is_restricted
)

select resident_id
from restricted
where
    lives_alone is not null
    or coalesce(postcode, lsoa21, local_authority_code, uprn, gp_practice_code, household_id) is not null
union all
select restricted.resident_id
from restricted
inner join {{ ref('int_resident_homes') }} as homes
    on restricted.resident_id = homes.resident_id
union all
select restricted.resident_id
from restricted
inner join {{ ref('fct_council_tax_account') }} as accounts
    on restricted.resident_id = accounts.lead_resident_id
where accounts.property_id is not null
union all
select restricted.resident_id
from restricted
inner join {{ ref('fct_council_tax_account') }} as accounts
    on restricted.resident_id = accounts.other_resident_id
where accounts.property_id is not null
union all
select restricted.resident_id
from restricted
inner join {{ ref('fct_tenancy') }} as tenancies
    on restricted.resident_id = tenancies.resident_id
where tenancies.property_id is not null
union all
-- the partner of a council tax or housing row is a district or a landlord, which is an area
select restricted.resident_id
from restricted
inner join {{ ref('care_planning_resident_services') }} as services
    on restricted.resident_id = services.resident_id
where services.service in ('council_tax', 'housing_tenancies')
