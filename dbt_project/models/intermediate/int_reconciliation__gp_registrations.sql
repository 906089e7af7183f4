-- GP registrations: from versions of patients to the one in force, and from those to people.
{{ config(materialized='ephemeral') }}

select
    'newest version per patient' as stage,
    'stg_gp_registrations' as source_relation,
    'int_gp_patients' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_gp_patients') }}) as rows_kept,
    {{ counts_by_key('record_id', 'same person') }} as dropped
from {{ ref('stg_gp_registrations') }}
where _outcome is null
union all
select
    'one row per patient' as stage,
    'int_gp_patients' as source_relation,
    'int_persons__gp_registrations' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_persons__gp_registrations') }}) as rows_kept,
    {{ counts_by_reason({'replaced record': 'count(*) filter (where not is_used)'}) }} as dropped
from {{ ref('int_gp_patients') }}
