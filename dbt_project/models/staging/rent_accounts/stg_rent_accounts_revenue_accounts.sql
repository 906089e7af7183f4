{{ config(materialized='table') }}

{{ union_layouts('rent_accounts', 'revenue_accounts') }}
