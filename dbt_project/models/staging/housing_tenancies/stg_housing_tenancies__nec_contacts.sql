with contacts as (
    select
        *,
        upper(clean_text(lcde_legacy_type)) as owner_key,
        upper(clean_text(lcde_frv_cme_code)) as kind_key
    from {{ source('raw', 'housing_tenancies__nec__contacts') }}
)

select
    contacts._partner || ':housing_tenancies:' || clean_text(contacts.lcde_legacy_ref) as record_id,
    contacts.owner_key is null or owners.meaning is not null as is_of_a_person,
    {{ mapped('contacts.kind_key', 'kinds.meaning') }} as contact_kind,
    clean_text(contacts.lcde_contact_value) as contact_value,
    as_date(contacts.lcde_start_date) as contact_from,
    as_end_date(contacts.lcde_end_date) as contact_to,
    try_cast(as_number(contacts.lcde_precedence) as integer) as precedence,
    {{ provenance() }}
from contacts
left join {{ ref('housing_codes') }} as owners
    on contacts.owner_key = owners.code and owners.field = 'contact_owner'
left join {{ ref('housing_codes') }} as kinds
    on contacts.kind_key = kinds.code and kinds.field = 'contact_kind'
