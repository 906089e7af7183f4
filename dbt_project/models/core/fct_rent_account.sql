-- One row per rent account: what is owed, how many weeks' charge that is, and the last action on arrears.
with actions as (
    select
        *,
        count(*) over (partition by rent_account_id) as arrears_action_count,
        row_number() over (
            partition by rent_account_id
            order by action_date desc, effective_date desc nulls last, action_code asc nulls last
        ) as choice
    from {{ ref('int_rent_arrears_actions') }}
    where outcome = 'kept'
)

select
    accounts.rent_account_id,
    accounts.partner,
    accounts.account_reference,
    tenancies.tenancy_id,
    accounts.account_type_code,
    accounts.account_class_code,
    accounts.account_from,
    accounts.account_to,
    accounts.is_current,
    accounts.balance,
    accounts.balance_date,
    accounts.weekly_charge,
    -- A balance in credit is no arrears; without a charge nothing says how many weeks it is.
    case
        when accounts.weekly_charge is not null and accounts.balance is not null
            then round(greatest(accounts.balance, 0) / accounts.weekly_charge, 2)
    end as arrears_weeks,
    coalesce(actions.arrears_action_count, 0) as arrears_action_count,
    actions.action_code as last_arrears_action_code,
    actions.action as last_arrears_action,
    actions.action_date as last_arrears_action_date
from {{ ref('int_rent_accounts') }} as accounts
left join {{ ref('int_housing_tenancies') }} as tenancies on accounts.tenancy_id = tenancies.tenancy_id
left join actions on accounts.rent_account_id = actions.rent_account_id and actions.choice = 1
