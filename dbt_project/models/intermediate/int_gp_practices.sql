-- The practices of every patient, unrestricted patients only. The codes for "not known", "none" and "not applicable"
-- are no practices.
with entries as (
    select
        record_id,
        unnest(general_practitioners) as practitioner,
        generate_subscripts(general_practitioners, 1) as position
    from {{ ref('int_gp_patients') }}
),

practices as (
    select
        record_id,
        position,
        upper(clean_text(practitioner.identifier.value)) as gp_practice_code,
        {{ first_day('practitioner.identifier.period.start') }} as registered_from,
        {{ last_day_meant('practitioner.identifier.period."end"') }} as registered_to,
        {{ is_current('practitioner.identifier.period') }} as is_in_force
    from entries
)

select
    record_id,
    position,
    gp_practice_code,
    registered_from,
    registered_to,
    is_in_force
    and row_number() over (
        partition by record_id order by is_in_force desc, registered_from desc nulls last, position asc
    ) = 1 as is_latest
from practices
where gp_practice_code is not null and gp_practice_code not in ('V81997', 'V81998', 'V81999')
