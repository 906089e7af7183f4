-- Every action on arrears with what became of it: a withdrawn one has not happened.
with actions as (
    select
        *,
        row_number() over (
            partition by rent_account_id, action_code, action_date order by {{ newest_first() }}
        ) as age_of_row
    from {{ ref('stg_rent_accounts_arrears_actions') }}
    where _outcome is null
),

known as (
    select distinct rent_account_id from {{ ref('stg_rent_accounts_revenue_accounts') }}
    where _outcome is null
)

select
    actions.rent_account_id,
    actions.action_code,
    actions.action,
    actions.action_status,
    actions.action_date,
    actions.effective_date,
    actions.expiry_date,
    actions.balance,
    case
        when known.rent_account_id is null then 'unknown account'
        when actions.age_of_row > 1 then 'duplicate'
        when coalesce(actions.action_status = 'withdrawn', false) then 'withdrawn'
        when actions.action_date is null then 'no date'
        when actions.action_date > {{ as_of() }} then 'after the as-of date'
        else 'kept'
    end as outcome
from actions
left join known on actions.rent_account_id = known.rent_account_id
