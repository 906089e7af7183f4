with people as (
    select
        *,
        upper(clean_text(lpar_type)) as party_key,
        upper(clean_text(lpar_per_frv_fge_code)) as sex_key,
        upper(clean_text(lpar_tin_main_tenant_ind)) in ('Y', 'YES', '1', 'TRUE') as is_main
    from {{ source('raw', 'housing_tenancies__nec__people') }}
)

select
    people._partner || ':housing_tenancies:' || clean_text(people.lpar_per_alt_ref) as record_id,
    clean_text(people.lpar_per_alt_ref) as source_person_id,
    people._partner || ':housing_tenancies:' || clean_text(people.lpar_tcy_alt_ref) as tenancy_id,
    {{ mapped('people.party_key', 'parties.meaning') }} as party_type,
    clean_text(people.lpar_per_title) as title,
    clean_text(people.lpar_per_surname) as surname,
    clean_text(people.lpar_per_hou_surname_prefix) as surname_prefix,
    clean_text(people.lpar_per_forename) as forename,
    clean_text(people.lpar_per_initials) as initials,
    clean_text(people.lpar_per_other_name) as other_names,
    {{ birth_date('people.lpar_per_date_of_birth') }} as date_of_birth,
    people.sex_key as sex_code,
    {{ mapped('people.sex_key', 'sex_codes.sex') }} as sex,
    as_nino(people.lpar_per_ni_no) as nino,
    as_date(people.lpar_hop_start_date) as member_from,
    as_end_date(people.lpar_hop_end_date) as member_to,
    upper(clean_text(people.lpar_hop_hrv_rel_code)) as relationship_code,
    coalesce(people.is_main, false) as is_main_tenant,
    coalesce(people.is_main, false) or as_date(people.lpar_tin_start_date) is not null as is_tenant,
    as_date(people.lpar_tin_start_date) as tenant_from,
    as_end_date(people.lpar_tin_end_date) as tenant_to,
    coalesce(upper(clean_text(people.lpar_per_hou_at_risk_ind)) in ('Y', 'YES', '1', 'TRUE'), false) as is_at_risk,
    clean_text(people.lpar_phone) as phone_text,
    {{ provenance() }}
from people
left join {{ ref('housing_codes') }} as parties
    on people.party_key = parties.code and parties.field = 'party'
left join {{ ref('sex_codes') }} as sex_codes
    on people.sex_key = sex_codes.code
