-- For each source, how many of the living residents whom another source knows it holds too, by age and council.
with holdings as (
    select
        bridge.source,
        bridge.resident_id,
        residents.local_authority_code,
        case
            when residents.date_of_birth is null then 'not known'
            when {{ age('residents.date_of_birth') }} < 18 then '0 to 17'
            when {{ age('residents.date_of_birth') }} < 65 then '18 to 64'
            when {{ age('residents.date_of_birth') }} < 85 then '65 to 84'
            else '85 and over'
        end as age_band,
        residents.source_count > 1 as is_known_elsewhere
    from {{ ref('bridge_resident_record') }} as bridge
    inner join {{ ref('dim_resident') }} as residents
        on bridge.resident_id = residents.resident_id
    where not residents.is_deceased and not residents.is_restricted
    group by all
),

residents as (
    select
        age_band,
        local_authority_code,
        count(distinct resident_id) as resident_count
    from holdings
    group by age_band, local_authority_code
),

held as (
    select
        source,
        age_band,
        local_authority_code,
        count(*) filter (where is_known_elsewhere) as residents_held,
        count(*) filter (where not is_known_elsewhere) as residents_alone
    from holdings
    group by source, age_band, local_authority_code
),

sources as (
    select distinct source from holdings
)

-- Whom a source holds alone says nothing of its coverage.
select
    sources.source,
    residents.age_band,
    residents.local_authority_code,
    residents.resident_count - coalesce(held.residents_alone, 0) as residents_known,
    coalesce(held.residents_held, 0) as residents_held
from residents
cross join sources
left join held
    on
        sources.source = held.source
        and residents.age_band = held.age_band
        and residents.local_authority_code is not distinct from held.local_authority_code
