-- Council tax: the liable people of every account. No identifier but the account itself; sex only where a title
-- tells it.
select
    parties.record_id,
    accounts.partner,
    'council_tax' as dataset,
    accounts.account_reference || '/' || parties.party_no as source_person_id,
    parties.first_name,
    parties.middle_names,
    parties.surname,
    []::varchar[] as former_surnames,
    parties.date_of_birth,
    null::varchar as date_of_birth_partial,
    parties.sex,
    null::varchar as nhs_number,
    null::varchar as nhs_number_status,
    []::varchar[] as superseded_nhs_numbers,
    null::varchar as upn,
    null::varchar as phone,
    null::varchar as email,
    null::date as date_of_death,
    parties.is_deceased,
    false as is_restricted,
    null::varchar as gp_practice_code,
    accounts.known_since,
    accounts.last_delivery_date
from {{ ref('int_council_tax_parties') }} as parties
inner join {{ ref('int_council_tax_accounts') }} as accounts
    on parties.account_id = accounts.account_id
where parties.outcome = 'person'
