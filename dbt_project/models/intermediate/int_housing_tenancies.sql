-- One row per tenancy with the property that it holds: of rows that repeat a reference the last one counts.
with tenancies as (
    select
        *,
        {{ is_going_on('tenancy_from', 'tenancy_to') }} as is_current
    from {{ ref('stg_housing_tenancies_tenancies') }}
    where _outcome is null and tenancy_id is not null
    qualify row_number() over (partition by tenancy_id order by {{ newest_first() }}) = 1
)

select
    tenancies.tenancy_id,
    tenancies._partner as partner,
    tenancies.tenancy_reference,
    tenancies.tenancy_type_code,
    tenancies.tenancy_type,
    tenancies.tenure_code,
    tenancies.tenure,
    tenancies.tenancy_status_code,
    tenancies.tenancy_status,
    tenancies.tenancy_from,
    tenancies.tenancy_to,
    tenancies.notice_given_date,
    tenancies.is_current,
    tenancies.is_current
    and (
        coalesce(tenancies.tenancy_status = 'notice served', false)
        or coalesce(tenancies.notice_given_date <= {{ as_of() }}, false)
        or coalesce(tenancies.tenancy_to <= {{ as_of() }} + interval 6 month, false)
    ) as is_notice_served,
    properties.landlord_property_id,
    greatest(tenancies.tenancy_from, tenancies.holding_from) as home_from,
    least(tenancies.tenancy_to, tenancies.holding_to) as home_to,
    -- What the property says counts first, then what the tenancy says: nobody lives in a garage or an office.
    coalesce(properties.is_dwelling, false)
    and coalesce(tenancies.tenure not in ('non-residential', 'commercial'), true)
    and coalesce(tenancies.tenancy_type <> 'garage', true) as is_of_a_dwelling,
    properties.property_type,
    properties.uprn,
    properties.address_lines,
    properties.postcode_text,
    tenancies._first_delivered as first_delivered,
    tenancies._delivery_date as last_delivery_date
from tenancies
left join {{ ref('int_housing_properties') }} as properties
    on tenancies.landlord_property_id = properties.landlord_property_id
