-- The version in force of every patient. What a restricted patient's record says about where they are is taken away
-- here, whatever came: no later model can see it. A record that is no longer in use says nothing of today either. One
-- that another replaces is dropped, unless it tells of a death or a restriction, since neither may be forgotten.
with patients as (
    select
        *,
        len(list_filter(coalesce(links, []), lambda l: l.type = 'replaced-by')) > 0 as is_replaced,
        min(_first_delivered) over (partition by record_id) as first_delivered
    from {{ ref('stg_gp_registrations') }}
    where _outcome is null and record_id is not null
    qualify
        row_number() over (partition by record_id order by version_number desc nulls last, {{ newest_first() }}) = 1
)

select
    record_id,
    _partner as partner,
    source_person_id,
    is_restricted,
    is_active,
    is_active or is_deceased or is_restricted or not is_replaced as is_used,
    identifiers,
    names,
    sex,
    date_of_birth,
    date_of_birth_partial,
    date_of_death,
    is_deceased,
    links,
    case when is_active and not is_restricted then telecoms end as telecoms,
    case when is_active and not is_restricted then addresses end as addresses,
    case when is_active and not is_restricted then general_practitioners end as general_practitioners,
    first_delivered,
    _delivery_date as last_delivery_date
from patients
