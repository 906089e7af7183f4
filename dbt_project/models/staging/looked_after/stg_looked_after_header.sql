{{ config(materialized='table') }}

{{ union_layouts('looked_after', 'header') }}
