-- Rents: from accounts as sent to accounts that stand once, and the other tables each to what is used of it.
{{ config(materialized='ephemeral') }}

select
    'one row per account' as stage,
    'stg_rent_accounts_revenue_accounts' as source_relation,
    'int_rent_accounts' as target_relation,
    count(*) as rows_in,
    (select count(*) from {{ ref('int_rent_accounts') }}) as rows_kept,
    {{ counts_by_key('rent_account_id', 'duplicate') }} as dropped
from {{ ref('stg_rent_accounts_revenue_accounts') }}
where _outcome is null
union all
{%- for part, model, outcomes in [
    ('arrears_actions', 'int_rent_arrears_actions', ['unknown account', 'duplicate', 'withdrawn', 'no date', 'after the as-of date']),
    ('account_balances', 'int_rent_balances', ['unknown account', 'not readable', 'after the as-of date', 'earlier balance']),
    ('debit_breakdowns', 'int_rent_charges', ['unknown account', 'not readable', 'not in force', 'earlier charge']),
] %}
select
    '{{ part | replace('_', ' ') }} in use' as stage,
    'stg_rent_accounts_{{ part }}' as source_relation,
    '{{ model }}' as target_relation,
    (
        select count(*) from {{ ref('stg_rent_accounts_' ~ part) }}
        where _outcome is null
    ) as rows_in,
    count(*) filter (where outcome = 'kept') as rows_kept,
    {{ counts_by_outcome(outcomes) }} as dropped
from {{ ref(model) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
