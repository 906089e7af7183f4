{{ config(materialized='table') }}

{{ union_layouts('housing_tenancies', 'properties') }}
