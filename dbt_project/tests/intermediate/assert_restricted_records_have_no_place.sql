-- A restricted record shows no address, no contact and no practice, whatever the source sent.
select persons.record_id
from {{ ref('int_person_records') }} as persons
left join {{ ref('int_addresses') }} as addresses
    on persons.record_id = addresses.record_id
left join {{ ref('int_gp_practices') }} as practices
    on persons.record_id = practices.record_id
where
    persons.is_restricted
    and (
        addresses.record_id is not null
        or practices.record_id is not null
        or coalesce(
            persons.postcode, persons.uprn, persons.address_line, persons.street, persons.phone, persons.email
        ) is not null
    )
