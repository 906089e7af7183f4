-- Housing: from people to members and persons, from members to stays, and the other tables each to what is used of it.
{{ config(materialized='ephemeral') }}

select
    'members of households' as stage,
    'stg_housing_tenancies_people' as source_relation,
    'int_housing_members' as target_relation,
    (
        select count(*) from {{ ref('stg_housing_tenancies_people') }}
        where _outcome is null
    ) as rows_in,
    count(*) filter (where outcome = 'kept') as rows_kept,
    {{ counts_by_outcome(['no person', 'organisation', 'not a person', 'duplicate']) }} as dropped
from {{ ref('int_housing_members') }}
union all
select
    'one row per person' as stage,
    'int_housing_members' as source_relation,
    'int_persons__housing_tenancies' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_persons__housing_tenancies') }}) as rows_kept,
    {{ counts_by_reason({'same person': 'count(*) - count(distinct record_id)'}) }} as dropped
from {{ ref('int_housing_members') }}
where outcome = 'kept'
union all
select
    'service events' as stage,
    'int_housing_members' as source_relation,
    'int_service_events' as target_relation,
    count(*) as rows_in,
    (
        select count(*) from {{ ref('int_service_events') }}
        where service = 'housing_tenancies'
    ) as rows_kept,
    {{ counts_by_reason({
        'no tenancy': "count(*) filter (where stay_outcome = 'no tenancy')",
        'no start date': "count(*) filter (where stay_outcome = 'no start date')",
        'ends before it starts': "count(*) filter (where stay_outcome = 'ends before it starts')"
    }) }} as dropped
from {{ ref('int_housing_members') }}
where outcome = 'kept'
union all
select
    'one row per tenancy' as stage,
    'stg_housing_tenancies_tenancies' as source_relation,
    'int_housing_tenancies' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_housing_tenancies') }}) as rows_kept,
    {{ counts_by_key('tenancy_id', 'duplicate') }} as dropped
from {{ ref('stg_housing_tenancies_tenancies') }}
where _outcome is null
union all
select
    'one row per property' as stage,
    'stg_housing_tenancies_properties' as source_relation,
    'int_housing_properties' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_housing_properties') }}) as rows_kept,
    {{ counts_by_key('landlord_property_id', 'duplicate') }} as dropped
from {{ ref('stg_housing_tenancies_properties') }}
where _outcome is null
union all
select
    'one address per property' as stage,
    'stg_housing_tenancies_addresses' as source_relation,
    'int_housing_property_addresses' as target_relation,
    (
        select count(*) from {{ ref('stg_housing_tenancies_addresses') }}
        where _outcome is null
    ) as rows_in,
    count(*) filter (where outcome = 'kept') as rows_kept,
    {{ counts_by_outcome(['not of a property', 'unknown property', 'another address of the property']) }} as dropped
from {{ ref('int_housing_property_addresses') }}
union all
select
    'contacts of persons' as stage,
    'stg_housing_tenancies_contacts' as source_relation,
    'int_housing_contacts' as target_relation,
    (
        select count(*) from {{ ref('stg_housing_tenancies_contacts') }}
        where _outcome is null
    ) as rows_in,
    count(*) filter (where outcome = 'kept') as rows_kept,
    {{ counts_by_outcome([
        'not of a person', 'unknown person', 'at work', 'other kind', 'not in force', 'not readable', 'another comes first'
    ]) }} as dropped
from {{ ref('int_housing_contacts') }}
