-- One row per live council tax account with its property and its liable residents.
with parties as (
    select
        parties.account_id,
        count(*) filter (where not residents.is_deceased) as liable_person_count,
        max(bridge.resident_id) filter (where parties.party_no = 1) as lead_resident_id,
        max(bridge.resident_id) filter (where parties.party_no = 2) as other_resident_id,
        bool_or(residents.is_restricted) as has_restricted_resident
    from {{ ref('int_council_tax_parties') }} as parties
    inner join {{ ref('bridge_resident_record') }} as bridge
        on parties.record_id = bridge.record_id
    inner join {{ ref('int_resident_attributes') }} as residents
        on bridge.resident_id = residents.resident_id
    where parties.outcome = 'person'
    group by parties.account_id
),

-- The property of an account, by the address that its liable people share; one without a person has none.
properties as (
    select
        parties.account_id,
        min(dwellings.property_id) as property_id
    from {{ ref('int_council_tax_parties') }} as parties
    inner join {{ ref('int_addresses') }} as addresses
        on parties.record_id = addresses.record_id
    inner join {{ ref('int_dwellings') }} as dwellings
        on
            addresses.uprn is not distinct from dwellings.address_uprn
            and addresses.postcode is not distinct from dwellings.postcode
            and addresses.house_number is not distinct from dwellings.house_number
    where addresses.is_current
    group by parties.account_id
)

select
    accounts.account_id,
    accounts.partner,
    accounts.account_reference,
    case when not coalesce(parties.has_restricted_resident, false) then properties.property_id end as property_id,
    parties.lead_resident_id,
    parties.other_resident_id,
    coalesce(parties.liable_person_count, 0) as liable_person_count,
    accounts.band,
    accounts.discount,
    accounts.discount_code,
    accounts.disregard_code,
    accounts.exemption,
    accounts.exemption_code,
    accounts.is_empty_property,
    accounts.is_benefit_recipient,
    accounts.has_single_adult_discount,
    accounts.liability_amount,
    accounts.discount_amount,
    accounts.discount_start_date,
    accounts.discount_expiry_date,
    accounts.known_since
from {{ ref('int_council_tax_accounts') }} as accounts
left join parties on accounts.account_id = parties.account_id
left join properties on accounts.account_id = properties.account_id
