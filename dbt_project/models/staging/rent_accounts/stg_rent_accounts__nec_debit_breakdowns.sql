with debits as (
    select * from {{ source('raw', 'rent_accounts__nec__debit_breakdowns') }}
)

select
    _partner || ':rent_accounts:' || clean_text(ldbr_pay_ref) as rent_account_id,
    clean_text(ldbr_pro_refno) as property_reference,
    upper(clean_text(ldbr_ele_code)) as element_code,
    as_date(ldbr_start_date) as charge_from,
    as_end_date(ldbr_end_date) as charge_to,
    as_number(ldbr_ele_value) as weekly_amount,
    {{ provenance() }}
from debits
