-- Every row of the balance list with what became of it: an account keeps the latest balance by the as-of date.
with balances as (
    select
        *,
        row_number() over (
            partition by
                rent_account_id,
                balance is not null and balance_date is not null and balance_date <= {{ as_of() }}
            order by balance_date desc nulls last, {{ newest_first() }}
        ) as choice
    from {{ ref('stg_rent_accounts_account_balances') }}
    where _outcome is null
),

known as (
    select distinct rent_account_id from {{ ref('stg_rent_accounts_revenue_accounts') }}
    where _outcome is null
)

select
    balances.rent_account_id,
    balances.balance,
    balances.balance_date,
    case
        when known.rent_account_id is null then 'unknown account'
        when balances.balance is null or balances.balance_date is null then 'not readable'
        when balances.balance_date > {{ as_of() }} then 'after the as-of date'
        when balances.choice > 1 then 'earlier balance'
        else 'kept'
    end as outcome
from balances
left join known on balances.rent_account_id = known.rent_account_id
