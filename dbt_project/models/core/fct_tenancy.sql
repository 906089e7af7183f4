-- One row per tenancy and resident of its household; a tenancy without a known person has one row without a resident.
with members as (
    select
        members.tenancy_id,
        bridge.resident_id,
        bool_or(members.is_main_tenant) as is_main_tenant,
        bool_or(members.is_tenant) as is_tenant,
        bool_or(members.is_current) as is_current_member,
        -- A stay that ends before it starts says nothing; the last day is open where one of the stays is.
        min(members.stay_from) filter (where members.stay_outcome <> 'ends before it starts') as member_from,
        case
            when bool_and(members.stay_to is not null)
                then max(members.stay_to) filter (where members.stay_outcome <> 'ends before it starts')
        end as member_to,
        bool_or(residents.is_restricted) as is_restricted
    from {{ ref('int_housing_members') }} as members
    inner join {{ ref('bridge_resident_record') }} as bridge
        on members.record_id = bridge.record_id
    inner join {{ ref('int_resident_attributes') }} as residents
        on bridge.resident_id = residents.resident_id
    where members.outcome = 'kept' and members.tenancy_id is not null
    group by members.tenancy_id, bridge.resident_id
),

restricted as (
    select distinct tenancy_id from members
    where is_restricted
),

-- The dwelling of a tenancy, by the address of those who live there under it.
properties as (
    select
        members.tenancy_id,
        min(dwellings.property_id) as property_id
    from {{ ref('int_housing_members') }} as members
    inner join {{ ref('int_addresses') }} as addresses
        on members.record_id = addresses.record_id
    inner join {{ ref('int_dwellings') }} as dwellings
        on
            addresses.uprn is not distinct from dwellings.address_uprn
            and addresses.postcode is not distinct from dwellings.postcode
            and addresses.house_number is not distinct from dwellings.house_number
    where members.is_home and addresses.is_current
    group by members.tenancy_id
)

select
    tenancies.tenancy_id,
    members.resident_id,
    tenancies.partner,
    tenancies.tenancy_reference,
    case when restricted.tenancy_id is null then properties.property_id end as property_id,
    tenancies.tenancy_type_code,
    tenancies.tenancy_type,
    tenancies.tenure_code,
    tenancies.tenure,
    tenancies.tenancy_status_code,
    tenancies.tenancy_status,
    tenancies.tenancy_from,
    tenancies.tenancy_to,
    tenancies.is_current,
    tenancies.is_notice_served,
    coalesce(members.is_main_tenant, false) as is_main_tenant,
    coalesce(members.is_tenant, false) as is_tenant,
    coalesce(members.is_current_member, false) as is_current_member,
    members.member_from,
    members.member_to
from {{ ref('int_housing_tenancies') }} as tenancies
left join members on tenancies.tenancy_id = members.tenancy_id
left join restricted on tenancies.tenancy_id = restricted.tenancy_id
left join properties on tenancies.tenancy_id = properties.tenancy_id
