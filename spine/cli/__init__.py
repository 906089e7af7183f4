"""The `spine` command.

Put here: arguments, progress, and what a person reads. Never here: work, or anything from the
`assets` package: the pipeline is found through the entry point group `spine.pipeline`.
"""

import sys

from spine.cli.app import app

# The commands register themselves on `app`. `spine link` needs none of what the others import, and is timed.
if sys.argv[1:2] != ["link"]:
    from spine.cli import agreement_sign, audit, keys, quality, release, replay, resident, run, show, supplier  # noqa: F401
from spine.cli import link  # noqa: F401

__all__ = ["app"]
