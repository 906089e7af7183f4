-- Every person record that can be held against what other sources say of the same resident, by kind of check, and
-- whether it is found wanting. What another source says is not here, nor which source it is.
with records as (
    select
        persons.record_id,
        bridge.resident_id,
        persons.source,
        persons.dataset,
        persons.date_of_birth,
        persons.date_of_death,
        persons.is_deceased,
        persons.known_since,
        persons.last_delivery_date,
        {{ source_rank('persons') }} as source_rank
    from {{ ref('int_person_records') }} as persons
    inner join {{ ref('bridge_resident_record') }} as bridge
        on persons.record_id = bridge.record_id
),

-- Each source has one voice for a date of birth.
voices as (
    select
        resident_id,
        date_of_birth,
        count(distinct source) as source_count,
        min(source_rank) as best_rank
    from records
    where date_of_birth is not null
    group by resident_id, date_of_birth
),

-- Most sources are right; of as many against as many, the most trusted source is; of equals nobody can tell.
weighed as (
    select
        *,
        rank() over (partition by resident_id order by source_count desc, best_rank asc) as place,
        sum(source_count) over (partition by resident_id) as voice_count
    from voices
),

believed as (
    select
        resident_id,
        case
            when count(*) filter (where place = 1) = 1 then min(date_of_birth) filter (where place = 1)
        end as best_date
    from weighed
    where voice_count > 1
    group by resident_id
),

birth_dates as (
    select
        records.record_id,
        coalesce(records.date_of_birth <> believed.best_date, true) as is_found,
        null::integer as days
    from records
    inner join believed on records.resident_id = believed.resident_id
    where records.date_of_birth is not null
),

deaths as (
    select
        resident_id,
        source,
        min(date_of_death) as date_of_death
    from records
    where is_deceased
    group by resident_id, source
),

-- A source without events, such as council tax, holds live accounts only.
activity as (
    select
        records.record_id,
        coalesce(
            bool_or(events.is_open),
            not records.dataset in (select known.service from {{ ref('fct_service_event') }} as known)
        ) as is_active
    from records
    left join {{ ref('fct_service_event') }} as events on records.record_id = events.record_id
    group by records.record_id, records.dataset
),

active as (
    select
        records.record_id,
        count(deaths.resident_id) > 0 as is_found,
        -- A death without a date is taken to have been known for long.
        coalesce(max({{ as_of() }} - deaths.date_of_death), 36500)::integer as days
    from records
    inner join activity on records.record_id = activity.record_id
    left join deaths on records.resident_id = deaths.resident_id and records.source <> deaths.source
    where
        not records.is_deceased
        and activity.is_active
        and records.resident_id in (
            select others.resident_id from records as others
            group by others.resident_id
            having count(distinct others.source) > 1
        )
    group by records.record_id
),

-- Where a source says that a person lives. Of restricted people and of the dead nothing is compared: that an address
-- is out of date would tell that they moved.
homes as (
    select
        records.record_id,
        records.resident_id,
        records.source,
        addresses.postcode,
        addresses.evidence_date,
        case when addresses.address_from <= {{ as_of() }} then addresses.address_from end as address_from
    from records
    inner join {{ ref('int_addresses') }} as addresses on records.record_id = addresses.record_id
    inner join {{ ref('int_resident_attributes') }} as residents on records.resident_id = residents.resident_id
    where
        addresses.is_current
        and addresses.is_residence
        and addresses.postcode is not null
        and not residents.is_restricted
        and not residents.is_deceased
),

newest_homes as (
    select
        resident_id,
        source,
        max(address_from) as address_from,
        arg_max(postcode, (address_from, record_id)) as postcode
    from homes
    where address_from is not null
    group by resident_id, source
),

address_ages as (
    select
        homes.record_id,
        arg_max(
            elsewhere.postcode <> homes.postcode and elsewhere.address_from > homes.evidence_date,
            (elsewhere.address_from, elsewhere.source)
        ) as is_found,
        ({{ as_of() }} - max(elsewhere.address_from))::integer as days
    from homes
    inner join newest_homes as elsewhere
        on homes.resident_id = elsewhere.resident_id and homes.source <> elsewhere.source
    group by homes.record_id
),

duplicates as (
    select
        record_id,
        row_number() over (
            partition by resident_id, source order by last_delivery_date desc, known_since asc, record_id asc
        ) > 1 as is_found,
        null::integer as days
    from records
),

compared as (
    select
        'birth_dates_agree' as kind,
        *
    from birth_dates
    union all
    select
        'nobody_active_after_death' as kind,
        *
    from active
    union all
    select
        'addresses_are_current' as kind,
        *
    from address_ages
    union all
    select
        'persons_stand_once' as kind,
        *
    from duplicates
)

select
    compared.kind,
    records.source,
    compared.record_id,
    records.resident_id,
    compared.is_found,
    compared.days
from compared
inner join records on compared.record_id = records.record_id
