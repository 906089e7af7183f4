{#- How far a source's word on a person goes, the most trusted first. -#}
{% macro source_rank(persons) -%}
    case
            when {{ persons }}.dataset = 'gp_registrations' and {{ persons }}.nhs_number_status = '01' then 1
            when {{ persons }}.dataset = 'social_care' then 2
            when {{ persons }}.dataset = 'looked_after' then 3
            when {{ persons }}.dataset = 'gp_registrations' then 4
            else 5
        end
{%- endmacro %}
