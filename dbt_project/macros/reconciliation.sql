{#- A list of counts by reason: {'reason': 'SQL that counts'}. -#}
{% macro counts_by_reason(counts) -%}
    [{% for reason, count in counts.items() %}{'reason': '{{ reason }}', 'row_count': {{ count }}}{{ ', ' if not loop.last }}{% endfor %}]
{%- endmacro %}

{#- The rows of a model by the `outcome` that it records, with nothing but the reasons for dropping. -#}
{% macro counts_by_outcome(outcomes) -%}
    [{% for outcome in outcomes %}{'reason': '{{ outcome }}', 'row_count': count(*) filter (where outcome = '{{ outcome }}')}{{ ', ' if not loop.last }}{% endfor %}]
{%- endmacro %}

{#- Rows without a key, and further rows of the same key. -#}
{% macro counts_by_key(key, repeated) -%}
    {{ counts_by_reason({
        'no key': 'count(*) filter (where ' ~ key ~ ' is null)',
        repeated: 'count(' ~ key ~ ') - count(distinct ' ~ key ~ ')'
    }) }}
{%- endmacro %}
