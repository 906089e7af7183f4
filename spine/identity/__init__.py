"""Identity: clusters of one run become residents whose ids last.

Put here: the giving, inheriting, merging, splitting and retiring of resident ids, their store, what does not fit
together in a resident, and how this run's linkage stands beside earlier ones. Never here:
what makes two records one person (spine.linkage), or pseudonyms (spine.release).
"""

from spine.identity.assign import Crosswalk, IdentityResult, assign
from spine.identity.conflicts import KINDS
from spine.identity.limits import LinkageLimits, load_limits
from spine.identity.resolve import Conflicts, Resolution, resolve
from spine.identity.store import IdentityFiles, IdentityStore
from spine.identity.trend import RateStanding

__all__ = [
    "KINDS",
    "Conflicts",
    "Crosswalk",
    "IdentityFiles",
    "IdentityResult",
    "IdentityStore",
    "LinkageLimits",
    "RateStanding",
    "Resolution",
    "assign",
    "load_limits",
    "resolve",
]
