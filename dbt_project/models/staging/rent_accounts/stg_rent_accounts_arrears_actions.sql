{{ config(materialized='table') }}

{{ union_layouts('rent_accounts', 'arrears_actions') }}
