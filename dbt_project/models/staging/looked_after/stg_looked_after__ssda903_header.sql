with header as (
    select
        *,
        upper(clean_text(sex)) as sex_key
    from {{ source('raw', 'looked_after__ssda903__header') }}
)

select
    header._partner || ':looked_after:' || clean_text(header.child) as record_id,
    clean_text(header.child) as source_person_id,
    header.sex_key as sex_code,
    {{ mapped('header.sex_key', 'sex_codes.sex') }} as sex,
    {{ birth_date('header.dob') }} as date_of_birth,
    case when is_upn(header.upn) then upper(clean_text(header.upn)) end as upn,
    {{ provenance() }}
from header
left join {{ ref('sex_codes') }} as sex_codes
    on header.sex_key = sex_codes.code
