-- Every element of a weekly charge with what became of it: those in force on the as-of date are kept.
with charges as (
    select
        *,
        {{ is_going_on('charge_from', 'charge_to') }} as is_in_force,
        row_number() over (
            partition by
                rent_account_id, property_reference, element_code, {{ is_going_on('charge_from', 'charge_to') }}
            order by charge_from desc nulls last, {{ newest_first() }}
        ) as choice
    from {{ ref('stg_rent_accounts_debit_breakdowns') }}
    where _outcome is null
),

known as (
    select distinct rent_account_id from {{ ref('stg_rent_accounts_revenue_accounts') }}
    where _outcome is null
)

select
    charges.rent_account_id,
    charges.element_code,
    charges.weekly_amount,
    case
        when known.rent_account_id is null then 'unknown account'
        when charges.weekly_amount is null then 'not readable'
        when not charges.is_in_force then 'not in force'
        when charges.choice > 1 then 'earlier charge'
        else 'kept'
    end as outcome
from charges
left join known on charges.rent_account_id = known.rent_account_id
