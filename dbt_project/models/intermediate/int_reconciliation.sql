-- Rows in = rows kept + rows dropped, at every stage between the door and int_person_records. Each side is counted
-- where it lies, so that the sum is a check and not an identity; tests/intermediate/ fails when it does not hold.
{%- set staged = [
    ('council_tax', 'nfi', 'accounts', 'stg_council_tax__nfi'),
    ('social_care', 'cld', 'events', 'stg_social_care__cld'),
    ('gp_registrations', 'fhir', 'patients', 'stg_gp_registrations__fhir'),
    ('looked_after', 'ssda903', 'header', 'stg_looked_after__ssda903_header'),
    ('looked_after', 'ssda903', 'episodes', 'stg_looked_after__ssda903_episodes'),
    ('opt_out', 'ndo', 'opt_outs', 'stg_opt_out__ndo'),
    ('area_lookup', 'onspd', 'postcodes', 'stg_area_lookup__onspd'),
] %}
{%- set persons = ['council_tax', 'social_care', 'gp_registrations', 'looked_after'] %}

with counted as (
    {%- for dataset, layout, table, model in staged %}
    select
        'staging' as stage,
        'raw.{{ dataset }}__{{ layout }}__{{ table }}' as source_relation,
        '{{ model }}' as target_relation,
        (
            select coalesce(sum(rows_in_use), 0) from {{ source('raw', 'deliveries') }}
            where dataset = '{{ dataset }}' and layout = '{{ layout }}' and table_name = '{{ table }}'
        ) as rows_in,
        (select count(*) from {{ ref(model) }}) as rows_kept,
        []::struct(reason varchar, row_count bigint)[] as dropped
    union all
    {%- endfor %}
    select
        'one row per account' as stage,
        'stg_council_tax__nfi' as source_relation,
        'int_council_tax_accounts' as target_relation,
        (select count(*) from {{ ref('stg_council_tax__nfi') }}) as rows_in,
        (select count(*) from {{ ref('int_council_tax_accounts') }}) as rows_kept,
        (
            select {{ counts_by_key('account_id', 'duplicate') }}
            from {{ ref('stg_council_tax__nfi') }}
        ) as dropped
    union all
    select
        'two places per account' as stage,
        'int_council_tax_accounts' as source_relation,
        'int_persons__council_tax' as target_relation,
        2 * (select count(*) from {{ ref('int_council_tax_accounts') }}) as rows_in,
        (select count(*) from {{ ref('int_persons__council_tax') }}) as rows_kept,
        (
            select {{ counts_by_reason({
                'organisation': "count(*) filter (where outcome = 'organisation')",
                'not a person': "count(*) filter (where outcome = 'not a person')",
                'blank lead person': "count(*) filter (where outcome = 'blank' and party_no = 1)",
                'blank second person': "count(*) filter (where outcome = 'blank' and party_no = 2)"
            }) }}
            from {{ ref('int_council_tax_parties') }}
        ) as dropped
    union all
    {%- for stage, relation, target in [
        ('one row per person', 'stg_social_care__cld', 'int_persons__social_care'),
        ('newest version per patient', 'stg_gp_registrations__fhir', 'int_gp_patients'),
        ('one row per child', 'stg_looked_after__ssda903_header', 'int_persons__looked_after'),
    ] %}
    select
        '{{ stage }}' as stage,
        '{{ relation }}' as source_relation,
        '{{ target }}' as target_relation,
        (select count(*) from {{ ref(relation) }}) as rows_in,
        (select count(*) from {{ ref(target) }}) as rows_kept,
        (
            select {{ counts_by_key('record_id', 'same person') }}
            from {{ ref(relation) }}
        ) as dropped
    union all
    {%- endfor %}
    select
        'one row per patient' as stage,
        'int_gp_patients' as source_relation,
        'int_persons__gp_registrations' as target_relation,
        (select count(*) from {{ ref('int_gp_patients') }}) as rows_in,
        (select count(*) from {{ ref('int_persons__gp_registrations') }}) as rows_kept,
        (
            select {{ counts_by_reason({'replaced record': 'count(*) filter (where not is_used)'}) }}
            from {{ ref('int_gp_patients') }}
        ) as dropped
    union all
    {%- for relation, outcomes, service in [
        ('social_care__cld', 'int_social_care_events', 'social_care'),
        ('looked_after__ssda903_episodes', 'int_looked_after_episodes', 'looked_after'),
    ] %}
    select
        'service events' as stage,
        'stg_{{ relation }}' as source_relation,
        'int_service_events' as target_relation,
        (select count(*) from {{ ref('stg_' ~ relation) }}) as rows_in,
        (select count(*) filter (where service = '{{ service }}') from {{ ref('int_service_events') }}) as rows_kept,
        (
            select {{ counts_by_outcome(['no person', 'duplicate', 'no start date', 'ends before it starts']) }}
            from {{ ref(outcomes) }}
        ) as dropped
    union all
    {%- endfor %}
    select
        'person records' as stage,
        'int_persons__*' as source_relation,
        'int_person_records' as target_relation,
        (
            {%- for dataset in persons %}
            (select count(*) from {{ ref('int_persons__' ~ dataset) }}){{ ' +' if not loop.last }}
            {%- endfor %}
        ) as rows_in,
        (select count(*) from {{ ref('int_person_records') }}) as rows_kept,
        []::struct(reason varchar, row_count bigint)[] as dropped
)

select
    stage,
    source_relation,
    target_relation,
    rows_in::bigint as rows_in,
    rows_kept::bigint as rows_kept,
    coalesce(list_sum(list_transform(dropped, lambda d: d.row_count)), 0)::bigint as rows_dropped,
    dropped as dropped_by_reason
from counted
order by stage, source_relation
