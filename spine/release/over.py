"""Why a published version is over, as the home alone tells: its terms, and the suspensions that the home has seen.

Put here: reasons that need no agreement, matrix or contract of the project, which whoever writes the project could
damage. Never here: what permits a release (spine.governance), or taking one away (withdraw).
"""

from __future__ import annotations

from datetime import date

from spine.errors import GovernanceError, SpineError
from spine.governance import Statement, load_trust
from spine.governance.quorum import SUSPENSION
from spine.governance.seen import seen_statements
from spine.governance.statements import folder_of, newest, read_statements
from spine.release.shelf import Terms
from spine.rights import load_decision_rights
from spine.settings import Settings


def home_lapse(purpose: str, terms: Terms, settings: Settings, as_of: date) -> str | None:
    """Why the published version of a purpose may not be there any more; None where it may."""
    if reason := suspension(purpose, terms.agreement, settings, as_of):
        return reason
    if terms.ends_on < as_of:
        return (
            f"purpose '{purpose}' on {as_of}: agreement {terms.agreement} permitted its release until {terms.ends_on}. "
            "To go on, its controllers must renew it, or review it"
        )
    return kept_long_enough(purpose, terms.keep_until, as_of) if terms.keep_until < as_of else None


def kept_long_enough(purpose: str, until: date | None, as_of: date) -> str:
    """That a version was kept as long as agreed, in words; `until` is None where nothing tells how long that is."""
    if until is None:
        return f"purpose '{purpose}' on {as_of}: nothing tells how long its release may be kept"
    return f"purpose '{purpose}' on {as_of}: its release could be kept until {until}"


def suspension(purpose: str, agreement: str, settings: Settings, as_of: date, *, in_files: bool = False) -> str | None:
    """Who suspends an agreement, in words; None where nobody does.

    Args:
        in_files: look at the files of the project too, for an agreement that cannot be judged itself. One counts that
            is signed by a key of the trust file, in a role that may suspend where the matrix can be read.

    Raises:
        GovernanceError: the files are asked for, and no trust file tells whose signatures count.
    """
    try:
        said = seen_statements(settings, agreement)
    except GovernanceError as damaged:
        return f"purpose '{purpose}' on {as_of}: {damaged}"
    if in_files:
        said = (*said, *_verified(agreement, settings))
    try:
        suspended = [s for s in newest(said).values() if s.decision == "suspend"]
    except GovernanceError as two:
        return f"purpose '{purpose}' on {as_of}: {two}"
    if not suspended:
        return None
    who = "; ".join(
        f"{s.organisation} suspended it on {s.signed_on} (number {s.number}; its reason: {s.reason}), and it alone can "
        "lift that"
        for s in suspended
    )
    return f"purpose '{purpose}' on {as_of}: agreement {agreement} does not permit a release. {who}"


def _verified(agreement: str, settings: Settings) -> list[Statement]:
    trust = load_trust(settings)
    try:
        roles = load_decision_rights(settings.expectations).decision(SUSPENSION).responsible
    except SpineError:
        roles = None
    found = read_statements(folder_of(settings, agreement), agreement).statements
    kept = [s for s in found if s.decision in ("suspend", "lift") and (roles is None or s.role in roles)]
    return [s for s in kept if s.fault(trust) is None]
