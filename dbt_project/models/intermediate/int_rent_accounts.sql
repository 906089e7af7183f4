-- One row per rent account with its latest balance and its weekly charge, both as of the as-of date.
with accounts as (
    select *
    from {{ ref('stg_rent_accounts_revenue_accounts') }}
    where _outcome is null and rent_account_id is not null
    qualify row_number() over (partition by rent_account_id order by {{ newest_first() }}) = 1
),

-- Wherever a balance comes from, the latest day counts, and of one day the balance list before the account itself.
balances as (
    select
        rent_account_id,
        balance,
        balance_date,
        1 as place
    from {{ ref('int_rent_balances') }}
    where outcome = 'kept'
    union all
    select
        rent_account_id,
        last_balance as balance,
        last_balance_date as balance_date,
        2 as place
    from accounts
    where last_balance is not null
    union all
    select
        rent_account_id,
        statement_balance as balance,
        statement_date as balance_date,
        3 as place
    from accounts
    where statement_balance is not null
),

latest_balances as (
    select
        rent_account_id,
        balance,
        balance_date
    from balances
    where coalesce(balance_date <= {{ as_of() }}, true)
    qualify
        row_number() over (partition by rent_account_id order by balance_date desc nulls last, place asc) = 1
),

charges as (
    select
        rent_account_id,
        sum(weekly_amount) as weekly_charge
    from {{ ref('int_rent_charges') }}
    where outcome = 'kept'
    group by rent_account_id
)

select
    accounts.rent_account_id,
    accounts._partner as partner,
    accounts.account_reference,
    accounts.tenancy_id,
    accounts.account_type_code,
    accounts.account_class_code,
    accounts.account_from,
    accounts.account_to,
    {{ is_going_on('accounts.account_from', 'accounts.account_to') }} as is_current,
    latest_balances.balance,
    latest_balances.balance_date,
    case
        when coalesce(accounts.weekly_charge, charges.weekly_charge) > 0
            then coalesce(accounts.weekly_charge, charges.weekly_charge)
    end as weekly_charge,
    accounts._first_delivered as first_delivered,
    accounts._delivery_date as last_delivery_date
from accounts
left join latest_balances on accounts.rent_account_id = latest_balances.rent_account_id
left join charges on accounts.rent_account_id = charges.rent_account_id
