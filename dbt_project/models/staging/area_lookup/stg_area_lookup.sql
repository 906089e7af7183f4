{{ config(materialized='table') }}

{{ union_layouts('area_lookup') }}
