{{ config(materialized='table') }}

{{ union_layouts('social_care') }}
