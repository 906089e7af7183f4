with actions as (
    select
        *,
        upper(clean_text(laca_ara_code)) as action_key,
        upper(clean_text(laca_status)) as status_key
    from {{ source('raw', 'rent_accounts__nec__arrears_actions') }}
)

select
    actions._partner || ':rent_accounts:' || clean_text(actions.laca_pay_ref) as rent_account_id,
    actions.action_key as action_code,
    {{ mapped('actions.action_key', 'kinds.meaning') }} as action,
    {{ mapped('actions.status_key', 'statuses.meaning') }} as action_status,
    as_date(actions.laca_created_date) as action_date,
    as_date(actions.laca_effective_date) as effective_date,
    as_end_date(actions.laca_expiry_date) as expiry_date,
    as_number(actions.laca_balance) as balance,
    {{ provenance() }}
from actions
left join {{ ref('housing_codes') }} as kinds
    on actions.action_key = kinds.code and kinds.field = 'arrears_action'
left join {{ ref('housing_codes') }} as statuses
    on actions.status_key = statuses.code and statuses.field = 'arrears_status'
