{#- Codes are looked up, never corrected. A code that no map holds becomes the text `not mapped`, with the code kept beside it. -#}

{#- What a code means: null where there is no code, `not mapped` where the map does not hold it. -#}
{% macro mapped(code, meaning) -%}
    case when {{ code }} is null then null else coalesce({{ meaning }}, 'not mapped') end
{%- endmacro %}

{#- A code as the maps spell it: upper case, blanks and the usual ways to write "none" are null. -#}
{% macro code_key(text) -%}
    nullif(nullif(nullif(nullif(upper(clean_text({{ text }})), 'NONE'), 'N'), 'NO'), '0')
{%- endmacro %}
