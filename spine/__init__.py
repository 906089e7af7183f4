"""Connected Spine: the library. It never imports dagster, dbt or the `assets` package."""

__version__ = "0.1.0"
