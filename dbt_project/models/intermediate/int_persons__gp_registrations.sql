-- GP registrations: one row per patient. Which of several numbers, names and telephones counts is decided here.
with patients as (
    select * from {{ ref('int_gp_patients') }}
    where is_used
),

identifier_entries as (
    select
        record_id,
        unnest(identifiers) as identifier,
        generate_subscripts(identifiers, 1) as position
    from patients
),

numbers as (
    select
        record_id,
        position,
        identifier.use as use,
        as_nhs_number(identifier.value) as nhs_number,
        coalesce(identifier.use = 'old', false) or {{ is_ended('identifier.period') }} as is_superseded,
        list_filter(
            identifier.extension, lambda e: e.url like '%NHSNumberVerificationStatus'
        )[1].valuecodeableconcept.coding[1].code as status
    from identifier_entries
    where identifier.system like '%/nhs-number'
),

current_number as (
    select
        record_id,
        nhs_number,
        case when regexp_full_match(lpad(trim(status), 2, '0'), '0[1-8]') then lpad(trim(status), 2, '0') end as status
    from numbers
    where nhs_number is not null and not is_superseded
    qualify
        row_number() over (
            partition by record_id
            order by coalesce(status = '01', false) desc, coalesce(use = 'official', false) desc, position asc
        ) = 1
),

numbered as (
    select
        patients.record_id,
        coalesce(current_number.nhs_number, as_nhs_number(patients.source_person_id)) as nhs_number,
        current_number.status as nhs_number_status
    from patients
    left join current_number on patients.record_id = current_number.record_id
),

link_entries as (
    select
        record_id,
        unnest(links) as link
    from patients
),

other_numbers as (
    select
        record_id,
        nhs_number
    from numbers
    where is_superseded
    union all
    select
        record_id,
        as_nhs_number(source_person_id) as nhs_number
    from patients
    union all
    select
        record_id,
        unnest([
            as_nhs_number(regexp_extract(link.other.reference, 'Patient/([^/]+)', 1)),
            as_nhs_number(link.other.identifier.value)
        ]) as nhs_number
    from link_entries
    where link.type = 'replaces'
),

superseded as (
    select
        other_numbers.record_id,
        list_sort(list(distinct other_numbers.nhs_number)) as superseded_nhs_numbers
    from other_numbers
    inner join numbered on other_numbers.record_id = numbered.record_id
    where other_numbers.nhs_number is not null and other_numbers.nhs_number is distinct from numbered.nhs_number
    group by other_numbers.record_id
),

name_entries as (
    select
        record_id,
        unnest(names) as name,
        generate_subscripts(names, 1) as position
    from patients
),

names as (
    select
        record_id,
        position,
        name.use as use,
        clean_text(name.family) as family,
        list_filter(
            list_transform(name.given, lambda g: clean_text(g)), lambda g: g is not null
        ) as given,
        {{ first_day('name.period.start') }} as used_from,
        coalesce(name.use in ('old', 'maiden'), false) or {{ is_ended('name.period') }} as is_former,
        {{ is_current('name.period') }} as is_current
    from name_entries
),

current_name as (
    select
        record_id,
        given[1] as first_name,
        nullif(array_to_string(given[2:], ' '), '') as middle_names,
        family as surname
    from names
    where family is not null or len(given) > 0
    qualify
        row_number() over (
            partition by record_id
            order by
                case
                    when coalesce(use, '') in ('old', 'maiden') then 3
                    when use in ('usual', 'official') and is_current then 0
                    when is_current then 1
                    else 2
                end asc,
                case use
                    when 'usual' then 0
                    when 'official' then 1
                    when 'temp' then 3
                    when 'nickname' then 4
                    when 'anonymous' then 5
                    else 2
                end asc,
                used_from desc nulls last,
                position asc
        ) = 1
),

former_names as (
    select
        names.record_id,
        list_sort(list(distinct names.family)) as former_surnames
    from names
    inner join current_name on names.record_id = current_name.record_id
    where
        names.is_former
        and names.family is not null
        and upper(names.family) is distinct from upper(current_name.surname)
    group by names.record_id
),

telecom_entries as (
    select
        record_id,
        unnest(telecoms) as telecom,
        generate_subscripts(telecoms, 1) as position
    from patients
),

contacts as (
    select
        record_id,
        position,
        telecom.system as system,
        telecom.use as use,
        -- One spelling per number: digits only, national form.
        regexp_replace(regexp_replace(clean_text(telecom.value), '[^0-9]', '', 'g'), '^(00)?44', '0') as phone,
        lower(clean_text(telecom.value)) as email
    from telecom_entries
    where coalesce(telecom.use, '') <> 'old' and {{ is_current('telecom.period') }}
),

phones as (
    select
        record_id,
        phone
    from contacts
    where system in ('phone', 'sms') and length(phone) >= 10
    qualify
        row_number() over (
            partition by record_id
            order by
                coalesce(use = 'mobile', false) desc,
                starts_with(phone, '07') desc,
                coalesce(use = 'work', false) asc,
                coalesce(use = 'temp', false) asc,
                position asc
        ) = 1
),

emails as (
    select
        record_id,
        email
    from contacts
    where system = 'email' and contains(email, '@')
    qualify
        row_number() over (partition by record_id order by coalesce(use = 'work', false) asc, position asc) = 1
),

registrations as (
    select
        record_id,
        min(registered_from) filter (where registered_from <= {{ as_of() }}) as registered_from,
        max(gp_practice_code) filter (where is_latest) as gp_practice_code
    from {{ ref('int_gp_practices') }}
    group by record_id
)

select
    patients.record_id,
    patients.partner,
    'gp_registrations' as dataset,
    patients.source_person_id,
    current_name.first_name,
    current_name.middle_names,
    current_name.surname,
    coalesce(former_names.former_surnames, []::varchar[]) as former_surnames,
    patients.date_of_birth,
    patients.date_of_birth_partial,
    case when patients.sex in ('male', 'female', 'other') then patients.sex else 'unknown' end as sex,
    numbered.nhs_number,
    numbered.nhs_number_status,
    coalesce(superseded.superseded_nhs_numbers, []::varchar[]) as superseded_nhs_numbers,
    null::varchar as upn,
    phones.phone,
    emails.email,
    patients.date_of_death,
    patients.is_deceased,
    patients.is_restricted,
    registrations.gp_practice_code,
    coalesce(registrations.registered_from, patients.first_delivered) as known_since,
    patients.last_delivery_date
from patients
inner join numbered on patients.record_id = numbered.record_id
left join superseded on patients.record_id = superseded.record_id
left join current_name on patients.record_id = current_name.record_id
left join former_names on patients.record_id = former_names.record_id
left join phones on patients.record_id = phones.record_id
left join emails on patients.record_id = emails.record_id
left join registrations on patients.record_id = registrations.record_id
