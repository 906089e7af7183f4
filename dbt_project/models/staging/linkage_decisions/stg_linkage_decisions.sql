{{ config(materialized='table') }}

{{ union_layouts('linkage_decisions') }}
