"""The Dagster code location: it arranges what `spine` and `dbt_project` do and computes nothing.

Put here: assets, checks, jobs, schedules and sensors. Never here: a body of over about 20 lines
(that belongs in `spine`).
"""
