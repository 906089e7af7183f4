{#- Codes are looked up, never corrected. A code that no map holds becomes the text `not mapped`, with the code kept beside it. -#}

{#- What a code means: null where there is no code, `not mapped` where the map does not hold it. -#}
{% macro mapped(code, meaning) -%}
    case when {{ code }} is null then null else coalesce({{ meaning }}, 'not mapped') end
{%- endmacro %}

{#- A code as the maps spell it: upper case, blanks and the usual ways to write "none" are null. -#}
{% macro code_key(text) -%}
    nullif(nullif(nullif(nullif(upper(clean_text({{ text }})), 'NONE'), 'N'), 'NO'), '0')
{%- endmacro %}

{#- A number that is a reference, as text: without the zeros that padding and spreadsheets add. -#}
{% macro reference_key(text) -%}
    regexp_replace(regexp_replace(upper(clean_text({{ text }})), '\.0+$', ''), '^0+([0-9]+)$', '\1')
{%- endmacro %}

{#- Yes or no as systems write it; null where it is neither. -#}
{% macro indicator(text) -%}
    case
        when upper(clean_text({{ text }})) in ('1', '1.0', 'Y', 'YES', 'T', 'TRUE') then true
        when upper(clean_text({{ text }})) in ('0', '0.0', 'N', 'NO', 'F', 'FALSE') then false
    end
{%- endmacro %}
