"""Governance: what the partners have agreed may be done, and the means that hold the spine to it.

Put here: agreements, purpose-keyed pseudonyms, opt-outs. Never here: building or publishing a
release (spine.release) or the text of an agreement (expectations/agreements).
"""

from spine.governance.agreements import (
    Agreement,
    agreement_for,
    check_agreement,
    load_agreement,
    load_agreements,
    read_agreements,
)
from spine.governance.keys import Key, KeyFile, key_files, load_or_create_key, rotate_key
from spine.governance.opt_outs import OptOuts, opted_out_residents
from spine.governance.pseudonymise import pseudonym_column, pseudonyms

__all__ = [
    "Agreement",
    "Key",
    "KeyFile",
    "OptOuts",
    "agreement_for",
    "check_agreement",
    "key_files",
    "load_agreement",
    "load_agreements",
    "load_or_create_key",
    "opted_out_residents",
    "pseudonym_column",
    "pseudonyms",
    "read_agreements",
    "rotate_key",
]
