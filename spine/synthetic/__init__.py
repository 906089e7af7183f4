"""The fictional region of Wexmoor: residents with known truth, written as each partner's real files.

Put here: the generator. Never here: anything that the pipeline reads besides the files in landing.
"""

from spine.synthetic.region import RegionSummary, write_region

__all__ = ["RegionSummary", "write_region"]
