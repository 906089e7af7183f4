-- Every address that a source holds of a person, read in one place. At most one of a record's addresses is current.
with entries as (
    select
        record_id,
        first_delivered,
        unnest(addresses) as address,
        generate_subscripts(addresses, 1) as position
    from {{ ref('int_gp_patients') }}
),

patient_addresses as (
    select
        record_id,
        position,
        address.line as lines,
        address.postalcode as postcode_text,
        as_uprn(
            list_filter(
                list_filter(
                    address.extension,
                    lambda e: e.url like '%AddressKey'
                    and len(list_filter(e.extension, lambda k: upper(k.valuecoding.code) = 'UPRN')) > 0
                )[1].extension,
                lambda v: v.valuestring is not null
            )[1].valuestring
        ) as uprn,
        {{ first_day('address.period.start') }} as address_from,
        {{ last_day_meant('address.period."end"') }} as address_to,
        coalesce(address.use, 'home') as use,
        {{ is_current('address.period') }} as is_in_force,
        first_delivered
    from entries
),

ranked_patient_addresses as (
    select
        *,
        use not in ('temp', 'old', 'billing') and coalesce(address_from <= {{ as_of() }}, true) as is_residence,
        row_number() over (
            partition by record_id, is_residence
            order by is_in_force desc, use = 'home' desc, address_from desc nulls last, position asc
        ) as choice
    from patient_addresses
),

gathered as (
    select
        record_id,
        lines,
        postcode_text,
        uprn,
        address_from,
        address_to,
        is_residence and choice = 1 as is_current,
        is_residence,
        coalesce(address_from, first_delivered) as evidence_date
    from ranked_patient_addresses
    union all
    select
        parties.record_id,
        accounts.address_lines as lines,
        accounts.postcode_text,
        accounts.uprn,
        accounts.occupied_since as address_from,
        null::date as address_to,
        true as is_current,
        not accounts.is_empty_property as is_residence,
        coalesce(accounts.occupied_since, accounts.first_delivered) as evidence_date
    from {{ ref('int_council_tax_parties') }} as parties
    inner join {{ ref('int_council_tax_accounts') }} as accounts
        on parties.account_id = accounts.account_id
    where parties.outcome = 'person'
    union all
    select
        record_id,
        []::varchar[] as lines,
        postcode_text,
        null::varchar as uprn,
        null::date as address_from,
        null::date as address_to,
        true as is_current,
        true as is_residence,
        coalesce(last_evidence_date, known_since) as evidence_date
    from {{ ref('int_persons__social_care') }}
    union all
    select
        record_id,
        []::varchar[] as lines,
        postcode_text,
        null::varchar as uprn,
        null::date as address_from,
        null::date as address_to,
        true as is_current,
        -- The return's home postcode is where the child came from: evidence of who it is, not of where it lives.
        false as is_residence,
        coalesce(last_evidence_date, known_since) as evidence_date
    from {{ ref('int_persons__looked_after') }}
    union all
    -- Every home that a landlord has let to the household, past ones too.
    select
        record_id,
        address_lines as lines,
        postcode_text,
        uprn,
        stay_from as address_from,
        stay_to as address_to,
        is_home as is_current,
        true as is_residence,
        coalesce(stay_from, first_delivered) as evidence_date
    from {{ ref('int_housing_members') }}
    where has_address
),

-- Lines are cut at commas, so that it does not matter on how many lines a source puts an address.
parted as (
    select
        *,
        list_filter(
            list_transform(
                string_split(array_to_string(coalesce(lines, []::varchar[]), ','), ','), lambda part: clean_text(part)
            ),
            lambda part: part is not null
        ) as parts
    from gathered
),

placed as (
    select
        * exclude (lines, postcode_text, parts),
        coalesce(
            as_postcode(postcode_text), as_postcode(list_filter(parts, lambda part: is_postcode(part))[1])
        ) as postcode,
        is_no_fixed_abode(postcode_text) as is_no_fixed_abode,
        nullif(array_to_string(list_filter(parts, lambda part: not is_postcode(part)), ', '), '') as address_line,
        regexp_replace(
            upper(strip_accents(array_to_string(list_filter(parts, lambda part: not is_postcode(part)), '|'))),
            '[.'']',
            '',
            'g'
        ) as text
    from parted
    where len(parts) > 0 or postcode_text is not null or uprn is not null
),

flatted as (
    select
        *,
        coalesce(
            nullif(regexp_extract(text, {{ flat_pattern() }}, 1), ''),
            nullif(regexp_extract(text, {{ floor_pattern() }}, 1), ''),
            -- A number alone before a part that has its own number is the flat's.
            nullif(regexp_extract(text, '^([0-9]+[A-Z]?)\|[0-9]', 1), '')
        ) as flat,
        trim(regexp_replace(regexp_replace(text, {{ flat_pattern() }}, '|'), {{ floor_pattern() }}, '|'), '| ') as rest
    from placed
),

numbered as (
    select
        *,
        regexp_replace(
            nullif(regexp_extract(rest, {{ number_pattern() }}, 1), ''), '([0-9]) ([A-Z])$', '\1\2'
        ) as number,
        nullif(trim(regexp_extract(rest, {{ number_pattern() }}, 2)), '') as after_number,
        nullif(trim(split_part(rest, '|', 1)), '') as first_part,
        nullif(trim(split_part(rest, '|', 2)), '') as second_part
    from flatted
),

-- Without a number the first part is the house's name, unless it is a street or all there is.
house_named as (
    select
        *,
        number is null and second_part is not null and not {{ looks_like_street('first_part') }} as has_house_name
    from numbered
),

named as (
    select
        *,
        coalesce(number, case when has_house_name then first_part end) as number_or_name,
        coalesce(after_number, case when has_house_name then second_part else first_part end) as street_part
    from house_named
)

-- "No fixed abode" in the lines is no address.
select
    record_id,
    case when not is_no_fixed_abode then address_line end as address_line,
    case
        when not is_no_fixed_abode
            then nullif(concat_ws(' ', 'FLAT ' || flat, number_or_name), '')
    end as house_number,
    case
        when not is_no_fixed_abode
            then {{ full_street('street_part') }}
    end as street,
    postcode,
    uprn,
    address_from,
    address_to,
    is_current,
    is_residence,
    is_no_fixed_abode,
    evidence_date
from named
