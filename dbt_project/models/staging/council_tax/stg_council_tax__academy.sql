-- The three Academy tables as accounts: one row for every row of each, with what became of it. An account counts where
-- it occupies a property on the as-of date; the columns of its occupation and its property then stand in its row.
with accounts as (
    select
        *,
        {{ reference_key('division_id') }} as division_key,
        {{ reference_key('account_ref') }} as account_key,
        as_number(lead_liab_pos) as liability_position,
        clean_text(lead_liab_title) as title,
        clean_text(lead_liab_surname) as surname,
        clean_text(lead_liab_forename) as forename,
        clean_text(lead_liab_middlename) as middle_name,
        -- The field holds 32 characters.
        case
            when length(rtrim(lead_liab_name)) < 32 then clean_text(lead_liab_name)
            else {{ without_cut_person('clean_text(lead_liab_name)') }}
        end as whole_name
    from {{ source('raw', 'council_tax__academy__ctaccount') }}
),

-- Where one of the two tables leaves the division out, an account number that stands once in its council is enough.
divisions as (
    select
        _partner,
        account_key,
        list(distinct coalesce(division_key, '')) as division_keys
    from accounts
    where account_key is not null
    group by _partner, account_key
),

occupations as (
    select
        occupation.*,
        upper(regexp_replace(clean_text(occupation.property_ref), '\.0+$', '')) as property_key,
        {{ reference_key('occupation.account_ref') }} as account_key,
        as_date(occupation.occupation_date) as first_day,
        case
            when list_contains(divisions.division_keys, coalesce({{ reference_key('occupation.division_id') }}, ''))
                then coalesce({{ reference_key('occupation.division_id') }}, '')
            when
                len(divisions.division_keys) = 1
                and (divisions.division_keys[1] = '' or {{ reference_key('occupation.division_id') }} is null)
                then divisions.division_keys[1]
        end as division_key,
        {{ indicator('occupation.live_ind') }} as is_live,
        coalesce({{ indicator('occupation.transit_ind') }}, false) as is_in_transit,
        -- Zeros are no date; other text that is no date was meant as an end, unless the system says that it is live.
        coalesce(
            as_date(occupation.vacation_date) >= {{ as_of() }},
            coalesce(regexp_full_match(clean_text(occupation.vacation_date), '[0 :./-]*'), true)
            or {{ indicator('occupation.live_ind') }},
            false
        ) as is_open
    from {{ source('raw', 'council_tax__academy__ctoccupation') }} as occupation
    left join divisions
        on
            occupation._partner = divisions._partner
            and {{ reference_key('occupation.account_ref') }} = divisions.account_key
),

judged as (
    select
        *,
        case
            when division_key is null then 'unknown account'
            when is_in_transit then 'in transit'
            when not is_open or not coalesce(is_live, true) then 'ended'
            when first_day > {{ as_of() }} then 'not begun'
        end as problem
    from occupations
),

-- Of two current occupations of one account the latest counts; what stands in the files does not depend on their order.
chosen as (
    select
        *,
        row_number() over (
            partition by _partner, division_key, account_key, problem
            order by first_day desc nulls last, property_key asc, {{ newest_first() }}
        ) as choice
    from judged
),

-- Why an account without a current occupation has none: what came nearest to one.
occupied as (
    select
        _partner,
        division_key,
        account_key,
        coalesce(bool_or(problem is null), false) as is_current,
        coalesce(bool_or(problem = 'in transit'), false) as is_in_transit,
        coalesce(bool_or(problem = 'not begun'), false) as is_not_begun,
        max(first_day) filter (where problem is null and choice = 1) as first_day,
        max(property_key) filter (where problem is null and choice = 1) as property_key
    from chosen
    where division_key is not null
    group by _partner, division_key, account_key
),

keyed_properties as (
    select
        *,
        upper(regexp_replace(clean_text(property_ref), '\.0+$', '')) as property_key,
        as_uprn(uprn) as uprn_key,
        as_postcode(postcode) as postcode_key
    from {{ source('raw', 'council_tax__academy__ctproperty') }}
),

-- A UPRN that a council gives to homes in several postcodes, such as a 1 that lets an officer go on, names none.
properties as (
    select
        *,
        row_number() over (partition by _partner, property_key order by {{ newest_first() }}) as choice,
        coalesce(
            min(postcode_key) over (partition by _partner, uprn_key)
            <> max(postcode_key) over (partition by _partner, uprn_key),
            false
        ) as is_uprn_of_many
    from keyed_properties
),

joined as (
    select
        accounts.*,
        occupied.first_day,
        occupied.property_key,
        case
            when accounts.account_key is null then 'no key'
            when accounts.liability_position = 9 then 'void'
            when accounts.liability_position = 11 then 'suspense account'
            when accounts.liability_position = 0 then 'nobody liable'
            when occupied.is_current then null
            when occupied.is_in_transit then 'in transit'
            when occupied.is_not_begun then 'not begun'
            when occupied.account_key is not null then 'ended account'
            else 'no occupation'
        end as outcome,
        -- The columns of a name count where they hold forename and surname and the whole name agrees.
        accounts.forename is not null
        and accounts.surname is not null
        and (
            accounts.whole_name is null
            or list_has_all({{ words('accounts.whole_name') }}, {{ words('accounts.surname') }})
        ) as has_name_columns
    from accounts
    left join occupied
        on
            accounts._partner = occupied._partner
            and coalesce(accounts.division_key, '') = occupied.division_key
            and accounts.account_key = occupied.account_key
),

live as (
    select
        _partner,
        division_key,
        account_key,
        property_key
    from joined
    where outcome is null
)

select
    joined._partner || ':council_tax:' || concat_ws('-', joined.division_key, joined.account_key) as account_id,
    concat_ws('-', joined.division_key, joined.account_key) as account_reference,
    case when not properties.is_uprn_of_many then properties.uprn_key end as uprn,
    case when joined.has_name_columns or joined.whole_name is null then joined.title end as title,
    case
        when joined.has_name_columns then joined.surname else coalesce(joined.whole_name, joined.surname)
    end as surname,
    case when joined.has_name_columns or joined.whole_name is null then joined.forename end as forename,
    case when joined.has_name_columns or joined.whole_name is null then joined.middle_name end as middle_name,
    null::date as date_of_birth,
    clean_text(properties.addr1) as address_1,
    clean_text(properties.addr2) as address_2,
    clean_text(properties.addr3) as address_3,
    clean_text(properties.addr4) as address_4,
    clean_text(properties.postcode) as postcode_text,
    null::varchar as other_title,
    case when joined.has_name_columns then {{ second_of_joint('joined.whole_name') }} end as other_surname,
    null::varchar as other_forename,
    null::varchar as other_middle_name,
    null::date as other_date_of_birth,
    joined.first_day as occupied_since,
    null::date as discount_start_date,
    null::date as discount_expiry_date,
    null::varchar as discount_code,
    null::varchar as discount,
    null::varchar as disregard_code,
    null::varchar as exemption_code,
    null::varchar as exemption,
    false as is_empty_property,
    null::boolean as is_benefit_recipient,
    upper(clean_text(properties.band_010493)) as band,
    null::double as liability_amount,
    null::double as discount_amount,
    joined._partner,
    joined._delivery,
    joined._delivery_date,
    joined._revision,
    joined._contract_version,
    joined._file_sha256,
    joined._file_no,
    joined._row_no,
    joined._first_delivered,
    'ctaccount' as _table,
    joined.outcome as _outcome
from joined
left join properties
    on joined._partner = properties._partner and joined.property_key = properties.property_key and properties.choice = 1
union all by name
select
    {{ provenance() }},
    'ctoccupation' as _table,
    case
        when problem is not null then problem
        when choice > 1 then 'older than another'
        when exists (
            select 1 from live
            where
                live._partner = chosen._partner
                and coalesce(live.division_key, '') = chosen.division_key
                and live.account_key = chosen.account_key
        ) then 'joined'
        else 'of a dropped account'
    end as _outcome
from chosen
union all by name
select
    {{ provenance() }},
    'ctproperty' as _table,
    case
        when property_key is null then 'no key'
        when choice > 1 then 'duplicate'
        when exists (
            select 1 from live
            where live._partner = properties._partner and live.property_key = properties.property_key
        ) then 'joined'
        else 'no live account'
    end as _outcome
from properties
