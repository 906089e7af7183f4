-- Every row of the client level data with what became of it. Rules of the national processing: a death ends what was
-- open, and what ends before it starts is left out.
with events as (
    select
        *,
        row_number() over (
            partition by
                record_id, event_type_code, event_reference, event_start_date, service_type_code, service_component
            order by {{ newest_first() }}
        ) as age_of_row
    from {{ ref('stg_social_care') }}
    where _outcome is null
),

deaths as (
    select
        record_id,
        date_of_death
    from {{ ref('int_persons__social_care') }}
    where date_of_death is not null
)

select
    events.record_id,
    events.event_type,
    events.client_type,
    case when events.event_type = 'service' then events.service_status end as service_status,
    case when events.event_type = 'service' then events.service_status_rank end as service_status_rank,
    events.event_start_date,
    least(events.event_end_date, deaths.date_of_death) as event_end_date,
    events.event_reference,
    case
        when events.record_id is null then 'no person'
        when events.age_of_row > 1 then 'duplicate'
        when events.event_start_date is null then 'no start date'
        when least(events.event_end_date, deaths.date_of_death) < events.event_start_date then 'ends before it starts'
        else 'kept'
    end as outcome
from events
left join deaths on events.record_id = deaths.record_id
