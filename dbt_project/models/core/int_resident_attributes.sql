-- One value of each attribute per resident, picked from the resident's records by fixed rules: the most trusted source
-- first, then the value that most records agree on, then the value itself, so that nothing depends on row order.
{{ config(schema='intermediate') }}

with records as (
    select
        crosswalk.resident_id,
        persons.*,
        {{ source_rank('persons') }} as source_rank
    from {{ ref('int_person_records') }} as persons
    inner join {{ source('linkage', 'crosswalk') }} as crosswalk
        on persons.record_id = crosswalk.record_id
),

residents as (
    select
        resident_id,
        bool_or(is_deceased) as is_deceased,
        arg_min(date_of_death, (source_rank, date_of_death)) filter (where date_of_death is not null) as date_of_death,
        bool_or(is_restricted)
        or resident_id in (select namesakes.resident_id from {{ ref('int_restricted_namesakes') }} as namesakes)
        -- Marked as at risk by a landlord: what that means is the landlord's own, so where they live is not shown.
        or resident_id in (
            select crosswalk.resident_id
            from {{ source('linkage', 'crosswalk') }} as crosswalk
            inner join {{ ref('int_persons__housing_tenancies') }} as tenants
                on crosswalk.record_id = tenants.record_id
            where tenants.is_at_risk
        ) as is_restricted,
        bool_or(is_no_fixed_abode) as is_no_fixed_abode,
        count(*) as record_count,
        count(distinct source) as source_count,
        bool_or(dataset in ('council_tax', 'social_care')) as is_known_to_adult_source,
        -- A year or a year and month can still prove that somebody is a child.
        bool_or({{ age(first_day('date_of_birth_partial')) }} < 18) as is_child_by_partial_date
    from records
    group by resident_id
),

birth_dates as (
    select
        resident_id,
        date_of_birth
    from records
    where date_of_birth is not null
    group by resident_id, date_of_birth
    qualify
        row_number() over (
            partition by resident_id order by min(source_rank) asc, count(*) desc, date_of_birth asc
        ) = 1
),

sexes as (
    select
        resident_id,
        sex
    from records
    where sex <> 'unknown'
    group by resident_id, sex
    qualify row_number() over (partition by resident_id order by min(source_rank) asc, count(*) desc, sex asc) = 1
),

-- The address that was said last among those that somebody can live at.
addresses as (
    select
        records.resident_id,
        addresses.postcode,
        addresses.uprn,
        addresses.house_number,
        addresses.street
    from records
    inner join {{ ref('int_addresses') }} as addresses
        on records.record_id = addresses.record_id
    where
        addresses.is_current
        and addresses.is_residence
        and (addresses.postcode is not null or addresses.uprn is not null)
    qualify
        row_number() over (
            partition by records.resident_id
            order by
                coalesce(addresses.address_to < {{ as_of() }}, false) asc,
                addresses.evidence_date desc nulls last,
                records.source_rank asc,
                records.record_id asc
        ) = 1
),

practices as (
    select
        resident_id,
        gp_practice_code
    from (
        select
            records.resident_id,
            records.source_rank,
            records.record_id,
            persons.gp_practice_code
        from records
        inner join {{ ref('int_persons__gp_registrations') }} as persons on records.record_id = persons.record_id
        union all
        select
            records.resident_id,
            -- social care's word for it only where no registration gives a practice
            records.source_rank + 10 as source_rank,
            records.record_id,
            persons.gp_practice_code
        from records
        inner join {{ ref('int_persons__social_care') }} as persons on records.record_id = persons.record_id
        where persons.gp_practice_code not in ('V81997', 'V81998', 'V81999')
    )
    where gp_practice_code is not null
    qualify row_number() over (partition by resident_id order by source_rank asc, record_id asc) = 1
)

select
    residents.resident_id,
    birth_dates.date_of_birth,
    coalesce(sexes.sex, 'unknown') as sex,
    residents.is_deceased,
    residents.date_of_death,
    residents.is_restricted,
    residents.is_no_fixed_abode and not residents.is_restricted as is_no_fixed_abode,
    residents.record_count,
    residents.source_count,
    case
        when birth_dates.date_of_birth is not null then {{ age('birth_dates.date_of_birth') }} >= 18
        when residents.is_child_by_partial_date then false
    end as is_adult,
    coalesce(
        {{ age('birth_dates.date_of_birth') }} >= 18,
        residents.is_known_to_adult_source and not coalesce(residents.is_child_by_partial_date, false)
    ) as counts_as_adult_at_home,
    -- One restricted record is enough: nothing that another source says may show where the person is.
    case when not residents.is_restricted then practices.gp_practice_code end as gp_practice_code,
    case when not residents.is_restricted then addresses.postcode end as postcode,
    case when not residents.is_restricted then addresses.uprn end as uprn,
    case when not residents.is_restricted then addresses.house_number end as house_number,
    case when not residents.is_restricted then addresses.street end as street
from residents
left join birth_dates on residents.resident_id = birth_dates.resident_id
left join sexes on residents.resident_id = sexes.resident_id
left join addresses on residents.resident_id = addresses.resident_id
left join practices on residents.resident_id = practices.resident_id
