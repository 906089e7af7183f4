-- What linkage reads: every person whom a source knows, in one shape. Its columns are a contract.
{%- set datasets = [] %}
{%- do add_person_datasets(datasets) %}

with persons as (
    {%- for dataset in datasets %}
    select * from {{ ref('int_persons__' ~ dataset) }}
    {%- if not loop.last %}
    union all by name
    {%- endif %}
    {%- endfor %}
),

addresses as (
    select * from {{ ref('int_addresses') }}
    where is_current
)

select
    persons.record_id,
    persons.partner || '__' || persons.dataset as source,
    persons.partner,
    persons.dataset,
    persons.source_person_id,
    persons.first_name,
    persons.middle_names,
    persons.surname,
    persons.former_surnames,
    persons.date_of_birth,
    persons.date_of_birth_partial,
    persons.sex,
    persons.nhs_number,
    persons.nhs_number_status,
    persons.superseded_nhs_numbers,
    persons.nino,
    persons.upn,
    addresses.uprn,
    addresses.house_number,
    addresses.street,
    addresses.address_line,
    addresses.postcode,
    addresses.address_from,
    addresses.address_to,
    persons.phone,
    persons.email,
    persons.date_of_death,
    persons.is_deceased,
    persons.is_restricted,
    coalesce(addresses.is_no_fixed_abode, false) as is_no_fixed_abode,
    false as is_organisation,
    persons.known_since,
    persons.last_delivery_date
from persons
left join addresses on persons.record_id = addresses.record_id
