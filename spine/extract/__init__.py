"""Extract: from a partner's files to immutable Parquet in the lake, with a record of every delivery.

Put here: finding, reading, landing deliveries, and which of them are in use. Never here: how a
quality rule is measured (spine.quality, passed in as a function) or what dbt makes of the rows.
"""

from spine.extract.arriving import Look, arrived, look_at
from spine.extract.deliveries import Delivery, Found, contract_for, find_deliveries
from spine.extract.in_use import InUse, create_raw_views, in_use
from spine.extract.judge import Evaluate, Judgement, judge_delivery
from spine.extract.lateness import Arrival, Punctuality, arrivals, layout_periods, punctuality
from spine.extract.ledger import Ledger, LedgerEntry, TableCounts
from spine.extract.profile import profiles_before

__all__ = [
    "Arrival",
    "Delivery",
    "Evaluate",
    "Found",
    "InUse",
    "Judgement",
    "Ledger",
    "LedgerEntry",
    "Look",
    "Punctuality",
    "TableCounts",
    "arrivals",
    "arrived",
    "contract_for",
    "create_raw_views",
    "find_deliveries",
    "in_use",
    "judge_delivery",
    "layout_periods",
    "look_at",
    "profiles_before",
    "punctuality",
]
