{#- Dates of FHIR and of people. The reading of one date is `as_date`, installed in the warehouse. -#}

{#- A FHIR date that may hold a year or a year and month only: the first day that it can mean, or the last. -#}
{% macro first_day(text) -%}
    coalesce(as_date({{ text }}), as_date({{ text }} || '-01'), as_date({{ text }} || '-01-01'))
{%- endmacro %}

{% macro last_day_meant(text) -%}
    coalesce(
        as_end_date({{ text }}),
        last_day(as_date({{ text }} || '-01')),
        as_end_date({{ text }} || '-12-31')
    )
{%- endmacro %}

{#- True where a FHIR period has not ended by the as-of date. -#}
{% macro is_ended(period) -%}
    coalesce({{ last_day_meant(period ~ '."end"') }} < {{ as_of() }}, false)
{%- endmacro %}

{#- True where a FHIR period holds the as-of date; a missing bound is open. -#}
{% macro is_current(period) -%}
    (not {{ is_ended(period) }} and coalesce({{ first_day(period ~ '.start') }} <= {{ as_of() }}, true))
{%- endmacro %}

{#- A date of birth that can be somebody's: not after the as-of date and not more than 115 years before it. -#}
{% macro birth_date(text) -%}
    case
        when as_birth_date({{ text }}) between {{ as_of() }} - interval 115 year and {{ as_of() }} then as_birth_date({{ text }})
    end
{%- endmacro %}

{#- A date of death that has come: somebody whose date of death lies after the as-of date is not dead yet. -#}
{% macro death_date(text) -%}
    case when as_end_date({{ text }}) <= {{ as_of() }} then as_end_date({{ text }}) end
{%- endmacro %}

{#- Completed years of age on the as-of date, by month and day: whoever was born on 29 February is a year older on
    1 March where the year has no such day. -#}
{% macro age(date_of_birth) -%}
    (
        year({{ as_of() }}) - year({{ date_of_birth }})
        - (month({{ as_of() }}) * 100 + day({{ as_of() }}) < month({{ date_of_birth }}) * 100 + day({{ date_of_birth }}))::integer
    )
{%- endmacro %}
