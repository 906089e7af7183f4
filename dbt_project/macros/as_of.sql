{#- The run's as-of date as a SQL literal. No model reads the clock: what is current, open or adult depends on this date. -#}
{% macro as_of() -%}
    {%- set day = var('as_of', none) | string -%}
    {%- if day | length == 10 and day[4] == '-' and day[7] == '-' and day.replace('-', '').isdigit() -%}
        date '{{ day }}'
    {%- elif execute -%}
        {{ exceptions.raise_compiler_error("The variable as_of is missing or is no date. Run dbt with --vars '{as_of: YYYY-MM-DD}'.") }}
    {%- else -%}
        date '1900-01-01'
    {%- endif -%}
{%- endmacro %}
