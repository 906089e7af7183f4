with accounts as (
    select * from {{ source('raw', 'council_tax__nfi__accounts') }}
),

keyed as (
    select
        *,
        {{ code_key('discount_code') }} as discount_key,
        {{ code_key('disregard_code') }} as disregard_key,
        nullif(trim(regexp_replace({{ code_key('exemption_code') }}, '^CLASS', '')), '') as exemption_key
    from accounts
)

select
    keyed._partner || ':council_tax:' || clean_text(keyed.account_reference) as account_id,
    clean_text(keyed.account_reference) as account_reference,
    as_uprn(keyed.uprn) as uprn,
    clean_text(keyed.title) as title,
    clean_text(keyed.surname) as surname,
    clean_text(keyed.forename) as forename,
    clean_text(keyed.middle_name) as middle_name,
    {{ birth_date('keyed.date_of_birth') }} as date_of_birth,
    clean_text(keyed.address_1) as address_1,
    clean_text(keyed.address_2) as address_2,
    clean_text(keyed.address_3) as address_3,
    clean_text(keyed.address_4) as address_4,
    clean_text(keyed.postcode) as postcode_text,
    clean_text(keyed.other_title) as other_title,
    clean_text(keyed.other_surname) as other_surname,
    clean_text(keyed.other_forename) as other_forename,
    clean_text(keyed.other_middle_name) as other_middle_name,
    {{ birth_date('keyed.other_date_of_birth') }} as other_date_of_birth,
    null::date as occupied_since,
    as_date(keyed.discount_start_date) as discount_start_date,
    as_end_date(keyed.discount_expiry_date) as discount_expiry_date,
    keyed.discount_key as discount_code,
    {{ mapped('keyed.discount_key', 'coalesce(own.concept, shared.concept)') }} as discount,
    keyed.disregard_key as disregard_code,
    keyed.exemption_key as exemption_code,
    {{ mapped('keyed.exemption_key', 'exemption.meaning') }} as exemption,
    coalesce(exemption.is_empty_property, false) as is_empty_property,
    upper(clean_text(keyed.benefit_recipient)) in ('Y', 'YES', 'TRUE', '1') as is_benefit_recipient,
    upper(clean_text(keyed.band)) as band,
    as_number(keyed.liability_amount) as liability_amount,
    as_number(keyed.discount_amount) as discount_amount,
    {{ provenance() }}
from keyed
left join {{ ref('council_tax_discounts') }} as own
    on keyed.discount_key = own.code and keyed._partner = own.partner
left join {{ ref('council_tax_discounts') }} as shared
    on keyed.discount_key = shared.code and shared.partner = 'any'
left join {{ ref('council_tax_exemptions') }} as exemption
    on keyed.exemption_key = exemption.code
