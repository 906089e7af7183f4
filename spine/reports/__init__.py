"""Reports as pages: to a partner about a delivery, to a board about how records were linked.

Put here: what is said to people, as a page, a list or a picture, without a value of a record. Never here: a
verdict (spine.extract), a count of the verdict (spine.quality), or a figure of linkage (spine.linkage).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spine.reports.write import report_path, write_reports

__all__ = ["report_path", "write_reports"]


def __getattr__(name: str) -> Any:
    """Supplier reports rest on contracts and extraction, which are slow to import and no part of a linkage report."""
    if name in __all__:
        from spine.reports import write

        return getattr(write, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
