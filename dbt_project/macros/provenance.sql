{#- Where a row came from: the columns that every raw view carries after the contracted ones. -#}
{% macro provenance() -%}
    _partner,
    _delivery,
    _delivery_date,
    _revision,
    _contract_version,
    _file_sha256,
    _file_no,
    _row_no,
    _first_delivered
{%- endmacro %}

{#- The order that decides between rows for the same thing: the last row of the last delivery first. -#}
{% macro newest_first() -%}
    _delivery_date desc, _revision desc, _file_no desc, _row_no desc
{%- endmacro %}
