{#- Numbers as a partner sent them: the ten digits of an NHS number whether or not its check digit is right. For
    finding opted-out people only; what may link records is judged by `as_nhs_number`. -#}
{% macro ten_digits(text) -%}
    nullif(
        regexp_extract(
            regexp_replace(regexp_replace({{ text }}, '\.0+$', ''), '[^0-9]', '', 'g'), '^[0-9]{10}$'
        ),
        ''
    )
{%- endmacro %}
