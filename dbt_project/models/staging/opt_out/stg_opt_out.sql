{{ config(materialized='table') }}

{{ union_layouts('opt_out') }}
