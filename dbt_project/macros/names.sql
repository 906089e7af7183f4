{#- Reading of liable persons' names as councils really hold them. Every list is matched by whole words, never by
    substrings: "Holmes" holds no "home". Sources of the lists: published council tax parsers. -#}

{#- Titles as alternatives of a pattern. `plain` ones are no names, so they tell a person wherever they stand; the
    others are surnames too, or begin names of bodies ("Lord Nelson School"), and count before a name only. -#}
{% macro title_alternatives(plain=false) -%}
    mr|mrs|ms|miss|mx|mstr|messrs|dr|prof|professor|profeessor|revd?|reverend
    {%- if not plain %}|master|lady|lord|dame|sir|cllr|councillor|capt|captain|col|colonel|sgt|lt|cdr|hon|fr|canon{% endif %}
{%- endmacro %}

{#- Words that stand before a name. "Canon" is a surname too: it is a title only after another. -#}
{% macro title_pattern() -%}
    '^(the +)?(({{ title_alternatives().replace('|canon', '') }})(\.\s*|\s+)((canon|preb|father)\s+)?)+'
{%- endmacro %}

{#- Text without leading titles; `whole` lets nothing be left, otherwise the last word always stays ("Lord" is a surname). -#}
{% macro without_titles(text, whole=false) -%}
    nullif(trim(regexp_replace({{ text }}{{ " || ' '" if whole }}, {{ title_pattern() }}, '', 'i')), '')
{%- endmacro %}

{#- The leading titles themselves. -#}
{% macro titles(text, whole=false) -%}
    nullif(regexp_extract({{ text }}{{ " || ' '" if whole }}, {{ title_pattern() }}, 0, 'i'), '')
{%- endmacro %}

{#- Upper-case words of a text without accents and apostrophes; '&' is a word of its own. -#}
{% macro words(text) -%}
    string_split(
        trim(
            regexp_replace(
                replace(regexp_replace(upper(strip_accents(coalesce({{ text }}, ''))), '[''`’]', '', 'g'), '&', ' & '),
                '[^A-Z0-9&-]+',
                ' ',
                'g'
            )
        ),
        ' '
    )
{%- endmacro %}

{#- `company`: words that nobody is called. `body`: words of bodies that may stand beside a person's name in a column.
    `ambiguous`: words of bodies that are names too. -#}
{% macro word_list(kind) -%}
    {%- set lists = {
        'company': 'LTD LIMITED LLP PLC CIC CIO LBH PCC MOJ MOD DWP HMRC PARTNERS DRS',
        'body': 'ASSOCIATION ASSOC HOUSING COUNCIL UNIVERSITY HOTEL ASYLUM PROPERTIES PROPPERTIES PROEPRTIES PROPERTY COMPANY '
                ~ 'SOLICITORS LETTINGS HOLDINGS INVESTMENTS DEVELOPMENTS NHS MINISTRY DIOCESE DIOCESAN DENTAL PRACTICE '
                ~ 'SURGERY CLINIC PHARMACY SECRETARY DEPARTMENT DEPT COMMISSIONERS GOVERNORS ACADEMY NURSERY RESTAURANT '
                ~ 'CONSTABULARY METHODIST BAPTIST ALMSHOUSE ALMSHOUSES COOPERATIVE CO-OPERATIVE FEDERATION LEGION PRISON',
        'ambiguous': 'TRUST TRUSTEES LETTING AGENT AGENTS AGENCY BOROUGH CHURCH BANK SCHOOL COLLEGE HOSPITAL SOCIETY CHARITY '
                     ~ 'FOUNDATION PARTNERSHIP MANAGEMENT SERVICES GROUP HOMES ESTATES CO SONS CLUB PARISH CENTRE POLICE '
                     ~ 'CHAPEL GARAGE CAFE INN MOSQUE TEMPLE SALON STORES ARMS BROTHERS BROS FARMS BUILDERS',
        'nobody': 'OCCUPIER OCCUPIERS OCCUPANT OCCUPANTS',
        'nobody_alone': 'VOID EMPTY VACANT OWNER OWNERS TEST RESIDENCE RESIDENT RESIDENTS TENANT TENANTS LANDLORD UNKNOWN LIABLE',
        'estate': 'EXOR EXORS EXECS EXECUTOR EXECUTORS EXECUTRIX ADMINISTRATORS ADMINISTRATRIX REPSMR REPSOF PERSREPS REPRESENTATIVE REPRESENTATIVES',
        'estate_or_surname': 'DEC PREP PREPS REPS',
        'dead': 'DECD DCEAD DCED DECED DECEASED',
        'estate_filler': 'EXOR EXORS EXECS EXECUTOR EXECUTORS EXECUTRIX ADMINISTRATORS ADMINISTRATRIX REP REPSMR REPSOF PERSREPS REPRESENTATIVE '
                         ~ 'REPRESENTATIVES PERS PERSONAL TRUSTEE TRUSTEES ESTATE OF THE LATE DECD DCEAD DCED DECED DECEASED',
        'title': title_alternatives().upper().replace('REVD?', 'REV|REVD').replace('|', ' '),
        'plain_title': title_alternatives(plain=true).upper().replace('REVD?', 'REV|REVD').replace('|', ' '),
        'joint': '& AND',
        'man': 'MR SIR LORD MASTER MSTR',
        'woman': 'MRS MISS MS LADY DAME'
    } -%}
    {%- do lists.update({'no_forename': 'THE ' ~ lists['nobody'] ~ ' ' ~ lists['nobody_alone']}) -%}
    ['{{ lists[kind].split() | join("', '") }}']
{%- endmacro %}

{#- True where a surname field begins with the title of one person. Titles that begin names of bodies too ("Lord
    Nelson School") do not count. -#}
{% macro begins_with_title(text) -%}
    coalesce(regexp_matches({{ text }}, '(?i)^(the )?({{ title_alternatives(plain=true) }})(\.|\s)'), false)
{%- endmacro %}

{#- True where a title ends a surname field, or stands behind its first word: "Vexley O Mr", "Vexley Mr O". -#}
{% macro holds_title_after_name(text) -%}
    coalesce(regexp_matches({{ text }}, '(?i)(^[^ ,]+,? |[^,] )({{ title_alternatives(plain=true) }})\.?$|^[^ ,]+ ({{ title_alternatives(plain=true) }})(\.|\s)'), false)
{%- endmacro %}

{#- True where a name begins as bodies' names do: "Trustees of Dr Smith's Charity". -#}
{% macro begins_as_body(text) -%}
    coalesce(regexp_matches({{ text }}, '(?i)^(the )?(trustees?|governors|partners|directors|board|members|wardens?|churchwardens|dean|bishop|secretary|chief constable) (\w+ )?of '), false)
{%- endmacro %}

{#- Text without the words that say that a person is dead and who acts for the estate; without those that can be
    surnames (Dec, Prep) only where `are_markers` is true. -#}
{% macro without_estate_words(text, are_markers) -%}
    nullif(
        trim(
            array_to_string(
                list_filter(
                    string_split({{ text }}, ' '),
                    lambda w: not list_contains({{ word_list('estate_filler') }}, regexp_replace(upper(w), '[^A-Z]', '', 'g'))
                    and not (
                        {{ are_markers }}
                        and list_contains({{ word_list('estate_or_surname') }}, regexp_replace(upper(w), '[^A-Z]', '', 'g'))
                    )
                ),
                ' '
            ),
            ' &,'
        ),
        ''
    )
{%- endmacro %}

{#- What stands before or after the first '&', '+' or 'and' of a text. -#}
{% macro before_joint(text) -%}
    nullif(trim(regexp_replace({{ text }}, '\s*(&|\+|\band\b).*$', '', 'i')), '')
{%- endmacro %}

{% macro after_joint(text) -%}
    nullif(trim(regexp_extract({{ text }}, '(?i)(?:&|\+|\band\b)\s*(.*)$', 1)), '')
{%- endmacro %}

{#- The surname that ends a name in natural order, with its particles ("van der Berg"). A leading O is an initial. -#}
{% macro last_name(text) -%}
    nullif(
        trim(
            regexp_extract(
                {{ text }}, '(?i)((?:\b(?:van|von|de|der|den|le|la|du|st\.?|mac|mc|al|el|bin)\s+|\so\s+)*\S+)$', 1
            )
        ),
        ''
    )
{%- endmacro %}

{% macro given_names(text) -%}
    nullif(trim(left({{ text }}, length({{ text }}) - length({{ last_name(text) }}))), '')
{%- endmacro %}

{% macro sex_of_title(text) -%}
    case
        when list_has_any({{ words(text) }}, {{ word_list('man') }}) then 'male'
        when list_has_any({{ words(text) }}, {{ word_list('woman') }}) then 'female'
    end
{%- endmacro %}

{#- One person's name with the comma that belongs after a surname that stands first: "Vexley Mr O", "Vexley O Mr" and
    "Vexley O" as "Vexley, Mr O"; a title that ends the name goes before the given names. Any other text as it is. -#}
{% macro with_comma(text) -%}
    {%- set title = '(?:' ~ title_alternatives(plain=true) ~ ')' -%}
    {%- set family = '(?:(?:van|von|de|der|den|la|le|st\\.?) )*[^ ,]+' -%}
    case
        when {{ begins_with_title(text ~ " || ' '") }} then {{ text }}
        when regexp_matches({{ text }}, '(?i)^[^,]+ {{ title }}\.? [^,]+$')
            then regexp_replace({{ text }}, '^([^,]+?),? +((?:{{ title }}|sir|dame|lady)\.? .+)$', '\1, \2', 'i')
        when regexp_matches({{ text }}, '(?i)[ ,]{{ title }}\.?$')
            then regexp_replace({{ text }}, '^({{ family }}|[^,]+,),?((?: +[^ ,]+)*?),? +({{ title }}\.?)$', '\1, \3\2', 'i')
        else regexp_replace({{ text }}, '^([^ ,]{2,})((?: [A-Z]\.?)+)$', '\1,\2', 'i')
    end
{%- endmacro %}

{#- One word and a title as title and word: "I Mrs" as "Mrs I". -#}
{% macro title_first(text) -%}
    regexp_replace({{ text }}, '^(\S+) ({{ title_alternatives(plain=true) }})\.?$', '\2 \1', 'i')
{%- endmacro %}

{#- The second person of "SURNAME, TITLE FORENAME & TITLE FORENAME" or "… & SURNAME, TITLE FORENAME", as "SURNAME, TITLE
    FORENAME"; null where the name is of one person. -#}
{% macro second_of_joint(text) -%}
    {%- set second = title_first(before_joint(after_joint(text))) -%}
    case
        when contains({{ with_comma(second) }}, ',') then {{ with_comma(second) }}
        else
            coalesce(nullif(regexp_extract({{ with_comma(before_joint(text)) }}, '^([^,]*),', 1), '') || ', ', '')
            || {{ second }}
    end
{%- endmacro %}

{#- A name that fills its field, without a last person who was cut in the surname: that is nobody's name. -#}
{% macro without_cut_person(text) -%}
    {%- set title = '(?:' ~ title_alternatives(plain=true) ~ ')' -%}
    case
        when
            regexp_matches({{ text }}, '(?i)(?:^|\W){{ title }}\W.*(?:&|\+|\band\b)')
            and not regexp_matches(
                regexp_extract({{ text }}, '(?i)^.*(?:&|\+|\band\b)(.*)$', 1), '(?i), *\w\w|{{ title }}\.? +\w'
            )
            then regexp_extract({{ text }}, '(?i)^(.*?)\s*(?:&|\+|\band\b)[^&+]*$', 1)
        else {{ text }}
    end
{%- endmacro %}
