with properties as (
    select
        *,
        upper(clean_text(lpro_sco_code)) as occupancy_key,
        upper(clean_text(lpro_hou_ptv_code)) as type_key
    from {{ source('raw', 'housing_tenancies__nec__properties') }}
)

select
    properties._partner || ':housing_tenancies:' || clean_text(properties.lpro_propref) as landlord_property_id,
    clean_text(properties.lpro_propref) as property_reference,
    {{ mapped('properties.occupancy_key', 'occupancies.meaning') }} as occupancy,
    properties.type_key as property_type_code,
    {{ mapped('properties.type_key', 'types.property_type') }} as property_type,
    -- A garage is no home whatever the indicator says; without a word on it a property is one.
    coalesce(types.is_dwelling, true)
    and coalesce(upper(clean_text(properties.lpro_hou_residential_ind)) not in ('N', 'NO', '0', 'FALSE'), true)
        as is_dwelling,
    as_uprn(properties.ladr_uprn) as uprn,
    {{ nec_address_lines() }} as address_lines,
    clean_text(properties.lael_postcode) as postcode_text,
    {{ provenance() }}
from properties
left join {{ ref('housing_codes') }} as occupancies
    on properties.occupancy_key = occupancies.code and occupancies.field = 'occupancy'
left join {{ ref('housing_property_types') }} as types
    on properties.type_key = types.code
