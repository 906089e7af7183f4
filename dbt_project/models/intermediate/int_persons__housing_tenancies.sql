-- Housing: one row per person reference of a landlord, over all tenancies that the person belongs or belonged to. Who
-- has moved out stays a record: they may still live in the region. What the latest stay leaves blank is taken from
-- the latest that holds it.
with members as (
    select * from {{ ref('int_housing_members') }}
    where outcome in ('kept', 'duplicate')
),

persons as (
    select
        record_id,
        any_value(partner) as partner,
        any_value(source_person_id) as source_person_id,
        arg_min(
            struct_pack(first_name := first_name, middle_names := middle_names, surname := last_name), age_of_row
        ) filter (where coalesce(last_name, first_name) is not null) as name,
        list(distinct last_name) filter (where last_name is not null) as surnames,
        arg_min(date_of_birth, age_of_row) filter (where date_of_birth is not null) as date_of_birth,
        arg_min(sex, age_of_row) filter (where sex in ('male', 'female', 'other')) as sex,
        arg_min({{ sex_of_title('title') }}, age_of_row) filter (
            where {{ sex_of_title('title') }} is not null
        ) as sex_of_title,
        arg_min(nino, age_of_row) filter (where nino is not null) as nino,
        arg_min({{ national_phone('phone_text') }}, age_of_row) filter (
            where length({{ national_phone('phone_text') }}) >= 10
        ) as phone,
        bool_or(is_deceased) as is_deceased,
        bool_or(is_at_risk) as is_at_risk,
        min(coalesce(member_from, tenancy_from)) filter (
            where coalesce(member_from, tenancy_from) <= {{ as_of() }}
        ) as first_from,
        min(first_delivered) as first_delivered,
        max(last_delivery_date) as last_delivery_date
    from members
    group by record_id
),

contacts as (
    select
        record_id,
        max(contact) filter (where kind = 'phone') as phone,
        max(contact) filter (where kind = 'email') as email
    from {{ ref('int_housing_contacts') }}
    where outcome = 'kept'
    group by record_id
)

select
    persons.record_id,
    persons.partner,
    'housing_tenancies' as dataset,
    persons.source_person_id,
    persons.name.first_name,
    persons.name.middle_names,
    persons.name.surname,
    list_sort(
        coalesce(
            list_filter(persons.surnames, lambda s: upper(s) <> upper(persons.name.surname)), []::varchar[]
        )
    ) as former_surnames,
    persons.date_of_birth,
    null::varchar as date_of_birth_partial,
    coalesce(persons.sex, persons.sex_of_title, 'unknown') as sex,
    null::varchar as nhs_number,
    null::varchar as nhs_number_status,
    []::varchar[] as superseded_nhs_numbers,
    persons.nino,
    null::varchar as upn,
    coalesce(contacts.phone, persons.phone) as phone,
    contacts.email,
    null::date as date_of_death,
    persons.is_deceased,
    false as is_restricted,
    persons.is_at_risk,
    null::varchar as gp_practice_code,
    coalesce(persons.first_from, persons.first_delivered) as known_since,
    persons.last_delivery_date
from persons
left join contacts on persons.record_id = contacts.record_id
