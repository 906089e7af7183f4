with tenancies as (
    select
        *,
        upper(clean_text(ltcy_tty_code)) as type_key,
        upper(clean_text(ltcy_hrv_ttyp_code)) as tenure_key,
        upper(clean_text(ltcy_hrv_tst_code)) as status_key
    from {{ source('raw', 'housing_tenancies__nec__tenancies') }}
)

select
    tenancies._partner || ':housing_tenancies:' || clean_text(tenancies.ltcy_alt_ref) as tenancy_id,
    clean_text(tenancies.ltcy_alt_ref) as tenancy_reference,
    tenancies.type_key as tenancy_type_code,
    {{ mapped('tenancies.type_key', 'types.meaning') }} as tenancy_type,
    tenancies.tenure_key as tenure_code,
    {{ mapped('tenancies.tenure_key', 'tenures.meaning') }} as tenure,
    tenancies.status_key as tenancy_status_code,
    {{ mapped('tenancies.status_key', 'statuses.meaning') }} as tenancy_status,
    as_date(tenancies.ltcy_act_start_date) as tenancy_from,
    as_end_date(tenancies.ltcy_act_end_date) as tenancy_to,
    as_date(tenancies.ltcy_notice_given_date) as notice_given_date,
    tenancies._partner || ':housing_tenancies:' || clean_text(tenancies.ltcy_tho_propref1) as landlord_property_id,
    as_date(tenancies.ltcy_tho_start_date1) as holding_from,
    as_end_date(tenancies.ltcy_tho_end_date1) as holding_to,
    {{ provenance() }}
from tenancies
left join {{ ref('housing_codes') }} as types
    on tenancies.type_key = types.code and types.field = 'tenancy_type'
left join {{ ref('housing_codes') }} as tenures
    on tenancies.tenure_key = tenures.code and tenures.field = 'tenure'
left join {{ ref('housing_codes') }} as statuses
    on tenancies.status_key = statuses.code and statuses.field = 'tenancy_status'
