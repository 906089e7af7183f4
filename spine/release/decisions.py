"""What people decide about a purpose by hand: withdraw it, let it be published again, replace its key.

Put here: decisions that the matrix of decision rights gives to somebody; each is logged with its reason. Never here:
what a run does by itself (publish, withdraw).
"""

from __future__ import annotations

import re

from spine import audit
from spine.errors import GovernanceError, UsageError
from spine.governance import Key, require_right, rotate_key
from spine.release.output_contracts import purposes_with_contracts
from spine.release.shelf import Shelf
from spine.release.withdraw import finish
from spine.settings import Settings

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def withdraw_by_hand(purpose: str, settings: Settings, reason: str) -> list[int]:
    """Take a purpose's release away at once, and keep it away until it is restored.

    Args:
        reason: kept in the audit log and shown by every refusal until then; it must name nobody.

    Returns:
        Numbers of the versions that were there.

    Raises:
        GovernanceError: the operating system's user may not.
        UsageError: no such purpose was ever published or promised, or the reason is blank.
    """
    shelf = _decided(purpose, settings, "withdraw_release", reason)
    facts = {"purpose": purpose, "decision": "withdrawn", "versions": list(shelf.versions), "reason": reason,
             "by_hand": True}  # fmt: skip
    versions = shelf.withdraw([("withdrawal", facts)], hold=reason)
    audit.append(settings.audit_log, "withdrawal", **facts)
    shelf.logged()
    return versions


def restore(purpose: str, settings: Settings, reason: str) -> None:
    """Let the next run publish a purpose that was withdrawn by hand; nothing that was withdrawn comes back.

    Whoever may withdraw may restore: what is published then is judged anew by every other rule.

    Raises:
        GovernanceError: the operating system's user may not.
        UsageError: the purpose is not withdrawn by hand, or the reason is blank.
    """
    shelf = _decided(purpose, settings, "withdraw_release", reason)
    if shelf.hold is None:
        raise UsageError(f"purpose '{purpose}' is not withdrawn by hand, so there is nothing to restore")
    facts = {"purpose": purpose, "decision": "restored", "reason": reason, "by_hand": True}
    shelf.restore([("withdrawal", facts)])
    audit.append(settings.audit_log, "withdrawal", **facts)
    shelf.logged()


def replace_key(purpose: str, settings: Settings, reason: str) -> Key:
    """Make the next version of a purpose's key; the next release is made with it and takes the older ones away.

    Raises:
        GovernanceError: the operating system's user may not, or there is no usable key to replace.
        UsageError: there is no such purpose, or the reason is blank.
    """
    _decided(purpose, settings, "rotate_key", reason)
    key = rotate_key(settings.keys, purpose)
    audit.append(settings.audit_log, "key_rotation", purpose=purpose, decision="rotated", key_version=key.version,
                 fingerprint=key.fingerprint, reason=reason)  # fmt: skip
    return key


def refuse_while_held(shelf: Shelf) -> None:
    """Refuse to publish what was withdrawn by hand and not restored.

    Raises:
        GovernanceError: it is.
    """
    if shelf.hold is not None:
        purpose = shelf.folder.name
        raise GovernanceError(
            f"purpose '{purpose}' was withdrawn by hand ({shelf.hold}), so nothing is published. Whoever may withdraw "
            f"it can let the next run publish it: spine release restore {purpose}"
        )


def _decided(purpose: str, settings: Settings, action: str, reason: str) -> Shelf:
    """The purpose's shelf, swept, once it is clear that the user may act on it and why they do."""
    shelf = Shelf(settings.releases / purpose)
    promised = purposes_with_contracts(settings.expectations / "contracts" / "spine")
    if purpose not in promised and not (_NAME.fullmatch(purpose) and shelf.folder.is_dir()):
        raise UsageError(f"no purpose '{purpose}': nothing of that name is published or promised")
    if not reason.strip():
        raise UsageError("--reason: expected a sentence that says why; it is kept, and must name no resident")
    try:
        require_right(action, settings)
    except GovernanceError as error:
        audit.append(settings.audit_log, "withdrawal" if action == "withdraw_release" else "key_rotation",
                     purpose=purpose, decision="refused", action=action, reason=str(error))  # fmt: skip
        raise
    finish(shelf, settings)
    return shelf
