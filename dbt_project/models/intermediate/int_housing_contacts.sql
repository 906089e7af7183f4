-- Every row of the contacts table with what became of it: a person keeps one telephone and one e-mail address, those
-- in force that are tried first. Numbers at work are not a person's own.
with contacts as (
    select
        *,
        case
            when contact_kind in ('mobile', 'home telephone') then 'phone'
            when contact_kind = 'email' then 'email'
        end as kind,
        {{ national_phone('contact_value') }} as phone,
        lower(contact_value) as email
    from {{ ref('stg_housing_tenancies_contacts') }}
    where _outcome is null
),

known as (
    select distinct record_id from {{ ref('int_housing_members') }}
    where outcome = 'kept'
),

judged as (
    select
        contacts.*,
        case
            when not contacts.is_of_a_person then 'not of a person'
            when known.record_id is null then 'unknown person'
            when contacts.contact_kind = 'work telephone' then 'at work'
            when contacts.kind is null then 'other kind'
            when not {{ is_going_on('contacts.contact_from', 'contacts.contact_to') }} then 'not in force'
            when contacts.kind = 'phone' and length(contacts.phone) < 10 then 'not readable'
            when contacts.kind = 'email' and not contains(contacts.email, '@') then 'not readable'
            else 'usable'
        end as judgement
    from contacts
    left join known on contacts.record_id = known.record_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by record_id, kind, judgement
            order by
                precedence asc nulls last,
                contact_kind = 'mobile' desc,
                contact_from desc nulls last,
                {{ newest_first() }}
        ) as choice
    from judged
)

select
    record_id,
    kind,
    case when kind = 'phone' then phone else email end as contact,
    case
        when judgement <> 'usable' then judgement
        when choice > 1 then 'another comes first'
        else 'kept'
    end as outcome
from ranked
