with balances as (
    select * from {{ source('raw', 'rent_accounts__nec__account_balances') }}
)

select
    _partner || ':rent_accounts:' || clean_text(laba_pay_ref) as rent_account_id,
    as_number(laba_balance) as balance,
    as_date(laba_date) as balance_date,
    {{ provenance() }}
from balances
