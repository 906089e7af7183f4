-- Council tax: from accounts as sent to accounts that stand once, and from the two places of each to people.
{{ config(materialized='ephemeral') }}

select
    'one row per account' as stage,
    'stg_council_tax' as source_relation,
    'int_council_tax_accounts' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_council_tax_accounts') }}) as rows_kept,
    {{ counts_by_key('account_id', 'duplicate') }} as dropped
from {{ ref('stg_council_tax') }}
where _outcome is null
union all
select
    'two places per account' as stage,
    'int_council_tax_accounts' as source_relation,
    'int_persons__council_tax' as target_relation,
    2 * (select count(*) from {{ ref('int_council_tax_accounts') }}) as rows_in,
    (select count(*) from {{ ref('int_persons__council_tax') }}) as rows_kept,
    {{ counts_by_reason({
        'organisation': "count(*) filter (where outcome = 'organisation')",
        'not a person': "count(*) filter (where outcome = 'not a person')",
        'blank lead person': "count(*) filter (where outcome = 'blank' and party_no = 1)",
        'blank second person': "count(*) filter (where outcome = 'blank' and party_no = 2)"
    }) }} as dropped
from {{ ref('int_council_tax_parties') }}
