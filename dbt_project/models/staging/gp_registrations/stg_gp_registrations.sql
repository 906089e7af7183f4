{{ config(materialized='table') }}

{{ union_layouts('gp_registrations') }}
