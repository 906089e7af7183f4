with episodes as (
    select * from {{ source('raw', 'looked_after__ssda903__episodes') }}
)

select
    _partner || ':looked_after:' || clean_text(child) as record_id,
    clean_text(child) as source_person_id,
    as_date(decom) as episode_start_date,
    as_end_date(dec) as episode_end_date,
    upper(clean_text(rne)) as reason_for_new_episode_code,
    upper(clean_text(ls)) as legal_status_code,
    upper(clean_text(place)) as placement_code,
    upper(clean_text(rec)) as reason_episode_ceased_code,
    clean_text(home_post) as home_postcode_text,
    clean_text(pl_post) as placement_postcode_text,
    {{ provenance() }}
from episodes
