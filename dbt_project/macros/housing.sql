{#- Reading of the load tables of NEC Housing. -#}

{#- An address as lines: a bare flat number gets its word, the number stands before its street. -#}
{% macro nec_address_lines() -%}
    list_filter(
        [
            case
                when regexp_full_match(upper(clean_text(ladr_flat)), '[0-9]+[A-Z]?|[A-Z]') then 'Flat ' || clean_text(ladr_flat)
                else clean_text(ladr_flat)
            end,
            clean_text(ladr_building),
            nullif(concat_ws(' ', clean_text(ladr_street_number), clean_text(lael_street)), ''),
            clean_text(lael_area),
            clean_text(lael_town)
        ],
        lambda line: line is not null
    )
{%- endmacro %}

{#- True where a spell is going on on the as-of date; a missing bound is open. -#}
{% macro is_going_on(start_date, end_date) -%}
    (coalesce({{ start_date }} <= {{ as_of() }}, true) and coalesce({{ end_date }} >= {{ as_of() }}, true))
{%- endmacro %}

{#- A telephone number in one spelling: digits only, national form. -#}
{% macro national_phone(text) -%}
    regexp_replace(regexp_replace(clean_text({{ text }}), '[^0-9]', '', 'g'), '^(00)?44', '0')
{%- endmacro %}
