{#- Reading of address lines. Parts stand in one upper-case text, separated by '|'. -#}

{#- The flat's own number, wherever it stands: before the building, after it or alone. -#}
{% macro flat_pattern() -%}
    '(?:^|[| ])(?:FLAT|APARTMENT|APT|UNIT|ROOM|STUDIO) (?:NO )?([0-9]+[A-Z]?|[A-Z])(?:$|[| ])'
{%- endmacro %}

{#- A flat that is named by its floor. -#}
{% macro floor_pattern() -%}
    '(?:^|[|])((?:GROUND|FIRST|SECOND|THIRD|TOP|BASEMENT|LOWER|UPPER|GARDEN|REAR|FRONT)(?: FLOOR)?) FLAT(?:$|[| ])'
{%- endmacro %}

{#- A part that begins with a number, and the words after it: "12A", "9-38", then the street or the building. -#}
{% macro number_pattern() -%}
    '(?:^|[|])([0-9]+ ?[A-Z]?(?:-[0-9]+[A-Z]?)?)[ |]+([^|0-9][^|]*)'
{%- endmacro %}

{% macro looks_like_street(part) -%}
    regexp_matches(
        {{ part }},
        '(^|.* )(STREET|ST|ROAD|RD|AVENUE|AVE|CLOSE|CL|LANE|LN|DRIVE|DR|CRESCENT|CRES|GARDENS|GDNS|PLACE|PL|TERRACE|TERR|WAY|GROVE|SQUARE|SQ|HILL|ROW|MEWS|WALK|RISE|VIEW|COURT|CT)$'
    )
{%- endmacro %}

{#- A street with its last word written out. -#}
{% macro full_street(street) -%}
    {%- set words = {
        'RD': 'ROAD', 'ST': 'STREET', 'AVE?': 'AVENUE', 'CL': 'CLOSE', 'LN': 'LANE', 'DR': 'DRIVE', 'CRES': 'CRESCENT',
        'GDNS': 'GARDENS', 'PL': 'PLACE', 'TERR?': 'TERRACE', 'CT': 'COURT', 'SQ': 'SQUARE'
    } -%}
    {%- set ns = namespace(sql=street) -%}
    {%- for short, long in words.items() -%}
        {%- set ns.sql = "regexp_replace(" ~ ns.sql ~ ", ' " ~ short ~ "$', ' " ~ long ~ "')" -%}
    {%- endfor -%}
    {{ ns.sql }}
{%- endmacro %}
