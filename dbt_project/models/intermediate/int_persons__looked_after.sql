-- Children looked after: one row per child of the header. The return holds no names; the home postcode is that of the
-- latest episode that has one.
with children as (
    select
        *,
        min(_first_delivered) over (partition by record_id) as first_delivered
    from {{ ref('stg_looked_after_header') }}
    where _outcome is null and record_id is not null
    qualify row_number() over (partition by record_id order by {{ newest_first() }}) = 1
),

episodes as (
    select
        record_id,
        min(episode_start_date) filter (where episode_start_date <= {{ as_of() }}) as first_start_date,
        max(episode_start_date) filter (where episode_start_date <= {{ as_of() }}) as last_start_date,
        arg_max(home_postcode_text, episode_start_date) filter (
            where home_postcode_text is not null and episode_start_date is not null
        ) as postcode_text
    from {{ ref('int_looked_after_episodes') }}
    where outcome in ('kept', 'ends before it starts')
    group by record_id
)

select
    children.record_id,
    children._partner as partner,
    'looked_after' as dataset,
    children.source_person_id,
    null::varchar as first_name,
    null::varchar as middle_names,
    null::varchar as surname,
    []::varchar[] as former_surnames,
    children.date_of_birth,
    null::varchar as date_of_birth_partial,
    case when children.sex in ('male', 'female', 'other') then children.sex else 'unknown' end as sex,
    null::varchar as nhs_number,
    null::varchar as nhs_number_status,
    []::varchar[] as superseded_nhs_numbers,
    children.upn,
    null::varchar as phone,
    null::varchar as email,
    null::date as date_of_death,
    false as is_deceased,
    false as is_restricted,
    null::varchar as gp_practice_code,
    coalesce(episodes.first_start_date, children.first_delivered) as known_since,
    children._delivery_date as last_delivery_date,
    episodes.postcode_text,
    episodes.last_start_date as last_evidence_date
from children
left join episodes on children.record_id = episodes.record_id
