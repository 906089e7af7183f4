{{ config(materialized='table') }}

{{ union_layouts('housing_tenancies', 'contacts') }}
