with addresses as (
    select * from {{ source('raw', 'housing_tenancies__nec__addresses') }}
)

select
    _partner || ':housing_tenancies:' || clean_text(laus_legacy_ref) as landlord_property_id,
    coalesce(upper(clean_text(laus_aut_fao_code)), 'PRO') = 'PRO' as is_of_a_property,
    as_date(laus_start_date) as address_from,
    as_end_date(laus_end_date) as address_to,
    as_uprn(ladr_uprn) as uprn,
    {{ nec_address_lines() }} as address_lines,
    clean_text(lael_postcode) as postcode_text,
    {{ provenance() }}
from addresses
