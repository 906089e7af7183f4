{#- Written by `spine contracts derive` from expectations/contracts/ and the files in models/. Do not edit.
    Each macro adds to the list that it is given: not every templater lets one return. -#}

{#- Every staging model of every layout, and the contract's tables that it accounts for. -#}
{%- macro add_layouts(to) -%}
    {%- do to.extend([
        {"dataset": "area_lookup", "layout": "onspd", "part": "", "model": "stg_area_lookup__onspd", "together": "stg_area_lookup", "tables": ["postcodes"]},
        {"dataset": "council_tax", "layout": "academy", "part": "", "model": "stg_council_tax__academy", "together": "stg_council_tax", "tables": ["ctaccount", "ctoccupation", "ctproperty"]},
        {"dataset": "council_tax", "layout": "nfi", "part": "", "model": "stg_council_tax__nfi", "together": "stg_council_tax", "tables": ["accounts"]},
        {"dataset": "gp_registrations", "layout": "fhir", "part": "", "model": "stg_gp_registrations__fhir", "together": "stg_gp_registrations", "tables": ["patients"]},
        {"dataset": "housing_tenancies", "layout": "nec", "part": "addresses", "model": "stg_housing_tenancies__nec_addresses", "together": "stg_housing_tenancies_addresses", "tables": ["addresses"]},
        {"dataset": "housing_tenancies", "layout": "nec", "part": "contacts", "model": "stg_housing_tenancies__nec_contacts", "together": "stg_housing_tenancies_contacts", "tables": ["contacts"]},
        {"dataset": "housing_tenancies", "layout": "nec", "part": "people", "model": "stg_housing_tenancies__nec_people", "together": "stg_housing_tenancies_people", "tables": ["people"]},
        {"dataset": "housing_tenancies", "layout": "nec", "part": "properties", "model": "stg_housing_tenancies__nec_properties", "together": "stg_housing_tenancies_properties", "tables": ["properties"]},
        {"dataset": "housing_tenancies", "layout": "nec", "part": "tenancies", "model": "stg_housing_tenancies__nec_tenancies", "together": "stg_housing_tenancies_tenancies", "tables": ["tenancies"]},
        {"dataset": "linkage_decisions", "layout": "spine", "part": "", "model": "stg_linkage_decisions__spine", "together": "stg_linkage_decisions", "tables": ["decisions"]},
        {"dataset": "looked_after", "layout": "ssda903", "part": "episodes", "model": "stg_looked_after__ssda903_episodes", "together": "stg_looked_after_episodes", "tables": ["episodes"]},
        {"dataset": "looked_after", "layout": "ssda903", "part": "header", "model": "stg_looked_after__ssda903_header", "together": "stg_looked_after_header", "tables": ["header"]},
        {"dataset": "opt_out", "layout": "ndo", "part": "", "model": "stg_opt_out__ndo", "together": "stg_opt_out", "tables": ["opt_outs"]},
        {"dataset": "rent_accounts", "layout": "nec", "part": "account_balances", "model": "stg_rent_accounts__nec_account_balances", "together": "stg_rent_accounts_account_balances", "tables": ["account_balances"]},
        {"dataset": "rent_accounts", "layout": "nec", "part": "arrears_actions", "model": "stg_rent_accounts__nec_arrears_actions", "together": "stg_rent_accounts_arrears_actions", "tables": ["arrears_actions"]},
        {"dataset": "rent_accounts", "layout": "nec", "part": "debit_breakdowns", "model": "stg_rent_accounts__nec_debit_breakdowns", "together": "stg_rent_accounts_debit_breakdowns", "tables": ["debit_breakdowns"]},
        {"dataset": "rent_accounts", "layout": "nec", "part": "revenue_accounts", "model": "stg_rent_accounts__nec_revenue_accounts", "together": "stg_rent_accounts_revenue_accounts", "tables": ["revenue_accounts"]},
        {"dataset": "social_care", "layout": "cld", "part": "", "model": "stg_social_care__cld", "together": "stg_social_care", "tables": ["events"]},
    ]) -%}
{%- endmacro -%}

{#- Datasets that know people: those with a model `int_persons__<dataset>`. -#}
{%- macro add_person_datasets(to) -%}
    {%- do to.extend([
        "council_tax",
        "gp_registrations",
        "housing_tenancies",
        "looked_after",
        "social_care",
    ]) -%}
{%- endmacro -%}

{#- Datasets with stages of their own in `int_reconciliation__<dataset>`. -#}
{%- macro add_reconciled_datasets(to) -%}
    {%- do to.extend([
        "council_tax",
        "gp_registrations",
        "housing_tenancies",
        "looked_after",
        "rent_accounts",
        "social_care",
    ]) -%}
{%- endmacro -%}
