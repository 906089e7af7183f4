{{ config(materialized='table') }}

{{ union_layouts('rent_accounts', 'account_balances') }}
