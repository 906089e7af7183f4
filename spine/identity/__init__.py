"""Identity: clusters of one run become residents whose ids last.

Put here: the giving, inheriting, merging, splitting and retiring of resident ids, and their store. Never here:
what makes two records one person (spine.linkage), or pseudonyms (spine.release).
"""

from spine.identity.assign import Crosswalk, IdentityResult, assign
from spine.identity.resolve import Resolution, resolve
from spine.identity.store import IdentityFiles, IdentityStore

__all__ = ["Crosswalk", "IdentityFiles", "IdentityResult", "IdentityStore", "Resolution", "assign", "resolve"]
