-- Every row that holds a code which no map knows: the code is kept, and means nothing to anybody until it is mapped.
{%- set mapped = {
    'stg_council_tax': ['discount', 'exemption'],
    'stg_social_care': ['sex', 'client_type', 'event_type', 'service_status', 'delivery_mechanism'],
    'stg_gp_registrations': ['sex'],
    'stg_looked_after_header': ['sex'],
    'stg_housing_tenancies_people': ['party_type', 'sex'],
    'stg_housing_tenancies_contacts': ['contact_kind'],
    'stg_housing_tenancies_properties': ['occupancy', 'property_type'],
    'stg_housing_tenancies_tenancies': ['tenancy_type', 'tenure', 'tenancy_status'],
    'stg_rent_accounts_arrears_actions': ['action', 'action_status'],
} %}

with rows_with_codes as (
    {%- for model, columns in mapped.items() %}
    select
        _partner,
        _delivery,
        _revision,
        _table,
        _file_no,
        _row_no,
        coalesce('not mapped' in ({{ columns | join(', ') }}), false) as is_found
    from {{ ref(model) }}
    where _outcome is null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    _partner || '__' || split_part(_delivery, '/', 2) as source,
    _table as table_name,
    _delivery as delivery,
    _revision as revision,
    _file_no as file_no,
    _row_no as row_no,
    is_found
from rows_with_codes
