-- Every row of the address table with what became of it: a property keeps the address in force that began last.
with addresses as (
    select
        *,
        row_number() over (
            partition by landlord_property_id, is_of_a_property
            order by
                {{ is_going_on('address_from', 'address_to') }} desc,
                address_from desc nulls last,
                {{ newest_first() }}
        ) as choice
    from {{ ref('stg_housing_tenancies_addresses') }}
    where _outcome is null
),

known as (
    select distinct landlord_property_id from {{ ref('stg_housing_tenancies_properties') }}
    where _outcome is null
)

select
    addresses.landlord_property_id,
    addresses.uprn,
    addresses.address_lines,
    addresses.postcode_text,
    case
        when not addresses.is_of_a_property then 'not of a property'
        when known.landlord_property_id is null then 'unknown property'
        when addresses.choice > 1 then 'another address of the property'
        else 'kept'
    end as outcome
from addresses
left join known on addresses.landlord_property_id = known.landlord_property_id
