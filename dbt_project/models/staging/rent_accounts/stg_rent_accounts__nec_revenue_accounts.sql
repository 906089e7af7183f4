with accounts as (
    select * from {{ source('raw', 'rent_accounts__nec__revenue_accounts') }}
)

select
    _partner || ':rent_accounts:' || clean_text(lrac_pay_ref) as rent_account_id,
    clean_text(lrac_pay_ref) as account_reference,
    _partner || ':housing_tenancies:' || clean_text(lrac_tcy_alt_ref) as tenancy_id,
    upper(clean_text(lrac_hrv_ate_code)) as account_type_code,
    upper(clean_text(lrac_class_code)) as account_class_code,
    as_date(lrac_start_date) as account_from,
    as_end_date(lrac_end_date) as account_to,
    as_number(lrac_last_aba_balance) as last_balance,
    as_date(lrac_last_aba_date) as last_balance_date,
    as_number(lrac_statement_bal) as statement_balance,
    as_date(lrac_statement_to_date) as statement_date,
    as_number(lrac_gross_rent) as weekly_charge,
    {{ provenance() }}
from accounts
