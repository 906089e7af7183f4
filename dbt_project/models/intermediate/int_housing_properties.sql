-- One row per property of a landlord. The address table goes before the columns of the property itself.
with properties as (
    select *
    from {{ ref('stg_housing_tenancies_properties') }}
    where _outcome is null and landlord_property_id is not null
    qualify row_number() over (partition by landlord_property_id order by {{ newest_first() }}) = 1
),

addresses as (
    select
        *,
        len(address_lines) > 0 or postcode_text is not null as has_lines
    from {{ ref('int_housing_property_addresses') }}
    where outcome = 'kept'
)

select
    properties.landlord_property_id,
    properties._partner as partner,
    properties.property_reference,
    properties.occupancy,
    properties.property_type_code,
    properties.property_type,
    properties.is_dwelling,
    coalesce(addresses.uprn, properties.uprn) as uprn,
    case when addresses.has_lines then addresses.address_lines else properties.address_lines end as address_lines,
    case when addresses.has_lines then addresses.postcode_text else properties.postcode_text end as postcode_text
from properties
left join addresses on properties.landlord_property_id = addresses.landlord_property_id
