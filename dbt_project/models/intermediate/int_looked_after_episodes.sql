-- Every row of the episodes table with what became of it.
with children as (
    select distinct record_id from {{ ref('stg_looked_after_header') }}
    where _outcome is null
),

episodes as (
    select
        *,
        row_number() over (partition by record_id, episode_start_date order by {{ newest_first() }}) as age_of_row
    from {{ ref('stg_looked_after_episodes') }}
    where _outcome is null
)

select
    episodes.record_id,
    episodes.episode_start_date,
    episodes.episode_end_date,
    episodes.legal_status_code,
    episodes.placement_code,
    episodes.home_postcode_text,
    case
        when children.record_id is null then 'no person'
        when episodes.episode_start_date is null then 'no start date'
        when episodes.age_of_row > 1 then 'duplicate'
        when episodes.episode_end_date < episodes.episode_start_date then 'ends before it starts'
        else 'kept'
    end as outcome
from episodes
left join children on episodes.record_id = children.record_id
