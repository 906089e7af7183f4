-- Two places for liable persons on every account, each with what was found in it: a person, an organisation,
-- nobody in particular ("The Occupier"), or nothing. Names come in columns, but also as "SURNAME, TITLE FORENAME",
-- as "Mr & Mrs A Smith" and as "Exors of J Smith".
with places as (
    select
        account_id,
        1 as party_no,
        title,
        surname,
        forename,
        middle_name,
        date_of_birth
    from {{ ref('int_council_tax_accounts') }}
    union all
    select
        account_id,
        2 as party_no,
        other_title as title,
        other_surname as surname,
        other_forename as forename,
        other_middle_name as middle_name,
        other_date_of_birth as date_of_birth
    from {{ ref('int_council_tax_accounts') }}
),

-- Who is liable, of all that clerks write into a name: not the trading name, and not who receives the letter.
liable as (
    select
        * exclude (surname),
        regexp_replace(
            surname, '[\s,(\[]*(\b(t/as?|trading as|c/o|care of)\b| aka | formerly | - ).*$', '', 'i'
        ) as addressed,
        regexp_replace(
            addressed, '[\s,(\[]+(junr|jnr|jr|senr|snr|sr|esq|esquire|mbe|obe|cbe|bem|phd)\b\.?[)\]]?', '', 'gi'
        ) as ageless,
        regexp_replace(
            ageless, '[(\[] *({{ title_alternatives(plain=true) }})\.? *[)\]]', ' \1 ', 'gi'
        ) as bracketed,
        -- Notes in brackets go; those that say that somebody is dead are read below.
        case
            when regexp_matches(bracketed, '(?i)[(\[] *(dec|pr|rep|pers|ex[eo]|adm|late|the late|est)') then bracketed
            else coalesce(nullif(trim(regexp_replace(bracketed, '[(\[][^)\]]*[)\]]?', '', 'g')), ''), bracketed)
        end as unnoted,
        regexp_replace(
            unnoted, '[\s,]+(and|&|\+)\s+(others?|another|anor|ors|family|wife|husband|spouse)\.?$', '', 'i'
        ) as named,
        -- Two people may be parted by a stroke or a semicolon.
        regexp_replace(named, '\s*[/;]\s*', ' & ', 'g') as joined,
        case
            when {{ after_joint('joined') }} is not null then joined
            else
                regexp_replace(
                    joined,
                    '^([^,]+,[^,]+), *((?:[^,]+, *)?(?:{{ title_alternatives(plain=true) }})\.? .*)$',
                    '\1 & \2',
                    'i'
                )
        end as listed,
        regexp_replace(listed, '\b([pl])\. ?l\. ?([cp])\b', '\1L\2', 'gi') as undotted,
        nullif(trim(regexp_replace(undotted, '\s+', ' ', 'g'), ' ,;&+'), '') as surname
    from places
),

worded as (
    select
        *,
        concat_ws(' ', title, forename, middle_name, surname) = '' as is_blank,
        {{ words("concat_ws(' ', title, forename, middle_name, surname)") }} as name_words,
        {{ words('surname') }} as surname_words
    from liable
),

-- Many words of the lists are surnames too. What tells a person: a forename, in its column or after a single surname
-- and a comma, or a personal title. What tells a marker: brackets, or a surname beside it and no forename.
hinted as (
    select
        *,
        (forename is not null and not list_has_any({{ words('forename') }}, {{ word_list('no_forename') }}))
        or coalesce(
            regexp_matches(surname, '^[^ ,]+ *,')
            and {{ words("split_part(surname, ',', 2)") }}[1] not in ('', 'THE'),
            false
        ) as has_forename,
        list_has_any({{ words('title') }}, {{ word_list('title') }})
        or {{ begins_with_title('surname') }}
        or {{ begins_with_title("trim(split_part(surname, ',', 2))") }}
        or {{ holds_title_after_name('surname') }} as has_title,
        len(
            list_filter(
                surname_words,
                lambda w: length(w) > 1
                and not list_contains({{ word_list('estate_or_surname') }}, w)
                and not list_contains({{ word_list('estate_filler') }}, w)
                and not list_contains({{ word_list('title') }}, w)
                and not list_contains({{ word_list('joint') }}, w)
            )
        ) as surname_count
    from worded
),

weighed as (
    select
        *,
        coalesce(
            regexp_matches(concat_ws(' ', forename, surname), '(?i)[(\[] *(dec|preps?|reps) *[.)\]]'), false
        )
        or (
            list_has_any(name_words, ['REPS', 'PREP', 'PREPS'])
            and list_has_any(name_words, ['OF', 'PERS', 'PERSONAL'])
        )
        or (
            list_has_any(surname_words, {{ word_list('estate_or_surname') }})
            and surname_count > 0
            and not has_forename
        ) as has_short_marker,
        -- In an estate's surname field "Dec" and "Reps" are markers unless nothing else there can be the name.
        surname_count > 0 or (forename is not null and list_contains(surname_words, 'OF')) as has_surname_marker
    from hinted
),

marked as (
    select
        *,
        has_short_marker
        or list_has_any(name_words, {{ word_list('estate') }})
        or list_has_any(name_words, {{ word_list('dead') }})
        or list_has_all(name_words, ['ESTATE', 'OF'])
        or list_has_all(name_words, ['REP', 'OF'])
        or list_has_all(name_words, ['THE', 'LATE'])
        or coalesce(regexp_matches(surname, '(?i)^late |[(\[] *late *[)\]]'), false) as is_deceased,
        list_has_any(name_words, {{ word_list('company') }})
        or {{ begins_as_body('surname') }}
        or (
            list_has_any(surname_words, {{ word_list('body') }})
            and (surname_count > 1 or not (has_forename or has_title))
        )
        or (
            list_has_any(surname_words, {{ word_list('ambiguous') }})
            and not has_forename and not has_title and date_of_birth is null and len(surname_words) > 1
        ) as is_organisation,
        list_has_any(name_words, {{ word_list('nobody') }})
        or (len(surname_words) = 1 and list_has_any(surname_words, {{ word_list('plain_title') }}) and not has_forename)
        or (list_has_any(name_words, {{ word_list('nobody_alone') }}) and not has_forename and not has_title)
            as is_nobody
    from weighed
),

-- An estate's trustees are not an organisation of their own; what is left after the markers is the dead person's name.
unmarked as (
    select
        * exclude (title, surname, forename, is_organisation),
        is_organisation
        and (
            not is_deceased
            or list_has_any(name_words, {{ word_list('company') }})
            or list_has_any(name_words, {{ word_list('body') }})
        ) as is_organisation,
        case when is_deceased then {{ without_estate_words('title', 'true') }} else title end as title,
        case
            when is_deceased then {{ without_estate_words('surname', 'has_surname_marker') }}
            else surname
        end as surname,
        case
            when is_deceased then {{ without_estate_words('forename', 'has_short_marker') }}
            else forename
        end as forename
    from marked
),

-- The two people of a text, each with the comma that belongs after a surname that stands first.
parted as (
    select
        *,
        {{ before_joint('surname') }} as half_1,
        {{ before_joint(after_joint('surname')) }} as half_2,
        {{ with_comma('half_1') }} as person_1,
        {{ without_titles("trim(split_part(person_1, ',', 2))", whole=true) }} is not null as is_given_1,
        -- "Vexley O Mr & I Mrs": the second is a Vexley too.
        case when is_given_1 then {{ title_first('half_2') }} else half_2 end as titled_2,
        case when contains(person_1, ',') then {{ with_comma('titled_2') }} else half_2 end as person_2,
        -- "Vexley & Pim, Mr O & Ms K": only there does more follow that is of these two.
        case
            when not contains(person_1, ',') and contains(person_2, ',') then {{ after_joint(after_joint('surname')) }}
        end as later
    from unmarked
),

-- "SURNAME, TITLE FORENAME & SURNAME, TITLE FORENAME" as "SURNAME & SURNAME, TITLE FORENAME & TITLE FORENAME"; of
-- three people the first two count.
paired as (
    select
        * exclude (surname),
        case
            when forename is not null then surname
            else
                regexp_replace(
                    concat_ws(' & ', person_1, person_2, later),
                    '^([^,&+]+),([^,&+]*)(?:&|\+|\band\b)([^,]+),([^&+]*).*$',
                    '\1 & \3, \2 & \4',
                    'i'
                )
        end as surname
    from parted
),

-- "SURNAME, TITLE FORENAME MIDDLE": what follows the comma is given names in natural order.
turned as (
    select
        * exclude (surname),
        case
            when contains(surname, ',') then nullif(trim(split_part(surname, ',', 1)), '') else surname
        end as surname,
        case when contains(surname, ',') then nullif(trim(split_part(surname, ',', 2)), '') end as after_comma
    from paired
),

halved as (
    select
        *,
        coalesce(after_comma, forename) as given,
        -- Free text is in natural order: its first word is the first name. A forename column is taken whole.
        ({{ without_titles('after_comma', whole=true) }}) is not null as is_given_free_text,
        {{ before_joint('title') }} as title_1,
        {{ after_joint('title') }} as title_2,
        {{ before_joint('surname') }} as surname_1,
        {{ after_joint('surname') }} as surname_2,
        {{ before_joint('coalesce(after_comma, forename)') }} as given_1,
        {{ after_joint('coalesce(after_comma, forename)') }} as given_2
    from turned
),

untitled as (
    select
        *,
        surname_2 is not null or given_2 is not null or title_2 is not null
        or (given is not null and given_1 is null) as is_joint,
        {{ without_titles('given_1', whole=true) }} as first_given,
        {{ without_titles('given_2', whole=true) }} as second_given,
        {{ without_titles('surname_1') }} as bare_1,
        {{ without_titles('surname_2') }} as bare_2,
        nullif(trim(regexp_replace(surname_1 || ' ', {{ title_pattern() }}, '', 'i')), '') is null as is_title_only_1
    from halved
),

-- Without a forename, a title, a marker or a second person in the surname field says that it holds a whole name;
-- otherwise several words may be one surname.
freed as (
    select
        *,
        given is null and (is_joint or is_deceased or bare_1 <> surname_1) as is_free
    from untitled
),

-- Given names and surname of the first and of the second person.
split as (
    select
        *,
        case
            when given is not null then coalesce(first_given, second_given)
            when is_free and is_title_only_1 then {{ given_names('bare_2') }}
            when is_free and bare_2 is not null and not contains(bare_1, ' ') and contains(bare_2, ' ') then bare_1
            when is_free and contains(bare_1, ' ') then {{ given_names('bare_1') }}
        end as given_names_1,
        case
            when is_free and is_title_only_1 then {{ last_name('bare_2') }}
            when is_free and bare_2 is not null and not contains(bare_1, ' ') and contains(bare_2, ' ')
                then {{ last_name('bare_2') }}
            when is_free and contains(bare_1, ' ') then {{ last_name('bare_1') }}
            else bare_1
        end as last_name_1,
        case
            when given is not null and first_given is not null then second_given
            when is_free and is_title_only_1 then null
            when is_free and contains(bare_2, ' ') then {{ given_names('bare_2') }}
            when is_free and contains(bare_1, ' ') then nullif(bare_2, {{ last_name('bare_1') }})
        end as given_names_2,
        case
            when not is_joint then null
            when is_free and is_title_only_1 then {{ last_name('bare_2') }}
            when is_free and contains(bare_2, ' ') then {{ last_name('bare_2') }}
            when is_free and contains(bare_1, ' ') then {{ last_name('bare_1') }}
            when bare_2 is not null then bare_2
            else bare_1
        end as last_name_2
    from freed
),

-- Read twice below, and dear: DuckDB would work it out twice.
judged as materialized (
    select
        *,
        case
            when is_blank then 'blank'
            when is_organisation then 'organisation'
            when is_nobody or coalesce(last_name_1, given_names_1) is null then 'not a person'
            else 'person'
        end as outcome
    from split
),

-- The second of two people in one field takes the second place where it is free.
seconds as (
    select
        account_id,
        given_names_2 as given_names,
        last_name_2 as last_name,
        is_deceased,
        is_given_free_text or is_free as is_free_text,
        concat_ws(
            ' ', title_2, {{ titles('given_2', whole=true) }}, {{ titles('surname_2') }}
        ) as titles
    from judged
    where party_no = 1 and outcome = 'person' and last_name_2 is not null
),

seated as (
    select
        judged.account_id,
        judged.party_no,
        judged.outcome,
        judged.given_names_1 as given_names,
        judged.last_name_1 as last_name,
        judged.middle_name,
        judged.date_of_birth,
        judged.is_deceased,
        judged.is_given_free_text or judged.is_free as is_free_text,
        concat_ws(
            ' ',
            judged.title_1,
            {{ titles('judged.given_1', whole=true) }},
            case
                when judged.is_free and judged.is_title_only_1 then judged.surname_1
                else {{ titles('judged.surname_1') }}
            end
        ) as titles
    from judged
    left join seconds on judged.account_id = seconds.account_id
    where judged.party_no = 1 or judged.outcome <> 'blank' or seconds.account_id is null
    union all
    select
        judged.account_id,
        judged.party_no,
        'person' as outcome,
        seconds.given_names,
        seconds.last_name,
        null::varchar as middle_name,
        null::date as date_of_birth,
        seconds.is_deceased,
        seconds.is_free_text,
        seconds.titles
    from judged
    inner join seconds on judged.account_id = seconds.account_id
    where judged.party_no = 2 and judged.outcome = 'blank'
),

-- Of what is no person nothing is handed on but that it was there.
people as (
    select
        account_id,
        party_no,
        case when is_free_text then split_part(given_names, ' ', 1) else given_names end as first_name,
        case
            when is_free_text and contains(given_names, ' ') then trim(substr(given_names, strpos(given_names, ' ')))
            else middle_name
        end as middle_names,
        last_name as surname,
        date_of_birth,
        coalesce({{ sex_of_title('titles') }}, 'unknown') as sex,
        is_deceased
    from seated
    where outcome = 'person'
)

select
    seated.account_id,
    seated.party_no,
    seated.account_id || '/' || seated.party_no as record_id,
    seated.outcome,
    people.first_name,
    people.middle_names,
    people.surname,
    people.date_of_birth,
    people.sex,
    people.is_deceased
from seated
left join people
    on seated.account_id = people.account_id and seated.party_no = people.party_no
