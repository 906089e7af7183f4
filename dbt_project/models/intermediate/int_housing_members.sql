-- Every row of the people table with what became of it, twice: as a member of a household (`outcome`) and as a stay
-- under a tenancy (`stay_outcome`). Whether a reference is a person is decided over all of its rows.
with people as (
    select
        *,
        {{ words("concat_ws(' ', title, forename, surname)") }} as name_words,
        {{ words('surname') }} as surname_words,
        coalesce(surname, forename) is null as is_blank
    from {{ ref('stg_housing_tenancies_people') }}
    where _outcome is null
),

-- Many words of the lists are surnames too: a forename or a title tells a person.
weighed as (
    select
        *,
        list_has_any(name_words, {{ word_list('company') }})
        or (list_has_any(surname_words, {{ word_list('body') }}) and forename is null and title is null)
        or (
            list_has_any(surname_words, {{ word_list('ambiguous') }})
            and len(surname_words) > 1
            and forename is null and title is null and date_of_birth is null
        ) as is_named_like_a_body,
        list_has_any(name_words, {{ word_list('nobody') }})
        or (
            list_has_any(surname_words, {{ word_list('nobody_alone') }})
            and forename is null and title is null and date_of_birth is null
        ) as is_nobody,
        list_has_any(name_words, {{ word_list('estate') }})
        or list_has_any(name_words, {{ word_list('dead') }})
        or list_has_all(name_words, ['ESTATE', 'OF'])
        or list_has_all(name_words, ['THE', 'LATE']) as is_deceased
    from people
),

judged as (
    select
        *,
        bool_or(coalesce(party_type, '') = 'organisation' or (is_named_like_a_body and not is_deceased))
            over (partition by record_id) as is_organisation,
        bool_or(not is_blank and not is_nobody) over (partition by record_id) as is_somebody,
        row_number() over (partition by record_id, tenancy_id order by {{ newest_first() }}) as age_of_row
    from weighed
),

named as (
    select
        *,
        case when is_deceased then {{ without_estate_words('forename', 'false') }} else forename end as living_forename,
        case when is_deceased then {{ without_estate_words('surname', 'false') }} else surname end as living_surname
    from judged
),

-- "SURNAME, FORENAME" in the surname's column, a title before a name, and an estate's whole name.
turned as (
    select
        *,
        coalesce(
            {{ without_titles('living_forename', whole=true) }},
            {{ without_titles("nullif(trim(split_part(living_surname, ',', 2)), '')", whole=true) }},
            case
                when is_deceased and not contains(living_surname, ',')
                    then {{ given_names(without_titles('living_surname')) }}
            end
        ) as given,
        {{ without_titles("nullif(trim(split_part(living_surname, ',', 1)), '')") }} as family,
        regexp_replace(upper(strip_accents(initials)), '[^A-Z]', '', 'g') as letters
    from named
),

-- The first of the initials may stand for the forename or, where that is there too, begin with it.
read as (
    select
        *,
        coalesce(given, nullif(left(letters, 1), '')) as first_name,
        coalesce(
            other_names,
            case
                when left(letters, 1) = left(upper(strip_accents(coalesce(given, letters))), 1)
                    -- as many letters as the first name has words are its own
                    then nullif(
                        array_to_string(
                            string_split(substr(letters, 1 + len(string_split(coalesce(given, '-'), ' '))), ''), ' '
                        ),
                        ''
                    )
            end
        ) as middle_names,
        case
            when forename is null and is_deceased and not contains(living_surname, ',') then {{ last_name('family') }}
            when starts_with(upper(family), upper(surname_prefix) || ' ') then family
            else nullif(concat_ws(' ', surname_prefix, family), '')
        end as last_name
    from turned
),

stays as (
    select
        read.*,
        tenancies.tenancy_id is not null as has_tenancy,
        tenancies.tenancy_reference,
        coalesce(tenancies.tenure, tenancies.tenancy_type) as tenure,
        tenancies.tenancy_from,
        tenancies.is_of_a_dwelling
        and (len(tenancies.address_lines) > 0 or coalesce(tenancies.postcode_text, tenancies.uprn) is not null)
            as has_address,
        tenancies.uprn,
        tenancies.address_lines,
        tenancies.postcode_text,
        greatest(read.member_from, tenancies.home_from) as stay_from,
        least(read.member_to, tenancies.home_to) as stay_to,
        case
            when read.record_id is null then 'no person'
            when read.is_organisation then 'organisation'
            when not read.is_somebody then 'not a person'
            when read.age_of_row > 1 then 'duplicate'
            else 'kept'
        end as outcome
    from read
    left join {{ ref('int_housing_tenancies') }} as tenancies
        on read.tenancy_id = tenancies.tenancy_id
),

current_stays as (
    select
        *,
        coalesce(stay_to < stay_from, false) as is_impossible,
        has_tenancy and {{ is_going_on('stay_from', 'stay_to') }} as is_current
    from stays
)

select
    record_id,
    _partner as partner,
    source_person_id,
    tenancy_id,
    tenancy_reference,
    tenure,
    title,
    first_name,
    middle_names,
    last_name,
    date_of_birth,
    sex,
    nino,
    is_deceased and not is_organisation as is_deceased,
    is_at_risk,
    phone_text,
    relationship_code,
    is_main_tenant,
    is_tenant,
    member_from,
    member_to,
    tenancy_from,
    stay_from,
    stay_to,
    is_current and not is_impossible as is_current,
    outcome,
    case
        when outcome <> 'kept' then outcome
        when not has_tenancy then 'no tenancy'
        when stay_from is null then 'no start date'
        when is_impossible then 'ends before it starts'
        else 'kept'
    end as stay_outcome,
    coalesce(has_address, false) and outcome = 'kept' and not is_impossible as has_address,
    -- The one stay whose address is where the person lives: in force, as main tenant before others, the latest.
    coalesce(has_address, false) and outcome = 'kept' and is_current and not is_impossible
    and row_number() over (
        partition by record_id
        order by
            coalesce(has_address and outcome = 'kept' and is_current and not is_impossible, false) desc,
            is_main_tenant desc,
            is_tenant desc,
            stay_from desc nulls last,
            tenancy_id asc
    ) = 1 as is_home,
    uprn,
    address_lines,
    postcode_text,
    _first_delivered as first_delivered,
    _delivery_date as last_delivery_date,
    row_number() over (
        partition by record_id
        order by is_current desc, stay_from desc nulls last, {{ newest_first() }}
    ) as age_of_row
from current_stays
