{{ config(materialized='table') }}

{{ union_layouts('council_tax') }}
