"""The `spine` command.

Put here: arguments, progress, and what a person reads. Never here: work, or anything from the
`assets` package: the pipeline is found through the entry point group `spine.pipeline`.
"""

from spine.cli import replay, run, show, supplier  # noqa: F401  (the commands register themselves on `app`)
from spine.cli.app import app

__all__ = ["app"]
