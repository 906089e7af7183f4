{#- Reading of liable persons' names as councils really hold them. Every list is matched by whole words, never by
    substrings: "Holmes" holds no "home". Sources of the lists: published council tax parsers. -#}

{#- Words that stand before a name. -#}
{% macro title_pattern() -%}
    '^((mr|mrs|ms|miss|mx|master|mstr|messrs|dr|prof|professor|profeessor|rev|revd|reverend|lady|lord|dame|sir)(\.\s*|\s+))+'
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

{% macro word_list(kind) -%}
    {%- set lists = {
        'company': 'LTD LIMITED LLP PLC CIC LBH',
        'body': 'ASSOCIATION ASSOC HOUSING COUNCIL UNIVERSITY HOTEL ASYLUM PROPERTIES PROPPERTIES PROEPRTIES PROPERTY COMPANY '
                ~ 'SOLICITORS LETTINGS HOLDINGS INVESTMENTS DEVELOPMENTS NHS MINISTRY DIOCESE',
        'ambiguous': 'TRUST TRUSTEES LETTING AGENT AGENTS AGENCY BOROUGH CHURCH BANK SCHOOL COLLEGE HOSPITAL SOCIETY CHARITY '
                     ~ 'FOUNDATION PARTNERSHIP MANAGEMENT SERVICES GROUP HOMES ESTATES CO SONS CLUB PARISH CENTRE',
        'nobody': 'OCCUPIER OCCUPIERS OCCUPANT OCCUPANTS',
        'nobody_alone': 'VOID EMPTY VACANT OWNER OWNERS TEST RESIDENCE RESIDENT RESIDENTS TENANT TENANTS LANDLORD UNKNOWN LIABLE',
        'estate': 'EXOR EXORS EXECUTOR EXECUTORS EXECUTRIX REPSMR REPSOF PERSREPS REPRESENTATIVE REPRESENTATIVES',
        'estate_or_surname': 'DEC PREP PREPS REPS',
        'dead': 'DECD DCEAD DCED DECED DECEASED',
        'estate_filler': 'EXOR EXORS EXECUTOR EXECUTORS EXECUTRIX REP REPSMR REPSOF PERSREPS REPRESENTATIVE '
                         ~ 'REPRESENTATIVES PERS PERSONAL TRUSTEE TRUSTEES ESTATE OF THE LATE DECD DCEAD DCED DECED DECEASED',
        'title': 'MR MRS MS MISS MX MASTER MSTR DR PROF PROFESSOR REV REVD REVEREND LADY LORD DAME SIR',
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
    coalesce(regexp_matches({{ text }}, '(?i)^(mr|mrs|ms|miss|mx|mstr|dr|prof|professor|rev|revd|reverend)(\.|\s)'), false)
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

{#- The surname that ends a name in natural order, with its particles ("van der Berg"). -#}
{% macro last_name(text) -%}
    nullif(
        regexp_extract({{ text }}, '(?i)((?:\b(?:van|von|de|der|den|le|la|du|st\.?|mac|mc|o|al|el|bin)\s+)*\S+)$', 1),
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

{#- "SURNAME TITLE FORENAME" with the comma that belongs after the surname; any other text as it is. -#}
{% macro with_comma(text) -%}
    case
        when {{ begins_with_title(text) }} then {{ text }}
        else
            regexp_replace(
                {{ text }},
                '^([^,&+]+?) +((?:mr|mrs|ms|miss|mx|dr|prof|rev)\.? +[^,]+)$',
                '\1, \2',
                'i'
            )
    end
{%- endmacro %}

{#- The second person of "SURNAME, TITLE FORENAME & TITLE FORENAME" or "… & SURNAME, TITLE FORENAME", as "SURNAME, TITLE
    FORENAME"; null where the name is of one person. -#}
{% macro second_of_joint(text) -%}
    case
        when contains({{ after_joint("regexp_extract(" ~ text ~ ", ',(.*)$', 1)") }}, ',')
            then {{ before_joint(after_joint("regexp_extract(" ~ text ~ ", ',(.*)$', 1)")) }}
        else
            regexp_extract({{ text }}, '^([^,]*),', 1) || ', '
            || {{ before_joint(after_joint("regexp_extract(" ~ text ~ ", ',(.*)$', 1)")) }}
    end
{%- endmacro %}
