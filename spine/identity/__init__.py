"""Identity: clusters of one run become residents whose ids last.

Put here: the giving, inheriting, merging, splitting, retiring and giving back of resident ids, their store and
history, what does not fit together in a resident, and how this run stands beside earlier ones. Never here:
what makes two records one person (spine.linkage), or pseudonyms (spine.release).
"""

from spine.identity.assign import IdentityResult, assign
from spine.identity.churn import CHANGES_OF_ID, Churn, churn
from spine.identity.conflicts import KINDS
from spine.identity.crosswalk import Crosswalk
from spine.identity.events import EVENTS
from spine.identity.evidence import CAUSES, fingerprints
from spine.identity.history import register, supersessions
from spine.identity.limits import IdentityLimits, LinkageLimits, load_identity_limits, load_limits
from spine.identity.resolve import Conflicts, Resolution, Terms, resolve
from spine.identity.store import IdentityFiles, IdentityStore
from spine.identity.trend import RateStanding

__all__ = [
    "CAUSES",
    "CHANGES_OF_ID",
    "EVENTS",
    "KINDS",
    "Churn",
    "Conflicts",
    "Crosswalk",
    "IdentityFiles",
    "IdentityLimits",
    "IdentityResult",
    "IdentityStore",
    "LinkageLimits",
    "RateStanding",
    "Resolution",
    "Terms",
    "assign",
    "churn",
    "fingerprints",
    "load_identity_limits",
    "load_limits",
    "register",
    "resolve",
    "supersessions",
]
