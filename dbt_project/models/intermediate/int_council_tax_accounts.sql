-- One row per live account: of rows that repeat a reference the last one counts.
with accounts as (
    select
        *,
        coalesce(discount_start_date <= {{ as_of() }}, true)
        and coalesce(discount_expiry_date >= {{ as_of() }}, true) as is_discount_current
    from {{ ref('stg_council_tax') }}
    where _outcome is null and account_id is not null
    qualify row_number() over (partition by account_id order by {{ newest_first() }}) = 1
)

select
    account_id,
    _partner as partner,
    account_reference,
    uprn,
    title,
    surname,
    forename,
    middle_name,
    date_of_birth,
    other_title,
    other_surname,
    other_forename,
    other_middle_name,
    other_date_of_birth,
    list_filter([address_1, address_2, address_3, address_4], lambda line: line is not null) as address_lines,
    postcode_text,
    band,
    discount,
    discount_code,
    disregard_code,
    exemption,
    exemption_code,
    is_empty_property,
    is_benefit_recipient,
    liability_amount,
    discount_amount,
    discount_start_date,
    discount_expiry_date,
    -- A quarter off also comes from a second adult who is disregarded: where a disregard is recorded nobody is alone.
    coalesce(
        is_discount_current
        and disregard_code is null
        and exemption_code is null
        and (
            discount = 'single adult'
            or (
                coalesce(discount, 'not mapped') = 'not mapped'
                and liability_amount > 0
                and abs(abs(discount_amount) / liability_amount * 100 - 25) <= 0.5
            )
        ),
        false
    ) as has_single_adult_discount,
    occupied_since,
    least(
        coalesce(discount_start_date, _first_delivered), coalesce(occupied_since, _first_delivered), _first_delivered
    ) as known_since,
    _first_delivered as first_delivered,
    _delivery_date as last_delivery_date
from accounts
