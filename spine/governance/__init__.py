"""Governance: what the partners have agreed may be done, and the means that hold the spine to it.

Put here: agreements, their approvals, purpose-keyed pseudonyms, opt-outs. Never here: building or publishing a
release (spine.release) or the text of an agreement (expectations/agreements).
"""

from spine.governance.agreements import (
    PLACES,
    Agreement,
    agreement_for,
    check_agreement,
    load_agreement,
    load_agreements,
    read_agreements,
)
from spine.governance.demonstration import approve_all
from spine.governance.keys import Key, KeyFile, key_files, load_or_create_key, rotate_key
from spine.governance.opt_outs import OptOuts, opted_out_residents
from spine.governance.permission import Duty, Permission, permission, standing, standing_of
from spine.governance.pseudonymise import pseudonym_column, pseudonyms
from spine.governance.quorum import Signer
from spine.governance.statements import Statement
from spine.governance.trust import Trust, TrustError, load_trust, require_right, roles_of, trust_line

__all__ = [
    "PLACES",
    "Agreement",
    "Duty",
    "Key",
    "KeyFile",
    "OptOuts",
    "Permission",
    "Signer",
    "Statement",
    "Trust",
    "TrustError",
    "agreement_for",
    "approve_all",
    "check_agreement",
    "key_files",
    "load_agreement",
    "load_agreements",
    "load_or_create_key",
    "load_trust",
    "opted_out_residents",
    "permission",
    "pseudonym_column",
    "pseudonyms",
    "read_agreements",
    "require_right",
    "roles_of",
    "rotate_key",
    "standing",
    "standing_of",
    "trust_line",
]
