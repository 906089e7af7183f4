-- Which rows of which delivery a person record stands in, so that a partner can be told where to look. A row that is
-- joined into another or dropped has no person record.
with person_rows as (
    select
        parties.record_id,
        accounts._table,
        accounts._delivery,
        accounts._delivery_date,
        accounts._revision,
        accounts._file_no,
        accounts._row_no
    from {{ ref('stg_council_tax') }} as accounts
    inner join {{ ref('int_council_tax_parties') }} as parties
        on accounts.account_id = parties.account_id
    where accounts._outcome is null and parties.outcome = 'person'
    {%- for model in [
        'stg_social_care', 'stg_gp_registrations', 'stg_looked_after_header', 'stg_housing_tenancies_people'
    ] %}
    union all
    select
        people.record_id,
        people._table,
        people._delivery,
        people._delivery_date,
        people._revision,
        people._file_no,
        people._row_no
    from {{ ref(model) }} as people
    where people._outcome is null
    {%- endfor %}
)

select
    person_rows.record_id,
    records.source,
    records.resident_id,
    person_rows._table as table_name,
    person_rows._delivery as delivery,
    person_rows._revision as revision,
    person_rows._file_no as file_no,
    person_rows._row_no as row_no,
    -- Of several rows about one person the newest is the one to look at.
    row_number() over (
        partition by person_rows.record_id order by {{ newest_first() }}
    ) = 1 as is_newest
from person_rows
inner join {{ ref('bridge_resident_record') }} as records
    on person_rows.record_id = records.record_id
