{{ config(materialized='table') }}

{{ union_layouts('rent_accounts', 'debit_breakdowns') }}
