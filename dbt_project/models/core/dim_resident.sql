-- One row per resident: everybody whom any source knows, linked or not.
with links as (
    select
        resident_id,
        min(confidence) as weakest_link_confidence,
        list_sort(list_distinct(flatten(list(conflicts)))) as conflicts
    from {{ ref('bridge_resident_record') }}
    group by resident_id
),

liabilities as (
    select
        resident_id,
        bool_or(liable_person_count = 1 and has_single_adult_discount) as is_alone_on_an_account,
        bool_or(liable_person_count > 1) as shares_an_account
    from (
        select
            lead_resident_id as resident_id,
            liable_person_count,
            has_single_adult_discount
        from {{ ref('fct_council_tax_account') }}
        where not is_empty_property
        union all
        select
            other_resident_id as resident_id,
            liable_person_count,
            has_single_adult_discount
        from {{ ref('fct_council_tax_account') }}
        where not is_empty_property
    )
    where resident_id is not null
    group by resident_id
)

select
    residents.resident_id,
    residents.date_of_birth,
    residents.sex,
    residents.postcode,
    areas.lsoa21,
    areas.local_authority_code,
    residents.uprn,
    residents.gp_practice_code,
    residents.is_deceased,
    residents.date_of_death,
    residents.is_restricted,
    residents.is_no_fixed_abode,
    -- The council's discount counts before anything that addresses suggest. Of restricted and dead people nothing is
    -- said.
    case
        when residents.is_restricted or residents.is_deceased then null
        when liabilities.is_alone_on_an_account and not liabilities.shares_an_account then true
        when liabilities.shares_an_account or (homes.is_adult and homes.adult_count >= 2) then false
    end as lives_alone,
    residents.record_count,
    residents.source_count,
    residents.record_count > 1 as is_linked,
    links.weakest_link_confidence,
    links.conflicts as linkage_conflicts,
    residents.is_adult,
    homes.property_id as household_id
from {{ ref('int_resident_attributes') }} as residents
inner join links on residents.resident_id = links.resident_id
left join {{ ref('int_areas') }} as areas on residents.postcode = areas.postcode
left join liabilities on residents.resident_id = liabilities.resident_id
left join {{ ref('int_resident_homes') }} as homes on residents.resident_id = homes.resident_id
