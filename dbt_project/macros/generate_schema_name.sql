{#- A model's schema is exactly the one that is configured: staging, intermediate, core, care_planning. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
